"""CIFAR-10 (Krizhevsky 2009): a local copy where there is one, else through tensorflow-datasets."""

import os
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from coursework.data import folder
from coursework.data.dataset import Dataset
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
    if local is not None:
        return folder.load(local, name="cifar10")
    return _download()


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


def _download():
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(
            'CIFAR-10 needs tensorflow-datasets (pip install -e ".[data]") or a local copy named by COURSEWORK_DATA'
        ) from error
    try:
        builder = tensorflow_datasets.builder("cifar10")
        if not builder.data_path.exists():
            _require_network()
        builder.download_and_prepare()
        splits = tensorflow_datasets.as_numpy(builder.as_dataset(split=["train", "test"], batch_size=-1))
    except Exception as error:  # Whatever the downloader raises, the remedies are the same.
        raise UserError(
            f"cannot download CIFAR-10 ({_first_line(error)}): connect to the network, set COURSEWORK_DATA to a folder "
            "with cifar10/train/<class>/* and cifar10/test/<class>/*, or use --dataset sprites, which needs no download"
        ) from error
    arrays = [np.asarray(split[key]) for split in splits for key in ("image", "label")]
    arrays[1], arrays[3] = arrays[1].astype(np.int64), arrays[3].astype(np.int64)
    return Dataset.from_arrays("cifar10", *arrays, CLASS_NAMES)


def _require_network():
    """Raise `OSError` if the archive's server cannot be reached: tensorflow-datasets would retry for minutes."""
    try:
        urllib.request.urlopen(urllib.request.Request(ARCHIVE, method="HEAD"), timeout=15).close()
    except urllib.error.HTTPError:
        # The server answered.
        return


def _first_line(error):
    lines = str(error).strip().splitlines()
    return lines[0][:100] if lines else type(error).__name__
