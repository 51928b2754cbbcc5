"""The gallery page read back: its candidates, their records and the training images beside them."""

import base64
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from coursework.pegasus.gallery import SHEET, fingerprint
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text

DATA = '<script type="application/json" id="data">', "</script>"
PICTURE = '<img class="sheet" data-kind="', '">'
SOURCE = 'src="data:image/png;base64,'
# Bytes; ten thousand candidates have a page of some forty million.
LARGEST = 128 * 2**20


@dataclass(frozen=True)
class Gallery:
    """The page's candidates and what stands beside them.

    fingerprint: of the candidates. images: uint8 (n, h, w, 3). records: n dicts. training: {index: (h, w, 3)}.
    collages: {index of a candidate: its nearest collage (h, w, 3)}.
    """

    fingerprint: str
    images: np.ndarray
    records: list[dict]
    training: dict[int, np.ndarray]
    collages: dict[int, np.ndarray]


def read_gallery(path: str | Path) -> Gallery:
    """Return the `Gallery` that `write_gallery` wrote to `path`.

    Raises `UserError` for any other page, and for one whose images are not those that its fingerprint is of.
    """
    path = Path(path)
    text = read_text(path, LARGEST)
    try:
        data = parse_json(next(between(text, *DATA)), "its data")
        sheets: dict[str, list[str]] = {}
        for tag in between(text, *PICTURE):
            sheets.setdefault(tag.partition('"')[0], []).append(tag.partition(SOURCE)[2])
        size, records = (data["height"], data["width"]), data["candidates"]
        if not all(isinstance(record["id"], str) for record in records):
            raise ValueError("a candidate has no name")
        images = _images(sheets.get("candidates", []), len(records), size)
        training = _images(sheets.get("training", []), len(data["training"]), size)
        if data["fingerprint"] != fingerprint(images, records):
            raise ValueError("its fingerprint is of other images")
        # Pages of an earlier version have none.
        near = list(map(int, data.get("collages", [])))
        collages = dict(zip(near, _images(sheets.get("collages", []), len(near), size), strict=True))
        known = dict(zip(map(int, data["training"]), training, strict=True))
        return Gallery(data["fingerprint"], images, records, known, collages)
    except Exception as error:  # A page by somebody else raises whatever its parts do; all mean the same.
        raise UserError(f"{path} is no gallery of this package: make the pegasi again ({error!s:.100})") from error


def between(text: str, start: str, end: str) -> Iterator[str]:
    """Yield what stands between each `start` and the next `end`; no part of the text is searched twice for either."""
    place = 0
    while (begin := text.find(start, place)) >= 0:
        begin += len(start)
        place = text.find(end, begin)
        if place < 0:
            return
        yield text[begin:place]


def _images(sheets: list[str], count: int, size: tuple[int, int]) -> np.ndarray:
    """Return `count` images off the sheets of one kind, PNG files in base 64; raises `ValueError` for other sheets."""
    height, width = size
    images = [np.zeros((0, height, width, 3), np.uint8)]
    for first, content in zip(range(0, count, SHEET), sheets, strict=True):
        shown = min(SHEET, count - first)
        columns = math.isqrt(shown - 1) + 1
        rows = -(-shown // columns)
        with Image.open(io.BytesIO(base64.b64decode(content, validate=True)), formats=["PNG"]) as picture:
            # Known before a pixel is decoded.
            if picture.size != (columns * width, rows * height):
                raise ValueError(f"a sheet of {shown} images is of {picture.width}x{picture.height} pixels")
            sheet = np.asarray(picture.convert("RGB"))
        sheet = sheet.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)
        images.append(sheet[:shown])
    return np.concatenate(images)
