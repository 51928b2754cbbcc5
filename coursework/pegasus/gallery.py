"""One page to look at all candidates, and to choose one: static HTML with everything inside, no network, no server.

The page is put together from the files in gallery_page/, whose scripts draw what the records say: no text of a
record ever becomes markup. A content security policy lets nothing else run or load.
"""

import base64
import hashlib
import html
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from coursework.util.errors import UserError
from coursework.util.files import write_bytes

PAGE = Path(__file__).parent / "gallery_page"
SCRIPTS = ("format.js", "sheets.js", "grid.js", "candidate.js", "choice.js", "gallery.js")
# Images on one sheet: browsers limit the length of a data URL, and phones the size of a picture.
SHEET = 2500


def fingerprint(images: np.ndarray, records: Sequence[dict]) -> str:
    """Return the hexadecimal SHA-256 of uint8 images (n, h, w, 3) and of their records' ids, in their order.

    A choice refers to it: other images, or the same under other names, are another gallery; other scores are not.
    """
    digest = hashlib.sha256(json.dumps([images.shape, [record["id"] for record in records]]).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()


def write_gallery(
    path: str | Path,
    images: np.ndarray,
    records: Sequence[dict],
    training_images: dict[int, np.ndarray],
    title: str,
    note: str = "",
    collages: dict[int, np.ndarray] | None = None,
) -> str:
    """Write the gallery of n candidates to `path` as one HTML page, all or nothing; return their `fingerprint`.

    images: uint8 (n, h, w, 3). records: n dicts ready for JSON, each with "id", which no other has, "strategy",
    "run", "seed", "index", "rank" (1 for the best of the chosen batch, None outside it), "scores" {name: number},
    "second" (the same by a second witness, or None), and where known "belief" {name: number}, "origin" (anything)
    and "neighbours" (list of {"space", "train_index", "distance"}). training_images: {train_index: uint8 (h, w, 3)}
    of those that neighbours and origins name by "train_index"; of others the page shows the number alone. collages:
    {index of a candidate: uint8 (h, w, c)}, the nearest collage, whose "file" and "distance" are in its "collage".
    Equal input gives equal bytes. Raises `UserError` without candidates or where `path` cannot be written.
    """
    images = np.asarray(images)
    _check(images, records, training_images)
    collages = collages or {}
    known, near = sorted(training_images), sorted(collages)
    pictures = np.stack([training_images[index] for index in known]) if known else images[:0]
    nearest = np.stack([collages[index] for index in near]) if near else images[:0]
    mark = fingerprint(images, records)
    data = {
        "fingerprint": mark,
        "height": images.shape[1],
        "width": images.shape[2],
        "perSheet": SHEET,
        "candidates": records,
        "training": [int(index) for index in known],
        "collages": [int(index) for index in near],
    }
    parts = {
        "title": html.escape(title),
        "note": html.escape(note),
        "sheets": "\n".join(
            [*sheets("candidates", images), *sheets("training", pictures), *sheets("collages", nearest)]
        ),
        "data": script_json(data),
    }
    write_page(path, PAGE, [PAGE / name for name in SCRIPTS], parts)
    return mark


def write_page(path: str | Path, folder: Path, scripts: Sequence[Path], parts: dict[str, str]) -> None:
    """Write page.html of `folder` to `path` with page.css, the files of `scripts` and `parts` inside, all or nothing.

    parts: {name: markup} for each {{name}} of the page but the policy, style and scripts, which are filled in here.
    """
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = '"use strict";\n' + "\n".join(file.read_text(encoding="utf-8") for file in scripts)
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src {_hash(style)}; script-src {_hash(script)}"
    )
    filled = {**parts, "policy": policy, "style": style, "scripts": script}
    page = (folder / "page.html").read_text(encoding="utf-8")
    # In one pass, so that braces in what is put in are left alone.
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: filled[match[1]], page)
    write_bytes(path, page.encode())


def script_json(value: Any) -> str:
    """Return `value` as JSON for a <script> element, where no text in it can end the element or a line.

    Raises `ValueError` for NaN and infinity, which JSON lacks.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    # Outside of strings JSON has none of these; \uXXXX stands for them in any string.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _check(images: np.ndarray, records: Sequence[dict], training_images: dict[int, np.ndarray]) -> None:
    if not len(images):
        raise UserError("no candidates to show in a gallery")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"expected uint8 images (n, h, w, 3), found {images.dtype} {images.shape}")
    if len(records) != len(images) or len({record["id"] for record in records}) != len(images):
        raise ValueError(f"{len(images)} images need as many records, each with an id of its own")
    for index, image in training_images.items():
        if image.dtype != np.uint8 or image.shape != images.shape[1:]:
            raise ValueError(f"training image {index} is {image.dtype} {image.shape}, not like the candidates")


def sheets(kind: str, images: np.ndarray) -> Iterator[str]:
    """Yield <img> elements with up to `SHEET` images each, in square sheets, row by row."""
    for first in range(0, len(images), SHEET):
        part = images[first : first + SHEET]
        columns = math.isqrt(len(part) - 1) + 1
        rows = -(-len(part) // columns)
        _, height, width, channels = part.shape
        sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
        sheet[: len(part)] = part
        sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
        buffer = io.BytesIO()
        Image.fromarray(sheet.reshape(rows * height, columns * width, channels)).save(buffer, format="PNG")
        url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
        yield f'<img class="sheet" data-kind="{kind}" alt="" hidden src="{url}">'


def _hash(text: str) -> str:
    """Return the source expression that lets an inline style or script of exactly this text through."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
