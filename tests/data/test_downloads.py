"""Data sets of tensorflow-datasets by name: what becomes of their content, and what is refused in one line."""

import sys
import types

import numpy
import pytest

from coursework.config.presets import PRESETS
from coursework.data import load_dataset, mnist, short_name
from coursework.training.run import Run
from coursework.util.errors import UserError

SHAPE = (8, 6, 3)


def builder(in_tmp, splits=("train", "test"), shape=SHAPE, names=("ant", "bee"), keys=("image", "label"), **more):
    """Return what stands for a builder of tensorflow-datasets, with twenty images a split."""
    features = {
        "image": types.SimpleNamespace(shape=shape, dtype=numpy.uint8),
        "label": types.SimpleNamespace(shape=(), names=names and list(names)),
    }
    content = {
        split: {
            "image": numpy.random.default_rng(index).integers(0, 256, (20, *SHAPE), numpy.uint8),
            "label": numpy.arange(20, dtype=numpy.int32) % 2,
        }
        for index, split in enumerate(splits)
    }
    info = types.SimpleNamespace(supervised_keys=keys, features=features, splits=splits)
    made = {
        "data_path": in_tmp,
        "info": info,
        "download_and_prepare": lambda: None,
        "as_dataset": lambda split, batch_size: [content[name] for name in split],
        "content": content,
    }
    return types.SimpleNamespace(**made | more)


@pytest.fixture
def provide(in_tmp, monkeypatch):
    def provide(name, **options):
        found = builder(in_tmp, **options)
        module = types.SimpleNamespace(builder={name: found}.__getitem__, as_numpy=lambda content: content)
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
        return found.content

    return provide


def test_any_image_classification_set_by_its_name(provide):
    content = provide("insects/small:1.0.0")
    dataset = load_dataset("tfds:insects/small:1.0.0")
    for split in ("train", "test"):
        images, labels = dataset.split(split)
        assert numpy.array_equal(images, content[split]["image"]) and images.dtype == numpy.uint8
        assert numpy.array_equal(labels, content[split]["label"]) and labels.dtype == numpy.int64
    assert dataset.class_names == ("ant", "bee")
    assert dataset.name == short_name("tfds:insects/small:1.0.0") == "tfds-insects-small-1.0.0"
    config = PRESETS["gan"].with_setting("dataset", "tfds:insects/small:1.0.0")
    assert Run.of(config).path.as_posix() == "reports/runs/gan-tfds-insects-small-1.0.0-s0"


def test_without_a_test_split_a_tenth_is_held_out(provide, capfd):
    content = provide("insects", splits=("train", "validation"))
    dataset = load_dataset("tfds:insects")
    assert dataset.class_counts == [9, 9] and numpy.bincount(dataset.test_labels).tolist() == [1, 1]
    together = numpy.concatenate([dataset.train_images, dataset.test_images])
    assert sorted(image.tobytes() for image in together) == sorted(
        image.tobytes() for image in content["train"]["image"]
    )
    assert capfd.readouterr().err == (
        "tfds:insects: no split test: 2 of 20 images are held out, by the hash of each image\n"
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"keys": None}, "no images with labels"),
        ({"keys": ("text", "label")}, "no images with labels"),
        ({"names": None}, "no images of uint8 with named classes"),
        ({"shape": (None, None, 3)}, "images of several sizes: write them to a folder in one size"),
    ],
)
def test_other_sets_are_refused(provide, options, reason):
    provide("words", **options)
    with pytest.raises(UserError, match=f"^the data set words has {reason}"):
        load_dataset("tfds:words")


def test_failures_say_what_to_do(provide, in_tmp, monkeypatch):
    def fail():
        raise AssertionError("two heads\nand a tail")

    provide("words", download_and_prepare=fail)
    with pytest.raises(UserError, match=r"^cannot read the data set words in .* \(two heads\): remove that folder, "):
        load_dataset("tfds:words")
    provide("words", download_and_prepare=fail, data_path=in_tmp / "none")
    with pytest.raises(UserError) as caught:
        load_dataset("tfds:words")
    assert str(caught.value) == (
        "cannot download the data set words (two heads): connect to the network, or give a folder of images"
    )
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(
        UserError, match=r'^the data set words needs tensorflow-datasets \(pip install -e "\.\[data\]"\)'
    ):
        load_dataset("tfds:words")


def test_mnist_has_the_same_classes_wherever_it_comes_from(provide, monkeypatch):
    provide("mnist", names=[str(digit) for digit in range(10)])
    dataset = load_dataset("mnist")
    assert (dataset.name, dataset.title, dataset.class_names) == ("mnist", "MNIST", mnist.CLASS_NAMES["mnist"])
    provide("fashion_mnist", names=["T - shirt / top"] * 10)
    assert load_dataset("fashion_mnist").class_names[:2] == ("t-shirt", "trouser")


def test_the_real_library_has_what_is_asked_of_it(in_tmp, monkeypatch):
    """No network: only that a builder's information is where it is looked for."""
    library = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(in_tmp))
    from coursework.data import downloads

    made = library.builder("mnist", data_dir=str(in_tmp))
    assert downloads._keys(made.info, "MNIST") == ("image", "label")
    assert made.info.features["label"].names == list("0123456789")
    assert all(url.startswith("http") for url in made.url_infos) and made.url_infos
