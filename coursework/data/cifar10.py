"""CIFAR-10 (Krizhevsky 2009): a local copy where there is one, else through tensorflow-datasets."""

import dataclasses
import os
import shlex
from pathlib import Path

import numpy as np

from coursework.data import folder
from coursework.data.dataset import Dataset
from coursework.data.downloads import download
from coursework.util.errors import UserError
from coursework.util.files import expanded

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PER_CLASS = {"train": 5000, "test": 1000}
SHAPE = (32, 32, 3)
# The first bytes of every JPEG file.
JPEG = b"\xff\xd8\xff"
ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"


def load() -> Dataset:
    """Return CIFAR-10: 50,000 training and 10,000 test images of 32x32 pixels in ten classes.

    If the environment variable COURSEWORK_DATA names a folder with cifar10/train/<class>/* and cifar10/test/<class>/*,
    that copy is read and nothing is downloaded. Raises `UserError` if it holds other images.
    """
    local = local_copy()
    dataset = _download() if local is None else folder.load(local, name="cifar10")
    problem = local and _problem(dataset)
    if problem:
        raise UserError(
            f"{local} is not CIFAR-10: {problem}; complete it, unset COURSEWORK_DATA to download, or name these images "
            f"by their folder: --dataset {shlex.quote(str(local))}"
        )
    return dataclasses.replace(dataset, label=label())


def _problem(dataset: Dataset) -> str | None:
    """Return how a data set differs from CIFAR-10 in classes, shape or numbers of images, None if it does not."""
    if dataset.class_names != CLASS_NAMES:
        return f"its classes are {', '.join(dataset.class_names):.80}"
    if dataset.image_shape != SHAPE:
        return f"its images are of {'x'.join(map(str, dataset.image_shape))}, not of {'x'.join(map(str, SHAPE))}"
    for split, expected in PER_CLASS.items():
        counts = np.bincount(dataset.split(split)[1], minlength=len(CLASS_NAMES))
        for name, count in zip(CLASS_NAMES, counts, strict=True):
            if count != expected:
                return f"{split}/{name} holds {count:,} images, not {expected:,}"
    return None


def local_copy() -> Path | None:
    """Return the folder of the local copy, or None; raises `UserError` if COURSEWORK_DATA names a wrong place."""
    root = os.environ.get("COURSEWORK_DATA")
    if not root:
        return None
    path = expanded(root) / "cifar10"
    if not path.is_dir():
        raise UserError(
            f"COURSEWORK_DATA names {root}, which has no folder cifar10: "
            "put cifar10/train/<class>/* and cifar10/test/<class>/* there, or unset it to download"
        )
    return path


def label() -> str:
    """Return the name of the copy for figures: JPEG files are not the original data."""
    local = local_copy()
    if local is None:
        return "CIFAR-10"
    # Whatever the files are called; the ends of each class stand for all.
    ends = [file for place in sorted(local.glob("*/*/")) for file in _ends(place)]
    return "CIFAR-10 (JPEG copy)" if any(_begins(file, JPEG) for file in ends) else "CIFAR-10 (local copy)"


def _ends(place: Path) -> list[Path]:
    """Return the first and the last file of a folder."""
    files = sorted(file for file in place.iterdir() if file.is_file() and not file.name.startswith("."))
    return [*files[:1], *files[-1:]]


def _begins(file: Path, signature: bytes) -> bool:
    with open(file, "rb") as stream:
        return stream.read(len(signature)) == signature


def _download() -> Dataset:
    otherwise = (
        "set COURSEWORK_DATA to a folder with cifar10/train/<class>/* and cifar10/test/<class>/*, or use --dataset "
        "sprites, which needs no download"
    )
    splits, _ = download("cifar10", "CIFAR-10", otherwise, ARCHIVE)
    return Dataset.from_arrays("cifar10", *splits["train"], *splits["test"], CLASS_NAMES)
