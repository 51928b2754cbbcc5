"""Images of a report: sheets at the resolution of their images, each kept once."""

import hashlib
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from coursework.data.image_files import FORMATS

WHITE = 255
# A larger image is a plot or has labels: it is shown smooth, at most at its own size.
MOST_PIXELS = 700


class Images:
    """Takes images into `folder`, under names of their own; equal images are kept once."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.known: dict[bytes, dict[str, Any]] = {}

    def add(self, path: Path | str, prepare: Callable[[np.ndarray], np.ndarray] | None = None) -> dict[str, Any] | None:
        """Return {"file", "width", "height", "pixels"} of the image in `path`, None where it is missing or broken.

        file: its name in the folder, PNG or SVG. width, height: in pixels, None for a drawing. pixels: whether a reader
        should see its pixels, False for a drawing or plot. prepare: function of the pixels to apply first.
        """
        path = Path(path)
        if path.suffix == ".svg":
            return self._keep(path.read_bytes(), ".svg") if path.is_file() else None
        array = read_image(path)
        if array is None:
            return None
        array = shrink(array)
        return self.add_array(prepare(array) if prepare else array)

    def add_array(self, array: np.ndarray) -> dict[str, Any]:
        """Return the same of a uint8 image (h, w, 3) or (h, w)."""
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(array)).save(buffer, format="PNG")
        return self._keep(buffer.getvalue(), ".png", *array.shape[1::-1])

    def _keep(self, content: bytes, suffix: str, width: int | None = None, height: int | None = None) -> dict[str, Any]:
        key = hashlib.sha256(content).digest()
        if key not in self.known:
            file = f"image-{len(self.known)}{suffix}"
            (self.folder / file).write_bytes(content)
            pixels = max(width or math.inf, height or math.inf) <= MOST_PIXELS
            self.known[key] = {"file": file, "width": width, "height": height, "pixels": pixels}
        return self.known[key]


def read_image(path: Path | str) -> np.ndarray | None:
    """Return the uint8 pixels (h, w, 3) of the image at `path`, (h, w) of a grey one; None where it cannot be read."""
    try:
        # Opening a named pipe would wait for its writer.
        if not Path(path).is_file():
            return None
        with Image.open(path, formats=FORMATS) as image:
            return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    except Exception:  # Pillow raises a dozen kinds for a damaged file.
        return None


def shrink(sheet: np.ndarray) -> np.ndarray:
    """Return a sheet of enlarged images at the images' own resolution, with gaps of a pixel or two between them.

    A sheet that is not enlarged by a whole number, or that has labels, is returned as it is.
    """
    factors = [math.gcd(*(stop - start for start, stop, blank in _bands(sheet, axis) if not blank)) for axis in (0, 1)]
    if factors[0] != factors[1] or factors[0] < 2:
        return sheet
    for axis in (0, 1):
        kept = [
            start + offset
            for start, stop, blank in _bands(sheet, axis)
            for offset in range(0, stop - start, factors[0])
        ]
        sheet = sheet.take(kept, axis=axis)
    return sheet


def _bands(sheet: np.ndarray, axis: int) -> list[tuple[int, int, bool]]:
    """Return [(start, stop, whether it is white)] of the runs of equal lines along an axis."""
    lines = np.moveaxis(sheet, axis, 0).reshape(sheet.shape[axis], -1)
    changes = np.flatnonzero((lines[1:] != lines[:-1]).any(axis=1)) + 1
    edges = [0, *changes.tolist(), len(lines)]
    return [(start, stop, bool((lines[start] == WHITE).all())) for start, stop in zip(edges, edges[1:], strict=False)]


def tile_spans(sheet: np.ndarray) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return [(top, bottom)] and [(left, right)] of the rows and columns of images between white gaps."""
    return _spans(sheet, 0), _spans(sheet, 1)


def _spans(sheet: np.ndarray, axis: int) -> list[tuple[int, int]]:
    white = (np.moveaxis(sheet, axis, 0).reshape(sheet.shape[axis], -1) == WHITE).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], white, [True]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def first_rows(sheet: np.ndarray, count: int) -> np.ndarray:
    """Return the first `count` rows of images of a sheet, all of it where there are no more."""
    rows, _ = tile_spans(sheet)
    return sheet[: rows[count - 1][1] + 1] if len(rows) > count else sheet
