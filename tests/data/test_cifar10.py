"""CIFAR-10: a local copy, the missing network, and the real images where COURSEWORK_DATA has them."""

import dataclasses
import io
import os
import shutil
import sys
import types
import urllib.error
import urllib.request

import numpy
import pytest
from conftest import write_image_folder
from PIL import Image

from coursework.data import cifar10, load_dataset
from coursework.data.dataset import Dataset
from coursework.util.errors import UserError

needs_real_images = pytest.mark.skipif(not os.environ.get("COURSEWORK_DATA"), reason="COURSEWORK_DATA is not set")


@pytest.fixture
def local_copy(in_tmp, monkeypatch):
    """Put one random training and test image of each class where COURSEWORK_DATA says, and return the data set."""
    images = numpy.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=numpy.uint8)
    labels = numpy.arange(10)
    dataset = Dataset.from_arrays("cifar10", images[:10], labels, images[10:], labels, cifar10.CLASS_NAMES)
    write_image_folder(in_tmp / "data" / "cifar10", dataset)
    monkeypatch.setenv("COURSEWORK_DATA", str(in_tmp / "data"))
    monkeypatch.setattr(cifar10, "PER_CLASS", {"train": 1, "test": 1})
    return dataset


def test_a_local_copy_is_read(local_copy):
    found = load_dataset("cifar10")
    assert found.name == "cifar10" and found.fingerprint == local_copy.fingerprint
    assert numpy.array_equal(found.train_images, local_copy.train_images)
    assert found.class_names == (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )


def test_the_label_of_a_lossy_copy_says_so(local_copy, in_tmp, monkeypatch):
    assert cifar10.label() == "CIFAR-10 (local copy)"
    horses = in_tmp / "data" / "cifar10" / "train" / "horse"
    (horses / "99999.png").write_bytes(jpeg(local_copy.train_images[7]))
    assert cifar10.label() == "CIFAR-10 (JPEG copy)"
    (horses / "99999.png").unlink()
    # Nor does a name make a copy lossy.
    for file in horses.iterdir():
        file.rename(file.with_suffix(".jpg"))
    assert cifar10.label() == "CIFAR-10 (local copy)"
    monkeypatch.delenv("COURSEWORK_DATA")
    assert cifar10.label() == "CIFAR-10"


def jpeg(image):
    """Return the bytes of an image as a JPEG file."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, format="JPEG")
    return content.getvalue()


def refusal(dataset, in_tmp, monkeypatch):
    """Return the line on a local copy of `dataset`, after the name of its folder."""
    shutil.rmtree(in_tmp / "data" / "cifar10", ignore_errors=True)
    write_image_folder(in_tmp / "data" / "cifar10", dataset)
    monkeypatch.setenv("COURSEWORK_DATA", str(in_tmp / "data"))
    with pytest.raises(UserError) as caught:
        load_dataset("cifar10")
    line = str(caught.value).removeprefix(f"{in_tmp / 'data' / 'cifar10'} is not CIFAR-10: ")
    problem, remedies = line.split("; ")
    assert remedies == (
        "complete it, unset COURSEWORK_DATA to download, or name these images by their folder: --dataset "
        f"{in_tmp / 'data' / 'cifar10'}"
    )
    return problem


def test_a_local_copy_is_seen_to_be_cifar10(local_copy, in_tmp, monkeypatch):
    """Two classes of 40 images, a copy that is not complete, images of another size."""
    images = numpy.random.default_rng(0).integers(0, 256, (80, 32, 32, 3), dtype=numpy.uint8)
    pair = Dataset.from_arrays("x", images, numpy.arange(80) % 2, images, numpy.arange(80) % 2, ("cat", "dog"))
    assert refusal(pair, in_tmp, monkeypatch) == "its classes are cat, dog"
    small = dataclasses.replace(local_copy, train_images=local_copy.train_images[:, :16], test_images=images[:10, :16])
    assert refusal(small, in_tmp, monkeypatch) == "its images are of 16x32x3, not of 32x32x3"
    monkeypatch.setattr(cifar10, "PER_CLASS", {"train": 1, "test": 1000})
    assert refusal(local_copy, in_tmp, monkeypatch) == "test/airplane holds 1 images, not 1,000"
    assert load_dataset(in_tmp / "data" / "cifar10").name.startswith("cifar10-")


def test_a_wrong_place_is_named(in_tmp, monkeypatch):
    monkeypatch.setenv("COURSEWORK_DATA", str(in_tmp / "nowhere"))
    with pytest.raises(UserError, match=r"^COURSEWORK_DATA names .*nowhere, which has no folder cifar10: put "):
        load_dataset("cifar10")
    (in_tmp / "nowhere" / "cifar10").mkdir(parents=True)
    with pytest.raises(UserError, match="cifar10 holds no images"):
        load_dataset("cifar10")


def test_without_copy_and_network_one_line_says_what_to_do(in_tmp, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(in_tmp))
    requested = []

    def unreachable(request, timeout):
        requested.append((request.full_url, request.get_method(), timeout))
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.setattr("tensorflow_datasets.core.DatasetBuilder.data_path", in_tmp / "none")
    with pytest.raises(UserError) as caught:
        load_dataset("cifar10")
    assert requested == [(cifar10.ARCHIVE, "HEAD", 15)]
    message = str(caught.value)
    assert "\n" not in message and message.startswith("cannot download CIFAR-10 (")
    for part in ("Name or service not known", "connect to the network", "set COURSEWORK_DATA", "--dataset sprites"):
        assert part in message


def test_without_tensorflow_datasets_one_line_says_what_to_do(in_tmp, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r'pip install -e "\.\[data\]"') as caught:
        load_dataset("cifar10")
    assert "COURSEWORK_DATA" in str(caught.value)


FEATURES = {
    "image": types.SimpleNamespace(shape=(32, 32, 3), dtype="uint8"),
    "label": types.SimpleNamespace(shape=(), names=list(cifar10.CLASS_NAMES)),
}
INFO = types.SimpleNamespace(supervised_keys=("image", "label"), features=FEATURES, splits=("train", "test"))


def test_data_from_tensorflow_datasets_become_a_data_set(in_tmp, monkeypatch):
    splits = [
        {"image": numpy.full((count, 32, 32, 3), count, numpy.uint8), "label": numpy.arange(count)} for count in (4, 2)
    ]

    class Builder:
        data_path = in_tmp
        info = INFO

        def download_and_prepare(self):
            pass

        def as_dataset(self, split, batch_size):
            return {("train", "test"): splits}[tuple(split)] if batch_size == -1 else None

    class TensorflowDatasets:
        builder = staticmethod({"cifar10": Builder()}.__getitem__)
        as_numpy = staticmethod(lambda content: content)

    monkeypatch.setitem(sys.modules, "tensorflow_datasets", TensorflowDatasets)
    dataset = load_dataset("cifar10")
    assert (dataset.train_images == 4).all() and dataset.train_images.shape == (4, 32, 32, 3)
    assert (dataset.test_images == 2).all() and dataset.test_images.shape == (2, 32, 32, 3)
    assert dataset.train_labels.tolist() == [0, 1, 2, 3] and dataset.test_labels.dtype == numpy.int64
    assert dataset.class_names == cifar10.CLASS_NAMES


def test_a_download_that_was_left_half_made_is_named(in_tmp, monkeypatch):
    class Builder:
        data_path, info = in_tmp / "cifar10" / "3.0.2", INFO

        def download_and_prepare(self):
            raise AssertionError("two heads\nand a tail")

    class TensorflowDatasets:
        builder = staticmethod({"cifar10": Builder()}.__getitem__)

    Builder.data_path.mkdir(parents=True)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", TensorflowDatasets)
    with pytest.raises(UserError) as caught:
        load_dataset("cifar10")
    assert str(caught.value) == (
        f"cannot read CIFAR-10 in {Builder.data_path} (two heads): remove that folder, which an interrupted download "
        "may have left, to download it again"
    )


@needs_real_images
def test_the_real_images():
    dataset = load_dataset("cifar10")
    assert dataset.train_images.shape == (50_000, 32, 32, 3) and dataset.test_images.shape == (10_000, 32, 32, 3)
    assert numpy.bincount(dataset.train_labels).tolist() == [5000] * 10
    assert numpy.bincount(dataset.test_labels).tolist() == [1000] * 10
    # The constants that everyone normalises CIFAR-10 with; JPEG copies keep them to the third digit, whatever decodes
    # them, while the fingerprint depends on the decoder.
    pixels = dataset.train_images.reshape(-1, 3)
    assert pixels.mean(axis=0, dtype=numpy.float64) / 255 == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)
    assert pixels.std(axis=0, dtype=numpy.float64) / 255 == pytest.approx([0.2470, 0.2435, 0.2616], abs=4e-3)
    # Labels go with their classes: ships stand before blue, frogs before brown. Measured on the JPEG copy.
    means = {
        name: dataset.train_images[dataset.train_labels == label].mean(axis=(0, 1, 2))
        for label, name in enumerate(dataset.class_names)
    }
    assert means["ship"] == pytest.approx([125.0, 134.0, 141.4], abs=1)
    assert means["frog"] == pytest.approx([119.8, 111.8, 88.1], abs=1)
    assert means["horse"] == pytest.approx([128.0, 122.3, 106.3], abs=1)
