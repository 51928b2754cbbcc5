"""The rings study: training on points, its rounds, table and figures, with small networks and a few steps."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy
import pytest
from conftest import array
from keras import ops
from PIL import Image

from coursework.config.networks import MLPConfig
from coursework.config.presets import PRESETS
from coursework.config.presets_rings import GAN, PACKED_2, R1, R1_PACKED, RINGS, SNGAN, UNROLLED
from coursework.data.mixtures import MIXTURES, grid, ring
from coursework.data.pipeline import feed
from coursework.metrics.uncertainty import over_seeds
from coursework.models.gan import GAN as GAN_MODEL
from coursework.networks import mlp
from coursework.networks.backend import compiled
from coursework.networks.saving import load_network
from coursework.studies.rings import figures, study, summary, training
from coursework.studies.rings.study import PUBLISHED, run_of, run_rings, table
from coursework.studies.rings.summary import identity, recorded, values_of
from coursework.studies.rings.training import (
    STEPS_PER_EPOCH,
    PointBatches,
    PointTrainer,
    is_trained,
    sample_points,
    train_points,
)
from coursework.training import callbacks
from coursework.training.run import Run
from coursework.training.state import states
from coursework.util.errors import UserError
from coursework.util.files import read_json

SMALL = {"latent_size": 2, "generator_width": 16, "generator_depth": 1, "discriminator_width": 16}


def eager(self, config, init=PointTrainer.__init__):
    init(self, config)
    self.model.run_eagerly = True


@pytest.fixture(autouse=True)
def short_epochs(monkeypatch, in_tmp):
    """Make an epoch four steps, in two calls that are not compiled, which would take longer than they."""
    monkeypatch.setattr(PointTrainer, "__init__", eager)
    monkeypatch.setattr(training, "compiled", lambda fn, fused: fn)
    monkeypatch.setattr(training, "STEPS_PER_EPOCH", 4)
    monkeypatch.setattr(training, "BLOCK", 2)
    monkeypatch.setattr(study, "STEPS_PER_EPOCH", 4)
    monkeypatch.setattr(summary, "STEPS_PER_EPOCH", 4)


def small(preset, epochs=2, **settings):
    return dataclasses.replace(
        preset, epochs=epochs, batch_size=8, network=dataclasses.replace(preset.network, **SMALL), **settings
    )


# Networks for points.


@pytest.mark.backend
def test_the_networks_are_stacks_of_dense_layers():
    config = MLPConfig(
        latent_size=3, generator_width=5, generator_depth=2, discriminator_width=4, discriminator_depth=1
    )
    networks = mlp.build(config, (2,), seed=1)
    generator, discriminator = networks["generator"], networks["discriminator"]
    latents = numpy.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    x = latents
    *hidden, last = [layer.get_weights() for layer in generator.layers if layer.get_weights()]
    for kernel, bias in hidden:
        x = numpy.maximum(x @ kernel + bias, 0)
    points = x @ last[0] + last[1]
    numpy.testing.assert_allclose(array(generator(latents)), points, rtol=1e-4, atol=1e-5)
    (kernel, bias), (out, offset) = [layer.get_weights() for layer in discriminator.layers if layer.get_weights()]
    y = points @ kernel + bias
    logits = numpy.where(y > 0, y, 0.2 * y) @ out + offset
    numpy.testing.assert_allclose(array(discriminator(points.astype("float32"))), logits, rtol=1e-4, atol=1e-5)
    assert generator.count_params() == 3 * 5 + 5 + 5 * 5 + 5 + 5 * 2 + 2


@pytest.mark.backend
def test_weights_keep_the_size_of_what_passes():
    network = mlp.build(MLPConfig(latent_size=200, generator_width=400), (2,), seed=0)["generator"]
    for name, fan_in, scale in (("dense_0", 200, 2), ("dense_1", 400, 2), ("to_point", 400, 1)):
        assert network.get_layer(name).get_weights()[0].std() == pytest.approx((scale / fan_in) ** 0.5, rel=0.06)


def test_the_seed_decides_the_weights():
    first, again, other = (mlp.build(MLPConfig(), (2,), seed)["generator"].get_weights() for seed in (0, 0, 1))
    assert all(numpy.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not numpy.array_equal(first[0], other[0])


def test_images_are_refused():
    with pytest.raises(UserError, match="network mlp takes points"):
        mlp.build(MLPConfig(), (8, 8, 3))


# Training.


@pytest.fixture
def trainer():
    return PointTrainer(small(GAN))


def train_epoch(trainer, mixture, seed, number):
    batches = PointBatches(mixture, seed, trainer.config.images_per_step, number)
    trainer.model.fit(feed(batches), shuffle=False, verbose=0)


def weights(trainer):
    return [array(variable) for variable in trainer.model.state_variables()]


def equal(first, second):
    return all(numpy.array_equal(one, two) for one, two in zip(first, second, strict=True))


@pytest.mark.backend
@pytest.mark.parametrize("fused", [False, True])
def test_steps_of_a_compiled_block_are_those_taken_one_by_one(monkeypatch, fused):
    """XLA draws other random bits, so that fused steps are compared with latents that do not matter."""
    monkeypatch.setattr(training, "compiled", lambda fn, **_: compiled(fn, fused=fused))
    trainer, mixture = PointTrainer(small(GAN)), grid()
    if fused:
        monkeypatch.setattr(GAN_MODEL, "draw_latents", lambda self, count: ops.ones((count, 2)))
    trainer.start(3)
    train_epoch(trainer, mixture, 3, 5)
    together = weights(trainer)
    trainer.start(3)
    for block in range(2):
        points = mixture.sample(16, seed=(3, 5, block))[0] / 4
        for batch in numpy.split(points.astype("float32"), 2):
            trainer.step((ops.convert_to_tensor(batch),))
    for one, two in zip(together, weights(trainer), strict=True):
        numpy.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


def test_a_trainer_starts_every_seed_as_a_new_one_would(trainer):
    trainer.start(0)
    first = weights(trainer)
    train_epoch(trainer, ring(), 0, 0)
    assert not equal(first, weights(trainer))
    trainer.start(0)
    assert equal(first, weights(trainer))
    trainer.start(1)
    assert not equal(first, weights(trainer))
    other = PointTrainer(small(GAN))
    other.start(1)
    assert equal(weights(other), weights(trainer))


def test_samples_are_in_the_units_of_the_mixture(trainer):
    on_ring, on_grid = trainer.sample(ring()), trainer.sample(grid())
    assert on_ring.shape == (2500, 2)
    numpy.testing.assert_allclose(on_grid, 4 * on_ring)
    assert numpy.array_equal(on_ring, trainer.sample(ring()))


@pytest.mark.backend
@pytest.mark.parametrize("preset", [GAN, UNROLLED, PACKED_2, SNGAN, R1_PACKED], ids=lambda preset: preset.preset)
def test_a_finished_run_holds_what_the_table_and_the_figures_need(preset):
    config = small(preset)
    trainer, run = PointTrainer(config), Run("run")
    assert not is_trained(config, run)
    train_points(trainer, config, run)
    assert is_trained(config, run)
    log = run.read_log()
    assert log["epoch"] == [1, 2] and {"modes", "high_quality", "seconds"} < set(log)
    assert values_of(run) == {
        "modes": log["modes"][-1],
        "high_quality": pytest.approx(log["high_quality"][-1], rel=1e-5),
    }
    environment = run.read_environment()
    assert environment["images_seen"] == 8 * config.images_per_step and environment["finished"] is True
    assert not states(run.backup)
    generator = load_network(run.network("generator"))
    numpy.testing.assert_allclose(
        sample_points(generator, "normal", ring()), trainer.sample(ring()), rtol=1e-5, atol=1e-6
    )


def test_an_interrupted_run_resumes_exactly(monkeypatch):
    config = small(R1, epochs=3)
    straight, broken = Run("straight"), Run("broken")
    trainer = PointTrainer(config)
    train_points(trainer, config, straight)
    expected = weights(trainer)

    def interrupted(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(callbacks.Log, "on_epoch_begin", interrupted)
        patch.setattr(callbacks.Log, "started", 0.0, raising=False)
        train_points(trainer, config, broken)
    assert not is_trained(config, broken) and broken.read_environment()["epochs_done"] == 2
    train_epoch(trainer, grid(), 9, 9)
    train_points(trainer, config, broken)
    assert equal(weights(trainer), expected)
    assert values_of(broken) == values_of(straight)
    assert broken.read_log()["discriminator_loss"] == straight.read_log()["discriminator_loss"]


def test_a_run_that_is_lost_ends_and_covers_nothing():
    config = small(GAN, epochs=3)
    huge = dataclasses.replace(config.model.generator_optimizer, name="sgd", rate=1e30)
    config = dataclasses.replace(
        config, model=dataclasses.replace(config.model, generator_optimizer=huge, discriminator_optimizer=huge)
    )
    run = Run("run")
    train_points(PointTrainer(config), config, run)
    assert values_of(run) == {"modes": 0, "high_quality": 0.0}
    assert run.read_log()["epoch"] == [1]
    (incident,) = run.read_environment()["incidents"]
    assert incident["kind"] == "not finite" and incident["epoch"] == 1
    assert is_trained(config, run)


def test_another_training_in_the_same_place_is_refused():
    config = small(GAN)
    run = Run("run")
    run.write_config(config)
    with pytest.raises(UserError, match="holds another training .batch_size is 8 there, 16 here"):
        is_trained(dataclasses.replace(config, batch_size=16), run)


# The study, with training stood in for.


SCORES = {
    ("rings-gan", "ring"): [(6, 0.9), (8, 1.0), (8, 0.95)],
    ("rings-gan", "grid"): [(10, 0.5), (12, 0.75), (14, 1.0)],
    ("rings-r1", "ring"): [(8, 0.96), (8, 0.98), (8, 0.97)],
    ("rings-r1", "grid"): [(25, 0.951), (25, 0.95), (24, 0.99)],
}


@pytest.fixture
def stand(monkeypatch):
    """Stand in for training: runs score what `SCORES` says; returns the names of the runs trained."""
    trained = []

    def train(trainer, config, run):
        trained.append(run.name)
        modes, quality = SCORES[config.preset, config.dataset][config.seed]
        run.write_config(config)
        run.log_file.write_text("epoch,modes,high_quality,seconds\n1,1,0.5,2\n" + f"2,{modes},{quality},2\n")
        run.network("generator").write_text("")
        run.write_environment({"finished": True, "seconds": 4.0 + config.seed})
        run.write_metrics([{"name": "modes", "value": modes}, {"name": "high_quality", "value": quality}])

    monkeypatch.setattr(study, "PointTrainer", lambda preset: preset)
    monkeypatch.setattr(study, "train_points", train)
    monkeypatch.setattr(study, "_samples", lambda folder: truth(PAIR, ("ring", "grid")))
    return trained


def truth(presets, mixtures):
    return {(p.preset, name): MIXTURES[name]().sample(2500, seed=0)[0] for p in presets for name in mixtures}


PAIR = (small(GAN), small(R1))


def run_pair(**settings):
    printed = []
    settings = {"seeds": 3, "presets": PAIR, "mixtures": ("ring", "grid"), **settings}
    return run_rings("study", report=printed.append, **settings), printed


def test_every_seed_is_trained_in_all_settings_before_the_next(stand):
    _, printed = run_pair()
    cases = [(name, mixture) for name in ("gan", "r1") for mixture in ("ring", "grid")]
    assert stand == [f"{name}-{mixture}-2k-s{seed}" for seed in range(3) for name, mixture in cases]
    assert "1 of 12, gan-ring-2k-s0: 6 of 8 modes, 90.0 % of high quality" in printed[0]
    stand.clear()
    run_pair()
    assert stand == []
    run_pair(steps=9, seeds=1)
    assert stand == [f"{name}-{mixture}-3k-s0" for name, mixture in cases]


def test_the_summary_is_of_all_that_is_finished(stand):
    """A call for a part adds to what others have left."""
    run_pair(seeds=2, presets=PAIR[1:])
    run_pair(seeds=1, mixtures=("grid",))
    content, _ = run_pair(seeds=1, presets=PAIR[:1], steps=12)
    assert [(row["mixture"], row["preset"], row["steps"], row["seeds"]) for row in content["settings"]] == [
        ("ring", "rings-gan", 12, 1),
        ("ring", "rings-r1", 8, 2),
        ("grid", "rings-gan", 8, 1),
        ("grid", "rings-gan", 12, 1),
        ("grid", "rings-r1", 8, 2),
    ]
    Path("study/runs/gan-grid-2k-s0/environment.json").write_text('{"finished": false}')
    content, _ = run_pair(seeds=1, presets=PAIR[:1], steps=12)
    assert len(content["settings"]) == 4


def test_a_study_continues_from_its_scores_without_its_runs(stand):
    whole, _ = run_pair()
    shutil.rmtree("study/runs")
    stand.clear()
    # What is there already is neither trained nor lost.
    assert run_pair(seeds=2)[0] == whole and stand == []
    # With two seeds first and a third one elsewhere the same comes out.
    shutil.rmtree("study")
    run_pair(seeds=2)
    shutil.rmtree("study/runs")
    stand.clear()
    content, _ = run_pair()
    assert stand == [f"{name}-{mixture}-2k-s2" for name in ("gan", "r1") for mixture in ("ring", "grid")]
    for row, expected in zip(content["settings"], whole["settings"], strict=True):
        assert row == {**expected, "seconds": pytest.approx(expected["seconds"])}
    for curve, expected in zip(content["curves"], whole["curves"], strict=True):
        assert curve == {**expected, **{name: pytest.approx(expected[name]) for name in ("modes", "high_quality")}}
    # A call for one setting keeps the others, and a sheet that shows them.
    shutil.rmtree("study/runs")
    before = Path("study/samples.png").read_bytes()
    content, _ = run_pair(presets=PAIR[:1], steps=12, seeds=1)
    assert len(content["settings"]) == 6 and content["settings"][0] == whole["settings"][0]
    assert Path("study/samples.png").read_bytes() == before


def test_only_scores_of_the_same_configuration_count(stand):
    run_pair(seeds=1)
    shutil.rmtree("study/runs")
    stand.clear()
    others = tuple(dataclasses.replace(preset, batch_size=4) for preset in PAIR)
    assert identity(others[0]) != identity(PAIR[0]) == identity(dataclasses.replace(PAIR[0], seed=3))
    content, _ = run_pair(presets=others, seeds=1)
    assert len(stand) == 4 == len(content["settings"])
    assert content["settings"][0]["config"] == identity(dataclasses.replace(others[0], dataset="ring"))


def test_a_run_that_was_begun_again_is_not_taken_from_the_scores(stand):
    run_pair(seeds=2)
    Path("study/runs/gan-ring-2k-s1/environment.json").write_text('{"finished": false}')
    row, curve = recorded("study")[identity(dataclasses.replace(PAIR[0], dataset="ring"))]
    assert [run["seed"] for run in row["runs"]] == [0] and curve is None
    stand.clear()
    run_pair(seeds=2)
    assert stand == ["gan-ring-2k-s1"]


def test_a_further_seed_that_was_begun_takes_nothing_from_what_is_recorded(stand):
    """Runs are not in git: of what was recorded there are the scores alone."""
    first, _ = run_pair(seeds=2)
    shutil.rmtree("study/runs")
    begun = Path("study/runs/gan-ring-2k-s2")
    begun.mkdir(parents=True)
    config = dataclasses.replace(PAIR[0], dataset="ring", seed=2)
    (begun / "config.json").write_text(config.to_json())
    (begun / "environment.json").write_text('{"finished": false}')
    again, _ = run_pair(seeds=2)
    assert again["curves"] == first["curves"] and again["settings"] == first["settings"]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("curves"),
        lambda content: content["settings"][0].update(mixture="spiral"),
        lambda content: content["settings"][0].update(preset="other"),
        lambda content: content["settings"][0].update(steps=None),
        lambda content: content["settings"][0].update(runs=[]),
        lambda content: content["settings"][0]["runs"][0].update(modes="eight"),
        lambda content: content["settings"][0]["runs"][0].update(seed=True),
        lambda content: content["curves"][0]["modes"].append(1),
        lambda content: content["settings"].append(5),
    ],
)
def test_scores_that_cannot_be_read_count_as_none(stand, change):
    run_pair(seeds=1)
    assert len(recorded("study")) == 4
    content = json.loads(Path("study/scores.json").read_text())
    change(content)
    Path("study/scores.json").write_text(json.dumps(content))
    assert recorded("study") == {}


def test_the_summary_holds_means_errors_and_complete_runs(stand):
    content, _ = run_pair()
    assert content == json.loads(Path("study/scores.json").read_text())
    rows = {(row["preset"], row["mixture"]): row for row in content["settings"]}
    gan = rows["rings-gan", "grid"]
    # Three values two apart: a deviation of 2, an error of 2 / sqrt(3).
    assert gan["modes"] == {"mean": 12, "standard_error": pytest.approx(2 / 3**0.5)}
    assert gan["high_quality"] == {"mean": 0.75, "standard_error": pytest.approx(0.25 / 3**0.5)}
    assert gan["steps"] == 8 and gan["seeds"] == 3 and gan["seconds"] == 5
    assert {key: row["complete"] for key, row in rows.items()} == {
        ("rings-gan", "ring"): 1,
        ("rings-gan", "grid"): 0,
        ("rings-r1", "ring"): 3,
        ("rings-r1", "grid"): 1,
    }
    (curve,) = [c for c in content["curves"] if (c["preset"], c["mixture"]) == ("rings-gan", "ring")]
    assert curve["steps"] == [4, 8] and curve["modes"] == [1, pytest.approx(22 / 3)]


def test_the_table_shows_the_published_rows_beneath_ours(stand):
    content, printed = run_pair()
    lines = table(content)
    assert printed[-2] == "\n".join(["", *lines])
    assert lines[0].split()[:3] == ["ring,", "8", "modes"]
    assert lines[2].split() == ["rings-r1", "8.00", "±", "0.00", "97.0", "±", "0.6", "3", "of", "3", "8"]
    cells = [line.rsplit(maxsplit=2) for line in lines if line.startswith("GAN (paper of PacGAN)")]
    assert [[cell.strip() for cell in row[1:]] for row in cells] == [["6.3", "98.2"], ["17.3", "94.8"]]
    with open("study/table.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1] == ["ring", "rings-gan", "8", "3", "7.33333", "0.666667", "0.95", "0.0288675", "1"]
    assert rows[-1] == ["grid", "PacGAN4 (PacGAN)", "", "", "24.8", "", "0.936", "", ""]


def test_one_seed_has_no_error():
    assert over_seeds([3.0]) == {"mean": 3.0, "standard_error": None}
    found = over_seeds([None, 1.0, 4.0], ("mean", "spread", "standard_error", "seeds"))
    assert found == pytest.approx({"mean": 2.5, "spread": 4.5**0.5, "standard_error": 1.5, "seeds": 2})


def test_the_figures_show_every_setting_and_mixture(stand):
    run_pair()
    for name, least in (("samples.png", 300), ("curves.png", 100)):
        pixels = numpy.asarray(Image.open(f"study/{name}").convert("RGB")).reshape(-1, 3)
        for color in ("0072B2", "D55E00"):
            near = abs(pixels.astype(int) - numpy.array(tuple(bytes.fromhex(color)))).max(axis=1) < 60
            assert near.sum() > least, (name, color)


def test_the_published_values_are_those_of_the_papers():
    assert PUBLISHED["GAN", "VEEGAN"] == {"ring": (1.0, 0.993), "grid": (3.3, 0.005)}
    assert PUBLISHED["PacGAN4", "PacGAN"]["grid"] == (24.8, 0.936)
    assert all(0 <= quality <= 1 for values in PUBLISHED.values() for _, quality in values.values())


def test_settings_differ_from_the_first_in_their_option_alone():
    names = [preset.preset for preset in RINGS]
    assert len(set(names)) == len(names) and all(name.startswith("rings-") for name in names)
    assert {(preset.epochs, preset.batch_size, preset.dataset) for preset in RINGS} == {
        (GAN.epochs, GAN.batch_size, GAN.dataset)
    }
    assert {dataclasses.replace(preset.network, spectral=False) for preset in RINGS} == {GAN.network}
    assert (UNROLLED.model.unrolled_steps, PACKED_2.model.packing) == (5, 2)


@pytest.mark.parametrize("settings", [{"seeds": 0}, {"steps": 0}, {"presets": ()}, {"mixtures": ()}])
def test_a_budget_of_nothing_is_refused(settings):
    with pytest.raises(UserError, match="nothing to train"):
        run_pair(**settings)


def test_unknown_names_are_refused(refused):
    assert refused("rings", "--settings", "gan,vae").startswith('unknown setting "vae"; there are gan, gan-ema, unrol')
    assert (
        refused("rings", "--mixtures", "square") == 'unknown mixture "square"; there are ring, ring-with-centre, grid'
    )


def test_the_verb_runs_the_study_as_it_is(monkeypatch, capsys):
    from coursework.cli import main as cli
    from coursework.config import presets_rings

    monkeypatch.setattr(presets_rings, "RINGS", PAIR)
    arguments = ["rings", "--steps", "4", "--seeds", "1", "--mixtures", "ring", "--folder", "study"]
    assert cli.main(arguments) == 0
    assert "done: study/scores.json" in capsys.readouterr().out
    for name in ("scores.json", "table.csv", "samples.png", "curves.png"):
        assert Path("study", name).is_file()
    run = run_of("study", dataclasses.replace(PAIR[1], epochs=1))
    assert run.path.is_dir() and 0 <= values_of(run)["modes"] <= 8


def test_foreign_runs_in_the_folder_are_refused_before_training(in_tmp):
    run = Run("out/runs/gan-cifar10-s0")
    run.write_config(PRESETS["gan"])
    run.write_environment({"finished": True})
    with pytest.raises(UserError, match="out/runs/gan-cifar10-s0 is of gan on cifar10, which is none of the rings"):
        run_rings("out", steps=1000, seeds=1, report=lambda line: None)


def test_the_average_alone_is_a_row():
    average = next(preset for preset in RINGS if preset.preset == "rings-gan-ema")
    assert (
        average.model == dataclasses.replace(GAN.model, ema_decay=R1.model.ema_decay) and average.network == GAN.network
    )


def test_the_names_of_all_settings_fit_below_the_curves(in_tmp):
    curves = [
        {"preset": preset.preset, "mixture": "ring", "steps": [1000, 2000], "modes": [1, 8], "high_quality": [0.1, 0.9]}
        for preset in RINGS
    ]
    figures.draw_curves(curves, in_tmp / "curves.png")
    with Image.open(in_tmp / "curves.png") as image:
        shown = numpy.asarray(image.convert("L"))
    assert len(RINGS) > figures.LEGEND_COLUMNS
    assert (shown[:, :4] == 255).all() and (shown[:, -4:] == 255).all()


def test_committed_rows_are_of_todays_settings():
    folder = Path(__file__).parents[2] / "reports" / "rings"
    if not (folder / "scores.json").is_file():
        pytest.skip("after `make begin` the study may be your own")
    presets = {preset.preset: preset for preset in RINGS}
    for row in read_json(folder / "scores.json", dict)["settings"]:
        epochs = row["steps"] // STEPS_PER_EPOCH
        config = dataclasses.replace(presets[row["preset"]], dataset=row["mixture"], epochs=epochs)
        assert row["config"] == identity(config), row["preset"]
