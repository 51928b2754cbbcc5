"""The batch on disk: the best image, the sheet of all, their records and latents; read without Keras."""

import json
from pathlib import Path

import numpy as np

from coursework.figures.grids import save_grid, save_png
from coursework.pegasus.candidates import write_latents
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text, write_text

BEST, SHEET, RECORDS, LATENTS = "pegasus.png", "batch.png", "pegasus.json", "latents.npz"
CONDITIONS = "comparison.json"
# How a winged class came about: sources, collages and samples.
COLLAGES = "collages.png"
# Of the sheet: images side by side, and white pixels around each.
COLUMNS, GAP = 8, 2
WHITE = 255


def write_batch(folder: str | Path, images: np.ndarray, records: list[dict], latents: list[dict]) -> None:
    """Write a batch to `folder`, the best first: uint8 images (n, h, w, c), n records ready for JSON, n latents."""
    folder = Path(folder)
    write_images(folder, images)
    write_latents(folder / LATENTS, latents)
    write_text(folder / RECORDS, json.dumps(records, indent=1) + "\n")


def write_images(folder: str | Path, images: np.ndarray) -> None:
    """Write the first of uint8 images (n, h, w, c) and the sheet of all to `folder`."""
    save_grid(Path(folder) / SHEET, images, columns=COLUMNS, scale=1, gap=GAP)
    save_png(Path(folder) / BEST, images[0])


def read_records(file: Path) -> list[dict]:
    """Return the records of a batch, the best first.

    Raises `UserError` where the file is missing or damaged, and where a record does not say how its image was made.
    """
    records = parse_json(read_text(file), file)
    if not isinstance(records, list) or not records:
        raise UserError(f"{file} should hold a list of images: make the pegasi again")
    for number, record in enumerate(records, start=1):
        origin = record.get("origin") if isinstance(record, dict) else None
        known = isinstance(origin, dict) and all(
            isinstance(origin.get(key), str) for key in ("run", "strategy", "weights")
        )
        if not known or not isinstance(record.get("id"), str):
            raise UserError(f"{file} does not say how image {number} was made: make the pegasi again")
    return records


def cut(sheet: np.ndarray, height: int, width: int) -> np.ndarray | None:
    """Return the images (n, height, width, 3) of a sheet as `write_batch` writes it; None for one of another layout.

    Places of the last row that stayed white are none.
    """
    rows, extra = divmod(sheet.shape[0] - GAP, height + GAP)
    columns, more = divmod(sheet.shape[1] - GAP, width + GAP)
    if extra or more or rows < 1 or columns < 1:
        return None
    inner = sheet[GAP:, GAP:].reshape(rows, height + GAP, columns, width + GAP, 3).swapaxes(1, 2)
    images = inner.reshape(rows * columns, height + GAP, width + GAP, 3)
    # What should be gaps may not be.
    if (sheet[:GAP] != WHITE).any() or (sheet[:, :GAP] != WHITE).any():
        return None
    if (images[:, height:] != WHITE).any() or (images[:, :, width:] != WHITE).any():
        return None
    images = np.ascontiguousarray(images[:, :height, :width])
    shown = np.flatnonzero((images != WHITE).any(axis=(1, 2, 3)))
    return images[: shown[-1] + 1] if len(shown) else images[:0]
