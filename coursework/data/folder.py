"""Any folder of images in the layout train/<class>/*, test/<class>/*."""

import contextlib
import hashlib
import os
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from coursework.data.dataset import Dataset
from coursework.errors import UserError
from coursework.files import replacing

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif"}
# Images of this package are tiny; a larger one is a mistake, and decoding it could take all memory.
LARGEST_SIDE = 1024


def load(path, name=None):
    """Return the `Dataset` of the folder at `path`; all images must have one size.

    Greyscale and palette images become RGB, transparency is dropped. Arrays are cached, keyed by the names, sizes and
    times of the files.
    Raises `UserError` that names the first missing folder, unreadable image or image of another size.
    """
    path = Path(path).expanduser()
    name = name or path.resolve().name
    class_names = _class_names(path)
    files = {split: _files(path / split, class_names) for split in ("train", "test")}
    cache = _cache_file(path, files)
    arrays = _read_cache(cache)
    if arrays is None:
        arrays = {split: _decode(files[split], split) for split in files}
        if arrays["train"].shape[1:] != arrays["test"].shape[1:]:
            raise UserError(
                f"{path}: train images are {_size(arrays['train'])}, test images are {_size(arrays['test'])}"
            )
        _write_cache(cache, arrays)
    labels = {split: np.array([label for _, label in files[split]], dtype=np.int64) for split in files}
    return Dataset.from_arrays(name, arrays["train"], labels["train"], arrays["test"], labels["test"], class_names)


def read_image(path):
    """Return the image at `path` as uint8 (height, width, 3).

    Raises `UserError` for a broken or oversized one and for pixels of more than 8 bits.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if max(image.size) > LARGEST_SIDE:
                    raise UserError(
                        f"{path} is {image.size[0]}x{image.size[1]}; at most {LARGEST_SIDE} pixels a side are read"
                    )
                if image.mode.startswith(("I", "F")):
                    raise UserError(f"{path} has more than 8 bits a channel: save it with 8")
                return np.asarray(image.convert("RGB"))
    except UserError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds for a damaged file; all mean the same to the user.
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"cannot read the image {path}: {reason}; mend or remove it") from error


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
        # Hidden files are no images: other systems leave companions such as "._1.png" in archives.
        visible = (file for file in (path / name).iterdir() if not file.name.startswith("."))
        files = sorted(file for file in visible if file.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{path / name} holds no images ({', '.join(sorted(SUFFIXES))})")
        found += [(file, label) for file in files]
    return found


def _decode(files, split):
    images = None
    for index, (file, _) in enumerate(files):
        image = read_image(file)
        if images is None:
            images = np.empty((len(files), *image.shape), dtype=np.uint8)
        if image.shape != images.shape[1:]:
            raise UserError(f"{file} is {_size(image[None])}, but {files[0][0].name} is {_size(images)}: use one size")
        images[index] = image
        if sys.stderr.isatty() and (index % 1000 == 0 or index + 1 == len(files)):
            print(f"\rreading {split} images {index + 1}/{len(files)}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return images


def _size(images):
    return f"{images.shape[2]}x{images.shape[1]}"


def _cache_file(path, files):
    """Name the cache after everything that tells one state of the folder from another without decoding it."""
    digest = hashlib.sha256(str(path.resolve()).encode())
    for split in files:
        for file, label in files[split]:
            status = file.stat()
            digest.update(f"{split}/{file.name} {label} {status.st_size} {status.st_mtime_ns}\n".encode())
    folder = os.environ.get("COURSEWORK_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "coursework"
    )
    return Path(folder) / f"images-{digest.hexdigest()[:24]}.npz"


def _read_cache(file):
    try:
        with np.load(file, allow_pickle=False) as content:
            arrays = {split: content[split] for split in ("train", "test")}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return None
    return arrays if all(array.dtype == np.uint8 and array.ndim == 4 for array in arrays.values()) else None


def _write_cache(file, arrays):
    """Keep the decoded arrays; a cache that cannot be written costs the next start some seconds, nothing else."""
    with contextlib.suppress(UserError), replacing(file) as temporary:
        np.savez(temporary, **arrays)
