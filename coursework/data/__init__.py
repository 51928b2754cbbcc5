"""Data sets by name or folder."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from coursework.data import cifar10, downloads, folder, lines, mnist, sprites
from coursework.data.dataset import Dataset
from coursework.util.errors import UserError
from coursework.util.files import expanded

# Drawing takes some seconds: a process that trains several models does it once.
DATASETS: dict[str, Callable[[], Dataset]] = {
    "cifar10": cifar10.load,
    "mnist": functools.partial(mnist.load, "mnist"),
    "fashion_mnist": functools.partial(mnist.load, "fashion_mnist"),
    "sprites": functools.cache(sprites.load),
    "lines": functools.cache(lines.load),
}

__all__ = ["DATASETS", "Dataset", "load_dataset", "short_name"]


def load_dataset(name_or_folder: str | Path, classes: Sequence[str] = ()) -> Dataset:
    """Return the `Dataset` of a name in `DATASETS`, of "tfds:NAME" in tensorflow-datasets, or of a folder of images.

    classes: names of the classes to keep, in their new order; empty for all.
    Raises `UserError` for anything that cannot be loaded.
    """
    name = str(name_or_folder)
    if name in DATASETS:
        dataset = DATASETS[name]()
    elif name.startswith(downloads.PREFIX):
        dataset = downloads.load(name)
    elif expanded(name).is_dir():
        dataset = folder.load(name)
    elif os.sep in name or name.startswith("."):
        raise UserError(f"no folder {name}: give a folder with train/<class>/* and test/<class>/*")
    else:
        raise UserError(f'unknown data set "{name}": use {", ".join(DATASETS)}, tfds:NAME or the path of a folder')
    return dataset.only(classes) if classes else dataset


def short_name(name_or_folder: str | Path) -> str:
    """Return the `name` of the `Dataset` of a name or folder: for a folder the last part of its path."""
    name = str(name_or_folder)
    if name in DATASETS:
        return name
    # Resolved, because "." and ".." have no name of their own.
    return downloads.short_name(name) if name.startswith(downloads.PREFIX) else expanded(name).resolve().name
