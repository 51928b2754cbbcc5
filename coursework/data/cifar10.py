"""CIFAR-10 (Krizhevsky 2009): a local copy where there is one, else through tensorflow-datasets."""

import os
import shlex
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from coursework.data import folder
from coursework.data.dataset import Dataset
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
    if local is None:
        return _download()
    dataset = folder.load(local, name="cifar10")
    problem = _problem(dataset)
    if problem:
        raise UserError(
            f"{local} is not CIFAR-10: {problem}; complete it, unset COURSEWORK_DATA to download, or name these images "
            f"by their folder: --dataset {shlex.quote(str(local))}"
        )
    return dataset


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


def _download():
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(
            'CIFAR-10 needs tensorflow-datasets (pip install -e ".[data]") or a local copy named by COURSEWORK_DATA'
        ) from error
    there = False
    try:
        builder = tensorflow_datasets.builder("cifar10")
        there = builder.data_path.exists()
        if not there:
            _require_network()
        builder.download_and_prepare()
        splits = tensorflow_datasets.as_numpy(builder.as_dataset(split=["train", "test"], batch_size=-1))
    except Exception as error:  # Whatever the downloader raises, the remedies are the same.
        if there:
            raise UserError(
                f"cannot read CIFAR-10 in {builder.data_path} ({_first_line(error)}): remove that folder, which an "
                "interrupted download may have left, to download it again"
            ) from error
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
