"""Image files as arrays of uint8, as their viewer shows them; a broken or oversized file is refused by name."""

import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from coursework.util.errors import UserError
from coursework.util.progress import Progress

SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
# Checked by content. Some of Pillow's other formats start programs (PostScript) or read further files.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF")
# Pixels. Images for this package are tiny; decoding a huge one could take all memory.
LARGEST_SIDE = 1024
# Bytes. More go into a temporary file, of which only the parts in use take memory.
LARGEST_IN_MEMORY = 2**30
# {EXIF orientation: how to turn the pixels}
ORIENTATION = 0x0112
TURNS: dict[Any, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
TRANSPARENT = "transparent in places, put on white"
SEVERAL_FRAMES = "of several frames, of which the first is read"


@dataclass(frozen=True)
class Listing:
    """The image files of a folder and of those below it, sorted by path, and what else is there, as sentences count it.

    hidden: number of hidden files and folders, which are skipped. others: names of the other files that are none of
    images.
    """

    files: tuple[Path, ...]
    hidden: int
    others: tuple[str, ...]


def find_images(folder: Path) -> Listing:
    """Return the `Listing` of a folder; links are followed, but never back into a folder above them.

    Raises `UserError` for a folder that cannot be read.
    """
    files: list[Path] = []
    others: list[str] = []
    hidden = 0
    above = {str(folder): {os.path.realpath(folder)}}
    for parent, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        passed, entries = above.pop(parent), len(folders) + len(names)
        # Other systems put companions such as "._1.png" into archives.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names = sorted(name for name in names if not name.startswith("."))
        hidden += entries - len(folders) - len(names)
        real = {name: os.path.realpath(os.path.join(parent, name)) for name in folders}
        folders[:] = [name for name in folders if real[name] not in passed]
        above |= {os.path.join(parent, name): passed | {real[name]} for name in folders}
        for name in names:
            if os.path.splitext(name)[1].lower() in SUFFIXES:
                files.append(Path(parent, name))
            else:
                others.append(name)
    return Listing(tuple(sorted(files)), hidden, tuple(others))


def skipped(listings: Sequence[Listing]) -> tuple[str, ...]:
    """Return the note that counts what is skipped in folders; none where nothing is."""
    hidden, others = sum(each.hidden for each in listings), [name for each in listings for name in each.others]
    parts = [f"{hidden:,} hidden"] if hidden else []
    if others:
        parts.append(f"{len(others):,} without the suffix of an image, such as {min(others)}")
    return (f"skipped files: {', '.join(parts)}",) if parts else ()


def _refuse(error: OSError) -> NoReturn:
    raise UserError(f"cannot read the folder {error.filename}: {error.strerror}") from error


def read_image(path: str | Path) -> np.ndarray:
    """Return the image at `path` as uint8 (height, width, 3), as its viewer shows it.

    It is turned as its EXIF data say, greyscale, palette and CMYK images become RGB, transparent pixels are put on
    white, and of several frames the first is read. Raises `UserError` for a broken or oversized image and for pixels of
    more than 8 bits.
    """
    return _decode(path)[0]


def _decode(path: str | Path) -> tuple[np.ndarray, list[str]]:
    """Return the image of `read_image`, and what was done to it that a viewer may not do."""
    done = []
    try:
        with warnings.catch_warnings():
            # Of damaged EXIF data and palettes: the pixels are read all the same.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Opening a named pipe would block.
            if os.path.exists(path) and not os.path.isfile(path):
                raise UserError(f"cannot read the image {path}: it is not a regular file; remove it")
            with Image.open(path, formats=FORMATS) as image:
                if max(image.size) > LARGEST_SIDE:
                    raise UserError(
                        f"{path} is {image.size[0]}x{image.size[1]}; at most {LARGEST_SIDE} pixels a side are read"
                    )
                if image.mode.startswith(("I", "F")):
                    raise UserError(f"{path} has more than 8 bits a channel: save it with 8")
                if getattr(image, "is_animated", False):
                    done.append(SEVERAL_FRAMES)
                turned = _turned(image)
                if not turned.has_transparency_data:
                    return np.asarray(turned.convert("RGB")), done
                pixels = np.asarray(turned.convert("RGBA"))
    except UserError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds for a damaged file.
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"cannot read the image {path}: {reason}; repair or remove it") from error
    opaque, transparent = on_white(pixels)
    return opaque, [*done, TRANSPARENT] if transparent else done


def _turned(image: Image.Image) -> Image.Image:
    """Return an image turned as its EXIF data say. `ImageOps.exif_transpose` raises where other data are damaged."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION))
    except Exception:  # Damaged EXIF data say nothing, to a viewer neither.
        return image
    return image if turn is None else image.transpose(turn)


def on_white(images: np.ndarray) -> tuple[np.ndarray, int]:
    """Return images (..., height, width, 4) put on white, (..., height, width, 3), and how many are not opaque."""
    colours, alpha = images[..., :3], images[..., 3:]
    transparent = int((alpha.min(axis=(-3, -2, -1)) < 255).sum())
    if transparent:
        # 255 is white; half of 255 makes the division round.
        mixed = colours.astype(np.uint32) * alpha + 255 * (255 - alpha.astype(np.uint32))
        colours = ((mixed + 127) // 255).astype(np.uint8)
    return colours, transparent


def read_images(files: Sequence[Path], title: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return (images, notes): uint8 (n, height, width, 3), mapped from disk if they take more than 1 GiB, and remarks.

    title: of the progress bar. Raises `UserError` for the first file that `read_image` refuses, or whose size differs
    from that of the first.
    """
    first = read_image(files[0])
    fits = len(files) * first.nbytes <= LARGEST_IN_MEMORY
    images = np.empty((len(files) if fits else 0, *first.shape), dtype=np.uint8)
    on_disk = None if fits else tempfile.TemporaryFile()  # noqa: SIM115  the map below outlives this function
    remarks: Counter[str] = Counter()
    with Progress(title, len(files)) as progress:
        for index, file in enumerate(files):
            image, done = _decode(file)
            remarks.update(done)
            if image.shape != first.shape:
                raise UserError(
                    f"{file} is {size(image[None])}, but {files[0].name} is {size(first[None])}: use one size"
                )
            if on_disk is None:
                images[index] = image
            else:
                # Not through a map: there a full disk would end the process.
                on_disk.write(np.ascontiguousarray(image).data)
            progress.update(index + 1)
    notes = tuple(f"images {remark}: {count:,} of {len(files):,}" for remark, count in sorted(remarks.items()))
    if on_disk is None:
        return images, notes
    on_disk.flush()
    shape = (len(files), *first.shape)
    mapped = np.memmap(on_disk, np.uint8, "r", shape=shape)  # type: ignore[call-overload]  # NumPy's stubs accept a path only
    return mapped, notes


def size(images: np.ndarray) -> str:
    """Return the size of images (n, height, width, ...) as text, width first: "32x32"."""
    return f"{images.shape[2]}x{images.shape[1]}"
