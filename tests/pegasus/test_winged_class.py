"""The winged class from collages to a batch: nothing copied, ranked by its judge, and the collages made again."""

import dataclasses
import json
import shutil
import types

import numpy as np
import pytest
from conftest import save_judge, untrained_witness, write_untrained_run
from PIL import Image

from coursework.config.presets import PRESETS
from coursework.data import sprites
from coursework.evaluation.sources import drawn
from coursework.extractors.judge import judge_folder
from coursework.extractors.recorded import extract, save
from coursework.metrics.diversity import nearest_distances
from coursework.metrics.frechet import frechet_distance
from coursework.pegasus import appraisal, making
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.collages import dataset as collaging
from coursework.pegasus.collages.dataset import collages_of, write_collages
from coursework.pegasus.gallery_reading import read_gallery
from coursework.pegasus.making import make_pegasi, nearest_collages, runs_of, source_of
from coursework.pegasus.task import Sampling, Task
from coursework.util.errors import UserError

NARROW = {"latent_size": 4, "generator_width": 8, "discriminator_width": 8}


def quiet(line):
    """Take a line of progress."""


def write_run(name, dataset, source):
    """Write an untrained run of `dataset`, as trained on `source`."""
    network = dataclasses.replace(PRESETS[name].network, **NARROW)
    config = dataclasses.replace(PRESETS[name], dataset=source, network=network, precision="float32")
    return write_untrained_run(config, dataset)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(folder, data set, run on its collages, run on itself, task), all small and untrained."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("winged")
    patch.chdir(folder)
    patch.setenv("COURSEWORK_CACHE", str(folder / ".cache"))
    dataset = sprites.load(train_per_class=120, test_per_class=60)
    write_collages(dataset, folder / "collages", "horse", "bird", ["airplane"], 30, 3, report=quiet)
    winged = collaging.load_dataset(folder / "collages")
    runs = write_run("pegasus-sngan", winged, "collages"), write_run("conditional-sngan", dataset, "sprites")
    witness = save(untrained_witness(dataset), judge_folder(dataset))
    yield folder, dataset, *runs, Task(dataset, "horse", ("bird", "airplane"), witness)
    patch.undo()


def candidates_of(run, images):
    origins = [{"run": run.name, "strategy": "winged_class"} for _ in images]
    return Candidates(np.stack(images), [{} for _ in images], origins)


def test_collages_that_are_gone_are_made_again(world):
    folder, dataset, run, _, _ = world
    there = collages_of(run, dataset)
    assert there.train.images.shape == (30, 32, 32, 3) and there.test.images.shape == (6, 32, 32, 3)
    with Image.open(folder / "collages/train/pegasus/00007.png") as image:
        np.testing.assert_array_equal(there.train.images[7], np.asarray(image))
    described = there.describe(7)
    assert described["file"] == "train/pegasus/00007.png"
    for part, name in (("body", "horse"), ("wings", "bird")):
        assert described[part]["class"] == name
        assert dataset.class_names[dataset.train_labels[described[part]["train_index"]]] == name
    shutil.move(folder / "collages", folder / "elsewhere")
    try:
        again = collages_of(run, dataset)
        np.testing.assert_array_equal(again.train.images, there.train.images)
        np.testing.assert_array_equal(again.test.images, there.test.images)
        assert again.sources == there.sources and again.settings == there.settings
        other = dataclasses.replace(dataset, fingerprint="00")
        with pytest.raises(UserError, match="are gone .*, and sprites is not the data set that they were made from"):
            collages_of(run, other)
        record = run.path / "collages.json"
        kept = record.read_text()
        record.write_text(kept.replace('"judge": null', '"judge": "00"'))
        with pytest.raises(UserError, match="the judge that selected their sources is not the one of sprites"):
            collages_of(run, dataset)
        changed = json.loads(kept)
        changed["bodies"]["train"] += 1
        record.write_text(json.dumps(changed))
        with pytest.raises(UserError, match="another number of sources is found now"):
            collages_of(run, dataset)
        record.write_text(kept)
    finally:
        shutil.move(folder / "elsewhere", folder / "collages")
    (folder / "collages/train/pegasus/00007.png").rename(folder / "moved.png")
    with pytest.raises(UserError, match="holds other collages than collages.csv lists"):
        collages_of(run, dataset)
    (folder / "moved.png").rename(folder / "collages/train/pegasus/00007.png")


def test_a_copy_of_a_collage_is_refused_mirrored_and_moved(world):
    _, dataset, run, _, task = world
    known = collages_of(run, dataset)
    moved = np.roll(known.train.images[4][:, ::-1], 1, axis=1)
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    new = known.test.images[2]
    candidates = candidates_of(run, [known.train.images[9], moved, noise, new])
    nearest = nearest_collages(candidates, {run.name: known})
    records = [nearest[index].record for index in range(4)]
    assert [record["file"] for record in records[:2]] == ["train/pegasus/00009.png", "train/pegasus/00004.png"]
    assert [record["distance"] for record in records[:2]] == [0.0, 0.0]
    np.testing.assert_array_equal(nearest[1].image, known.train.images[4])
    window = known.train.images[:, 1:-1, 1:-1].astype(float)
    places = [(flip, down, right) for flip in (1, -1) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    shifted = [np.roll(new[:, ::flip], place, (0, 1))[1:-1, 1:-1] for flip, *place in places]
    distances = [np.sqrt(np.square(window - one).mean((1, 2, 3))).min() for one in shifted]
    assert records[3]["distance"] == pytest.approx(min(distances), abs=1e-3) and min(distances) > 1
    found = appraisal.Appraiser(task, task.witness, appraisal.PixelNeighbours.of(dataset)).appraise(candidates.images)
    limited = found.limited(nearest).scores
    # New collages are as new as a sixth of each other at least; copies and no others are not eligible for their place.
    assert limited.uniqueness[:2].tolist() == [0.0, 0.0] and not limited.eligible[:2].any()
    assert nearest[2].uniqueness == 1.0 and limited.uniqueness[2] == found.scores.uniqueness[2]
    assert found.scores.uniqueness[:2].min() > 0 or found.scores.uniqueness.max() == 0
    assert (limited.uniqueness <= found.scores.uniqueness).all()


def test_a_copy_of_a_training_image_is_refused(world):
    _, dataset, run, _, task = world
    horse = dataset.train_images[dataset.train_labels == dataset.class_names.index("horse")][3]
    candidates = candidates_of(run, [np.roll(horse[:, ::-1], 1, axis=0), horse])
    found = appraisal.Appraiser(task, task.witness, appraisal.PixelNeighbours.of(dataset)).appraise(candidates.images)
    limited = found.limited(nearest_collages(candidates, {run.name: collages_of(run, dataset)}))
    assert limited.scores.uniqueness.tolist() == [0.0, 0.0] and not limited.scores.eligible.any()


def test_the_batch_is_of_the_winged_class_ranked_by_its_judge(world, monkeypatch):
    folder, dataset, run, conditional, task = world
    asked = []

    def belief(judge, images):
        asked.append(len(images))
        return images.mean(axis=(1, 2, 3)) / 255

    trained = []

    def ensure(*classes):
        trained.append(classes)
        return types.SimpleNamespace(sha256="ab")

    monkeypatch.setattr(making, "ensure_winged_judge", ensure)
    monkeypatch.setattr(appraisal, "winged_belief", belief)
    made = make_pegasi(
        task, [run, conditional], None, ("class_mixing", "winged_class"), 10, 4, 0, folder / "made", report=quiet
    )
    assert [pool["name"] for pool in made.rows[:2]] == ["class_mixing", "winged_class"]
    # The first ten are of the other strategy.
    assert trained == [(dataset, "horse", "bird", quiet)]
    assert (made.chosen >= 10).all() and asked[0] == 20
    brightness = made.candidates.images.mean(axis=(1, 2, 3)) / 255
    scores = made.appraisal.ranking
    assert scores.recognisability == pytest.approx(brightness)
    order = np.where(scores.eligible, brightness, brightness - 4)
    assert made.chosen[0] == 10 + np.argmax(order[10:])
    batch = json.loads((folder / "made/pegasus.json").read_text())
    for record, index in zip(batch, made.chosen, strict=True):
        assert record["scores"]["recognisability"] == pytest.approx(brightness[index], abs=1e-6)
        assert record["collage"]["distance"] > 0 and record["collage"]["file"].startswith("train/pegasus/")
        assert {found["space"] for found in record["neighbours"]} == {"pixels", "features"}
    assert "collage" not in made.records[0]
    content = json.loads((folder / "made/comparison.json").read_text())
    assert content["winged_judge_sha256"] == "ab" and content["collages"][run.name]["seed"] == 3
    assert content["sampling"] == {"truncation": 1.0, "body_share": 0.0}
    pixels = nearest_distances(made.candidates.images[made.chosen]).mean()
    bodies = dataset.test_images[dataset.test_labels == dataset.class_names.index("horse")]
    real = nearest_distances(bodies[np.random.default_rng(0).choice(len(bodies), 4, replace=False)]).mean()
    assert content["diversity"]["pixels"] == pytest.approx(min(1.0, pixels / real), rel=1e-4)
    assert content["rows"][2]["batch"]["pixels"] == {"diversity": content["diversity"]["pixels"]}
    assert content["rows"][2]["batch"]["witness"]["diversity"] == content["diversity"]["features"]
    row = content["rows"][1]
    assert row["all"]["winged"]["recognisability"] == pytest.approx(brightness[10:].mean())
    # The witness's own column stays its own.
    witness = made.appraisal.scores.recognisability
    assert row["all"]["witness"]["recognisability"] == pytest.approx(witness[10:].mean())
    assert Image.open(folder / "made/collages.png").width > 4 * 4 * 32
    gallery = read_gallery(folder / "made/gallery.html")
    assert sorted(gallery.collages) == list(range(10, 20))
    named = collages_of(run, dataset).train.images[int(made.records[13]["collage"]["file"][-9:-4])]
    np.testing.assert_array_equal(gallery.collages[13], named)


def test_a_batch_without_a_winged_class_has_no_collages(world):
    folder, _, _, conditional, task = world
    (folder / "other").mkdir(exist_ok=True)
    (folder / "other/collages.png").write_bytes(b"of an earlier batch")
    made = make_pegasi(task, [conditional], None, ("class_mixing",), 4, 4, 0, folder / "other", report=quiet)
    assert not (folder / "other/collages.png").exists()
    assert made.rows[0]["all"]["winged"] is None and all("collage" not in record for record in made.records)
    content = json.loads((folder / "other/comparison.json").read_text())
    assert content["collages"] == {} and content["winged_judge_sha256"] is None


def test_the_class_is_compared_with_held_out_collages(world, monkeypatch):
    folder, dataset, run, _, _ = world
    known = collages_of(run, dataset)
    candidates = candidates_of(run, [*known.train.images[:9], *known.test.images])
    assert making.class_distances(candidates, {run.name: known}, dataset) == {}
    judge = save_judge(dataset, "sprites")
    found = making.class_distances(candidates, {run.name: known}, dataset)[run.name]
    assert (found["name"], found["n"], found["reference_n"], found["extractor_sha256"]) == (
        *("fd_judge", 15, 6),
        judge.sha256,
    )
    features = [extract(judge, images)["features"] for images in (candidates.images, known.test.images)]
    assert found["value"] == pytest.approx(frechet_distance(*features), rel=1e-3)
    # The floor is that of fifteen training collages.
    drawn_features = extract(judge, drawn(known.train, 15, 2020).images)["features"]
    assert found["floor"] == pytest.approx(frechet_distance(drawn_features, features[1]), rel=1e-3)
    # Images of other strategies do not count.
    others = Candidates(candidates.images, candidates.latents, [{"run": run.name, "strategy": "x"}] * 15)
    monkeypatch.setitem(making.STRATEGIES, "x", types.SimpleNamespace(kind="other"))
    joined = Candidates.join([candidates, others])
    assert making.class_distances(joined, {run.name: known}, dataset)[run.name]["value"] == found["value"]
    shutil.rmtree(judge_folder(dataset))


def test_runs_on_collages_count_as_runs_of_their_data_set(world):
    folder, _, run, conditional, task = world
    assert [source_of(each) for each in (run, conditional)] == ["sprites", "sprites"]
    assert [each.name for each in runs_of([run, conditional], "sprites", ("horse", "bird"))] == [
        "pegasus-sngan",
        "conditional-sngan",
    ]
    with pytest.raises(UserError, match="no trained run on cifar10"):
        runs_of([run], "cifar10", ("horse", "bird"))
    with pytest.raises(UserError, match="10 candidates cannot fill a batch of 16"):
        make_pegasi(
            task, [run, conditional], None, ("class_mixing", "winged_class"), 10, 16, 0, folder / "few", report=quiet
        )
    (pool,) = making.pools_of(task, [run], 4, 0)
    assert pool.name == "winged_class"
    # Samples by another truncation are other candidates.
    other = dataclasses.replace(pool, task=dataclasses.replace(task, sampling=Sampling(truncation=0.5)))
    assert other._key() != pool._key() == dataclasses.replace(pool)._key()
