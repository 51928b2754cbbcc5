"""Features of images: what is kept, what is computed again, and where an interrupted extraction goes on."""

import dataclasses
import tempfile

import numpy
import pytest

from coursework.extractors import extractor as extraction
from coursework.extractors.extractor import Extractor, extract_features
from coursework.util.errors import UserError


class Mean:
    """Computes the mean colour of images and counts the images that it was given."""

    def __init__(self, stop_after=None):
        self.seen = 0
        self.stop_after = stop_after

    def __call__(self, images):
        if self.stop_after is not None and self.seen >= self.stop_after:
            raise KeyboardInterrupt
        self.seen += len(images)
        means = images.mean(axis=(1, 2))
        return {"features": means, "logits": 2 * means, "unused": means}


def mean_extractor(**changes):
    fields = {
        "name": "mean",
        "sha256": "ab" * 32,
        "image_shape": (4, 4, 3),
        "resize": None,
        "precision": "float32",
        "outputs": ("features", "logits"),
        "block": 10,
        "compute": Mean(),
    }
    return Extractor(**{**fields, **changes})


@pytest.fixture
def images():
    return numpy.random.default_rng(0).integers(0, 256, (35, 4, 4, 3), numpy.uint8)


def blocks(folder):
    return sorted((folder / ".cache" / "features").rglob("*.npz"))


def test_features_are_those_of_every_image_and_computed_once(in_tmp, images):
    extractor = mean_extractor()
    first = extract_features(extractor, images)
    assert set(first) == {"features", "logits"} and first["features"].dtype == numpy.float32
    numpy.testing.assert_allclose(first["features"], images.mean(axis=(1, 2)), rtol=1e-6)
    assert numpy.array_equal(first["logits"], 2 * first["features"])
    assert extractor.compute.seen == 35 and len(blocks(in_tmp)) == 4
    again = extract_features(extractor, images.copy(), title="under another name")
    assert extractor.compute.seen == 35
    assert all(numpy.array_equal(again[name], first[name]) for name in first)
    # Of a set that begins alike only the rest is new.
    extract_features(extractor, numpy.concatenate([images[:30], 255 - images]))
    assert extractor.compute.seen == 35 + 35


def test_an_interrupted_extraction_goes_on_where_it_stopped(in_tmp, images):
    with pytest.raises(KeyboardInterrupt):
        extract_features(mean_extractor(compute=Mean(stop_after=20)), images)
    assert len(blocks(in_tmp)) == 2
    extractor = mean_extractor()
    found = extract_features(extractor, images)
    assert extractor.compute.seen == 15
    numpy.testing.assert_allclose(found["features"], images.mean(axis=(1, 2)), rtol=1e-6)


@pytest.mark.parametrize("damage", ["truncated", "other arrays", "other length", "other type"])
def test_a_damaged_block_is_computed_again(in_tmp, images, damage):
    extractor = mean_extractor()
    first = extract_features(extractor, images)
    with numpy.load(blocks(in_tmp)[0]) as content:
        arrays = dict(content)
    if damage == "truncated":
        blocks(in_tmp)[0].write_bytes(blocks(in_tmp)[0].read_bytes()[:-40])
    elif damage == "other arrays":
        numpy.savez(blocks(in_tmp)[0], features=arrays["features"])
    elif damage == "other length":
        numpy.savez(blocks(in_tmp)[0], **{name: array[:-1] for name, array in arrays.items()})
    else:
        numpy.savez(blocks(in_tmp)[0], **{name: array.astype(float) for name, array in arrays.items()})
    again = extract_features(extractor, images)
    assert extractor.compute.seen - 35 in (5, 10)
    assert numpy.array_equal(again["features"], first["features"])


@pytest.mark.parametrize("change", ["sha256", "precision", "name", "version", "image", "not cached"])
def test_other_conditions_are_computed_anew(in_tmp, images, monkeypatch, change):
    extract_features(mean_extractor(), images)
    extractor, expected = mean_extractor(), 35
    if change in ("sha256", "precision", "name"):
        extractor = mean_extractor(**{change: "cd" * 32})
    elif change == "version":
        monkeypatch.setattr(extraction, "VERSION", 2)
    elif change == "image":
        images[12, 0, 0, 0] ^= 1
        expected = 10
    extract_features(extractor, images, cached=change != "not cached")
    assert extractor.compute.seen == expected


def test_nothing_is_kept_where_that_is_not_wanted_or_not_possible(in_tmp, images, monkeypatch):
    extract_features(mean_extractor(), images, cached=False)
    assert blocks(in_tmp) == []
    (in_tmp / "file").touch()
    monkeypatch.setenv("COURSEWORK_CACHE", str(in_tmp / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(in_tmp))
    numpy.testing.assert_allclose(
        extract_features(mean_extractor(), images)["features"], images.mean(axis=(1, 2)), rtol=1e-6
    )


def test_the_cache_is_bounded(in_tmp, images, monkeypatch):
    monkeypatch.setattr("coursework.util.cache.LARGEST_TOTAL", 0)
    extract_features(mean_extractor(), images)
    assert blocks(in_tmp) == []


def test_grey_images_are_those_of_equal_channels(in_tmp, images):
    grey = images[..., :1]
    expected = extract_features(mean_extractor(), grey.repeat(3, axis=3), cached=False)
    assert numpy.array_equal(extract_features(mean_extractor(), grey, cached=False)["features"], expected["features"])


@pytest.mark.parametrize(
    ("shape", "own", "message"),
    [
        ((2, 8, 4, 3), (4, 4, 3), "the mean takes images of 4x4, those of mine are 4x8"),
        ((2, 4, 4, 3), (4, 4, 1), "the mean takes greyscale images, those of mine have 3 channels"),
        ((0, 4, 4, 3), (4, 4, 3), "mine: expected uint8 images .*"),
        ((2, 4, 4), (4, 4, 3), "mine: expected uint8 images .*"),
    ],
)
def test_images_that_cannot_be_taken(in_tmp, shape, own, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        extract_features(mean_extractor(image_shape=own), numpy.zeros(shape, numpy.uint8), "mine")
    with pytest.raises(UserError, match="expected uint8 images"):
        extract_features(mean_extractor(), numpy.zeros((1, 4, 4, 3)), "mine")


def test_any_size_where_the_extractor_takes_any(in_tmp):
    images = numpy.full((3, 7, 9, 3), 5, numpy.uint8)
    found = extract_features(mean_extractor(image_shape=(None, None, 3)), images)
    assert numpy.array_equal(found["features"], numpy.full((3, 3), 5.0))
    assert dataclasses.replace(mean_extractor(), image_shape=(None, None, 3)).problem(images, "mine") is None
