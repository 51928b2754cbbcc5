"""Any folder of images in the layout train/<class>/*, test/<class>/*."""

import hashlib
from pathlib import Path

import numpy as np

from coursework.data.dataset import Dataset
from coursework.data.image_files import SUFFIXES, read_images, size
from coursework.util.cache import cache_folder, prune, read_arrays, write_arrays
from coursework.util.errors import UserError
from coursework.util.files import expanded


def load(path: str | Path, name: str | None = None) -> Dataset:
    """Return the `Dataset` of the folder at `path`; all images must have one size.

    Greyscale and palette images become RGB, transparency is dropped. Arrays are cached, keyed by the names, sizes and
    times of the files.
    Raises `UserError`, which names the first missing folder, unreadable image or image of another size.
    """
    folder = expanded(path)
    class_names = _class_names(folder)
    files = {split: _files(folder / split, class_names) for split in ("train", "test")}
    cache = _cache_file(folder, files)
    arrays = _read_cache(cache)
    if arrays is None:
        arrays = {split: read_images([file for file, _ in files[split]], f"reading {split}") for split in files}
        if arrays["train"].shape[1:] != arrays["test"].shape[1:]:
            raise UserError(f"{path}: train images are {size(arrays['train'])}, test images are {size(arrays['test'])}")
        if write_arrays(cache, arrays):
            prune(cache.parent)
    labels = {split: np.array([label for _, label in files[split]], dtype=np.int64) for split in files}
    return Dataset.from_arrays(
        name or folder.resolve().name, arrays["train"], labels["train"], arrays["test"], labels["test"], class_names
    )


def _class_names(path):
    for split in ("train", "test"):
        if not (path / split).is_dir():
            raise UserError(f"{path} has no folder {split}: a data set has train/<class>/* and test/<class>/*")
    names = {split: _folders(path / split) for split in ("train", "test")}
    if not names["train"]:
        raise UserError(f"{path / 'train'} has no class folders: a data set has train/<class>/* and test/<class>/*")
    if names["train"] != names["test"]:
        difference = sorted(set(names["train"]) ^ set(names["test"]))
        raise UserError(f"{path}: train and test must hold the same classes; they differ in {', '.join(difference)}")
    return names["train"]


def _folders(path):
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _files(path, class_names):
    """Return (file, label) of every image, sorted within its class."""
    found = []
    for label, name in enumerate(class_names):
        # Not hidden files: other systems put companions such as "._1.png" into archives.
        visible = (file for file in (path / name).iterdir() if not file.name.startswith("."))
        files = sorted(file for file in visible if file.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{path / name} holds no images ({', '.join(sorted(SUFFIXES))})")
        found += [(file, label) for file in files]
    return found


def _cache_file(path, files):
    """Return the cache file of this state of the folder: its name depends on names, sizes and times of all files."""
    digest = hashlib.sha256(str(path.resolve()).encode())
    for split in files:
        for file, label in files[split]:
            status = file.stat()
            digest.update(f"{split}/{file.name} {label} {status.st_size} {status.st_mtime_ns}\n".encode())
    return cache_folder() / "images" / f"{digest.hexdigest()[:40]}.npz"


def _read_cache(file):
    arrays = read_arrays(file)
    if arrays is None or set(arrays) != {"train", "test"}:
        return None
    return arrays if all(array.dtype == np.uint8 and array.ndim == 4 for array in arrays.values()) else None
