"""Images in .npz and .npy files as arrays of uint8, whatever the range of their numbers."""

from pathlib import Path

import numpy as np

from coursework.data.image_files import TRANSPARENT, on_white
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
    name = _name_of_images(arrays, text)
    images, notes = _as_uint8(_as_images(arrays[name], text), text)
    if name != "images" and len(arrays) > 1:
        notes = (f"images taken from the array {name:.80}, the only one of {len(arrays)} shaped like images", *notes)
    return images, notes


def _name_of_images(arrays: dict[str, np.ndarray], text: str) -> str:
    """Return the name of the one array: that called "images", the only one, or the only one shaped like images."""
    shaped = [name for name, array in arrays.items() if array.ndim > 2 and array.dtype.kind in "buif"]
    for names in (["images"] if "images" in arrays else [], list(arrays), shaped):
        if len(names) == 1:
            return names[0]
    found = ", ".join(shaped or arrays)[:200] or "none"
    raise UserError(f'{text} should hold one array of images, or one called "images"; it has {found}')


def _as_images(array: np.ndarray, text: str) -> np.ndarray:
    """Return an array as (n, height, width, 1, 3 or 4)."""
    shape = array.shape
    if array.ndim == 3 and shape[2] not in (1, 3, 4):
        array = array[..., None]
    if array.ndim != 4 or not array.size or array.shape[3] not in (1, 3, 4):
        hint = "; channels come last" if len(shape) == 4 and shape[1] in (1, 3, 4) else ""
        raise UserError(f"{text} should hold images (n, height, width, 3), found an array {shape}{hint}")
    return array


def _as_uint8(images: np.ndarray, text: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return (images rounded to uint8, notes); the range of numbers is inferred from their extremes."""
    if images.dtype.kind not in "buif":
        raise UserError(f"{text} should hold images of uint8 or floats, found {images.dtype}")
    low, high = float(np.min(images)), float(np.max(images))
    if not np.isfinite([low, high]).all():
        raise UserError(f"{text} holds NaN or infinite values")
    kind = "floats" if images.dtype.kind == "f" else "whole numbers"
    scale, offset = 1.0, 0.0
    notes = []
    if kind == "floats" and -1 - TOLERANCE <= low < -TOLERANCE and high <= 1 + TOLERANCE:
        scale, offset = 127.5, 127.5
        notes.append("floats taken to be in [-1, 1] and rounded to uint8")
    elif low >= -TOLERANCE and high <= 1 + TOLERANCE and (kind == "floats" or high > 0):
        scale = 255.0
        notes.append(f"{kind} taken to be in [0, 1] and rounded to uint8")
    elif low < 0 or high > 255:
        raise UserError(f"{text} holds values from {low:g} to {high:g}: scale them to [0, 255], [0, 1] or [-1, 1]")
    elif kind == "floats":
        notes.append("floats taken to be in [0, 255] and rounded to uint8")
    if images.dtype != np.uint8 or scale != 1:
        rounded = np.empty(images.shape, np.uint8)
        for start in range(0, len(images), BLOCK):
            block = np.asarray(images[start : start + BLOCK], np.float64) * scale + offset
            rounded[start : start + BLOCK] = np.clip(np.rint(block), 0, 255)
        images = rounded
    if images.shape[3] == 4:
        images, transparent = on_white(images)
        if transparent:
            notes.append(f"images {TRANSPARENT}: {transparent:,} of {len(images):,}")
    return images, tuple(notes)
