"""MNIST's original files: read whole, told from others, and split where one half is missing."""

import gzip
import os
import sys

import numpy
import pytest

from coursework.data import load_dataset, mnist
from coursework.util.errors import UserError

COUNTS = {"train": 60, "test": 20}


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return header + array.astype(numpy.uint8).tobytes()


@pytest.fixture
def digits(in_tmp, monkeypatch):
    """Write files of MNIST with 60 and 20 images where COURSEWORK_DATA says; return {split: (images, labels)}."""
    monkeypatch.setattr(mnist, "PARTS", {split: (mnist.PARTS[split][0], count) for split, count in COUNTS.items()})
    monkeypatch.setenv("COURSEWORK_DATA", str(in_tmp / "data"))
    generator = numpy.random.default_rng(0)
    parts = {}
    for split, (prefix, count) in mnist.PARTS.items():
        images = generator.integers(0, 256, (count, 28, 28), numpy.uint8)
        parts[split] = images, numpy.arange(count) % 10
        for name in ("mnist", "fashion_mnist"):
            folder = in_tmp / "data" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
            (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(parts[split][1]))
    return parts


@pytest.mark.parametrize(("name", "title"), [("mnist", "MNIST"), ("fashion_mnist", "Fashion-MNIST")])
def test_the_original_files_are_read(digits, name, title):
    dataset = load_dataset(name)
    for split, (images, labels) in digits.items():
        found, found_labels = dataset.split(split)
        assert numpy.array_equal(found, images[..., None]) and found.dtype == numpy.uint8
        assert numpy.array_equal(found_labels, labels) and found_labels.dtype == numpy.int64
    assert (dataset.name, dataset.title, dataset.class_names) == (name, title, mnist.CLASS_NAMES[name])
    assert len(dataset.class_names) == 10


def test_a_few_digits(digits):
    whole, few = load_dataset("mnist"), load_dataset("mnist", ("8", "3"))
    assert few.class_names == ("8", "3") and few.class_counts == [6, 6] and few.title == "MNIST"
    assert numpy.array_equal(few.train_images, whole.train_images[numpy.isin(whole.train_labels, (3, 8))])
    assert few.train_labels.tolist() == [1, 0] * 6 and few.fingerprint != whole.fingerprint


@pytest.mark.parametrize(
    ("missing", "title"), [("train", "MNIST's test digits, 10 and 10"), ("t10k", "MNIST's training digits, 50 and 10")]
)
def test_one_split_alone_is_split_and_labelled_so(digits, in_tmp, missing, title):
    for file in (in_tmp / "data" / "mnist").glob(f"{missing}-*"):
        file.unlink()
    dataset = load_dataset("mnist")
    assert dataset.title == title
    # Of each digit a fifth, at least one.
    assert numpy.bincount(dataset.test_labels).tolist() == [1] * 10
    images, labels = digits["test" if missing == "train" else "train"]
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for found, found_labels in (dataset.split("train"), dataset.split("test")):
        assert [known.pop(image.tobytes()) for image in found] == found_labels.tolist()
    assert not known


def refusal():
    with pytest.raises(UserError) as caught:
        load_dataset("mnist")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_other_files_are_told_from_the_original_ones(digits, in_tmp):
    folder = in_tmp / "data" / "mnist"
    images, labels = folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte"
    good = images.read_bytes()
    not_original = f"{images} is not the original file: it should hold 20x28x28 numbers, in the IDX format"
    for content in (
        b"",
        gzip.decompress(good)[:-1],
        gzip.decompress(good) + b"x",
        gzip.compress(idx(numpy.zeros((20, 32, 32)))),
        gzip.compress(idx(numpy.zeros((19, 28, 28)))),
        b"<!DOCTYPE html>",
    ):
        images.write_bytes(content)
        assert refusal() == not_original
    images.write_bytes(good[:400])
    assert refusal().startswith(f"cannot read {images}: ")
    images.write_bytes(good)
    labels.write_bytes(idx(numpy.full(20, 10)))
    assert refusal() == f"{labels} holds labels above 9: it is not the original file"
    labels.unlink()
    assert refusal() == f"{folder} holds t10k-images without t10k-labels: put the original files there"
    for file in folder.iterdir():
        file.unlink()
    assert refusal() == f"{folder} holds no file train-images-idx3-ubyte.gz: put the original files there"


def test_without_files_and_tensorflow_datasets_one_line_says_what_to_do(in_tmp, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    assert refusal() == (
        'MNIST needs tensorflow-datasets (pip install -e ".[data]"); or put its original files into a folder mnist '
        "inside the one that COURSEWORK_DATA names"
    )
    monkeypatch.setenv("COURSEWORK_DATA", str(in_tmp))
    assert "needs tensorflow-datasets" in refusal()


@pytest.mark.skipif(not os.environ.get("COURSEWORK_DATA"), reason="COURSEWORK_DATA is not set")
def test_the_real_digits():
    folder = mnist.expanded(os.environ["COURSEWORK_DATA"]) / "mnist"
    if not (folder / "t10k-images-idx3-ubyte.gz").is_file():
        pytest.skip("COURSEWORK_DATA holds no mnist/")
    dataset = load_dataset("mnist")
    images = numpy.concatenate([dataset.train_images, dataset.test_images]) / 255
    # The constants that everyone normalises MNIST with, 0.1307 and 0.3081, are of the training digits.
    assert images.mean() == pytest.approx(0.1317, abs=2e-3) and images.std() == pytest.approx(0.309, abs=2e-3)
