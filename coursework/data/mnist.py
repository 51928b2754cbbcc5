"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017): the original files, else tensorflow-datasets."""

import dataclasses
import gzip
import os
import zlib
from pathlib import Path

import numpy as np

from coursework.data.dataset import Dataset
from coursework.data.downloads import download
from coursework.data.held_out import split_off
from coursework.util.errors import UserError
from coursework.util.files import expanded

CLASS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        *("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
}
TITLES = {"mnist": ("MNIST", "digits"), "fashion_mnist": ("Fashion-MNIST", "images")}
SIDE = 28
# {split: (how its files are called, number of images)}
PARTS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
# Where there are the files of one split alone, so many parts of its images are one part for testing.
OWN_PARTS = 5
# How the files of both mirrors and archives are spelt.
SPELLINGS = ("{}-{}-idx{}-ubyte.gz", "{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte")


def load(name: str = "mnist") -> Dataset:
    """Return "mnist" or "fashion_mnist": 60,000 training and 10,000 test images (28, 28, 1) in ten classes.

    Where the environment variable COURSEWORK_DATA names a folder in which a folder of that name holds the original
    files, compressed or not, these are read and nothing is downloaded. With the files of one split alone a fifth of its
    images is held out (`held_out`), and the label of the data set says so. Raises `UserError` for damaged files and
    those of anything else.
    """
    title, kind = TITLES[name]
    root = os.environ.get("COURSEWORK_DATA")
    folder = expanded(root) / name if root else None
    if folder is None or not folder.is_dir():
        otherwise = f"put its original files into a folder {name} inside the one that COURSEWORK_DATA names"
        splits, _ = download(name, title, otherwise)
    else:
        splits = {split: _read_split(folder, split) for split in PARTS if _find(folder, split, "images", 3)}
        if not splits:
            expected = SPELLINGS[0].format("train", "images", 3)
            raise UserError(f"{folder} holds no file {expected}: put the original files there")
    if len(splits) == 1:
        ((split, (images, labels)),) = splits.items()
        splits = split_off(images, labels, CLASS_NAMES[name], OWN_PARTS)
        words = "test" if split == "test" else "training"
        title = f"{title}'s {words} {kind}, {len(splits['train'][0]):,} and {len(splits['test'][0]):,}"
    dataset = Dataset.from_arrays(name, *splits["train"], *splits["test"], CLASS_NAMES[name])
    return dataclasses.replace(dataset, label=title)


def _find(folder: Path, split: str, content: str, dimensions: int) -> Path | None:
    """Return the file of a split's "images" or "labels", None if it is not there."""
    names = [spelling.format(PARTS[split][0], content, dimensions) for spelling in SPELLINGS]
    return next((folder / name for name in names if (folder / name).exists()), None)


def _read_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (images (n, 28, 28, 1), labels (n,)) of a split."""
    prefix, count = PARTS[split]
    images, labels = _find(folder, split, "images", 3), _find(folder, split, "labels", 1)
    if images is None or labels is None:
        raise UserError(f"{folder} holds {prefix}-images without {prefix}-labels: put the original files there")
    pixels = read_idx(images, (count, SIDE, SIDE))
    classes = read_idx(labels, (count,)).astype(np.int64)
    if classes.max() > 9:
        raise UserError(f"{labels} holds labels above 9: it is not the original file")
    return pixels[..., None], classes


def read_idx(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return the uint8 array of `shape` in an IDX file, compressed by gzip or not.

    The format: two zero bytes, 8 for uint8, the number of dimensions, each as four bytes, the most significant first,
    then the numbers. Raises `UserError` for a file of anything else.
    """
    header = bytes((0, 0, 8, len(shape))) + b"".join(side.to_bytes(4, "big") for side in shape)
    size = int(np.prod(shape))
    try:
        # Opening a named pipe would block.
        if not file.is_file():
            raise UserError(f"cannot read {file}: it is not a regular file")
        with open(file, "rb") as stream:
            compressed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(file) if compressed else open(file, "rb") as stream:
            start = stream.read(len(header))
            # No more than expected is unpacked, whatever a file announces.
            content = stream.read(size + 1) if start == header else b""
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {file}: {error}; put the original file there") from error
    if len(content) != size:
        expected = "x".join(map(str, shape))
        raise UserError(f"{file} is not the original file: it should hold {expected} numbers, in the IDX format")
    return np.frombuffer(content, np.uint8).reshape(shape)
