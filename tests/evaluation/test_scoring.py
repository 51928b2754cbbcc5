"""Scores of two sets of images: values against the pure functions, floors, warnings, and what cannot be measured."""

import dataclasses
import json

import numpy
import pytest

from coursework.cli import scoring as verbs
from coursework.evaluation.comparison import Comparison
from coursework.evaluation.metrics import METRICS
from coursework.evaluation.scoring import MEASURES, measure
from coursework.evaluation.sources import ImageSet
from coursework.extractors.extractor import Extractor
from coursework.figures.scores import SCORES
from coursework.metrics import density_coverage, frechet_distance, inception_score, kernel_distance, precision_recall
from coursework.metrics.image_neighbours import TrainingImages
from coursework.metrics.memorisation import memorisation
from coursework.util import cache
from coursework.util.errors import UserError

MISSING = {"inception": "no weights", "judge": "no judge"}
NAMES = [name for name in METRICS if name != "memorisation"]


def colours(images):
    """Return features (n, 6) of images, and logits."""
    means, deviations = images.mean(axis=(1, 2)), images.std(axis=(1, 2))
    features = numpy.concatenate([means, deviations], axis=1) / 10
    return {"features": features, "logits_unbiased": features[:, :4]}


def extractor(name, **changes):
    fields = {
        "name": name,
        "sha256": {"judge": "a", "inception": "b"}[name] * 64,
        "image_shape": (8, 8, 3),
        "resize": {"judge": None, "inception": "to 8x8"}[name],
        "precision": "float32",
        "outputs": ("features", "logits_unbiased"),
        "block": 500,
        "compute": colours,
    }
    return Extractor(**{**fields, **changes})


BOTH = {name: extractor(name) for name in ("inception", "judge")}
JUDGED = {**BOTH, "inception": "no weights"}


def images(count, seed, size=8):
    """Return images of a random colour each, with noise."""
    generator = numpy.random.default_rng(seed)
    base = generator.integers(60, 190, (count, 1, 1, 3)) + generator.integers(-60, 61, (count, size, size, 3))
    return base.astype(numpy.uint8)


def image_set(count, seed, name=None, **fields):
    return ImageSet(name or f"set-{seed}", images(count, seed), **fields)


def by_name(scores, label="judge"):
    return {record["name"]: record for record in scores.records if record["extractor"] == label}


@pytest.fixture(autouse=True)
def own_cache(in_tmp):
    return in_tmp


def test_the_command_line_offers_what_there_is():
    assert verbs.METRICS is METRICS and {*MEASURES, "memorisation"} == set(METRICS)
    assert all(name in SCORES for metric in METRICS.values() for name in metric.names.values())


def test_values_are_those_of_the_pure_functions():
    fake, real, held_out = image_set(1200, 0), image_set(1500, 1), image_set(1300, 2)
    fake = dataclasses.replace(fake, seed=5, weights="best")
    lines = []
    scores = measure(Comparison(fake, real, held_out), BOTH, NAMES, lines.append)
    fake_features, real_features, fakes_logits = (
        colours(fake.images)["features"].astype(numpy.float32),
        colours(real.images)["features"].astype(numpy.float32),
        colours(fake.images)["logits_unbiased"].astype(numpy.float32),
    )
    chosen = numpy.sort(numpy.random.default_rng(2020).choice(1500, 1200, replace=False))
    expected = {
        "fid": frechet_distance(fake_features, real_features),
        "kid": kernel_distance(fake_features, real_features)[0],
        "is": inception_score(fakes_logits)[0],
    } | dict(
        zip(
            ("precision", "recall", "density", "coverage"),
            precision_recall(fake_features, real_features[chosen])
            + density_coverage(fake_features, real_features[chosen]),
            strict=True,
        )
    )
    found = by_name(scores, "inception")
    assert {name: record["value"] for name, record in found.items()} == pytest.approx(expected, rel=1e-9)
    assert found["kid"]["deviation"] == pytest.approx(kernel_distance(fake_features, real_features)[1])
    assert found["is"]["deviation"] == pytest.approx(inception_score(fakes_logits)[1])
    judged = by_name(scores)
    assert judged["fd_judge"]["value"] == found["fid"]["value"] and judged["kd_judge"]["value"] == found["kid"]["value"]
    assert judged["recall"]["value"] == found["recall"]["value"] and "is" not in judged
    for name, record in found.items():
        assert record["error"] > 0 and record["n"] == 1200
        assert record["reference_n"] == (1500 if name in ("fid", "kid", "is") else 1200)
        assert (record["reference"], record["seed"], record["weights"]) == ("set-1", 5, "best")
        assert (record["resize"], record["extractor_sha256"]) == ("to 8x8", "b" * 64)
        assert (record["floor_n"], record["floor_set"], record["untrained"]) == (1200, "set-2", None)
        assert record["dataset_fingerprint"] == real.fingerprint
    # Of the held-out images as many as there are samples.
    drawn = numpy.sort(numpy.random.default_rng(2020).choice(1300, 1200, replace=False))
    floor = colours(held_out.images[drawn])["features"].astype(numpy.float32)
    assert found["fid"]["floor"] == pytest.approx(frechet_distance(floor, real_features), rel=1e-9)
    assert found["recall"]["floor"] == precision_recall(floor, real_features[chosen])[1]
    json.dumps(scores.records, allow_nan=False)


def test_identical_sets():
    fake = image_set(1200, 0)
    found = by_name(measure(Comparison(fake, fake), BOTH, ("fd", "kd", "prdc"), str))
    values = {name: record["value"] for name, record in found.items()}
    assert values["fd_judge"] == pytest.approx(0, abs=1e-9) and values["kd_judge"] < 0
    assert values["precision"] == values["recall"] == values["coverage"] == 1.0


def test_a_collapsed_set_is_precise_and_reaches_little():
    real = image_set(1200, 0)
    fake = ImageSet("collapsed", real.images[:10].repeat(120, axis=0))
    found = by_name(measure(Comparison(fake, real), BOTH, ("prdc",), str))
    assert found["precision"]["value"] == 1.0 and found["recall"]["value"] < 0.05
    assert found["coverage"]["value"] < 0.2
    swapped = by_name(measure(Comparison(real, fake), BOTH, ("prdc",), str))
    assert swapped["recall"]["value"] == 1.0 and swapped["precision"]["value"] < 0.05


def test_without_other_real_images_halves_are_the_floor():
    fake, real = image_set(900, 0), image_set(3001, 1)
    found = by_name(measure(Comparison(fake, real), BOTH, ("fd",), str))["fd_judge"]
    assert (found["floor_n"], found["floor_set"]) == (900, "halves of set-1")
    # Two sets of one distribution.
    assert 0 < found["floor"] < found["error"] * 5
    order = numpy.random.default_rng(2020).permutation(3001)
    features = colours(real.images)["features"].astype(numpy.float32)
    expected = frechet_distance(features[order[:900]], features[order[1500:]])
    assert found["floor"] == pytest.approx(expected, rel=1e-6)


def test_a_floor_of_too_few_images_is_none():
    found = by_name(measure(Comparison(image_set(1000, 0), image_set(1999, 1)), BOTH, ("kd",), str))["kd_judge"]
    assert found["value"] is not None and (found["floor"], found["floor_n"], found["floor_set"]) == (None, None, None)


def test_an_untrained_model_is_scored_where_that_is_cheap():
    fake, real, calls = image_set(1100, 0), image_set(1200, 1), []

    def untrained():
        calls.append(1)
        return ImageSet("untrained", images(1100, 7) // 4)

    comparison = Comparison(fake, real, untrained=untrained)
    scores = measure(comparison, BOTH, ("fid", "prdc"), str)
    assert not calls and all(record["untrained"] is None for record in scores.records)
    found = by_name(measure(comparison, BOTH, ("fd", "kd"), str))
    assert len(calls) == 1
    features = [colours(array)["features"].astype(numpy.float32) for array in (images(1100, 7) // 4, real.images)]
    assert found["fd_judge"]["untrained"] == pytest.approx(frechet_distance(*features), rel=1e-9)
    assert found["fd_judge"]["untrained"] > 10 * found["fd_judge"]["value"]


def test_what_cannot_be_measured_is_told_by_default_and_refused_where_it_was_named():
    comparison, lines = Comparison(image_set(300, 0), image_set(300, 1)), []
    scores = measure(comparison, JUDGED, report=lines.append)
    assert {record["name"] for record in scores.records} == {"fd_judge", "precision", "recall", "density", "coverage"}
    few = "subsets of 1,000 images need as many on both sides, found 300"
    alone = "it needs real images beside set-1 that were not trained on: name them by --floor"
    assert scores.not_measured == {
        **dict.fromkeys(("fid", "kid", "is"), "no weights"),
        "kd": few,
        "memorisation": alone,
    }
    told = [
        "not measured: fid, kid, is: no weights",
        f"not measured: kd: {few}",
        f"not measured: memorisation: {alone}",
    ]
    assert lines[:3] == told
    for names, message in (
        (("fd", "kid"), "kid cannot be measured: no weights"),
        (("kd",), f"kd cannot be measured: {few}"),
        (("fd", "memorisation"), f"memorisation cannot be measured: {alone}"),
    ):
        with pytest.raises(UserError, match=f"^{message}$"):
            measure(comparison, JUDGED, names, pytest.fail)
    with pytest.raises(UserError, match="^nothing can be measured: no weights; no judge; it needs real images"):
        measure(comparison, MISSING)


def test_a_score_that_turns_out_to_have_no_value_takes_nothing_from_the_others():
    """Real images that were held out and are copies of training images: memorisation cannot be measured."""
    real = image_set(300, 1)
    held_out = ImageSet("copies", real.images[:200])
    comparison, lines = Comparison(image_set(300, 0), real, held_out), []
    copies = "every test example is a copy of a training example: nothing distinguishes memorisation"
    for names in (None, ("fd", "memorisation")):
        scores = measure(comparison, JUDGED, names, lines.append)
        assert {"fd_judge"} <= {record["name"] for record in scores.records} <= set(SCORES) - {"memorisation"}
        assert scores.not_measured["memorisation"] == copies and not scores.memorisation
        assert f"not measured: memorisation: {copies}" in lines
    with pytest.raises(UserError, match=f"^nothing can be measured: {copies}$"):
        measure(comparison, JUDGED, ("memorisation",), lines.append)


def test_images_of_another_size_go_to_the_extractor_that_takes_them():
    any_size = extractor("inception", image_shape=(None, None, 3))
    fake, real = ImageSet("large", images(300, 0, size=16)), image_set(300, 1)
    lines = []
    scores = measure(Comparison(fake, real), {**BOTH, "inception": any_size}, report=lines.append)
    assert {record["extractor"] for record in scores.records} == {"inception"}
    assert scores.not_measured["fd"] == "the judge takes images of 8x8, those of large are 16x16"
    warning = by_name(scores, "inception")["fid"]["warning"]
    assert warning.endswith("images of 16x16 against 8x8: the size itself is a difference")
    assert f"warning: FID (inception): {warning}" in lines


def test_another_precision_is_another_extractor():
    reduced = extractor("inception", precision="mixed_bfloat16")
    found = measure(
        Comparison(image_set(60, 0), image_set(60, 1)), {**MISSING, "inception": reduced}, ("fid",), str
    ).records
    assert found[0]["extractor"] == "inception mixed_bfloat16"


def test_greyscale_is_compared_with_colour():
    grey = ImageSet("grey", images(60, 0)[..., :1])
    colour = ImageSet("colour", images(60, 0)[..., :1].repeat(3, axis=3))
    found = measure(Comparison(grey, colour), BOTH, ("fd",), str).records[0]
    assert found["value"] == pytest.approx(0, abs=1e-9)


def test_values_that_json_has_not_are_none(monkeypatch):
    monkeypatch.setattr("coursework.evaluation.scoring.gaussian_distance", lambda *moments: float("inf"))
    found = measure(Comparison(image_set(60, 0), image_set(60, 1)), BOTH, ("fd",), str).records[0]
    assert found["value"] is None and found["warning"].endswith("the value is not finite")


# ----------------------------------------------------------------- memorisation


def replayed(real, count, moved):
    """Return new images, the first `count` of them copies of real ones, flipped and shifted by a pixel if `moved`."""
    fake = images(200, 9)
    copies = real[40 : 40 + count]
    fake[:count] = numpy.roll(copies[:, :, ::-1], 1, axis=1) if moved else copies
    return ImageSet("replayed", fake)


@pytest.mark.parametrize("moved", [False, True])
def test_a_generator_that_replays_training_images_is_caught(moved):
    real, test = image_set(400, 0), image_set(300, 1)
    comparison = Comparison(replayed(real.images, 50, moved), real, test)
    scores = measure(comparison, BOTH, ("memorisation",), str)
    pixels, judged = scores.records
    assert (pixels["extractor"], pixels["extractor_sha256"], pixels["resize"]) == ("pixels", None, None)
    assert pixels["value"] == pytest.approx(0.25, abs=0.02) and pixels["error"] < 0.05
    assert (pixels["n"], pixels["reference_n"], pixels["floor"], pixels["floor_n"]) == (200, 400, 0.0, 300)
    training = TrainingImages(real.images)
    direct = memorisation(*(training.nearest(each.images) for each in (comparison.fake.images, test)))
    assert pixels["value"] == direct.value and pixels["threshold"] == direct.threshold
    first = pixels["suspicious"][0]
    assert first["training"] == first["sample"] + 40 and first["distance"] == 0.0 and len(pixels["suspicious"]) == 16
    assert first["flip"] == moved and (first["down"], first["right"]) == ((-1, 0) if moved else (0, 0))
    assert judged["extractor"] == "judge" and judged["floor_set"] == "set-1"
    # Colour statistics are those of the flipped image too.
    assert judged["value"] > 0.2
    assert list(scores.memorisation) == ["Pixels", "Judge features"]
    json.dumps(scores.records, allow_nan=False)


def test_searches_for_neighbours_are_done_once(monkeypatch):
    real, test = image_set(400, 0), image_set(300, 1)
    fake = replayed(real.images, 50, False)
    first = measure(Comparison(fake, real, test), BOTH, ("memorisation",), str).records
    monkeypatch.setattr(TrainingImages, "__init__", lambda *arguments: pytest.fail("these neighbours are on disk"))
    assert measure(Comparison(fake, real, test), BOTH, ("memorisation",), str).records == first
    assert len(list((cache.cache_folder() / "neighbours").iterdir())) == 4


@pytest.mark.parametrize(
    ("real", "held_out", "message"),
    [
        ({"seed": 0}, {"seed": 1, "count": 99}, "a 1 % quantile needs at least 100 test images, found 99"),
        ({"seed": 0}, {"seed": 0, "name": "again"}, "again holds the same images as set-0"),
        ({"seed": 0, "split": "test"}, {"seed": 1}, "nothing is trained on set-0: give the training images as REAL"),
    ],
)
def test_memorisation_needs_training_images_and_others(real, held_out, message):
    real, held_out = (image_set(**{"count": 150, **fields}) for fields in (real, held_out))
    with pytest.raises(UserError, match=f"^memorisation cannot be measured: {message}$"):
        measure(Comparison(image_set(150, 3), real, held_out), BOTH, ("memorisation",), str)
    other_size = ImageSet("large", images(150, 3, size=9))
    with pytest.raises(UserError, match="large holds images of 9x9, set-5 of 8x8"):
        measure(Comparison(other_size, image_set(150, 5), image_set(150, 6)), BOTH, ("memorisation",), str)
