"""What training makes of signals, a full disk, a second process, another environment and of going wrong by itself."""

import dataclasses
import functools
import json
import signal

import numpy
import pytest
from test_training import GAN_CONFIG, VAE_CONFIG, in_empty_folder, longer, state, tiny  # noqa: F401  fixtures

from coursework.config.models import VAEConfig
from coursework.metrics.diversity import brightness_spread
from coursework.models.gan import GAN
from coursework.training import callbacks, task
from coursework.training import loop as training
from coursework.training.guards import LEAST_SPREAD, Diverged, DivergenceGuard, DiversityGuard
from coursework.training.interruption import SIGNALS, Interrupted
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.training.state import Position, states
from coursework.util.errors import UserError
from coursework.util.locking import owned

pytestmark = pytest.mark.backend


@pytest.fixture(autouse=True)
def heard_signals():
    """Let this process hear signals that a shell in the background had it ignore."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def at_step(monkeypatch, epoch, step, action):
    """Let `action()` happen after a step of training, both counted from 1."""
    usual = DivergenceGuard.on_train_batch_end

    def watched(guard, batch, logs=None):
        usual(guard, batch, logs)
        if (guard.epoch + 1, guard.first_step + batch + 1) == (epoch, step):
            action()

    monkeypatch.setattr(DivergenceGuard, "on_train_batch_end", watched)


@pytest.fixture(scope="module")
def straight(tmp_path_factory, tiny):  # noqa: F811
    """Return the run of three epochs that nothing disturbed."""
    run = Run(tmp_path_factory.mktemp("straight") / "run")
    train(longer(GAN_CONFIG, 3), run)
    return run


def assert_equal_outcome(run, expected):
    (found, epoch), (whole, whole_epoch) = state(run), state(expected)
    assert epoch == whole_epoch and list(found) == list(whole)
    for name, array in whole.items():
        numpy.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-6, err_msg=name)
    for name, column in expected.read_log().items():
        if name != "seconds":
            assert run.read_log()[name] == pytest.approx(column, rel=1e-4), name


@pytest.mark.parametrize(
    ("number", "epoch", "step", "place"),
    [
        (signal.SIGTERM, 2, 2, Position(1, 2)),
        # After the last step the epoch is brought to its end.
        (signal.SIGINT, 1, 4, Position(1)),
    ],
)
def test_a_signal_saves_and_the_same_command_goes_on(number, epoch, step, place, in_tmp, straight, monkeypatch):
    config, run, lines = longer(GAN_CONFIG, 3), Run(in_tmp / "run"), []
    with monkeypatch.context() as patch:
        at_step(patch, epoch, step, lambda: signal.raise_signal(number))
        with pytest.raises(Interrupted, match=rf"^interrupted; {place} is saved: run the same command to resume$"):
            train(config, run)
    assert states(run.backup)[0][0] == place
    assert not run.is_finished() and not run.lock_file.exists()
    train(config, run, report=lines.append)
    assert lines == [f"resuming {run.path} after {place}"]
    assert run.is_finished() and run.read_environment()["incidents"] == []
    assert_equal_outcome(run, straight)


def test_long_epochs_are_saved_within(in_tmp, straight, monkeypatch):
    monkeypatch.setattr(training.callbacks, "Backup", functools.partial(callbacks.Backup, seconds=0))
    run = Run(in_tmp / "run")
    train(longer(GAN_CONFIG, 3), run)
    assert [position for position, _ in states(run.backup)] == [Position(3), Position(2, 3)]
    # The last state lost, the epoch is finished from the one before.
    states(run.backup)[0][1].write_bytes(b"")
    run.write_environment(run.read_environment() | {"finished": False})
    lines = []
    train(longer(GAN_CONFIG, 3), run, report=lines.append)
    assert "is damaged" in lines[0] and lines[0].endswith("using the state before, after step 3 of epoch 3")
    assert_equal_outcome(run, straight)


def test_a_second_process_is_told_and_stops(in_tmp):
    run = Run(in_tmp / "run")
    with (
        owned(run.lock_file, "x"),
        pytest.raises(UserError, match=rf"^the run {run.path} is in use by process \d+ on "),
    ):
        train(GAN_CONFIG, run)
    assert not run.config_file.exists()


def test_a_full_disk_stops_in_order_with_the_last_state_kept(in_tmp, straight, monkeypatch):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    config, run = longer(GAN_CONFIG, 3), Run(in_tmp / "run")
    with monkeypatch.context() as patch:
        # No file may grow above a thousand bytes, which the log still fits into.
        at_step(patch, 2, 1, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1])))
        try:
            with pytest.raises(UserError) as caught:
                train(config, run)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    message = str(caught.value)
    assert message.startswith(f"cannot write {run.path}/") and "\n" not in message
    assert message.endswith("; make room on the disk and try again; epoch 1 is saved: run the same command to resume")
    assert [position for position, _ in states(run.backup)] == [Position(1)]
    assert not list(run.path.rglob(".coursework-*"))
    train(config, run)
    assert_equal_outcome(run, straight)


def test_what_a_killed_process_left_is_cleaned_away(in_tmp):
    run = Run(in_tmp / "run")
    run.backup.mkdir(parents=True)
    (run.backup / ".coursework-abc.npz").write_bytes(b"half")
    train(longer(GAN_CONFIG, 1), run)
    assert not list(run.path.rglob(".coursework-*"))


def test_another_environment_is_told_and_written_down(in_tmp):
    run, lines = Run(in_tmp / "run"), []
    train(longer(GAN_CONFIG, 1), run)
    run.write_environment(run.read_environment() | {"keras": "2.0", "numpy": "0.9"})
    train(longer(GAN_CONFIG, 2), run, report=lines.append)
    environment = run.read_environment()
    now = {name: environment[name] for name in ("keras", "numpy")}
    assert lines[1] == (
        f"resuming in another environment than before (keras was 2.0, is {now['keras']}; numpy was 0.9, is "
        f"{now['numpy']}): results may differ"
    )
    assert environment["changes"] == [
        {"after": "epoch 1", "keras": ["2.0", now["keras"]], "numpy": ["0.9", now["numpy"]]}
    ]


# Going wrong by itself.


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), "nan"), (float("inf"), "inf")])
def test_a_loss_that_is_not_finite_is_written_down(value, shown, in_tmp, monkeypatch):
    run = Run(in_tmp / "run")
    train(longer(GAN_CONFIG, 1), run)
    run.best.mkdir()
    (run.best / "generator.keras").write_bytes(b"the best weights")
    update = GAN.update_generator
    with monkeypatch.context() as patch, pytest.raises(Diverged, match="the weights of epoch 1 are kept"):
        patch.setattr(GAN, "update_generator", lambda self, count: update(self, count) * 0 + value)
        train(longer(GAN_CONFIG, 3), run)
    assert json.loads(run.environment_file.read_text())["incidents"] == [
        {
            "kind": "not finite",
            "epoch": 2,
            "step": 1,
            "text": f"training diverged in epoch 2, step 1: generator_loss is {shown}",
        }
    ]
    assert (run.best / "generator.keras").read_bytes() == b"the best weights"
    # Gone on with, the epoch is trained anew, and what happened in it has not happened.
    train(longer(GAN_CONFIG, 2), run)
    assert run.read_environment()["incidents"] == [] and run.is_finished()


@pytest.mark.parametrize(("kept", "kind"), [(1, "constant output"), (2, "mode collapse")])
def test_a_run_whose_images_are_few_is_told_and_written_down(kept, kind, in_tmp, tiny, monkeypatch):  # noqa: F811
    """A generator that has lost all images but one, or two, of the training set: the guard sees it while it trains."""
    monkeypatch.setattr(task, "DiversityGuard", functools.partial(DiversityGuard, after=1))
    noise = numpy.random.default_rng(0).integers(-2, 3, tiny.train_images.shape) * (kept > 1)
    few = (tiny.train_images[numpy.arange(64) % kept].astype(int) + noise).clip(0, 255).astype(numpy.uint8)
    monkeypatch.setattr(GAN, "sample", lambda self, count, seed, images: few[:count])
    run, lines = Run(in_tmp / "run"), []
    train(longer(GAN_CONFIG, 3), run, report=lines.append)
    (incident,) = run.read_environment()["incidents"]
    assert (incident["kind"], incident["epoch"]) == (kind, 2) and run.is_finished()
    assert [line for line in lines if line.startswith(f"{kind} in epoch 2: ")] == [incident["text"]]


class Draws:
    """A model as the guard sees it: so many updates, and images by a rule."""

    seed = 0

    def __init__(self, images, updates=1000):
        self.images = images
        self.updates = updates

    def optimizers(self):
        return {"all": self}

    @property
    def iterations(self):
        return self.updates

    def sample(self, count, seed, training_images):
        return self.images[:count]


def incidents_of(model, real, epochs=3, **options):
    found = []
    guard = DiversityGuard(real, found.append, **options)
    guard.set_model(model)
    for epoch in range(epochs):
        guard.on_epoch_end(epoch)
    return [(incident["kind"], incident["epoch"]) for incident in found]


def test_collapse_is_told_once_and_only_where_it_is(tiny):  # noqa: F811
    real = tiny.train_images
    noise = numpy.random.default_rng(0).integers(-2, 3, real.shape)
    two_modes = (real[numpy.arange(64) % 2].astype(int) + noise).clip(0, 255).astype(numpy.uint8)
    one = numpy.repeat(real[:1], 64, axis=0)
    assert incidents_of(Draws(real[::-1]), real) == []
    assert incidents_of(Draws(two_modes), real) == [("mode collapse", 2)]
    assert incidents_of(Draws(one), real) == [("constant output", 2)]
    assert incidents_of(Draws(one), real, patience=3) == [("constant output", 3)]
    # What is on record from before an interruption is told again only after images that differed.
    assert incidents_of(Draws(one), real, told={"constant output"}) == []
    assert incidents_of(Draws(one), real, told={"mode collapse"}) == [("constant output", 2)]
    # Networks begin with images that are all alike.
    assert incidents_of(Draws(one, updates=499), real) == []
    # Nearly black data differ by less than a level on average, and so do good images of them.
    dark = real // 100
    assert brightness_spread(dark) < LEAST_SPREAD
    assert incidents_of(Draws(dark[::-1]), dark) == []
    assert incidents_of(Draws(dark[:1].repeat(64, axis=0)), dark) == [("constant output", 2)]


def test_a_posterior_that_collapses_is_seen_in_training(in_tmp, monkeypatch):
    """A weight of a million on the divergence leaves the code without information: the decoder draws one image."""
    guard = functools.partial(DiversityGuard, after=8)
    monkeypatch.setattr(task, "DiversityGuard", guard)
    config, run, lines = dataclasses.replace(VAE_CONFIG, model=VAEConfig(beta=1e6)), Run(in_tmp / "run"), []
    train(longer(config, 12), run, report=lines.append)
    kinds = {incident["kind"] for incident in run.read_environment()["incidents"]}
    assert kinds and kinds <= {"constant output", "mode collapse"}
    assert [line.split(" in epoch")[0] for line in lines] and all(
        "collapse" in line or "constant" in line for line in lines
    )
    assert run.is_finished()
