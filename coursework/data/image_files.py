"""Image files as arrays of uint8; a broken, oversized or transparent file is refused by name."""

import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from coursework.util.errors import UserError
from coursework.util.progress import Progress

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif"}
# Checked by content. Some of Pillow's other formats start programs (PostScript) or read further files.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
# Pixels. Images for this package are tiny; decoding a huge one could take all memory.
LARGEST_SIDE = 1024
# Bytes. More go into a temporary file, of which only the parts in use take memory.
LARGEST_IN_MEMORY = 2**30


def read_image(path: str | Path, opaque: bool = False) -> np.ndarray:
    """Return the image at `path` as uint8 (height, width, 3).

    Greyscale and palette images become RGB. Transparency is dropped, or refused if `opaque`, since a score must not
    depend on invisible pixels. Raises `UserError` for a broken or oversized image and for pixels of more than 8 bits.
    """
    try:
        with warnings.catch_warnings():
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
                if opaque and image.has_transparency_data and np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
                    raise UserError(f"{path} is transparent in places: put it on a background and save it without")
                return np.asarray(image.convert("RGB"))
    except UserError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds for a damaged file.
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"cannot read the image {path}: {reason}; repair or remove it") from error


def read_images(files: Sequence[Path], title: str, opaque: bool = False) -> np.ndarray:
    """Return the images in `files` as uint8 (n, height, width, 3), mapped from disk if they take more than 1 GiB.

    title: of the progress bar. Raises `UserError` for the first file that `read_image` refuses, or whose size differs
    from that of the first.
    """
    first = read_image(files[0], opaque)
    fits = len(files) * first.nbytes <= LARGEST_IN_MEMORY
    images = np.empty((len(files) if fits else 0, *first.shape), dtype=np.uint8)
    on_disk = None if fits else tempfile.TemporaryFile()  # noqa: SIM115  the map below outlives this function
    with Progress(title, len(files)) as progress:
        for index, file in enumerate(files):
            image = read_image(file, opaque) if index else first
            if image.shape != first.shape:
                raise UserError(
                    f"{file} is {size(image[None])}, but {files[0].name} is {size(first[None])}: use one size"
                )
            if on_disk is None:
                images[index] = image
            else:
                # Not through a map: there a full disk would end the process.
                on_disk.write(image.data)
            progress.update(index + 1)
    if on_disk is None:
        return images
    on_disk.flush()
    shape = (len(files), *first.shape)
    return np.memmap(on_disk, np.uint8, "r", shape=shape)  # type: ignore[call-overload]  # NumPy's stubs accept a path only


def size(images: np.ndarray) -> str:
    """Return the size of images (n, height, width, ...) as text, width first: "32x32"."""
    return f"{images.shape[2]}x{images.shape[1]}"
