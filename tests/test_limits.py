"""Large inputs: a data set of 100,000 files, a cache that grows."""

import os

import numpy
import pytest
from PIL import Image

from coursework.data import load_dataset
from coursework.util import cache

# Hard links to one file that any file system allows.
LINKS = 20_000


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "link"), reason="this system has no hard links")
def test_a_hundred_thousand_images_are_read_once_and_kept(in_tmp):
    generator = numpy.random.default_rng(0)
    originals = generator.integers(0, 256, (6, 32, 32, 3), dtype=numpy.uint8)
    for index, image in enumerate(originals):
        Image.fromarray(image).save(in_tmp / f"{index}.png", compress_level=0)
    for split, count in (("train", 90_000), ("test", 10_000)):
        for label in range(2):
            (in_tmp / "large" / split / str(label)).mkdir(parents=True)
        for index in range(count):
            os.link(in_tmp / f"{index // LINKS}.png", in_tmp / "large" / split / str(index % 2) / f"{index:06d}.png")
    dataset = load_dataset(str(in_tmp / "large"))
    assert dataset.train_images.shape == (90_000, 32, 32, 3) and dataset.test_images.shape == (10_000, 32, 32, 3)
    # Files are sorted within their class: even numbers, then odd ones.
    for place, index in ((0, 0), (10_000, 20_000), (44_999, 89_998), (45_000, 1), (89_999, 89_999)):
        assert numpy.array_equal(dataset.train_images[place], originals[index // LINKS])
    assert dataset.train_labels.tolist() == [0] * 45_000 + [1] * 45_000
    (file,) = (in_tmp / ".cache" / "images").iterdir()
    assert file.stat().st_size < 1.01 * 100_000 * 3072 + 2**20
    assert load_dataset(str(in_tmp / "large")).fingerprint == dataset.fingerprint


def test_decoded_data_sets_do_not_fill_the_disk(image_folder, monkeypatch):
    """The decoded copy that was unused for longest is removed when the limit is exceeded."""
    folder = cache.cache_folder() / "images"
    monkeypatch.setattr(cache, "LARGEST_TOTAL", 700_000)
    sizes = []
    for number in range(4):
        changed = next((image_folder / "train" / "horse").iterdir())
        Image.fromarray(numpy.full((32, 32, 3), number, numpy.uint8)).save(changed)
        load_dataset(str(image_folder))
        sizes.append(sum(file.stat().st_size for file in folder.iterdir()))
    one = sizes[0]
    assert 96 * 3072 < one < 350_000
    assert sizes == [one, 2 * one, 2 * one, 2 * one]
