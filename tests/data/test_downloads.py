"""Data sets of tensorflow-datasets by name: what becomes of their content, and what is refused in one line."""

import sys
import types
import urllib.error
import urllib.request

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
        ({"splits": ("test", "more")}, "no split train; it has test, more"),
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


@pytest.mark.parametrize(
    ("addresses", "asked"), [(None, []), ({"https://example.org/a.zip": 1}, ["https://example.org/a.zip"])]
)
def test_the_server_is_asked_before_a_download(provide, in_tmp, monkeypatch, addresses, asked):
    requested = []

    def unreachable(request, timeout):
        requested.append(request.full_url)
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    provide("words", url_infos=addresses, data_path=in_tmp / "none")
    if asked:
        with pytest.raises(UserError, match="^cannot download the data set words .*Name or service not known"):
            load_dataset("tfds:words")
    else:
        load_dataset("tfds:words")
    assert requested == asked


def test_mnist_has_the_same_classes_wherever_it_comes_from(provide, monkeypatch):
    provide("mnist", names=[str(digit) for digit in range(10)])
    dataset = load_dataset("mnist")
    assert (dataset.name, dataset.title, dataset.class_names) == ("mnist", "MNIST", mnist.CLASS_NAMES["mnist"])
    provide("fashion_mnist", names=["T - shirt / top"] * 10)
    assert load_dataset("fashion_mnist").class_names[:2] == ("t-shirt", "trouser")


@pytest.mark.slow
def test_the_real_library_makes_a_data_set_of_them(in_tmp, monkeypatch):
    """A data set of the library's own kind, which needs no network, once made and once read again."""
    library = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(in_tmp))
    images = numpy.random.default_rng(0).integers(0, 256, (20, 5, 4, 3), numpy.uint8)

    class SmallInsects(library.core.GeneratorBasedBuilder):
        VERSION = library.core.Version("1.0.0")

        def _info(self):
            features = {
                "image": library.features.Image(shape=(5, 4, 3)),
                "label": library.features.ClassLabel(names=["ant", "bee"]),
            }
            features = library.features.FeaturesDict(features)
            return library.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "label"))

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(range(16)), "test": self._generate_examples(range(16, 20))}

        def _generate_examples(self, places):
            for place in places:
                yield place, {"image": images[place], "label": place % 2}

    for _ in range(2):
        dataset = load_dataset("tfds:small_insects")
        assert dataset.class_names == ("ant", "bee") and dataset.class_counts == [8, 8]
        assert dataset.train_images.dtype == numpy.uint8 and dataset.image_shape == (5, 4, 3)
        known = {image.tobytes(): place for place, image in enumerate(images)}
        for split, places in (("train", range(16)), ("test", range(16, 20))):
            found = [known[image.tobytes()] for image in dataset.split(split)[0]]
            assert sorted(found) == list(places)
            assert dataset.split(split)[1].tolist() == [place % 2 for place in found]
