"""Data sets by name or folder."""

import dataclasses
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

__all__ = ["DATASETS", "Dataset", "canonical", "has_name", "load_dataset", "same_place", "short_name"]


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
        if dataset.name in DATASETS:
            # A folder that happens to be called "cifar10": its scores and its judge are not those of CIFAR-10.
            dataset = dataclasses.replace(dataset, name=f"{dataset.name}-{dataset.fingerprint[:8]}")
    elif os.sep in name or name.startswith("."):
        raise UserError(f"no folder {name}: give a folder with train/<class>/* and test/<class>/*")
    else:
        raise UserError(f'unknown data set "{name}": use {", ".join(DATASETS)}, tfds:NAME or the path of a folder')
    dataset = dataclasses.replace(dataset, place=canonical(name))
    return dataset.only(classes) if classes else dataset


def has_name(name: str) -> bool:
    """Return whether `name` is that of a data set rather than of a folder."""
    return name in DATASETS or name.startswith(downloads.PREFIX)


def canonical(name_or_folder: str | Path) -> str:
    """Return the one spelling of a name or folder that a run remembers: all spellings of a folder have the same.

    It is the resolved path, relative to the working folder where it lies inside that: a project may move as a whole.
    """
    name = str(name_or_folder)
    if has_name(name) or not expanded(name).is_dir():
        return name
    path = expanded(name).resolve()
    relative = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    # A folder that bears the name of a data set is told from it by its separator.
    return str(relative) if str(relative) not in DATASETS else f".{os.sep}{relative}"


def same_place(first: str | Path, second: str | Path) -> bool:
    """Return whether two names or folders are the same, whatever their spelling."""
    return canonical(first) == canonical(second)


def short_name(name_or_folder: str | Path) -> str:
    """Return the `name` of the `Dataset` of a name or folder: for a folder the last part of its path."""
    name = str(name_or_folder)
    if name in DATASETS:
        return name
    # Resolved, because "." and ".." have no name of their own.
    return downloads.short_name(name) if name.startswith(downloads.PREFIX) else expanded(name).resolve().name
