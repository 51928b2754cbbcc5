"""CIFAR-10 (Krizhevsky 2009): a local copy where there is one, else through tensorflow-datasets."""

import dataclasses
import os
from pathlib import Path

from coursework.data import folder
from coursework.data.dataset import Dataset
from coursework.data.downloads import download
from coursework.util.errors import UserError
from coursework.util.files import expanded

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"


def load() -> Dataset:
    """Return CIFAR-10: 50,000 training and 10,000 test images of 32x32 pixels in ten classes.

    If the environment variable COURSEWORK_DATA names a folder with cifar10/train/<class>/* and cifar10/test/<class>/*,
    that copy is read and nothing is downloaded.
    """
    local = local_copy()
    dataset = _download() if local is None else folder.load(local, name="cifar10")
    return dataclasses.replace(dataset, label=label())


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
    lossy = any(local.glob("train/*/*.jpg")) or any(local.glob("train/*/*.jpeg"))
    return "CIFAR-10 (JPEG copy)" if lossy else "CIFAR-10 (local copy)"


def _download() -> Dataset:
    otherwise = (
        "set COURSEWORK_DATA to a folder with cifar10/train/<class>/* and cifar10/test/<class>/*, or use --dataset "
        "sprites, which needs no download"
    )
    splits, _ = download("cifar10", "CIFAR-10", otherwise, ARCHIVE)
    return Dataset.from_arrays("cifar10", *splits["train"], *splits["test"], CLASS_NAMES)
