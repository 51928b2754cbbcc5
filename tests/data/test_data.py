"""Folders of images: accepted and refused files, and when the cache is valid."""

import os
import shutil
import struct
import tempfile
import warnings
import zlib

import numpy
import pytest
from conftest import write_image_folder
from PIL import Image

from coursework.data import Dataset, image_files, load_dataset
from coursework.util.errors import UserError


def equal(first, second):
    names = ("train_images", "train_labels", "test_images", "test_labels")
    arrays = all(numpy.array_equal(getattr(first, name), getattr(second, name)) for name in names)
    return arrays and first.class_names == second.class_names and first.fingerprint == second.fingerprint


def by_class(dataset, split):
    """Return (images, labels) of a split in the order of a folder: by class, else as they were."""
    images, labels = dataset.split(split)
    order = numpy.argsort(labels, kind="stable")
    return images[order], labels[order]


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def tiny_folder(path, image=None):
    """Write two classes of one 2x2 image each; `image` takes the place of train/a/1.png."""
    grey = Image.new("RGB", (2, 2), (10, 20, 30))
    for split in ("train", "test"):
        for name in ("a", "b"):
            save(path / split / name / "1.png", grey)
    if image is not None:
        image.save(path / "train" / "a" / "1.png")
    return path


def test_a_folder_holds_what_was_written(image_folder, small_dataset):
    dataset = load_dataset(image_folder)
    assert (dataset.name, dataset.class_names) == ("animals", ("airplane", "bird", "deer", "horse"))
    assert dataset.image_shape == (32, 32, 3)
    for split in ("train", "test"):
        for found, expected in zip(dataset.split(split), by_class(small_dataset, split), strict=True):
            assert found.dtype == expected.dtype and numpy.array_equal(found, expected)


def test_names_and_relative_paths(image_folder, monkeypatch):
    assert equal(load_dataset("animals"), load_dataset(image_folder))
    monkeypatch.setenv("HOME", str(image_folder.parent))
    assert equal(load_dataset("~/animals"), load_dataset(image_folder))
    assert load_dataset("./animals/").name == "animals"


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("L", 7, (7, 7, 7)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (255, 0, 255, 0), (255, 255, 255)),
        ("RGBA", (1, 2, 3, 128), (128, 128, 129)),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("LA", (9, 128), (132, 132, 132)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
    ],
)
def test_every_common_kind_of_pixel_becomes_rgb(in_tmp, mode, color, expected):
    dataset = load_dataset(tiny_folder(in_tmp / "d", Image.new(mode, (2, 2), color)))
    assert dataset.train_images[0].tolist() == [[list(expected)] * 2] * 2
    assert dataset.train_images[1].tolist() == [[[10, 20, 30]] * 2] * 2


def test_palette_images_become_rgb(in_tmp):
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.info["transparency"] = b"\x00\xff"  # of the colour that no pixel has
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = load_dataset(tiny_folder(in_tmp / "d", image))
    assert dataset.train_images[0, 0, 0].tolist() == [200, 100, 50]
    image.info["transparency"] = 1
    assert load_dataset(tiny_folder(in_tmp / "e", image)).train_images[0, 0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".PNG", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".tif", ".TIFF"])
def test_common_formats_are_read(in_tmp, suffix):
    path = in_tmp / "d"
    for split, name in (("train", "a"), ("test", "a")):
        kind = {"format": "JPEG"} if suffix == ".jfif" else {}
        save(path / split / name / f"1{suffix}", Image.new("RGB", (4, 4), (200, 100, 50)), **kind)
    found = load_dataset(path).train_images.astype(int)
    lossy = suffix.lower() in (".jpg", ".jpeg", ".jfif", ".webp")
    assert abs(found - [200, 100, 50]).max() <= (4 if lossy else 0)


def test_files_that_are_not_named_like_images_are_ignored(image_folder, small_dataset):
    class_folder = image_folder / "train" / "bird"
    for name in ("notes.txt", "Thumbs.db", ".DS_Store", "._00001.png"):
        (class_folder / name).write_bytes(b"\x00")
    (image_folder / "train" / ".git").mkdir()
    (image_folder / "train" / "readme.md").touch()
    assert len(load_dataset(image_folder).train_images) == len(small_dataset.train_images)


def refusal(path):
    with pytest.raises(UserError) as caught:
        load_dataset(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_unknown_names_and_missing_folders(in_tmp):
    names = "cifar10, mnist, fashion_mnist, sprites, lines, tfds:NAME"
    assert refusal("cifar-10") == f'unknown data set "cifar-10": use {names} or the path of a folder'
    assert refusal("data/missing").startswith("no folder data/missing: give a folder with train/<class>/*")
    (in_tmp / "file.zip").touch()
    assert refusal(in_tmp / "file.zip").startswith("no folder ")


def test_incomplete_folders(in_tmp):
    path = in_tmp / "d"
    path.mkdir()
    suffixes = "(.bmp, .gif, .jfif, .jpeg, .jpg, .png, .tif, .tiff, .webp)"
    assert refusal(path) == f"{path} holds no images {suffixes}, nor do its subfolders"
    (path / "test").mkdir()
    assert refusal(path).startswith(f"{path} has no folder train, but a folder test: ")
    (path / "train").mkdir()
    assert refusal(path).startswith(f"{path / 'train'} holds no images {suffixes}")
    save(path / "test" / "a" / "1.png", Image.new("RGB", (2, 2)))
    (path / "train" / "b").mkdir()
    assert refusal(path).endswith("train and test must hold the same classes; they differ in a, b")
    (path / "test" / "b").mkdir()
    (path / "train" / "a").mkdir()
    assert refusal(path) == f"{path / 'train' / 'a'} holds no images {suffixes}"


def test_classes_must_agree(image_folder):
    shutil.rmtree(image_folder / "test" / "deer")
    (image_folder / "test" / "dog").mkdir()
    assert refusal(image_folder).endswith("must hold the same classes; they differ in deer, dog")


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", "cut", "flipped"])
def test_a_broken_image_among_good_ones_is_named(image_folder, content):
    file = image_folder / "train" / "horse" / sorted(os.listdir(image_folder / "train" / "horse"))[3]
    good = file.read_bytes()
    if content == "cut":
        content = good[: len(good) // 2]
    elif content == "flipped":
        content = good[:60] + bytes(byte ^ 255 for byte in good[60:90]) + good[90:]
    file.write_bytes(content)
    message = refusal(image_folder)
    assert message.startswith(f"cannot read the image {file}: ") and message.endswith("; repair or remove it")
    file.unlink()
    assert len(load_dataset(image_folder).train_images) == 63


def png_chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_start(width, height):
    """Return a PNG file of that size which ends after its first pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(1000)))


@pytest.mark.parametrize(
    ("size", "reason"),
    [((1025, 1), "at most 1024 pixels a side"), ((11000, 11000), "bomb"), ((60000, 60000), "bomb")],
)
def test_oversized_images_are_refused_before_they_are_decoded(in_tmp, size, reason):
    path = tiny_folder(in_tmp / "d")
    file = path / "test" / "b" / "2.png"
    file.write_bytes(png_start(*size))
    message = refusal(path)
    assert str(file) in message and reason in message


def test_pixels_of_more_than_8_bits_are_refused(in_tmp):
    path = tiny_folder(in_tmp / "d")
    file = path / "train" / "a" / "2.png"
    Image.fromarray(numpy.full((2, 2), 300, numpy.uint16)).save(file)
    assert refusal(path) == f"{file} has more than 8 bits a channel: save it with 8"


def test_images_of_another_size_are_named(in_tmp):
    path = tiny_folder(in_tmp / "d")
    save(path / "train" / "b" / "2.png", Image.new("RGB", (3, 2)))
    assert refusal(path) == f"{path / 'train' / 'b' / '2.png'} is 3x2, but 1.png is 2x2: use one size"
    (path / "train" / "b" / "2.png").unlink()
    for name in ("a", "b"):
        save(path / "test" / name / "1.png", Image.new("RGB", (2, 5)))
    assert refusal(path) == f"{path}: train images are 2x2, test images are 2x5"


def test_the_cache_is_used_and_equal(image_folder, monkeypatch):
    first = load_dataset(image_folder)
    (cache,) = (image_folder.parent / ".cache" / "images").iterdir()
    monkeypatch.setattr(image_files, "read_image", None)
    assert equal(load_dataset(image_folder), first)
    for damaged in (cache.read_bytes()[:5000], b"", b"no archive"):
        cache.write_bytes(damaged)
        with pytest.raises(TypeError):
            load_dataset(image_folder)
    monkeypatch.undo()
    monkeypatch.setenv("COURSEWORK_CACHE", str(cache.parents[1]))
    assert equal(load_dataset(image_folder), first)


@pytest.mark.parametrize("change", ["content", "added", "removed", "moved"])
def test_a_change_in_the_folder_invalidates_the_cache(image_folder, change):
    first = load_dataset(image_folder)
    file = sorted((image_folder / "train" / "bird").iterdir())[0]
    expected = first.train_images.copy()
    where = int(numpy.flatnonzero(first.train_labels == 1)[0])
    if change == "content":
        expected[where] = 255 - expected[where]
        Image.fromarray(expected[where]).save(file)
    elif change == "added":
        shutil.copy(file, file.with_name("99999.png"))
        expected = numpy.insert(expected, where + 16, expected[where], axis=0)
    elif change == "removed":
        file.unlink()
        expected = numpy.delete(expected, where, axis=0)
    else:
        file.rename(image_folder / "train" / "horse" / "99999.png")
        expected = numpy.append(numpy.delete(expected, where, axis=0), expected[where : where + 1], axis=0)
    second = load_dataset(image_folder)
    assert numpy.array_equal(second.train_images, expected)
    assert second.fingerprint != first.fingerprint


def test_an_unwritable_cache_is_not_needed(image_folder, monkeypatch):
    (image_folder.parent / "file").touch()
    monkeypatch.setenv("COURSEWORK_CACHE", str(image_folder.parent / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(image_folder.parent))
    assert len(load_dataset(image_folder).train_images) == 64


def test_a_renamed_class_keeps_its_images_under_the_new_name(image_folder):
    first = load_dataset(image_folder)
    for split in ("train", "test"):
        (image_folder / split / "bird").rename(image_folder / split / "cat")
    second = load_dataset(image_folder)
    assert second.class_names == ("airplane", "cat", "deer", "horse")
    assert numpy.array_equal(second.train_images, first.train_images) and second.fingerprint != first.fingerprint


def test_only_keeps_classes_in_the_order_given(small_dataset):
    subset = small_dataset.only(("horse", "bird"))
    assert subset.class_names == ("horse", "bird") and subset.name == "sprites"
    for split in ("train", "test"):
        images, labels = small_dataset.split(split)
        kept = numpy.isin(labels, (1, 3))
        assert numpy.array_equal(subset.split(split)[0], images[kept])
        assert numpy.array_equal(subset.split(split)[1], numpy.where(labels[kept] == 3, 0, 1))
    assert subset.fingerprint != small_dataset.fingerprint
    assert equal(small_dataset.only(small_dataset.class_names), small_dataset)


def test_refusals_of_a_data_set(small_dataset):
    with pytest.raises(UserError, match="^data set sprites has no class cow; it has airplane, bird, deer, horse$"):
        small_dataset.only(("horse", "cow"))
    with pytest.raises(UserError, match="^a class is named twice: horse, horse$"):
        small_dataset.only(("horse", "horse"))
    with pytest.raises(UserError, match='unknown split "valid"'):
        small_dataset.split("valid")


def test_different_data_sets_have_different_fingerprints():
    images = numpy.arange(24, dtype=numpy.uint8).reshape(2, 2, 2, 3)
    labels = numpy.array([0, 1])
    arguments = [images, labels, images, labels, ("a", "b")]
    variants = [list(arguments) for _ in range(6)]
    variants[1][0] = images.copy()
    variants[1][0][1, 1, 1, 2] ^= 1
    variants[2][1] = labels[::-1]
    variants[3][4] = ("a", "c")
    variants[4][0] = images.reshape(2, 4, 1, 3)
    variants[5][2] = images[::-1]
    fingerprints = [Dataset.from_arrays("any", *variant).fingerprint for variant in variants]
    assert len(set(fingerprints)) == len(variants)
    assert Dataset.from_arrays("other", *arguments).fingerprint == fingerprints[0]


def test_the_written_order_of_images_does_not_matter(in_tmp, small_dataset):
    dataset = small_dataset.only(("horse", "bird"))
    assert equal(*(load_dataset(write_image_folder(in_tmp / name, dataset)) for name in ("one", "two")))
