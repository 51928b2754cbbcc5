"""The whole way to a Pegasus on untrained networks: what is chosen follows from the scores, and comes out alike."""

import dataclasses
import json
import shutil

import numpy
import pytest
from conftest import untrained_witness, write_untrained_run
from PIL import Image

from coursework.config.presets import PRESETS
from coursework.data import sprites
from coursework.evaluation.sources import ImageSet, batch_from
from coursework.extractors.judge import judge_folder
from coursework.extractors.recorded import extract, save
from coursework.pegasus import pools as pools_module
from coursework.pegasus import strategies
from coursework.pegasus.appraisal import Appraiser, PixelNeighbours
from coursework.pegasus.candidates import read_latents
from coursework.pegasus.comparison import comparison_lines
from coursework.pegasus.composites import compose
from coursework.pegasus.decoding import remake
from coursework.pegasus.evidence import evidence
from coursework.pegasus.making import make_pegasi, pools_of, runs_of
from coursework.pegasus.search import SETTINGS
from coursework.pegasus.task import Task
from coursework.pegasus.views import SLIGHT, slight_views
from coursework.pegasus.witness import ROLES
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError

SMALL = {
    "acai": {"depth": 2, "latent_channels": 2},
    "conditional-sngan": {"latent_size": 4, "generator_width": 8, "discriminator_width": 8},
}
STRATEGIES = ("interpolation", "class_mixing")


def write_run(name, dataset):
    """Write an untrained run of sprites."""
    network = dataclasses.replace(PRESETS[name].network, **SMALL[name])
    return write_untrained_run(dataclasses.replace(PRESETS[name], dataset="sprites", network=network), dataset)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with runs and witnesses, all untrained, and what `make_pegasi` makes of them."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("pegasus")
    patch.chdir(folder)
    patch.setenv("COURSEWORK_CACHE", str(folder / ".cache"))
    dataset = sprites.load(train_per_class=16, test_per_class=12)
    witness, second = (save(untrained_witness(dataset, role), judge_folder(dataset)) for role in ROLES)
    runs = [write_run(name, dataset) for name in SMALL]
    task = Task(dataset, "horse", ("bird", "airplane"), witness)
    lines = []
    copies = ImageSet("copies", dataset.train_images[:5])
    made = make_pegasi(task, runs, second, STRATEGIES, 12, 6, 3, folder / "made", beside=[copies], report=lines.append)
    yield dataset, task, second, runs, made, folder, lines
    patch.undo()


def test_the_choice_follows_from_the_scores(world):
    dataset, task, _, _, made, _, _ = world
    assert len(made.candidates) == 24 and len(made.chosen) == len(set(made.chosen)) == 6
    beliefs = [
        evidence(extract(task.witness, shown), dataset.class_names, "horse", ("bird", "airplane"))["both"]
        for shown in slight_views(made.candidates.images)
    ]
    assert len(beliefs) == len(SLIGHT) and not numpy.allclose(beliefs[0], beliefs[2], rtol=1e-3)
    scores = made.appraisal.scores
    assert scores.recognisability == pytest.approx(numpy.mean(beliefs, axis=0), rel=1e-4)
    features = extract(task.witness, made.candidates.images)["features"]
    assert made.appraisal.features == pytest.approx(features, rel=1e-4, abs=1e-5)
    appraiser = Appraiser(task, task.witness, PixelNeighbours.of(dataset))
    assert len(appraiser._body_rows) == 12
    # The bar is that of real horses with a part of a bird or an aeroplane upon them.
    places = [dataset.class_names.index(name) for name in ("bird", "airplane")]
    horses = dataset.test_images[dataset.test_labels == dataset.class_names.index("horse")]
    wings = dataset.test_images[numpy.isin(dataset.test_labels, places)]
    generator = numpy.random.default_rng(0)
    parts = wings[generator.choice(len(wings), 12)]
    composites = compose(horses, parts, generator, ("cutout",)).images.round().astype("uint8")
    realism = appraiser.appraise(composites).scores.realism
    assert scores.bar == pytest.approx(numpy.quantile(realism, 0.01)) and 0 < scores.bar < 1
    eligible = scores.eligible if scores.eligible.any() else numpy.full(24, True)
    assert made.chosen[0] == numpy.argmax(numpy.where(eligible, scores.recognisability, -1))
    for index, record in enumerate(made.records):
        values = record["scores"]
        passes = values["realism"] >= round(scores.bar, 6) and values["uniqueness"] >= 0.1
        assert values["overall"] == (values["recognisability"] if passes else 0.0)
        assert set(record["second"]) == set(values) and record["belief"].keys() == {"body", "wings", "unity"}
        assert record["rank"] == (list(made.chosen).index(index) + 1 if index in made.chosen else None)
        assert {found["space"] for found in record["neighbours"]} == {"pixels", "features"}


def test_the_nearest_training_image_is_the_nearest(world):
    dataset, _, _, _, made, _, _ = world
    image = made.candidates.images[0].astype(float)
    found = made.records[0]["neighbours"][0]
    shifted = [
        numpy.roll(candidate, (down, right), (0, 1))[1:-1, 1:-1]
        for candidate in (image, image[:, ::-1])
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    ]
    window = dataset.train_images[:, 1:-1, 1:-1].astype(float)
    distances = numpy.array([numpy.sqrt(numpy.square(window - one).mean(axis=(1, 2, 3))) for one in shifted])
    assert found["distance"] == pytest.approx(distances.min(), abs=1e-3)
    assert found["train_index"] == distances.min(axis=0).argmin()


def test_what_is_written_is_what_was_chosen(world):
    _, _, _, runs, made, folder, lines = world
    best = numpy.asarray(Image.open(folder / "made/pegasus.png"))
    assert numpy.array_equal(best, made.candidates.images[made.chosen[0]])
    batch = json.loads((folder / "made/pegasus.json").read_text())
    assert [record["id"] for record in batch] == [made.records[index]["id"] for index in made.chosen]
    assert [record["rank"] for record in batch] == [1, 2, 3, 4, 5, 6]
    origins = [record["origin"] for record in batch]
    remade = remake(
        lambda name, weights: TrainedRun(Run(folder / "reports/runs" / name)),
        origins,
        read_latents(folder / "made/latents.npz"),
    )
    assert numpy.array_equal(remade, made.candidates.images[made.chosen])
    assert "<!doctype html>" in (folder / "made/gallery.html").read_text()[:100].lower()
    assert Image.open(folder / "made/neighbours.png").width > 300
    assert "2 of 2" in lines[1] and "6 of 24 candidates" in lines[-1]


def test_the_comparison_has_a_row_for_each_pool_the_batch_and_real_horses(world):
    _, _, _, _, made, folder, _ = world
    content = json.loads((folder / "made/comparison.json").read_text())
    rows = content["rows"]
    assert [row["name"] for row in rows] == [*STRATEGIES, "chosen batch", "copies", "real images: horse"]
    assert content["candidates"] == 24 and content["witness_sha256"] != content["second_sha256"]
    scores = made.appraisal.scores
    assert rows[0]["all"]["witness"]["realism"] == pytest.approx(scores.realism[:12].mean())
    assert rows[1]["all"]["second"]["uniqueness"] == pytest.approx(made.second.scores.uniqueness[12:].mean())
    assert rows[2]["batch"]["witness"]["overall"] == pytest.approx(scores.overall[made.chosen].mean())
    # A batch from elsewhere that copies training images is not new at all, for both witnesses.
    assert [rows[3]["batch"][role]["uniqueness"] for role in ("witness", "second")] == [0.0, 0.0]
    assert rows[3]["candidates"] == 5
    text = comparison_lines(rows)
    ends = [f"{rows[2]['batch'][part]['diversity']:.3f}" for part in ("second", "pixels")]
    assert ends == text[4].split()[-2:]


def test_a_second_call_finds_the_candidates_and_gives_equal_files(world, monkeypatch):
    dataset, task, second, runs, made, folder, _ = world
    names = ("pegasus.png", "batch.png", "pegasus.json", "comparison.json", "latents.npz", "gallery.html")
    before = {name: (folder / "made" / name).read_bytes() for name in names}

    def again(seed):
        copies = ImageSet("copies", dataset.train_images[:5])
        return make_pegasi(
            task, runs, second, STRATEGIES, 12, 6, seed, folder / "made", beside=[copies], report=lambda line: None
        )

    def fail(*_):
        raise AssertionError("candidates were made again")

    with monkeypatch.context() as patch:
        patch.setattr(pools_module, "TrainedRun", fail)
        again(seed=3)
        assert {name: (folder / "made" / name).read_bytes() for name in names} == before
        # Another seed, or a damaged file, is another pool.
        with pytest.raises(AssertionError, match="made again"):
            again(seed=4)
        (folder / "made/pools/interpolation-acai/images.npz").write_bytes(b"damaged")
        with pytest.raises(AssertionError, match="made again"):
            again(seed=3)
    again(seed=3)
    assert {name: (folder / "made" / name).read_bytes() for name in names} == before


def test_strategies_go_with_the_runs_that_suit_them(world):
    _, task, _, runs, _, folder, _ = world
    names = [(pool.name, pool.run.name) for pool in pools_of(task, runs, 4, 0)]
    assert ("interpolation", "acai") in names and ("class_search", "conditional-sngan") in names
    assert not any(name == "latent_search" for name, _ in names)
    # A code of one place has no places, whatever the network.
    acai = runs[0].read_config()
    narrow = Run(folder / "narrow")
    narrow.write_config(dataclasses.replace(acai, network=dataclasses.replace(acai.network, latent_width=1)))
    assert [strategies.STRATEGIES["masked_interpolation"].suits(run) for run in (runs[0], narrow)] == [True, False]
    assert strategies.STRATEGIES["interpolation"].suits(narrow)
    without = dataclasses.replace(task, witness=None)
    assert "class_search" not in [pool.name for pool in pools_of(without, runs, 4, 0)]
    assert [run.name for run in runs_of(runs, "sprites", ("horse", "bird"))] == ["acai", "conditional-sngan"]


def test_mistakes_are_named(world):
    dataset, task, _, runs, _, folder, _ = world
    with pytest.raises(UserError, match="no strategy dreaming; there are interpolation"):
        pools_of(task, runs, 4, 0, ["dreaming"])
    with pytest.raises(UserError, match="latent_search needs a run of a GAN without classes, and none of acai"):
        pools_of(task, runs, 4, 0, ["latent_search"])
    with pytest.raises(UserError, match="8 candidates cannot fill a batch of 64"):
        make_pegasi(task, runs, None, STRATEGIES, 4, 64, 0, folder / "few", report=lambda line: None)
    with pytest.raises(UserError, match="train one with .*--role witness"):
        make_pegasi(dataclasses.replace(task, witness=None), runs, folder=folder / "none", report=lambda line: None)
    with pytest.raises(UserError, match="has no class unicorn"):
        Task(dataset, "unicorn", ("bird",))
    with pytest.raises(UserError, match="another class than the body"):
        Task(dataset, "bird", ("bird",))
    with pytest.raises(UserError, match="no trained run on cifar10: train one with .*--dataset cifar10"):
        runs_of(runs, "cifar10", ("horse",))


def test_runs_and_strategies_count_once(world, tmp_path):
    _, task, _, runs, _, _, _ = world
    twice = [*runs, Run(runs[0].path / ".." / runs[0].name)]
    pools = pools_of(task, twice, 4, 0, [*STRATEGIES, *STRATEGIES])
    assert [(pool.name, pool.run.name) for pool in pools] == list(zip(STRATEGIES, SMALL, strict=True))
    with pytest.raises(UserError, match="two runs are called acai: .*; give one another name"):
        pools_of(task, [*runs, Run(tmp_path / "acai")], 4, 0)


def test_what_a_strategy_lacks_is_told_before_any_begins(world, tmp_path):
    dataset, task, _, runs, _, _, _ = world
    run = Run(shutil.copytree(runs[1].path, tmp_path / "critics-gone"))
    run.network("discriminator").unlink()
    with pytest.raises(
        UserError, match="critics-gone has no discriminator.keras: only a part of its networks was kept"
    ):
        pools_of(task, [run], 4, 0, ["class_mixing", "critic_search"])
    decoder = Run(shutil.copytree(runs[0].path, tmp_path / "decoder-alone"))
    decoder.network("encoder").unlink()
    with pytest.raises(UserError, match="decoder-alone has no encoder.keras"):
        pools_of(task, [decoder], 4, 0, ["interpolation"])
    # Who names no strategies gets those that there is all for.
    lines = []
    names = [pool.name for pool in pools_of(task, [run], 4, 0, report=lines.append)]
    assert "class_search" in names and not {"critic_search", "critic_witness_search"} & set(names)
    assert lines == [
        f"left out: {name} with critics-gone, which keeps no discriminator.keras"
        for name in ("critic_search", "critic_witness_search")
    ]
    assert [pool.name for pool in pools_of(task, [run], 4, 0, ["class_mixing"])] == ["class_mixing"]


def test_a_pool_of_another_search_or_backend_is_another(world, monkeypatch):
    _, task, _, runs, _, _, _ = world
    pools = {pool.name: pool for pool in pools_of(task, runs, 4, 0)}
    before = {name: pool._key() for name, pool in pools.items()}
    with monkeypatch.context() as patch:
        patch.setitem(SETTINGS, "steps", 51)
        changed = {name for name, pool in pools.items() if pool._key() != before[name]}
    assert changed == {"class_search", "region_search", "critic_search", "critic_witness_search"}
    monkeypatch.setattr(pools_module.keras.backend, "backend", lambda: "another")
    assert not set(before.values()) & {pool._key() for pool in pools.values()}


def test_a_batch_of_one_needs_nothing_to_differ_from(world, tmp_path):
    _, task, second, runs, made, _, _ = world
    alone = make_pegasi(task, runs, second, ["class_mixing"], 2, 1, 3, tmp_path, report=lambda line: None)
    assert len(alone.chosen) == 1 and alone.rows[0]["batch"]["witness"]["diversity"] == 0.0


def test_a_batch_from_elsewhere_is_a_folder_or_an_array_of_equal_size(world, tmp_path):
    dataset, _, _, _, _, folder, _ = world
    for name, size in (("hand-picked", 32), ("large", 40)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (size, size), (10, 20, 30)).save(tmp_path / name / "one.png")
    found = batch_from(str(tmp_path / "hand-picked"), dataset)
    assert found.name == "hand-picked" and found.images.shape == (1, 32, 32, 3) and found.images[0, 0, 0, 1] == 20
    numpy.savez(tmp_path / "array.npz", images=dataset.train_images[:2])
    assert batch_from(str(tmp_path / "array.npz"), dataset).name == "array"
    with pytest.raises(UserError, match="holds images of 40x40x3, and those of sprites are 32x32x3"):
        batch_from(str(tmp_path / "large"), dataset)
    with pytest.raises(UserError, match="give a folder of images, or an .npz or .npy file"):
        batch_from("sprites:test", dataset)
