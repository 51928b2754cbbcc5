"""Sets of images by name: what is found, what its pixels become, and what is refused in one line."""

import re
import shutil

import numpy
import pytest
from conftest import write_image_folder
from PIL import Image

from coursework.data import image_files, load_dataset
from coursework.evaluation.sources import ImageSet, find_source, read_source, with_equal_channels
from coursework.training.run import Run
from coursework.util.errors import UserError


def read(text, **options):
    return read_source(find_source(str(text)), **options)


def refusal(text, **options):
    with pytest.raises(UserError) as caught:
        read(text, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def images():
    return numpy.random.default_rng(0).integers(0, 256, (12, 6, 5, 3), numpy.uint8)


def write_folder(path, images, suffix=".png"):
    path.mkdir(parents=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(path / f"{index:03d}{suffix}")
    return path


# ---------------------------------------------------------------------- folders


def test_a_folder_its_subfolders_and_files_of_arrays_are_the_same_set(in_tmp, images):
    write_folder(in_tmp / "flat", images)
    write_folder(in_tmp / "deep" / "a", images[:5])
    write_folder(in_tmp / "deep" / "b" / "c", images[5:])
    for name in ("notes.txt", "._000.png", "Thumbs.db"):
        (in_tmp / "deep" / "b" / name).write_bytes(b"\x00")
    (in_tmp / "deep" / ".git").mkdir()
    shutil.copy(in_tmp / "flat" / "000.png", in_tmp / "deep" / ".git")
    numpy.savez(in_tmp / "named.npz", images=images, labels=numpy.zeros(12))
    numpy.savez_compressed(in_tmp / "only.npz", images)
    numpy.save(in_tmp / "plain.npy", images)
    for text in ("flat", "deep", "./deep/", "named.npz", "only.npz", "plain.npy"):
        found = read(text)
        notes = ("skipped files: 2 hidden, 2 without the suffix of an image, such as Thumbs.db",)
        assert found.notes == (notes if "deep" in text else ())
        assert (found.name, found.size, found.dataset) == (text, "5x6", None)
        assert found.images.dtype == numpy.uint8 and numpy.array_equal(found.images, images)


def test_a_set_too_large_for_memory_is_the_same_from_disk(in_tmp, images, monkeypatch):
    write_folder(in_tmp / "flat", images)
    monkeypatch.setattr(image_files, "LARGEST_IN_MEMORY", images.nbytes - 1)
    found = read("flat").images
    assert isinstance(found, numpy.memmap) and numpy.array_equal(found, images)
    monkeypatch.setattr(image_files, "LARGEST_IN_MEMORY", images.nbytes)
    assert not isinstance(read("flat").images, numpy.memmap)


def test_folders_that_are_refused(in_tmp, images):
    (in_tmp / "empty").mkdir()
    assert refusal("empty").startswith(
        "empty holds no images (.bmp, .gif, .jfif, .jpeg, .jpg, .png, .tif, .tiff, .webp), nor do"
    )
    write_folder(in_tmp / "mixed", images)
    Image.new("RGB", (7, 6)).save(in_tmp / "mixed" / "005a.png")
    assert refusal("mixed") == "mixed/005a.png is 7x6, but 000.png is 5x6: use one size"
    (in_tmp / "mixed" / "005a.png").write_bytes((in_tmp / "mixed" / "003.png").read_bytes()[:60])
    assert re.fullmatch("cannot read the image mixed/005a.png: .*; repair or remove it", refusal("mixed"))


def test_transparent_images_are_put_on_white_with_a_note(in_tmp):
    write_folder(in_tmp / "d", [numpy.full((2, 2, 3), 7, numpy.uint8)])
    Image.new("RGBA", (2, 2), (1, 2, 3, 255)).save(in_tmp / "d" / "001.png")
    assert read("d").images[1, 0, 0].tolist() == [1, 2, 3] and read("d").notes == ()
    # Hidden colours stay hidden.
    Image.new("RGBA", (2, 2), (255, 0, 255, 0)).save(in_tmp / "d" / "002.png")
    Image.new("LA", (2, 2), (9, 254)).save(in_tmp / "d" / "003.png")
    found = read("d")
    assert found.images[:, 0, 0, 1].tolist() == [7, 2, 255, 10]
    assert found.notes == ("images transparent in places, put on white: 2 of 4",)


# ----------------------------------------------------------------------- arrays


@pytest.mark.parametrize("kind", [numpy.float16, numpy.float32, numpy.float64])
def test_floats_are_rounded_to_uint8_from_the_range_they_show(in_tmp, kind):
    levels = numpy.arange(256).reshape(1, 16, 16, 1).repeat(3, axis=3)
    for values, words in (
        (levels / 127.5 - 1, "[-1, 1]"),
        (levels / 255, "[0, 1]"),
        (levels.astype(float), "[0, 255]"),
    ):
        numpy.save(in_tmp / "a.npy", values.astype(kind))
        found = read("a.npy")
        assert numpy.array_equal(found.images, levels) and found.images.dtype == numpy.uint8
        assert found.notes == (f"floats taken to be in {words} and rounded to uint8",)


def test_rounding_is_to_the_nearest_level_and_small_overshoot_is_clipped(in_tmp):
    # Resampling overshoots at both ends, by less than what a range of [-1, 1] shows.
    around = numpy.array([-1e-7, 0.0, 0.5, 1.0002]).reshape(1, 1, 4, 1)
    numpy.save(in_tmp / "around.npy", around)
    assert read("around.npy").images.ravel().tolist() == [0, 0, 128, 255]
    values = numpy.array([-1.0005, -1.0, -0.5, 0.0039, 0.99, 1.0005]).reshape(1, 1, 6, 1)
    numpy.save(in_tmp / "a.npy", values)
    assert read("a.npy").images.ravel().tolist() == [0, 0, 64, 128, 254, 255]
    numpy.save(in_tmp / "a.npy", numpy.array([0.4, 0.6, 254.6, 100.49]).reshape(1, 2, 2, 1))
    assert read("a.npy").images.ravel().tolist() == [0, 1, 255, 100]


def test_other_whole_numbers_are_taken_as_they_are(in_tmp):
    numpy.save(in_tmp / "a.npy", numpy.array([0, 1, 255, 7]).reshape(1, 2, 2, 1))
    found = read("a.npy")
    assert found.images.ravel().tolist() == [0, 1, 255, 7] and found.notes == ()


@pytest.mark.parametrize("kind", [numpy.uint8, numpy.int64, bool])
def test_whole_numbers_of_0_and_1_are_scaled_with_a_note(in_tmp, kind):
    numpy.save(in_tmp / "a.npy", numpy.array([0, 1, 1, 0], kind).reshape(1, 2, 2, 1))
    found = read("a.npy")
    assert found.images.ravel().tolist() == [0, 255, 255, 0] and found.images.dtype == numpy.uint8
    assert found.notes == ("whole numbers taken to be in [0, 1] and rounded to uint8",)
    # Black images need no scale.
    numpy.save(in_tmp / "a.npy", numpy.zeros((1, 2, 2, 1), numpy.uint8))
    assert (read("a.npy").images == 0).all() and read("a.npy").notes == ()


def test_the_one_array_of_images_among_others_is_taken(in_tmp, images):
    numpy.savez(in_tmp / "a.npz", samples=images, labels=numpy.zeros(12), codes=numpy.zeros((12, 4)), names=["x"])
    found = read("a.npz")
    assert numpy.array_equal(found.images, images)
    assert found.notes == ("images taken from the array samples, the only one of 4 shaped like images",)


def test_grey_arrays_and_opaque_ones_keep_their_colours(in_tmp, images):
    numpy.save(in_tmp / "grey.npy", images[..., 0])
    assert numpy.array_equal(read("grey.npy").images, images[..., :1])
    alpha = numpy.full((12, 6, 5, 1), 255, numpy.uint8)
    numpy.save(in_tmp / "opaque.npy", numpy.concatenate([images, alpha], axis=3))
    assert numpy.array_equal(read("opaque.npy").images, images)
    alpha[3, 2, 1] = 254
    numpy.save(in_tmp / "opaque.npy", numpy.concatenate([images, alpha], axis=3))
    found = read("opaque.npy")
    assert found.notes == ("images transparent in places, put on white: 1 of 12",)
    images[3, 2, 1] = [round((254 * int(level) + 255) / 255) for level in images[3, 2, 1]]
    assert numpy.array_equal(found.images, images)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (numpy.zeros((4, 3, 8, 8)), r"should hold images \(n, height, width, 3\), found .*; channels come last"),
        (numpy.zeros((8, 8, 3)), r"should hold images .* found an array \(8, 8, 3\)$"),
        (numpy.zeros((0, 8, 8, 3)), "should hold images .* found"),
        (numpy.zeros(7), "should hold images .* found"),
        (numpy.full((1, 2, 2, 3), numpy.nan), "holds NaN or infinite values"),
        (numpy.full((1, 2, 2, 3), 300), "holds values from 300 to 300: scale them to .*"),
        (numpy.full((1, 2, 2, 3), -1), "holds values from -1 to -1: scale them to .*"),
        (numpy.array([-0.4, 255.3] * 6).reshape(1, 2, 2, 3), "holds values from -0.4 to 255.3: scale them to .*"),
        (numpy.zeros((1, 2, 2, 3), complex), "should hold images of uint8 or floats, found complex128"),
    ],
)
def test_arrays_that_are_refused(in_tmp, array, message):
    numpy.save(in_tmp / "a.npy", array)
    assert re.search("^a.npy " + message, refusal("a.npy"))


def test_files_that_are_refused(in_tmp, images):
    assert refusal("missing.npz") == "no file missing.npz"
    numpy.savez(in_tmp / "a.npz", x=images, y=images)
    assert refusal("a.npz") == 'a.npz should hold one array of images, or one called "images"; it has x, y'
    numpy.savez(in_tmp / "a.npz", x=numpy.zeros(3), y=numpy.zeros((3, 4)))
    assert refusal("a.npz") == 'a.npz should hold one array of images, or one called "images"; it has x, y'
    for name in ("a.npz", "a.npy"):
        (in_tmp / name).write_bytes(b"PK\x03\x04 nothing")
        assert refusal(name).startswith(f"cannot read the array of {name}: ")
    numpy.save(in_tmp / "a.npy", numpy.array([{}], dtype=object), allow_pickle=True)
    assert refusal("a.npy").startswith("cannot read the array of a.npy: ")
    (in_tmp / "grid.png").touch()
    assert refusal("grid.png").startswith("grid.png is one file: give a folder of images, or ")


# -------------------------------------------------------- data sets and samples


def test_grey_files_beside_a_grey_data_set_are_grey(images):
    grey, colour = images[..., :1], images
    as_file = grey.repeat(3, axis=3)

    def channels(*sets):
        found = with_equal_channels(*(each if each is None else ImageSet("x", each) for each in sets))
        return [each if each is None else each.images for each in found]

    for fake, real in ((as_file, grey), (grey, as_file)):
        for found in channels(fake, real, grey)[:2]:
            assert numpy.array_equal(found, grey)
    fake, real, held_out = channels(grey, colour, None)
    assert numpy.array_equal(fake, as_file) and numpy.array_equal(real, colour) and held_out is None
    assert [each.shape[3] for each in channels(as_file, as_file, as_file)] == [3, 3, 3]


def test_splits_of_data_sets(in_tmp, small_dataset):
    write_image_folder(in_tmp / "animals", small_dataset)
    dataset = load_dataset("animals")
    for text, split, other in (("animals:train", "train", "test"), ("./animals:test", "test", "train")):
        found = read(text)
        assert (found.name, found.split) == (f"animals:{split}", split)
        assert numpy.array_equal(found.images, dataset.split(split)[0])
        assert found.held_out().name == f"animals:{other}"
        assert numpy.array_equal(found.held_out().images, dataset.split(other)[0])
    assert refusal("animals") == "animals holds a train and a test split: say which, animals:train or animals:test"
    for name in ("mnist", "tfds:stl10"):
        assert refusal(name) == f"{name} is a data set of two splits: say which, {name}:train or {name}:test"
    assert refusal("sprites") == "sprites is a data set of two splits: say which, sprites:train or sprites:test"
    assert refusal("birds:test").startswith('unknown data set "birds": use ')
    assert refusal("animals:valid").startswith("nothing found at animals:valid: give a folder of images, ")


def test_a_part_of_a_set_is_drawn_by_its_seed(in_tmp, images):
    numpy.save(in_tmp / "a.npy", images)
    drawn = read("a.npy", samples=8, seed=1)
    indices = [int(numpy.flatnonzero((images == image).all(axis=(1, 2, 3)))[0]) for image in drawn.images]
    assert len(indices) == 8 and indices == sorted(set(indices))
    assert drawn.notes == ("8 of 12 images, drawn with seed 1",)
    assert numpy.array_equal(read("a.npy", samples=8, seed=1).images, drawn.images)
    assert not numpy.array_equal(read("a.npy", samples=8, seed=2).images, drawn.images)
    assert read("a.npy", samples=12).notes == ()
    assert refusal("a.npy", samples=13) == "a.npy holds 12 images, fewer than the 13 wanted"


def test_runs_are_found_by_path_and_by_name(in_tmp):
    from coursework.config.presets import PRESETS

    for path in ("reports/runs/mine", "elsewhere"):
        Run(path).write_config(PRESETS["gan"])
    assert find_source("mine").kind == find_source("elsewhere").kind == "run"
    assert find_source("mine").place.path == Run("reports/runs/mine").path
    assert find_source("elsewhere").place.path == Run("elsewhere").path
    assert refusal("mine") == "reports/runs/mine has no generator.keras: train it to its end"


@pytest.mark.backend
def test_samples_of_a_run_are_generated_once(in_tmp, monkeypatch):
    from coursework.config.presets import PRESETS
    from coursework.models import build_networks
    from coursework.networks.saving import save_networks
    from coursework.training.sampling import TrainedRun

    config = PRESETS["gan"]
    for setting in ("generator_width=8", "discriminator_width=8", "latent_size=4"):
        config = config.with_setting(*setting.split("="))
    run = Run("reports/runs/small")
    run.write_config(config)
    save_networks(run.path, build_networks(config, (16, 16, 3)))
    expected = TrainedRun(run).sample(7, 3)
    found = read("small", samples=7, seed=3)
    assert (found.name, found.seed, found.weights) == ("small", 3, "last")
    assert numpy.array_equal(found.images, expected)
    monkeypatch.setattr(TrainedRun, "sample", lambda *arguments: pytest.fail("these samples are on disk"))
    assert numpy.array_equal(read("small", samples=7, seed=3).images, expected)
    monkeypatch.setattr(TrainedRun, "sample", lambda self, count, seed: numpy.full((count, 1, 1, 3), seed, numpy.uint8))
    assert read("small", samples=6, seed=3).images.shape == (6, 1, 1, 3)
    assert read("small", samples=7, seed=4).images.max() == 4
    # Other weights, other samples.
    save_networks(run.path, build_networks(config, (16, 16, 3)))
    assert read("small", samples=7, seed=3).images.max() == 3
    assert len(read("small", seed=5).images) == 10_000
