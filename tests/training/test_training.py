"""Whole runs on a tiny data set: what they leave behind, going on, and the ways in which they end early."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy
import pytest
from keras import ops
from PIL import Image

from coursework import data
from coursework.config.models import ACAIConfig, AdversarialConfig, OptimizerConfig, VAEConfig, WGANGPConfig
from coursework.config.networks import AutoencoderConfig, DCGANConfig, VectorAutoencoderConfig
from coursework.config.schema import Config
from coursework.data.pipeline import Batches
from coursework.figures.grids import grid
from coursework.models.gan import GAN
from coursework.networks.latents import draw_latents, fit_codes
from coursework.training import loop as training
from coursework.training import task
from coursework.training.guards import Diverged
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.training.state import states
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

ADVERSARIAL = DCGANConfig(latent_size=4, generator_width=32, discriminator_width=8)
GAN_CONFIG = Config(
    preset="test",
    model=AdversarialConfig(ema_decay=0.5, dequantize=True),
    network=ADVERSARIAL,
    dataset="tiny",
    epochs=2,
    batch_size=16,
    score_every=0,
)
CONDITIONAL_CONFIG = dataclasses.replace(
    GAN_CONFIG,
    model=dataclasses.replace(GAN_CONFIG.model, name="conditional_sngan", loss="hinge", critic_steps=2),
    network=dataclasses.replace(ADVERSARIAL, discriminator_normalization="none", spectral=True),
    batch_size=8,
)
SNGAN_CONFIG = dataclasses.replace(
    GAN_CONFIG,
    model=dataclasses.replace(GAN_CONFIG.model, name="sngan", loss="hinge"),
    network=dataclasses.replace(ADVERSARIAL, discriminator_normalization="none", spectral=True),
)
WGAN_GP_CONFIG = dataclasses.replace(
    GAN_CONFIG,
    model=WGANGPConfig(critic_steps=2, packing=2),
    network=dataclasses.replace(ADVERSARIAL, discriminator_normalization="layer"),
    batch_size=8,
)
VAE_CONFIG = dataclasses.replace(GAN_CONFIG, model=VAEConfig(), network=VectorAutoencoderConfig(latent_size=4, width=4))
ACAI_CONFIG = dataclasses.replace(
    GAN_CONFIG, model=ACAIConfig(), network=AutoencoderConfig(depth=4, latent_width=8, latent_channels=1)
)


@pytest.fixture(scope="module", autouse=True)
def tiny(small_dataset):
    """Offer the data set "tiny": 64 training and 32 test images."""
    dataset = dataclasses.replace(small_dataset, name="tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.DATASETS, "tiny", lambda: dataset)
        yield dataset


@pytest.fixture(autouse=True)
def in_empty_folder(in_tmp):
    """Work where no judge and no run of a user's is found."""


@pytest.fixture(scope="module")
def original(tmp_path_factory, tiny):
    """Return the run of two epochs, which no test changes."""
    run = Run(tmp_path_factory.mktemp("runs") / "gan")
    train(GAN_CONFIG, run)
    return run


@pytest.fixture
def copied(original, in_tmp):
    """Return a copy of the run of two epochs."""
    return Run(shutil.copytree(original.path, in_tmp / "copied"))


def longer(config, epochs):
    return dataclasses.replace(config, epochs=epochs)


def state(run):
    """Return the arrays of the last resume state and its epoch."""
    position, file = states(run.backup)[0]
    with numpy.load(file) as content:
        return {name: content[name] for name in content.files}, position.epoch


def picture(file):
    return numpy.asarray(Image.open(file))


# What a run leaves behind.


def test_a_run_directory_holds_all_that_a_score_depends_on(original, tiny):
    assert original.read_config() == GAN_CONFIG
    environment = original.read_environment()
    assert environment["finished"] is True
    assert environment["epochs_done"] == 2
    assert environment["images_seen"] == 2 * 64
    assert environment["dataset_fingerprint"] == tiny.fingerprint
    assert environment["seconds"] > 0 and environment["processor_seconds"] > 0
    trained = TrainedRun(original)
    assert environment["parameters"] == {
        name: trained.network(name).count_params() for name in ("generator", "discriminator")
    }
    assert sorted(file.name for file in original.path.glob("*.keras")) == ["discriminator.keras", "generator.keras"]
    assert state(original)[1] == 2
    assert not original.best.exists()
    assert not original.code_statistics.exists()


def test_the_log_has_a_row_an_epoch(original):
    with open(original.log_file, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert list(rows[0]) == ["epoch", "discriminator_loss", "generator_loss", "seconds"]
    assert all(0 < float(row[name]) < 60 for row in rows for name in rows[0])
    # Near the start the discriminator hardly knows more than chance, log 4.
    assert float(rows[0]["discriminator_loss"]) == pytest.approx(numpy.log(4), abs=0.4)


def test_grids_show_fixed_latents_and_sampling_repeats_them(original):
    assert [file.name for file in original.sample_files()] == ["0001.png", "0002.png"]
    first, last = (picture(file) for file in original.sample_files())
    assert first.shape == last.shape
    assert not numpy.array_equal(first, last)
    # The networks on disk draw the last grid from the seed of the configuration.
    images = TrainedRun(original).sample(64, seed=GAN_CONFIG.seed)
    assert numpy.array_equal(last, grid(images, columns=8, scale=2))
    assert numpy.array_equal(TrainedRun(original).sample(64, seed=GAN_CONFIG.seed), images)
    assert not numpy.array_equal(TrainedRun(original).sample(64, seed=GAN_CONFIG.seed + 1), images)


def test_autoencoders_keep_their_encoder_and_acai_the_statistics_of_its_codes(in_tmp, tiny):
    vae, acai = Run(in_tmp / "vae"), Run(in_tmp / "acai")
    train(longer(VAE_CONFIG, 1), vae)
    train(longer(ACAI_CONFIG, 1), acai)
    assert vae.network("encoder").is_file() and not vae.code_statistics.is_file()
    trained = TrainedRun(acai)
    with numpy.load(acai.code_statistics) as content:
        expected = fit_codes(trained.encode(tiny.train_images))
        numpy.testing.assert_allclose(content["mean"], expected["mean"], atol=1e-5)
        covariances = [factor @ factor.T for factor in (content["factor"], expected["factor"])]
        numpy.testing.assert_allclose(*covariances, atol=1e-5)
    # The previews show all classes: their images lie at even distances in the data set.
    shown = picture(acai.samples / "0001.png")
    images = tiny.test_images[numpy.linspace(0, 31, 16).round().astype(int)]
    expected = grid(numpy.concatenate([[images[row]] * 7 + [images[row + 8]] for row in range(8)]), columns=8, scale=2)
    width = shown.shape[1] // 8
    assert numpy.array_equal(shown[:, :width], expected[:, :width])
    assert numpy.array_equal(shown[:, -width:], expected[:, -width:])


def test_a_conditional_run_keeps_labels_with_images_and_shows_a_class_a_row(in_tmp, tiny, monkeypatch):
    seen = []

    class Recorded(Batches):
        def __getitem__(self, index):
            seen.append(super().__getitem__(index))
            return seen[-1]

    monkeypatch.setattr(task, "Batches", Recorded)
    config = dataclasses.replace(CONDITIONAL_CONFIG, classes=("horse", "bird", "airplane"), epochs=1)
    run = Run(in_tmp / "run")
    train(config, run)
    chosen = tiny.only(config.classes)
    label_of = {image.tobytes(): label for image, label in zip(chosen.train_images, chosen.train_labels, strict=True)}
    pairs = [(image.tobytes(), label) for images, labels in seen for image, label in zip(images, labels, strict=True)]
    assert {image for image, _ in pairs} == set(label_of)
    assert all(label_of[image] == label for image, label in pairs)
    assert run.read_environment()["images_seen"] == 3 * 16
    trained = TrainedRun(run)
    assert trained.class_names == config.classes
    assert [tuple(tensor.shape[1:]) for tensor in trained.generator.inputs] == [(4,), (4, 3)]
    latents = numpy.tile(draw_latents("normal", 8, (4,), config.seed), (3, 1))
    images = trained.decode(latents, classes=numpy.arange(3).repeat(8))
    assert numpy.array_equal(picture(run.samples / "0001.png"), grid(images, columns=8, scale=2))


# Going on.


def test_a_finished_run_is_left_as_it_is(copied, monkeypatch):
    before = {file: file.stat().st_mtime_ns for file in copied.path.rglob("*")}
    monkeypatch.setattr(task, "load_dataset", lambda *arguments: pytest.fail("a finished run reads no data"))
    lines = []
    train(GAN_CONFIG, copied, report=lines.append)
    train(longer(GAN_CONFIG, 1), copied, report=lines.append)
    assert lines == [
        f"{copied.path} is already trained for {epochs} epochs; raise --epochs to continue" for epochs in (2, 1)
    ]
    assert {file: file.stat().st_mtime_ns for file in copied.path.rglob("*")} == before


def test_two_epochs_and_two_more_are_four(copied, in_tmp):
    straight = Run(in_tmp / "straight")
    train(longer(GAN_CONFIG, 4), straight)
    # As if the process had died between the log's third row and the state of that epoch.
    with open(copied.log_file, "a") as file:
        file.write("3,9.0,9.0,1.0\n")
    lines, before = [], copied.read_environment()
    # How often a run looks at itself may change; without a judge there is no score.
    train(dataclasses.replace(GAN_CONFIG, epochs=4, score_every=1), copied, report=lines.append)
    assert lines == [
        f"resuming {copied.path} after epoch 2",
        "best weights are not kept: no judge for tiny: train one with `python -m coursework judge --dataset tiny`",
    ]
    assert not copied.best.exists()
    (resumed, epoch), (whole, whole_epoch) = state(copied), state(straight)
    assert epoch == whole_epoch == 4
    assert list(resumed) == list(whole)
    for name, array in whole.items():
        numpy.testing.assert_allclose(resumed[name], array, rtol=1e-4, atol=1e-6, err_msg=name)
    for run in (copied, straight):
        assert run.read_log()["epoch"] == [1, 2, 3, 4]
        assert run.read_environment()["images_seen"] == 4 * 64
        assert run.read_config().epochs == 4
    for name in ("discriminator_loss", "generator_loss"):
        assert copied.read_log()[name] == pytest.approx(straight.read_log()[name], rel=1e-4)
    assert all(copied.read_environment()[clock] > before[clock] for clock in ("seconds", "processor_seconds"))
    assert len(copied.sample_files()) == 4


RESUME = """
import dataclasses, json, sys
from pathlib import Path
import numpy
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/training"]
import test_training as case
from coursework import data
from coursework.data import sprites
from coursework.training.run import Run
from coursework.training.loop import train

dataset = dataclasses.replace(sprites.load(train_per_class=16, test_per_class=8), name="tiny")
data.DATASETS["tiny"] = lambda: dataset
config = getattr(case, sys.argv[2])
parts, straight = Run(Path("parts")), Run(Path("straight"))
train(config, parts, deterministic=True)
train(case.longer(config, 4), parts, deterministic=True)
train(case.longer(config, 4), straight, deterministic=True)
(resumed, _), (whole, _) = case.state(parts), case.state(straight)
# The sums behind the losses that are shown, from which nothing is computed: under load the last bit of one was once
# seen to differ, while all else was equal.
close = [name for name in whole if name.endswith(".total") and numpy.allclose(resumed[name], whole[name], 1e-6, 0)]
different = [name for name in whole if name not in close and not numpy.array_equal(resumed[name], whole[name])]
logs = [{name: column for name, column in run.read_log().items() if name != "seconds"} for run in (parts, straight)]
print(json.dumps({"arrays": len(whole), "different": different, "logs": logs[0] == logs[1]}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["GAN_CONFIG", "WGAN_GP_CONFIG", "CONDITIONAL_CONFIG", "VAE_CONFIG", "ACAI_CONFIG"])
def test_a_deterministic_run_resumes_bit_by_bit(name, in_tmp):
    # In a process of its own, because determinism cannot be switched off again.
    environment = {**os.environ, "PYTHONPATH": str(Path(training.__file__).parents[2])}
    result = subprocess.run(
        [sys.executable, "-c", RESUME, str(Path(__file__).parents[1]), name],
        capture_output=True,
        text=True,
        env=environment,
        cwd=in_tmp,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["arrays"] > 20
    assert (found["different"], found["logs"]) == ([], True)


# What is refused.


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"batch_size": 8}, "batch_size is 16 there, 8 here"),
        ({"model": dataclasses.replace(GAN_CONFIG.model, ema_decay=0.9)}, "model.ema_decay is 0.5 there, 0.9 here"),
        (
            {"model": dataclasses.replace(GAN_CONFIG.model, generator_optimizer=OptimizerConfig(rate=0.5))},
            "model.generator_optimizer.rate is 0.0002 there, 0.5 here",
        ),
        ({"network": VAE_CONFIG.network, "model": VAE_CONFIG.model}, "another configuration"),
    ],
)
def test_another_configuration_refuses(original, changes, message):
    before = original.config_file.read_bytes()
    with pytest.raises(UserError, match=message):
        train(dataclasses.replace(GAN_CONFIG, epochs=5, **changes), original)
    assert original.config_file.read_bytes() == before


def test_other_images_under_the_same_name_refuse(copied, tiny, monkeypatch):
    monkeypatch.setitem(data.DATASETS, "tiny", lambda: dataclasses.replace(tiny, fingerprint="0" * 64))
    with pytest.raises(UserError, match="was trained on other images than tiny holds now"):
        train(longer(GAN_CONFIG, 3), copied)


def test_too_few_images_for_a_batch_refuse(in_tmp):
    with pytest.raises(UserError, match="64 training images do not fill one batch of 80"):
        model = dataclasses.replace(GAN_CONFIG.model, critic_steps=5)
        train(dataclasses.replace(GAN_CONFIG, model=model), Run(in_tmp / "run"))


def test_scores_give_way_with_the_weights_that_they_are_of(copied, monkeypatch):
    """Those of the best weights when others are better; those that tell their epochs stay."""
    monkeypatch.setattr(task, "find_judge", lambda dataset: types.SimpleNamespace(sha256="ab"))
    monkeypatch.setattr(task, "Scorer", ScriptedScorer)
    record = {"name": "fd_judge", "value": 1.0}
    records = [record | {"weights": "last"}, record | {"weights": "best"}, record, record | {"epochs": 2}]
    copied.write_metrics(records)
    with monkeypatch.context() as patch:
        patch.setattr(training, "_fit", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(longer(GAN_CONFIG, 3), copied)
    # As long as the weights are there.
    assert copied.read_metrics() == records
    train(longer(GAN_CONFIG, 3), copied)
    assert copied.read_metrics() == [records[1], records[3]]
    train(dataclasses.replace(GAN_CONFIG, epochs=4, score_every=1), copied)
    assert copied.read_metrics() == [records[3]]
    # What is already trained keeps its scores.
    copied.write_metrics(records)
    train(longer(GAN_CONFIG, 4), copied, report=lambda line: None)
    assert copied.read_metrics() == records


def test_scores_of_records_alone_give_way_when_training_begins(copied, monkeypatch):
    """Another training, which may end early, is not told by the scores of the one before."""
    copied.discard_state()
    copied.network("generator").unlink()
    copied.write_metrics([{"name": "fd_judge", "value": 1.0}, {"name": "fd_judge", "value": 2.0, "epochs": 2}])
    monkeypatch.setattr(training, "_fit", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(GAN_CONFIG, copied, report=lambda line: None)
    assert [record["value"] for record in copied.read_metrics()] == [2.0]


def test_damaged_scores_are_told_before_training(copied):
    copied.metrics_file.write_text("[{]")
    with pytest.raises(UserError, match="metrics.json"):
        train(longer(GAN_CONFIG, 3), copied)
    assert copied.read_environment()["epochs_done"] == 2


def test_the_state_of_a_finished_run_is_discarded_too(copied):
    train(GAN_CONFIG, copied, discard_state=True, report=lambda line: None)
    assert not copied.backup.exists() and copied.network("generator").is_file()


def test_a_discarded_state_refuses_more_epochs(copied):
    copied.discard_state()
    with pytest.raises(UserError, match="its resume state was discarded"):
        train(longer(GAN_CONFIG, 3), copied)


def test_rates_that_fall_have_no_sequel(copied):
    falling = GAN_CONFIG.with_setting("generator_optimizer.decay", "linear")
    copied.write_config(falling)
    message = f"at rates that fall over {GAN_CONFIG.epochs} epochs: 9 would be another training"
    with pytest.raises(UserError, match=message):
        train(dataclasses.replace(falling, epochs=9), copied)
    assert copied.read_config() == falling
    told = []
    train(falling, copied, report=told.append)
    assert "is already trained" in told[0]


def test_records_without_networks_are_trained_again(copied):
    copied.discard_state()
    copied.network("generator").unlink()
    train(longer(GAN_CONFIG, 1), copied, discard_state=True)
    assert copied.read_log()["epoch"] == [1]
    assert copied.network("generator").is_file()
    assert not copied.backup.exists()


def test_tensorboard_is_an_extra_that_an_error_names(in_tmp, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UserError, match=r"pip install .*\[tensorboard\]"):
        train(GAN_CONFIG, Run(in_tmp / "run"), tensorboard=True)


# Divergence.


def test_a_huge_rate_stops_with_one_line_and_leaves_nothing_to_resume(in_tmp):
    huge = OptimizerConfig(name="sgd", rate=1e30)
    model = dataclasses.replace(GAN_CONFIG.model, generator_optimizer=huge, discriminator_optimizer=huge)
    run = Run(in_tmp / "run")
    with pytest.raises(UserError, match="^training diverged in epoch 1, .*no epoch was finished.*$") as caught:
        train(dataclasses.replace(GAN_CONFIG, model=model), run)
    assert "\n" not in str(caught.value)
    assert not run.backup.exists()
    assert not run.network("generator").exists()
    assert run.read_environment()["finished"] is False


def test_divergence_keeps_the_last_good_weights(copied):
    update, (before, _) = GAN.update_generator, state(copied)
    copied.network("generator").unlink()
    message = "training diverged in epoch 3, step 1: generator_loss is nan; the weights of epoch 2 are kept"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Diverged, match=message):
        patch.setattr(GAN, "update_generator", lambda self, count: update(self, count) * float("nan"))
        train(longer(GAN_CONFIG, 4), copied)
    after, epoch = state(copied)
    assert epoch == 2
    assert all(numpy.array_equal(before[name], after[name]) for name in before)
    # They can be sampled from, too.
    images = TrainedRun(copied).sample(64, seed=GAN_CONFIG.seed)
    assert numpy.array_equal(grid(images, columns=8, scale=2), picture(copied.samples / "0002.png"))


# Options.


class ScriptedScorer:
    """Scores the epochs with 3, 1 and 2."""

    def __init__(self, judge, dataset, seed):
        self.scores = iter([3.0, 1.0, 2.0])

    def score_model(self, model):
        return next(self.scores)


def test_the_best_weights_are_kept_beside_the_last(in_tmp, monkeypatch):
    monkeypatch.setattr(task, "find_judge", lambda dataset: types.SimpleNamespace(sha256="ab"))
    monkeypatch.setattr(task, "Scorer", ScriptedScorer)
    run = Run(in_tmp / "run")
    train(dataclasses.replace(GAN_CONFIG, epochs=3, score_every=1), run)
    assert run.read_log()["fd_judge"] == [3, 1, 2]
    assert run.read_best_score() == {"name": "fd_judge", "value": 1.0, "epoch": 2, "extractor_sha256": "ab"}
    for best, epoch in ((True, 2), (False, 3)):
        images = TrainedRun(run, best=best).sample(64, seed=GAN_CONFIG.seed)
        assert numpy.array_equal(grid(images, columns=8, scale=2), picture(run.samples / f"{epoch:04d}.png"))


def test_flips_critic_steps_and_decay_belong_to_the_whole_training(in_tmp, tiny, monkeypatch):
    seen, models, build = [], [], task.build_model

    class Recorded(Batches):
        def __getitem__(self, index):
            (batch,) = super().__getitem__(index)
            seen.append(batch.copy())
            return (batch,)

    monkeypatch.setattr(task, "Batches", Recorded)
    monkeypatch.setattr(task, "build_model", lambda *arguments: models.append(build(*arguments)) or models[-1])
    decaying = OptimizerConfig(decay="linear")
    players = {"generator_optimizer": decaying, "discriminator_optimizer": decaying}
    model = dataclasses.replace(GAN_CONFIG.model, critic_steps=3, **players)
    run = Run(in_tmp / "run")
    train(dataclasses.replace(GAN_CONFIG, model=model, horizontal_flips=True, epochs=1, batch_size=8), run)
    # The first batch tells Keras the shapes and may be asked for more than once.
    batches = {batch.tobytes(): batch for batch in seen}
    assert [batch.shape[0] for batch in batches.values()] == [3 * 8] * 2
    assert run.read_environment()["images_seen"] == 2 * 24
    images = {image.tobytes() for image in tiny.train_images}
    mirrored = {image[:, ::-1].tobytes() for image in tiny.train_images}
    shown = [image.tobytes() for batch in batches.values() for image in batch]
    assert len(set(shown)) == 48
    assert set(shown) <= images | mirrored
    # Of 48 fair coins, 10 to 38 fall on one side but once in 10^4 times.
    assert 10 <= len(set(shown) & mirrored) <= 38
    optimizers = models[0].optimizers()
    iterations = {name: int(ops.convert_to_numpy(player.iterations)) for name, player in optimizers.items()}
    assert iterations == {"generator": 2, "discriminator": 2 * 3}
    assert [float(player.learning_rate) for player in optimizers.values()] == [0, 0]


# Runs that are still training, or were interrupted.


@pytest.mark.parametrize("config", [GAN_CONFIG, ACAI_CONFIG], ids=["gan", "acai"])
def test_an_unfinished_run_is_sampled_from_its_last_state(config, in_tmp, monkeypatch):
    run, lines = Run(in_tmp / "run"), []
    train(longer(config, 1), run)
    finished = TrainedRun(run)
    expected = finished.sample(8, seed=3)
    files = finished.fingerprints()
    assert finished.weights == "last" and len(files) == (2 if config is ACAI_CONFIG else 1)
    before = {file.name for file in run.backup.iterdir()}
    for name in ("generator", "discriminator", "encoder"):
        run.network(name).unlink(missing_ok=True)
    run.code_statistics.unlink(missing_ok=True)
    unfinished = TrainedRun(run, report=lines.append)
    assert abs(unfinished.sample(8, seed=3).astype(int) - expected).max() <= 1
    assert lines == [f"{run.path} has not finished training: using its state after epoch 1"]
    assert unfinished.weights == "state after epoch 1" and unfinished.has("generator") and not unfinished.has("other")
    # What is cached under the state's checksum is not found again under that of the finished networks.
    assert not set(unfinished.fingerprints()) & set(files)
    assert {file.name for file in run.backup.iterdir()} == before and not run.lock_file.exists()
    with pytest.raises(UserError, match="it keeps no best weights"):
        TrainedRun(run, best=True).network("generator")
    # The same state trains on to its end.
    train(longer(config, 2), run)
    assert TrainedRun(run).weights == "last"
