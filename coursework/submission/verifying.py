"""The proof that the zip works: unpacked elsewhere, by itself, it remakes the images that are handed in."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from coursework.pegasus.batch_files import BEST, SHEET
from coursework.util.errors import UserError

REMADE = "remade"
# Of 255: how much another processor may round differently.
TOLERANCE = 1
SECONDS = 1800
# What would lead Python to modules outside of the unpacked zip.
HIDDEN = ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME")


def verify(archive: Path | str) -> str:
    """Unpack the zip, run its pegasus.py there, and return in a line how the images compare with those handed in.

    Raises `UserError` where it fails, and where a pixel is off by more than `TOLERANCE`.
    """
    with tempfile.TemporaryDirectory(prefix="coursework-submission-") as folder:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
        environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        command = [sys.executable, "pegasus.py", "--output", REMADE]
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", timeout=SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(f"pegasus.py in the zip did not end within {SECONDS // 60} minutes") from error
        told = [line for line in done.stderr.splitlines() if line.strip()]
        why = told[-1][:300] if told else f"it ended with code {done.returncode} and said nothing"
        off = [_difference(Path(folder), name) for name in (BEST, SHEET)]
        if None in off:
            raise UserError(f"pegasus.py in the zip remakes no images: {why}")
        if max(off) > TOLERANCE:
            raise UserError(
                f"pegasus.py in the zip makes other images, off by up to {max(off)} of 255: make pegasus again "
                "with the weights that are there"
            )
        if done.returncode:
            raise UserError(f"pegasus.py in the zip fails: {why}")
        equal = all(
            (Path(folder, name).read_bytes() == Path(folder, REMADE, name).read_bytes()) for name in (BEST, SHEET)
        )
        return "byte for byte" if equal else f"within {max(off)}/255" if max(off) else "in every pixel"


def _difference(folder, name):
    """Return the largest difference of a pixel of the image handed in and of the one remade, None without one."""
    try:
        with Image.open(folder / name) as picture, Image.open(folder / REMADE / name) as again:
            first, second = (np.asarray(image.convert("RGB"), np.int16) for image in (picture, again))
    except (OSError, SyntaxError, ValueError):
        return None
    return int(np.abs(first - second).max()) if first.shape == second.shape else 255
