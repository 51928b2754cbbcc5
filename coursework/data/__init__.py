"""Data sets by name or folder."""

import functools
import os

from coursework.data import cifar10, folder, lines, sprites
from coursework.data.dataset import Dataset
from coursework.util.errors import UserError
from coursework.util.files import expanded

# What is drawn anew in some seconds, a process that trains several models draws once.
DATASETS = {
    "cifar10": cifar10.load,
    "sprites": functools.cache(sprites.load),
    "lines": functools.cache(lines.load),
}

__all__ = ["DATASETS", "Dataset", "load_dataset", "short_name"]


def load_dataset(name_or_folder, classes=()):
    """Return the `Dataset` of a name in `DATASETS` or of a folder with train/<class>/* and test/<class>/*.

    classes: names of the classes to keep, in their new order; empty for all.
    Raises `UserError` for anything that cannot be loaded.
    """
    name = str(name_or_folder)
    if name in DATASETS:
        dataset = DATASETS[name]()
    elif expanded(name).is_dir():
        dataset = folder.load(name)
    elif os.sep in name or name.startswith("."):
        raise UserError(f"no folder {name}: give a folder with train/<class>/* and test/<class>/*")
    else:
        raise UserError(f'unknown data set "{name}": use {", ".join(DATASETS)} or the path of a folder')
    return dataset.only(classes) if classes else dataset


def short_name(name_or_folder):
    """Return what the `Dataset` of a name or folder is called: a folder goes by its last name."""
    name = str(name_or_folder)
    return name if name in DATASETS else expanded(name).resolve().name
