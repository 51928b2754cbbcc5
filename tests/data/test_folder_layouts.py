"""Folders without a test split, without splits at all, and without classes; what is held out."""

import hashlib
import shutil
import subprocess
import sys

import numpy
import pytest
from conftest import write_image_folder
from PIL import Image

from coursework.data import load_dataset
from coursework.data.held_out import held_out
from coursework.util.errors import UserError


def write(folder, images, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index:03d}{suffix}")
    return folder


@pytest.fixture
def images():
    return numpy.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), numpy.uint8)


def pixels(images):
    return {image.tobytes() for image in images}


def test_a_flat_folder_is_one_class_of_which_a_tenth_is_held_out(in_tmp, images, capfd):
    write(in_tmp / "pics", images)
    dataset = load_dataset("pics")
    assert dataset.class_names == ("images",) and dataset.name == "pics"
    assert len(dataset.train_images) == 36 and len(dataset.test_images) == 4
    assert pixels(dataset.train_images) | pixels(dataset.test_images) == pixels(images)
    assert not dataset.train_labels.any() and not dataset.test_labels.any()
    assert capfd.readouterr().err == (
        "pics: images outside class folders: all are one class\n"
        "pics: no folder test: 4 of 40 images are held out, by the hash of each image\n"
    )


def test_names_and_places_change_nothing(in_tmp, images):
    """The same pixels under other names, in another order and format, in a folder of another name."""
    first = load_dataset(write(in_tmp / "pics", images))
    second = load_dataset(write(in_tmp / "others", images[::-1], ".bmp"))
    assert pixels(first.test_images) == pixels(second.test_images)
    shutil.copytree(in_tmp / "pics", in_tmp / "moved")
    assert load_dataset("moved").fingerprint == first.fingerprint


def test_what_is_held_out_has_the_lowest_hashes_of_its_class(images):
    labels = numpy.arange(40) % 2
    chosen = held_out(images, labels, ("a", "b"))
    hashes = numpy.array([hashlib.sha256(image.tobytes()).hexdigest() for image in images])
    for label in (0, 1):
        assert max(hashes[chosen & (labels == label)]) < min(hashes[~chosen & (labels == label)])
        assert chosen[labels == label].sum() == 2
    assert held_out(images, labels, ("a", "b"), parts=5).sum() == 8


def test_equal_images_are_never_on_both_sides(images):
    copies = images[numpy.arange(40) % 7]
    chosen = held_out(copies, numpy.zeros(40, int), ("a",))
    assert 0 < chosen.sum() < 40 and not pixels(copies[chosen]) & pixels(copies[~chosen])


@pytest.mark.parametrize("count", [1, 3])
def test_a_class_of_equal_images_cannot_be_split(in_tmp, images, count):
    write(in_tmp / "pics" / "a", images)
    write(in_tmp / "pics" / "b", images[[0] * count])
    with pytest.raises(UserError, match="^no test images can be held out of the class b: it has no two images that"):
        load_dataset("pics")


@pytest.mark.parametrize("root", ["", "train"])
def test_class_folders_without_a_test_split(in_tmp, small_dataset, root):
    write_image_folder(in_tmp / "x", small_dataset)
    place = in_tmp / "pics" / root
    shutil.copytree(in_tmp / "x" / "train", place)
    dataset = load_dataset("pics")
    assert dataset.class_names == small_dataset.class_names
    assert dataset.class_counts == [14] * 4 and numpy.bincount(dataset.test_labels).tolist() == [2] * 4
    for label in range(4):
        own = pixels(small_dataset.train_images[small_dataset.train_labels == label])
        for images, labels in (dataset.split("train"), dataset.split("test")):
            assert pixels(images[labels == label]) <= own


def test_a_folder_without_images_beside_classes_is_passed_over(in_tmp, images):
    write(in_tmp / "pics" / "a", images[:20])
    write(in_tmp / "pics" / "b" / "deep", images[20:])
    (in_tmp / "pics" / "notes").mkdir()
    (in_tmp / "pics" / "notes" / "x.txt").touch()
    assert load_dataset("pics").class_names == ("a", "b")


def test_flat_splits_are_one_class(in_tmp, images):
    write(in_tmp / "pics" / "train", images[:30])
    write(in_tmp / "pics" / "test", images[30:])
    dataset = load_dataset("pics")
    assert dataset.class_names == ("images",)
    assert numpy.array_equal(dataset.train_images, images[:30]) and numpy.array_equal(dataset.test_images, images[30:])
    write(in_tmp / "pics" / "test" / "a", images[:1])
    shutil.move(in_tmp / "pics" / "train", in_tmp / "train")
    shutil.move(in_tmp / "train", in_tmp / "pics" / "train" / "a")
    with pytest.raises(UserError, match="must hold the same classes; they differ in a, images$"):
        load_dataset("pics")


def test_what_was_done_to_images_is_said_again_when_they_come_from_the_cache(in_tmp, images):
    write(in_tmp / "pics", images)
    Image.new("RGBA", (5, 6), (255, 0, 255, 0)).save(in_tmp / "pics" / "x.png")
    program = "from coursework.data import load_dataset; d = load_dataset('pics'); print(d.fingerprint)"
    first, second = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60) for _ in range(2)
    )
    assert "pics: images transparent in places, put on white: 1 of 41\n" in first.stderr
    assert (first.stdout, first.stderr) == (second.stdout, second.stderr)
