"""What happens between epochs, called through `fit` and by hand."""

import math

import keras
import numpy
import pytest
from keras import ops
from PIL import Image

from coursework.data import Dataset
from coursework.figures.grids import grid
from coursework.models import GAN
from coursework.models.objectives import Objective
from coursework.models.unrolling import Unrolled
from coursework.training.callbacks import Backup, BestScore, Log, SampleGrid
from coursework.training.guards import Diverged, DivergenceGuard
from coursework.training.run import Run
from coursework.training.state import Position
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend


class Scripted(keras.Model):
    """A model whose steps report the values of a script, one of each list a step."""

    def __init__(self, **script):
        super().__init__()
        self.script = {name: iter(values) for name, values in script.items()}
        self.weight = self.add_weight(shape=(), name="weight")
        self.built = True

    def train_step(self, data):
        return {name: next(values) for name, values in self.script.items()}

    def preview(self, images):
        return 255 - images


def fit(model, callbacks, epochs=1, initial_epoch=0, steps=2):
    model.compile(run_eagerly=True)
    data = numpy.zeros((steps, 1), "float32")
    model.fit(data, batch_size=1, epochs=epochs, initial_epoch=initial_epoch, callbacks=callbacks, verbose=0)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_training_as_a_user_error(value):
    model = Scripted(loss=[1.0, 1.0, 1.0, value, 1.0, 1.0], other=[0.0] * 6)
    with pytest.raises(Diverged) as caught:
        fit(model, [DivergenceGuard()], epochs=3)
    assert issubclass(Diverged, UserError)
    assert str(caught.value) == (
        f"training diverged in epoch 2, step 2: loss is {value}; the weights of epoch 1 are kept; "
        "lower the rate or change a setting and train again"
    )
    with pytest.raises(Diverged, match="epoch 1, step 1: loss is .*; no epoch was finished;"):
        fit(Scripted(loss=[value, 1.0]), [DivergenceGuard()])


def test_a_weight_that_is_not_finite_stops_training():
    model = Scripted(loss=[1.0] * 4)
    spoil = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: model.weight.assign(math.nan))
    with pytest.raises(Diverged, match="at the end of epoch 1: .*weight is not finite; no epoch was finished"):
        fit(model, [spoil, DivergenceGuard()], epochs=2)


class ScriptedGAN(Scripted):
    """A model whose generator has a gradient and images of the given kind."""

    conditional, seed = False, 0

    def __init__(self, losses, gradient=0.1, images=None):
        super().__init__(discriminator_loss=losses, generator_loss=[9.0] * len(losses))
        self.gradient = gradient
        self.images = numpy.random.default_rng(0).integers(0, 256, (64, 4, 4, 3)) if images is None else images

    def gradient_size(self, data):
        assert [len(part) for part in data] == [64]
        return self.gradient

    def sample(self, count, seed, training_images):
        return self.images[:count]


def lost(losses, **generator):
    return ScriptedGAN(losses, **{"gradient": 1e-10, **generator})


def guard(told=None, **settings):
    images = numpy.random.default_rng(1).integers(0, 256, (9, 4, 4, 3), dtype="uint8")
    dataset = Dataset.from_arrays("x", images, numpy.arange(9) % 3, images, numpy.arange(9) % 3, ("a", "b", "c"))
    return DivergenceGuard(dataset, None if told is None else told.append, **settings)


@pytest.mark.parametrize(
    ("losses", "stops_after"),
    [
        ([1e-4, 1e-4, 1.0], 2),
        ([1e-4, 1.0, 1e-4, 0.0], 4),
        ([1e-4, 2e-3, 1e-4], None),
        ([2e-3, 2e-3, 2e-3], None),
    ],
)
def test_a_generator_without_a_gradient_stops_training_when_the_discriminator_has_won(losses, stops_after):
    done = []
    counter = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: done.append(epoch + 1))
    if stops_after is None:
        fit(lost(losses), [counter, guard()], epochs=len(losses), steps=1)
        assert done[-1] == len(losses)
    else:
        message = (
            f"below 0.001 for 2 epochs, up to epoch {stops_after}, and the generator's gradient is gone "
            r"\(root mean square 1.0e-10\); the weights of epoch .*hinge or non-saturating loss without unrolled"
        )
        with pytest.raises(Diverged, match=message) as caught:
            fit(lost(losses), [counter, guard()], epochs=len(losses), steps=1)
        assert done[-1] == stops_after and caught.value.incident["kind"] == "discriminator won"


def test_a_generator_that_makes_one_image_alone_is_lost_too():
    model = ScriptedGAN([1e-4] * 2, images=numpy.full((64, 4, 4, 3), 7))
    with pytest.raises(Diverged, match="all images of the generator are the same; .*use the preset sngan"):
        fit(model, [guard()], epochs=2, steps=1)


def test_a_generator_that_still_learns_goes_on_and_the_victory_is_told_once():
    told = []
    fit(ScriptedGAN([1e-4] * 5), [guard(told)], epochs=5, steps=1)
    (incident,) = told
    assert (incident["kind"], incident["epoch"], incident["step"]) == ("discriminator ahead", 2, None)
    assert "the generator still learns (gradient 1.0e-01): training continues" in incident["text"]


@pytest.mark.parametrize(("before", "stops"), [([1.0, 1e-4], True), ([1e-4, 1.0], False), ([1e-4, math.nan], False)])
def test_a_victory_before_an_interruption_counts(before, stops):
    if stops:
        with pytest.raises(Diverged, match="below 0.001 for 2 epochs"):
            fit(lost([1e-4]), [guard(losses=before)], epochs=1, steps=1)
    else:
        fit(lost([1e-4]), [guard(losses=before)], epochs=1, steps=1)


@pytest.mark.parametrize("loss", ["non-saturating", "hinge", "unrolled"])
def test_a_generator_without_a_gradient_is_one_of_a_saturating_loss(loss):
    """D has won at logits of +30 and -30: only the negative of D's loss, which unrolled steps minimise, is flat."""
    source, latents = keras.Input((1,)), keras.Input((2,))
    dense = keras.layers.Dense(1)
    generator = keras.Model(latents, keras.layers.Dense(1, kernel_initializer="zeros")(latents))
    discriminator = keras.Model(source, dense(source))
    dense.set_weights([numpy.full((1, 1), 60.0), numpy.full(1, -30.0)])
    objective = Unrolled(Objective("non-saturating"), 1) if loss == "unrolled" else loss
    model = GAN(generator, discriminator, objective)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    before = [ops.convert_to_numpy(variable) for variable in model.state_variables()]
    size = model.gradient_size([numpy.ones((64, 1), "float32")])
    # Of weights (2, 1), which zero-mean latents move little, and a bias: 60 / sqrt(3).
    assert size < 1e-8 if loss == "unrolled" else size == pytest.approx(60 / 3**0.5, rel=0.1)
    for variable, value in zip(model.state_variables(), before, strict=True):
        assert numpy.array_equal(ops.convert_to_numpy(variable), value)


def test_a_small_loss_of_another_name_is_no_victory():
    fit(Scripted(loss=[0.0] * 3), [DivergenceGuard()], epochs=3, steps=1)


class AddsScore(keras.callbacks.Callback):
    """Adds a column in every second epoch, as scores do."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch % 2:
            logs["score"] = 10.0 * epoch


def test_the_log_has_a_row_an_epoch_and_every_column(run):
    fit(Scripted(kl=[1.0, 0.5, 1 / 3, math.pi]), [AddsScore(), Log(run, 0)], epochs=4, steps=1)
    log = run.read_log()
    assert list(log) == ["epoch", "kl", "seconds", "score"]
    assert log["epoch"] == [1, 2, 3, 4]
    assert log["kl"] == [1, 0.5, 0.333333, 3.14159]
    assert log["score"] == pytest.approx([math.nan, 10, math.nan, 30], nan_ok=True)
    assert all(0 <= seconds < 60 for seconds in log["seconds"])


def test_a_resumed_log_goes_on_after_the_state(run):
    fit(Scripted(kl=[1.0, 2.0, 3.0]), [Log(run, 0)], epochs=3, steps=1)
    # The state of epoch 2 is resumed: the row of epoch 3 is written anew.
    fit(Scripted(kl=[30.0, 40.0]), [AddsScore(), Log(run, 2)], epochs=4, initial_epoch=2, steps=1)
    log = run.read_log()
    assert (log["epoch"], log["kl"]) == ([1, 2, 3, 4], [1, 2, 30, 40])
    # Begun anew, the old rows are gone.
    fit(Scripted(kl=[5.0]), [Log(run, 0)], steps=1)
    assert run.read_log()["kl"] == [5]


def best_score(run, values, every=1, last_epoch=100, first_epoch=0, extractor_sha256=None):
    """Return a BestScore with the scores `values`, and the list that tells which epochs it kept."""
    kept, scores = [], iter(values)
    epoch = []

    class Counted(BestScore):
        def on_epoch_end(self, number, logs=None):
            epoch[:] = [number + 1]
            super().on_epoch_end(number, logs)

    score = Counted(
        run,
        first_epoch,
        lambda model: next(scores),
        lambda model: kept.append(epoch[0]),
        "fd",
        every,
        last_epoch,
        extractor_sha256,
    )
    return score, kept


def test_the_best_score_is_kept(run):
    score, kept = best_score(run, [5.0, 7.0, 3.0, math.nan, 3.0])
    logs = [{} for _ in range(5)]
    for epoch in range(5):
        score.on_epoch_end(epoch, logs[epoch])
    assert kept == [1, 3]
    assert [entry["fd"] for entry in logs] == pytest.approx([5, 7, 3, math.nan, 3], nan_ok=True)
    assert run.read_best_score() == {"name": "fd", "value": 3.0, "epoch": 3, "extractor_sha256": None}


def test_scores_are_taken_every_few_epochs_and_after_the_last(run):
    score, kept = best_score(run, [9.0, 8.0, 7.0], every=3, last_epoch=8)
    for epoch in range(8):
        score.on_epoch_end(epoch, {})
    assert kept == [3, 6, 8]


def test_a_resumed_run_remembers_its_best_score_also_where_the_log_does_not(run):
    best_score(run, [2.0])[0].on_epoch_end(4, {})
    resumed, kept = best_score(run, [3.0, 1.0], first_epoch=4)
    resumed.on_epoch_end(4, {})
    resumed.on_epoch_end(5, {})
    assert kept == [6]
    anew, kept = best_score(run, [50.0])
    anew.on_epoch_end(0, {})
    assert kept == [1] and run.read_best_score()["value"] == 50


def test_the_score_of_another_judge_is_not_compared(run):
    first, kept = best_score(run, [2.0], extractor_sha256="a")
    first.on_epoch_end(0, {})
    same, kept = best_score(run, [3.0], first_epoch=1, extractor_sha256="a")
    same.on_epoch_end(1, {})
    assert kept == [] and run.read_best_score()["extractor_sha256"] == "a"
    other, kept = best_score(run, [30.0, 40.0], first_epoch=2, extractor_sha256="b")
    other.on_epoch_end(2, {})
    other.on_epoch_end(3, {})
    assert kept == [3]
    assert run.read_best_score() == {"name": "fd", "value": 30.0, "epoch": 3, "extractor_sha256": "b"}


def test_the_backup_is_on_disk_before_the_epoch_counts(run, monkeypatch):
    order = []
    monkeypatch.setattr("coursework.training.callbacks.save_state", lambda *arguments: order.append(arguments))
    model = Scripted(loss=[1.0, 1.0])
    fit(model, [Backup(run, order.append)], epochs=2, steps=1)
    assert order == [(run.backup, model, Position(1)), 1, (run.backup, model, Position(2)), 2]


def test_time_within_an_epoch_is_recorded_with_its_state(run, monkeypatch):
    """A run that is interrupted within its epochs is as dear as it was."""
    order = []
    monkeypatch.setattr(
        "coursework.training.callbacks.save_state", lambda folder, model, position: order.append(position)
    )
    fit(Scripted(loss=[1.0] * 6), [Backup(run, order.append, seconds=0)], epochs=2, steps=3)
    assert order == [
        *(Position(0, 1), 0, Position(0, 2), 0, Position(1), 1),
        *(Position(1, 1), 1, Position(1, 2), 1, Position(2), 2),
    ]


def test_sample_grids_show_the_same_images_in_time(run):
    images = numpy.random.default_rng(0).integers(0, 256, (16, 4, 4, 3), dtype=numpy.uint8)
    fit(Scripted(loss=[1.0] * 5), [SampleGrid(run, images, every=2, last_epoch=5)], epochs=5, steps=1)
    assert [file.name for file in run.sample_files()] == ["0002.png", "0004.png", "0005.png"]
    for file in run.sample_files():
        assert numpy.array_equal(numpy.asarray(Image.open(file)), grid(255 - images, columns=8, scale=2))
