"""The lesson on the ring: the network that solves it by construction, latent planes, and all of it in a few steps."""

import csv
import dataclasses
from pathlib import Path

import numpy
import pytest
from PIL import Image

from coursework.config import presets_rings
from coursework.config.presets_rings import GAN, LESSON, R1_PACKED
from coursework.data.mixtures import MIXTURES, grid, ring
from coursework.metrics.mixtures import mode_coverage
from coursework.networks import mlp
from coursework.studies.rings import handcrafted, latent_plane, lesson, study, summary, training
from coursework.studies.rings.latent_plane import POINTS, RESOLUTION, colors, frames, latents_shown, shares
from coursework.studies.rings.training import PointTrainer, sample_points
from coursework.training import callbacks
from coursework.training.run import Run
from coursework.util.errors import UserError


def eager(self, config, init=PointTrainer.__init__):
    init(self, config)
    self.model.run_eagerly = True


@pytest.fixture(autouse=True)
def short_epochs(monkeypatch, in_tmp):
    """Make an epoch two steps, in one call that is not compiled."""
    monkeypatch.setattr(PointTrainer, "__init__", eager)
    monkeypatch.setattr(training, "compiled", lambda fn, fused: fn)
    monkeypatch.setattr(training, "BLOCK", 2)
    for module in (training, study, summary, lesson, latent_plane):
        monkeypatch.setattr(module, "STEPS_PER_EPOCH", 2)


def small(preset, epochs=2):
    network = dataclasses.replace(preset.network, generator_width=16, generator_depth=1, discriminator_width=16)
    return dataclasses.replace(preset, epochs=epochs, batch_size=8, network=network)


# The solution by hand.


@pytest.mark.backend
@pytest.mark.parametrize("mixture", [ring(), grid()], ids=lambda mixture: mixture.name)
@pytest.mark.parametrize("steepness", [500.0, 50.0])
def test_the_network_made_by_hand_covers_every_mode_as_its_closed_form_says(mixture, steepness):
    generator = mlp.build(handcrafted.network_config(GAN.network, mixture), (2,))["generator"]
    generator.set_weights(handcrafted.weights(mixture, steepness))
    count = 40_000
    points = sample_points(generator, "normal", mixture, count)
    scores = mode_coverage(points, mixture.modes, mixture.std)
    lowest, highest = handcrafted.expected_quality(mixture, steepness)
    error = 4 * (highest * (1 - highest) / count) ** 0.5
    assert scores["modes"] == len(mixture.modes)
    assert lowest - error < scores["high_quality"] < highest + error
    # The modes are equally likely: each quantile leaves as many latents on either side.
    nearest = numpy.linalg.norm(points[:, None] - mixture.modes, axis=2).argmin(axis=1)
    shares_of_modes = numpy.bincount(nearest, minlength=len(mixture.modes)) / count
    expected = 1 / len(mixture.modes)
    # Ramps of the grid that cross other modes give them a little.
    assert abs(shares_of_modes - expected).max() < 4 * (expected / count) ** 0.5 + (highest - lowest)


def test_the_closed_form_is_that_of_true_samples_without_the_ramps():
    lowest, highest = handcrafted.expected_quality(ring(), steepness=1e9)
    assert lowest == pytest.approx(highest, abs=1e-6) == pytest.approx(1 - numpy.exp(-4.5), abs=1e-6)
    lowest, highest = handcrafted.expected_quality(ring(), steepness=500.0)
    # Seven ramps of width 1/500 at the octiles of the normal distribution: the density there, summed.
    octiles = numpy.array([-1.15035, -0.67449, -0.31864, 0, 0.31864, 0.67449, 1.15035])
    ramps = (numpy.exp(-(octiles**2) / 2) / numpy.sqrt(2 * numpy.pi)).sum() / 500
    assert highest - lowest == pytest.approx(ramps, rel=1e-4)
    assert lowest == pytest.approx((1 - numpy.exp(-4.5)) * (1 - ramps), rel=1e-6)


# The latent plane.


def test_the_latents_shown_are_a_plane_from_its_top_and_normal_ones():
    latents = latents_shown()
    assert latents.shape == (RESOLUTION**2 + POINTS, 2)
    assert latents[0].tolist() == [-3, 3] and latents[RESOLUTION**2 - 1].tolist() == [3, -3]
    assert latents[1][0] > -3 and latents[1][1] == 3
    assert latents[-POINTS:].std() == pytest.approx(1, abs=0.05)


def test_shares_are_of_latents_near_each_mode():
    mixture = ring()
    points = numpy.concatenate([mixture.modes[[0, 0, 0, 1]], [(0.5, 0.5)]])
    assert shares(points, mixture) == {"smallest": 0, "largest": 0.6, "between": pytest.approx(0.2)}
    points = mixture.modes.repeat([2, 1, 1, 1, 1, 1, 1, 2], axis=0)
    assert shares(points, mixture) == {"smallest": 0.1, "largest": 0.2, "between": pytest.approx(0)}


def test_a_points_colour_is_its_modes_and_lighter_between():
    mixture = ring()
    at_modes = colors(mixture.modes, mixture)
    assert len(numpy.unique(at_modes, axis=0)) == 8
    inside, outside = (mixture.modes + [radius, 0] for radius in (0.029, 0.031))
    assert numpy.array_equal(colors(inside, mixture), at_modes)
    assert (colors(outside, mixture) > at_modes + 0.01).any(axis=1).all()
    numpy.testing.assert_allclose(colors(outside, mixture), 0.65 + 0.35 * at_modes)


def test_frames_show_the_generator_before_and_after_every_epoch(monkeypatch):
    config, lines, run = small(R1_PACKED), [], Run("run")
    found = frames(config, run, lines.append)
    assert found.shape == (3, RESOLUTION**2 + POINTS, 2) and lines == [
        "rings-r1-packed-2: 4 steps, 3 looks at the latent plane"
    ]
    trainer = PointTrainer(config)
    trainer.start(0)
    numpy.testing.assert_allclose(found[0], trainer.model.generator(latents_shown()), rtol=1e-4, atol=1e-5)
    assert abs(found[1] - found[0]).max() > 1e-4 and abs(found[2] - found[1]).max() > 1e-4
    with monkeypatch.context() as patch:
        patch.setattr(latent_plane, "PointTrainer", lambda config: pytest.fail("frames are kept"))
        assert numpy.array_equal(frames(config, run), found)
    # Without its frames, or with damaged ones, a finished training is done again.
    (run.path / "frames.npz").write_bytes(b"PK")
    assert numpy.array_equal(frames(config, run, lines.append), found) and len(lines) == 2


@pytest.mark.parametrize("lost", [False, True], ids=["with its frames", "without its frames"])
def test_interrupted_frames_are_resumed(monkeypatch, lost):
    config, run, trained = small(GAN, epochs=3), Run("run"), []
    expected = frames(config, Run("straight"), lambda line: None)
    interrupt(monkeypatch, 2, trained)
    with pytest.raises(KeyboardInterrupt):
        frames(config, run)
    if lost:
        (run.path / "frames.npz").unlink()
    trained.clear()
    assert numpy.array_equal(frames(config, run, lambda line: None), expected)
    assert trained == ([0, 1, 2] if lost else [2])


def interrupt(monkeypatch, at, trained):
    """Let the epoch `at` be interrupted once; `trained` gets the numbers of the others."""
    begin, pending = callbacks.Log.on_epoch_begin, [at]

    def interrupted(self, epoch, logs=None):
        if epoch in pending:
            pending.remove(epoch)
            raise KeyboardInterrupt
        trained.append(epoch)
        begin(self, epoch, logs)

    monkeypatch.setattr(callbacks.Log, "on_epoch_begin", interrupted)


def test_more_than_two_latents_have_no_plane():
    config = dataclasses.replace(R1_PACKED, network=dataclasses.replace(R1_PACKED.network, latent_size=3))
    with pytest.raises(UserError, match="a latent plane has two latents, not 3"):
        frames(config, Run("run"))


@pytest.mark.parametrize(
    "last, shown",
    [(1, [0, 1]), (2, [0, 1, 2]), (8, [0, 1, 2, 4, 8]), (20, [0, 1, 2, 4, 8, 20]), (40, [0, 1, 2, 4, 8, 40])],
)
def test_moments_double_and_end_with_the_last(last, shown):
    assert lesson.moments(last) == shown


# The lesson.


def test_wide_and_deep_networks_have_as_many_weights_as_the_others():
    counts = {
        preset.preset: mlp.build(preset.network, (2,))["generator"].count_params()
        for preset in LESSON
        if preset.preset in ("rings-wide", "rings-128x3", "rings-deep")
    }
    assert len(counts) == 3 and max(counts.values()) < 1.001 * min(counts.values())


@pytest.fixture
def small_presets(monkeypatch):
    monkeypatch.setattr(lesson, "GAN", small(GAN))
    monkeypatch.setattr(lesson, "R1_PACKED", small(R1_PACKED))
    monkeypatch.setattr(lesson, "LESSON", (small(LESSON[1]), small(LESSON[3])))


def test_the_lesson_leaves_a_table_and_a_figure_of_every_question(monkeypatch, small_presets):
    lines = []
    lesson.run_lesson("lesson", seeds=1, report=lines.append)
    with open("lesson/latents.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["setting"], row["steps"]) for row in rows] == [
        (name, steps) for name in ("rings-gan", "rings-r1-packed-2") for steps in ("0", "2", "4")
    ]
    with Image.open("lesson/latents-gan.gif") as animation:
        assert animation.n_frames == 3
    with open("lesson/handcrafted.csv", newline="") as file:
        rows = {row["setting, start"]: row for row in csv.DictReader(file)}
    by_hand, at_random = (rows[f"rings-r1-packed-2, {start}"] for start in ("by hand", "at random"))
    lowest, highest = handcrafted.expected_quality(MIXTURES["ring"]())
    assert by_hand["modes before"] == "8"
    assert float(by_hand["high quality % before"]) == pytest.approx(50 * (lowest + highest), abs=1)
    assert float(at_random["high quality % before"]) < 20
    for name in ("latents.png", "networks/table.csv", "networks/samples.png", "handcrafted.png"):
        assert Path("lesson", name).is_file()
    assert f"by hand, in closed form: 8 modes, {100 * lowest:.2f} to {100 * highest:.2f} %" in lines
    assert (round(lowest, 3), round(highest, 3)) == (0.985, 0.989)
    # What is finished is neither trained again nor changed.
    tables = {name: Path("lesson", name).read_bytes() for name in ("latents.csv", "handcrafted.csv", "handcrafted.png")}
    monkeypatch.setattr(callbacks.Log, "on_epoch_begin", lambda *_: pytest.fail("nothing is left to train"))
    lesson.run_lesson("lesson", seeds=1, report=lines.append)
    assert {name: Path("lesson", name).read_bytes() for name in tables} == tables


def test_a_training_from_the_hand_crafted_network_is_resumed(monkeypatch, small_presets):
    trained, quiet = [], lambda line: None
    presets = [small(GAN, epochs=2)]
    lesson._handcrafted(Path("straight"), presets, quiet, quiet)
    interrupt(monkeypatch, 1, trained)
    with pytest.raises(KeyboardInterrupt):
        lesson._handcrafted(Path("broken"), presets, quiet, quiet)
    assert trained == [0]
    lesson._handcrafted(Path("broken"), presets, quiet, quiet)
    # The hand-crafted one is resumed, the random one follows.
    assert trained == [0, 1, 0, 1]
    assert Path("broken/handcrafted.csv").read_bytes() == Path("straight/handcrafted.csv").read_bytes()


def test_a_lesson_of_nothing_is_refused():
    with pytest.raises(UserError, match="nothing to train"):
        lesson.run_lesson("lesson", seeds=0)


def test_the_presets_of_the_study_and_the_lesson_have_names_of_their_own():
    names = [preset.preset for preset in (*presets_rings.RINGS, *LESSON)]
    assert len(set(names)) == len(names)
