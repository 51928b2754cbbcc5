"""The proof that the zip works: unpacked elsewhere, by itself, it remakes the images that are handed in."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from coursework.data.image_files import read_image
from coursework.pegasus.batch_files import BEST, SHEET
from coursework.submission.contents import SCRIPT
from coursework.submission.isolation import run_isolated
from coursework.submission.unpacking import unpack
from coursework.util.errors import UserError

REMADE = "remade"
# Of 255: how much another processor may round differently.
TOLERANCE = 1
SECONDS = 1800


def verify(archive: Path | str) -> str:
    """Unpack the zip, run its pegasus.py there, and return in a line how the images compare with those handed in.

    It runs by `run_isolated`. Raises `UserError` where it fails, and where a pixel is off by more than `TOLERANCE`.
    """
    with unpacked(archive) as folder:
        ended = run_isolated([SCRIPT, "--output", REMADE], folder, SECONDS)
        off = 0
        for name in (BEST, SHEET):
            before, after = _pixels(folder / name), _pixels(folder / REMADE / name)
            if before is None or after is None:
                raise UserError(f"{SCRIPT} in the zip remakes no images: {ended.why}")
            off = max(off, difference(before, after))
        if off > TOLERANCE:
            raise UserError(
                f"{SCRIPT} in the zip makes other images, off by up to {off} of 255: make pegasus again "
                "with the weights that are there"
            )
        if ended.code:
            raise UserError(f"{SCRIPT} in the zip fails: {ended.why}")
        equal = all((folder / name).read_bytes() == (folder / REMADE / name).read_bytes() for name in (BEST, SHEET))
        return "byte for byte" if equal else in_words(off)


@contextlib.contextmanager
def unpacked(archive: Path | str) -> Iterator[Path]:
    """Yield a new folder with the content of the zip, alone in a temporary folder, for the block."""
    with tempfile.TemporaryDirectory(prefix="coursework-submission-", ignore_cleanup_errors=True) as place:
        folder = Path(place, "unpacked")
        folder.mkdir()
        unpack(archive, folder)
        yield folder


def difference(first: np.ndarray, second: np.ndarray) -> int:
    """Return the largest difference of a value of two uint8 arrays, 255 for arrays of different shapes."""
    return int(np.abs(first.astype(np.int16) - second).max(initial=0)) if first.shape == second.shape else 255


def in_words(off: int) -> str:
    """Return how near images are whose largest difference is `off`."""
    return f"within {off}/255" if off else "in every pixel"


def _pixels(file: Path) -> np.ndarray | None:
    """Return the pixels of an image, None where there is none or it cannot be read; a program may have made a link."""
    try:
        return None if file.is_symlink() or file.parent.is_symlink() else read_image(file)
    except UserError:
        return None
