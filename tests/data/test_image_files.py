"""Image files: turned, put on white and coloured as their viewer shows them; which files of a folder are read."""

import os

import numpy
import pytest
from PIL import Image, ImageOps

from coursework.data import load_dataset
from coursework.data.image_files import find_images, on_white, read_image, read_images
from coursework.evaluation.sources import find_source, read_source
from coursework.util.errors import UserError

# A 3x2 image of six grey levels, and what a viewer shows where the file says that it has been turned.
PIXELS = numpy.array([[10, 60, 110], [160, 210, 250]], numpy.uint8)
TURNED = {
    1: PIXELS,
    2: PIXELS[:, ::-1],
    3: PIXELS[::-1, ::-1],
    4: PIXELS[::-1],
    5: PIXELS.T,
    6: numpy.rot90(PIXELS, -1),
    7: PIXELS[::-1, ::-1].T,
    8: numpy.rot90(PIXELS),
}


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_exif_orientation_is_applied(in_tmp, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Blocks of 16 pixels, so that lossy formats keep the levels.
    blocks = numpy.kron(PIXELS, numpy.ones((16, 16), numpy.uint8))
    options = {"PNG": {}, "TIFF": {}, "JPEG": {"quality": 100}, "WEBP": {"lossless": True}}[kind]
    file = save(in_tmp / "x", numpy.stack([blocks] * 3, axis=-1), format=kind, exif=exif, **options)
    found = read_image(file)
    numpy.testing.assert_allclose(found[8::16, 8::16, 0], TURNED[orientation], atol=2)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\x00\x00MM", b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x09\x01\x12", b"Exit"]
)
def test_damaged_exif_data_are_no_damaged_image(in_tmp, exif):
    pixels = numpy.full((4, 3, 3), 77, numpy.uint8)
    for kind in ("PNG", "WEBP", "JPEG"):
        found = read_image(save(in_tmp / "x", pixels, format=kind, exif=exif))
        assert found.shape == (4, 3, 3) and numpy.abs(found.astype(int) - 77).max() <= 2


def test_transparent_pixels_are_put_on_white():
    images = numpy.array([[255, 0, 255, 0], [10, 20, 30, 255], [0, 100, 255, 51]], numpy.uint8).reshape(3, 1, 1, 4)
    found, transparent = on_white(images)
    assert transparent == 2
    # A fifth of the colour and four fifths of white.
    assert found.reshape(3, 3).tolist() == [[255, 255, 255], [10, 20, 30], [204, 224, 255]]
    alpha = numpy.arange(256, dtype=numpy.uint8)
    every = numpy.stack([alpha * 0 + 77] * 3 + [alpha], axis=-1).reshape(256, 1, 1, 4)
    expected = numpy.rint((77.0 * alpha + 255.0 * (255.0 - alpha)) / 255)
    assert numpy.array_equal(on_white(every)[0][:, 0, 0, 0], expected)


def test_cmyk_is_shown_in_its_colours(in_tmp):
    # Cyan takes red away, black takes all.
    for ink, expected in (((255, 0, 0, 0), [0, 255, 255]), ((0, 0, 0, 255), [0, 0, 0]), ((0, 0, 0, 0), [255] * 3)):
        for kind in ("TIFF", "JPEG"):
            Image.new("CMYK", (8, 8), ink).save(in_tmp / "x.jpg", format=kind)
            numpy.testing.assert_allclose(read_image(in_tmp / "x.jpg")[4, 4], expected, atol=2)


@pytest.mark.parametrize(
    ("content", "shape"), [(numpy.uint16(300), "PNG"), (numpy.uint16(300), "TIFF"), (numpy.float32(0.5), "TIFF")]
)
def test_more_than_8_bits_are_refused(in_tmp, content, shape):
    file = save(in_tmp / "x", numpy.full((2, 2), content), format=shape)
    with pytest.raises(UserError, match=f"^{file} has more than 8 bits a channel: save it with 8$"):
        read_image(file)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_frames_the_first_is_read_with_one_line(in_tmp, kind):
    first, second = (Image.new("RGB", (4, 4), colour) for colour in ((200, 100, 50), (0, 0, 0)))
    options = {"lossless": True} if kind == "WEBP" else {}
    first.save(in_tmp / "0", format=kind, save_all=True, append_images=[second], **options)
    first.save(in_tmp / "1", format=kind, **options)
    images, notes = read_images([in_tmp / "0", in_tmp / "1"], "reading")
    assert images.shape == (2, 4, 4, 3) and (images == [200, 100, 50]).all()
    assert notes == ("images of several frames, of which the first is read: 1 of 2",)


NAMES = ("a/1.png", "a/deep/er/2.PNG", "a/3.jfif", "a/4.tif", "a/5.BMP", "b/6.gif", "b/7.webp", "b/8.Jpeg", "b/9.TIFF")
KINDS = {".jfif": "JPEG", ".tif": "TIFF"}


@pytest.fixture
def folder(in_tmp):
    """Return a folder of nine images in two classes, with hidden files, other files and links."""
    root = in_tmp / "pics"
    for index, name in enumerate(NAMES):
        file = root / name
        save(file, numpy.full((4, 4, 3), 20 * index, numpy.uint8), format=KINDS.get(file.suffix))
    for name in ("a/._1.png", "a/.DS_Store", "b/.git/x.png"):
        save(root / name, numpy.zeros((9, 9, 3), numpy.uint8), format="PNG")
    for name in ("a/Thumbs.db", "b/labels.csv"):
        (root / name).touch()
    return root


def test_training_and_scoring_read_the_same_files(folder, capfd):
    elsewhere = folder.parent / "elsewhere"
    save(elsewhere / "deep" / "10.png", numpy.full((4, 4, 3), 200, numpy.uint8))
    (folder / "b" / "linked").symlink_to(elsewhere)
    (folder / "a" / "11.png").symlink_to(elsewhere / "deep" / "10.png")
    # Links that lead back, straight and through another.
    (elsewhere / "up").symlink_to(folder)
    (folder / "a" / "round").symlink_to(folder / "a")
    scored = read_source(find_source(str(folder)))
    trained = load_dataset(folder)
    together = numpy.concatenate([trained.train_images, trained.test_images])
    # The tenth that was held out is last.
    levels, others = (sorted(images[:, 1, 1, 1].tolist()) for images in (together, scored.images))
    # 160 and 140 are of a lossy format.
    numpy.testing.assert_allclose(levels, [0, 20, 40, 60, 80, 100, 120, 140, 160, 200, 200], atol=2)
    assert levels == others
    note = "skipped files: 3 hidden, 2 without the suffix of an image, such as Thumbs.db"
    assert scored.notes == (note,)
    assert f"{folder}: {note}\n" in capfd.readouterr().err
    load_dataset(folder)
    assert "skipped" not in capfd.readouterr().err


def test_files_are_listed_by_path(folder):
    listing = find_images(folder)
    assert [file.relative_to(folder).as_posix() for file in listing.files] == sorted(NAMES)
    assert (listing.hidden, listing.others) == (3, ("Thumbs.db", "labels.csv"))


def test_a_link_to_nothing_is_named(folder):
    (folder / "a" / "12.png").symlink_to(folder / "nothing")
    for read in (load_dataset, lambda place: read_source(find_source(str(place)))):
        with pytest.raises(UserError, match=r"^cannot read the image .*12\.png: .*No such file.*; repair or remove"):
            read(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_named(folder):
    (folder / "a" / "deep").chmod(0)
    try:
        with pytest.raises(UserError, match="^cannot read the folder .*deep: Permission denied$"):
            load_dataset(folder)
    finally:
        (folder / "a" / "deep").chmod(0o700)


def test_a_photograph_in_two_turns_is_one_image(in_tmp):
    """A camera that turns pixels and one that only says so give equal images."""
    upright = numpy.random.default_rng(0).integers(0, 256, (6, 4, 3), numpy.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(in_tmp / "turned.png", numpy.rot90(upright), exif=exif)
    assert numpy.array_equal(read_image(in_tmp / "turned.png"), upright)
    with Image.open(in_tmp / "turned.png") as image:
        assert numpy.array_equal(numpy.asarray(ImageOps.exif_transpose(image)), upright)
