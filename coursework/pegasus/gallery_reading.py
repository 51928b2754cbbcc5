"""The gallery page read back: its candidates, their records and the training images beside them."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from coursework.pegasus.gallery import SHEET, fingerprint
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
PICTURE = re.compile(r'<img class="sheet" data-kind="(\w+)" [^>]*src="data:image/png;base64,([A-Za-z0-9+/=]*)">')
# Bytes; ten thousand candidates have a page of some forty million.
LARGEST = 512 * 2**20


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


def read_gallery(path):
    """Return the `Gallery` that `write_gallery` wrote to `path`.

    Raises `UserError` for any other page, and for one whose images are not those that its fingerprint is of.
    """
    path = Path(path)
    text = read_text(path, LARGEST)
    try:
        data = parse_json(DATA.search(text)[1], "its data")
        size, records = (data["height"], data["width"]), data["candidates"]
        if not all(isinstance(record["id"], str) for record in records):
            raise ValueError("a candidate has no name")
        images = _images(text, "candidates", len(records), size)
        training = _images(text, "training", len(data["training"]), size)
        if data["fingerprint"] != fingerprint(images, records):
            raise ValueError("its fingerprint is of other images")
        # Pages of an earlier version have none.
        near = list(map(int, data.get("collages", [])))
        collages = dict(zip(near, _images(text, "collages", len(near), size), strict=True))
        training = dict(zip(map(int, data["training"]), training, strict=True))
        return Gallery(data["fingerprint"], images, records, training, collages)
    except Exception as error:  # A page by somebody else raises whatever its parts do; all mean the same.
        raise UserError(f"{path} is no gallery of this package: make the pegasi again ({error!s:.100})") from error


def _images(text, kind, count, size):
    """Return `count` images off the sheets of one kind."""
    height, width = size
    found = [content for name, content in PICTURE.findall(text) if name == kind]
    images = [np.zeros((0, height, width, 3), np.uint8)]
    for first, content in zip(range(0, count, SHEET), found, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(content)), formats=["PNG"]) as picture:
            sheet = np.asarray(picture.convert("RGB"))
        rows, columns = sheet.shape[0] // height, sheet.shape[1] // width
        sheet = sheet.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)
        images.append(sheet[: min(SHEET, count - first)])
    images = np.concatenate(images)
    if len(images) != count:
        raise ValueError(f"{len(images)} images of {count}")
    return images
