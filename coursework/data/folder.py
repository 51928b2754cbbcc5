"""Any folder of images: train/<class>/* and test/<class>/*, one of them, <class>/*, or images alone."""

import hashlib
import os
from pathlib import Path

import numpy as np

from coursework.data.dataset import Dataset, say
from coursework.data.held_out import split_off
from coursework.data.image_files import SUFFIXES, Listing, find_images, read_images, size, skipped
from coursework.util.cache import cache_folder, prune, read_arrays, write_arrays
from coursework.util.errors import UserError
from coursework.util.files import expanded

LAYOUT = "a data set has train/<class>/* and test/<class>/*"
# The class of images that lie in no class folder: a name of its own, since a folder may be renamed.
ONLY_CLASS = "images"
# Part of the name of cached arrays: of the way in which files are read.
READING = "as their viewer shows them"


def load(path: str | Path, name: str | None = None) -> Dataset:
    """Return the `Dataset` of the folder at `path`; all images must have one size.

    Classes are the folders inside train/ and test/, with all that lies below them; without train/ those of the folder
    itself. Images outside class folders make all images one class. Without test/ a tenth is held out (`held_out`).
    Files are read as in `read_images`. What was skipped or changed is said on standard error, once a process. Arrays
    are cached, keyed by the paths, sizes and times of the files.
    Raises `UserError`, which names the first missing folder, unreadable image or image of another size.
    """
    folder = expanded(path)
    places = _places(folder)
    listings = {split: find_images(place) for split, place in places.items()}
    class_names = _class_names(folder, places, listings)
    files = {split: _labelled(places[split], listings[split], class_names) for split in places}
    arrays, notes = _read(folder, files)
    if "test" in arrays and arrays["train"].shape[1:] != arrays["test"].shape[1:]:
        raise UserError(f"{path}: train images are {size(arrays['train'])}, test images are {size(arrays['test'])}")
    splits = {split: (arrays[split], np.array([label for _, label in files[split]], dtype=np.int64)) for split in files}
    notes = [*skipped(list(listings.values())), *notes]
    if any(_loose(places[split], listings[split]) for split in places):
        notes.append("images outside class folders: all are one class")
    if "test" not in splits:
        splits = split_off(*splits["train"], class_names)
        count, total = len(splits["test"][0]), len(arrays["train"])
        notes.append(f"no folder test: {count:,} of {total:,} images are held out, by the hash of each image")
    for note in notes:
        say(f"{path}: {note}")
    return Dataset.from_arrays(name or folder.resolve().name, *splits["train"], *splits["test"], class_names)


def _places(folder: Path) -> dict[str, Path]:
    """Return {split: folder}; the only split of a folder without train/ is the folder itself."""
    places = {split: folder / split for split in ("train", "test") if (folder / split).is_dir()}
    if "test" in places and "train" not in places:
        raise UserError(f"{folder} has no folder train, but a folder test: {LAYOUT}")
    return places or {"train": folder}


def _class_names(folder: Path, places: dict[str, Path], listings: dict[str, Listing]) -> list[str]:
    """Return the names of the classes, sorted; `ONLY_CLASS` alone where a split holds images outside class folders."""
    names = {}
    for split, place in places.items():
        # A class without images is a mistake in train/ and test/; without these a folder may hold anything.
        folders = _folders(place) if place != folder else set(_by_class(place, listings[split]))
        if not folders and not listings[split].files:
            raise UserError(f"{place} holds no images ({', '.join(sorted(SUFFIXES))}), nor do its subfolders")
        names[split] = [ONLY_CLASS] if _loose(place, listings[split]) else sorted(folders)
    if names["train"] != names.get("test", names["train"]):
        difference = sorted(set(names["train"]) ^ set(names["test"]))
        raise UserError(f"{folder}: train and test must hold the same classes; they differ in {', '.join(difference)}")
    return names["train"]


def _folders(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")}


def _loose(place: Path, listing: Listing) -> bool:
    """Return whether an image lies in no class folder."""
    return any(file.parent == place for file in listing.files)


def _by_class(place: Path, listing: Listing) -> dict[str, list[Path]]:
    """Return {folder inside `place`: image files inside that and below, sorted}."""
    found: dict[str, list[Path]] = {}
    depth = len(place.parts)
    for file in listing.files:
        found.setdefault(file.parts[depth], []).append(file)
    return found


def _labelled(place: Path, listing: Listing, class_names: list[str]) -> list[tuple[Path, int]]:
    """Return (file, label) of every image, by class and then sorted by path."""
    if _loose(place, listing):
        return [(file, 0) for file in listing.files]
    files = _by_class(place, listing)
    for name in class_names:
        if name not in files:
            raise UserError(f"{place / name} holds no images ({', '.join(sorted(SUFFIXES))})")
    return [(file, label) for label, name in enumerate(class_names) for file in files[name]]


def _read(folder: Path, files: dict[str, list[tuple[Path, int]]]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return ({split: images}, notes), from the cache if the files are those that it holds."""
    cache = _cache_file(folder, files)
    kept = read_arrays(cache) or {}
    if set(kept) == {*files, "notes"} and kept["notes"].dtype.kind == "U":
        notes = [str(note) for note in kept.pop("notes")]
        if all(array.dtype == np.uint8 and array.ndim == 4 for array in kept.values()):
            return kept, notes
    arrays, remarks = {}, []
    for split in files:
        arrays[split], own = read_images([file for file, _ in files[split]], f"reading {split}")
        remarks += [f"{split}: {note}" if len(files) > 1 else note for note in own]
    if write_arrays(cache, {**arrays, "notes": np.array(remarks, dtype=np.str_)}):
        prune(cache.parent)
    return arrays, remarks


def _cache_file(folder: Path, files: dict[str, list[tuple[Path, int]]]) -> Path:
    """Return the cache file of this state of the folder: its name depends on paths, sizes and times of all files."""
    digest = hashlib.sha256(f"{READING}\n{folder.resolve()}\n".encode(errors="surrogateescape"))
    for split in files:
        for file, label in files[split]:
            try:
                status = file.stat()
            except OSError as error:
                raise UserError(f"cannot read the image {file}: {error.strerror}; repair or remove it") from error
            line = f"{os.path.relpath(file, folder)} {label} {status.st_size} {status.st_mtime_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return cache_folder() / "images" / f"{digest.hexdigest()[:40]}.npz"
