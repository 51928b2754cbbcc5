"""Images in .npz and .npy files as arrays of uint8, whatever the range of their numbers."""

from pathlib import Path

import numpy as np

from coursework.util.arrays import LARGEST, read_npz
from coursework.util.errors import UserError
from coursework.util.files import open_regular

# How far floats may exceed their range: resampling overshoots.
TOLERANCE = 1e-3
# Images converted at a time.
BLOCK = 1000


def read_array(file: Path, text: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return (images, notes) of an .npz or .npy file: uint8 (n, height, width, 1 or 3), and remarks.

    text: name of the file in messages. Raises `UserError` for a file or an array of any other kind.
    """
    try:
        with open_regular(file) as stream:
            # By content: an archive called .npy is read as what it is.
            archive = stream.read(2) == b"PK"
        if file.suffix == ".npz" or archive:
            arrays = read_npz(file, LARGEST)
        else:
            arrays = {"images": np.load(file, allow_pickle=False, mmap_mode="r")}
    except Exception as error:  # NumPy raises half a dozen kinds for a damaged file, or one that needs unpickling.
        raise UserError(f"cannot read the array of {text}: {error}") from error
    array = arrays.get("images") if len(arrays) != 1 else next(iter(arrays.values()))
    if array is None:
        found = ", ".join(arrays)[:200] or "none"
        raise UserError(f'{text} should hold one array, or one called "images"; it has {found}')
    return _as_uint8(_as_images(array, text), text)


def _as_images(array, text):
    """Return an array as (n, height, width, 1 or 3)."""
    shape = array.shape
    if array.ndim == 3 and shape[2] not in (1, 3, 4):
        array = array[..., None]
    if array.ndim != 4 or not array.size or array.shape[3] not in (1, 3, 4):
        hint = "; channels come last" if len(shape) == 4 and shape[1] in (1, 3, 4) else ""
        raise UserError(f"{text} should hold images (n, height, width, 3), found an array {shape}{hint}")
    return array


def _as_uint8(images, text):
    """Return (images rounded to uint8, notes); the range of floats is inferred from their extremes."""
    if images.dtype.kind not in "uif":
        raise UserError(f"{text} should hold images of uint8 or floats, found {images.dtype}")
    low, high = float(np.min(images)), float(np.max(images))
    scale, offset = 1.0, 0.0
    notes = ()
    if not np.isfinite([low, high]).all():
        raise UserError(f"{text} holds NaN or infinite values")
    if images.dtype.kind == "f" and -1 - TOLERANCE <= low < -TOLERANCE and high <= 1 + TOLERANCE:
        scale, offset, notes = 127.5, 127.5, ("floats taken to be in [-1, 1] and rounded to uint8",)
    elif images.dtype.kind == "f" and low >= -TOLERANCE and high <= 1 + TOLERANCE:
        scale, notes = 255.0, ("floats taken to be in [0, 1] and rounded to uint8",)
    elif low < 0 or high > 255:
        raise UserError(f"{text} holds values from {low:g} to {high:g}: scale them to [0, 255], [0, 1] or [-1, 1]")
    elif images.dtype.kind == "f":
        notes = ("floats taken to be in [0, 255] and rounded to uint8",)
    if images.dtype != np.uint8:
        rounded = np.empty(images.shape, np.uint8)
        for start in range(0, len(images), BLOCK):
            block = np.asarray(images[start : start + BLOCK], np.float64) * scale + offset
            rounded[start : start + BLOCK] = np.clip(np.rint(block), 0, 255)
        images = rounded
    if images.shape[3] == 4:
        if images[..., 3].min() < 255:
            raise UserError(f"{text} is transparent in places: put the images on a background and leave alpha out")
        images = images[..., :3]
    return images, notes
