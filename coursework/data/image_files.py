"""Image files as arrays of uint8, each checked: broken, oversized, transparent or odd ones are named."""

import os
import tempfile
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from coursework.util.errors import UserError
from coursework.util.progress import Progress

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif"}
# By content, whatever the suffix: of the others that Pillow knows, some start programs (PostScript) or read more files.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
# Images of this package are tiny; a larger one is a mistake, and decoding it could take all memory.
LARGEST_SIDE = 1024
# Bytes; more than that are kept in a temporary file, of which only the parts in use take memory.
LARGEST_IN_MEMORY = 2**30


def read_image(path, opaque=False):
    """Return the image at `path` as uint8 (height, width, 3).

    Greyscale and palette images become RGB. Transparency is dropped, or refused where `opaque`: a score of pixels that
    nobody sees means nothing. Raises `UserError` for a broken or oversized image and for pixels of more than 8 bits.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Opening a named pipe would wait for whoever writes to it.
            if os.path.exists(path) and not os.path.isfile(path):
                raise UserError(f"cannot read the image {path}: it is not a regular file; remove it")
            with Image.open(path, formats=FORMATS) as image:
                if max(image.size) > LARGEST_SIDE:
                    raise UserError(
                        f"{path} is {image.size[0]}x{image.size[1]}; at most {LARGEST_SIDE} pixels a side are read"
                    )
                if image.mode.startswith(("I", "F")):
                    raise UserError(f"{path} has more than 8 bits a channel: save it with 8")
                if opaque and image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255:
                    raise UserError(f"{path} is transparent in places: put it on a background and save it without")
                return np.asarray(image.convert("RGB"))
    except UserError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds for a damaged file; all mean the same to the user.
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"cannot read the image {path}: {reason}; mend or remove it") from error


def read_images(files, title, opaque=False):
    """Return the images of a list of files as uint8 (n, height, width, 3); more than 1 GiB of them lie on disk.

    title: of the progress shown. Raises `UserError` for the first one that `read_image` refuses or that is of another
    size than the first.
    """
    images, on_disk = None, None
    with Progress(title, len(files)) as progress:
        for index, file in enumerate(files):
            image = read_image(file, opaque)
            if images is None:
                images = np.empty((0, *image.shape), dtype=np.uint8)
                if len(files) * image.nbytes > LARGEST_IN_MEMORY:
                    on_disk = tempfile.TemporaryFile()  # noqa: SIM115  the map below outlives this function
                else:
                    images = np.empty((len(files), *image.shape), dtype=np.uint8)
            if image.shape != images.shape[1:]:
                raise UserError(f"{file} is {size(image[None])}, but {files[0].name} is {size(images)}: use one size")
            if on_disk is None:
                images[index] = image
            else:
                # Written, not mapped: a full disk is then an error that can be told.
                on_disk.write(image.data)
            progress.update(index + 1)
    if on_disk is None:
        return images
    on_disk.flush()
    return np.memmap(on_disk, dtype=np.uint8, mode="r", shape=(len(files), *images.shape[1:]))


def size(images):
    """Return the size of images (n, height, width, ...) as text, width first: "32x32"."""
    return f"{images.shape[2]}x{images.shape[1]}"
