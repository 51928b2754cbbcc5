"""The panel: one static page that shows images of several sources blind, to be named and rated by whoever sits there.

The page holds pixels and their hashes in a shuffled order. Where an image comes from is in the key, a file of its own.
Zhou et al. 2019 (HYPE) ask people about generated images in the same way, mixed with real ones.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursework.data import Dataset
from coursework.data.dataset import say
from coursework.data.image_files import SUFFIXES, read_image, read_images, size
from coursework.pegasus import gallery
from coursework.pegasus.batch_files import COLUMNS, GAP, RECORDS, SHEET, cut, read_records
from coursework.util.errors import UserError
from coursework.util.files import write_text

PAGE = Path(__file__).parent / "panel_page"
SCRIPTS = (gallery.PAGE / "format.js", gallery.PAGE / "sheets.js", PAGE / "panel.js")
VERSION = 1
# Letters of the name that a person gives to an image.
LONGEST_NAME = 80


@dataclass(frozen=True)
class Source:
    """Images of one origin. images: uint8 (n, h, w, 3); names: n texts that find an image again, such as its file."""

    name: str
    images: np.ndarray
    names: tuple[str, ...]

    def drawn(self, count: int, seed: int) -> "Source":
        """Return `count` of the images, drawn by `seed` without replacement; all where there are no more."""
        if count >= len(self.images):
            return self
        kept = np.sort(np.random.default_rng(seed).choice(len(self.images), count, replace=False))
        return Source(self.name, self.images[kept], tuple(self.names[index] for index in kept))


def folder_source(folder: str | Path, name: str | None = None) -> Source:
    """Return the images of a folder: the batch in it, where `pegasus` wrote one, or else all its image files.

    name: of the source (default: the folder's own). Raises `UserError` where there are none or one cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"no folder {folder}")
    name = name or folder.resolve().name
    if (folder / RECORDS).is_file():
        images = _batch(folder)
        return Source(name, images, tuple(f"rank {rank}" for rank in range(1, len(images) + 1)))
    # Hidden files are no images: other systems leave companions such as "._1.png" in archives.
    visible = (file for file in folder.iterdir() if not file.name.startswith("."))
    files = sorted(file for file in visible if file.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))}) and no batch of pegasi")
    images, notes = read_images(files, f"reading {name}")
    for note in notes:
        say(f"{name}: {note}")
    return Source(name, images, tuple(file.name for file in files))


def _batch(folder: Path) -> np.ndarray:
    """Return the images (n, h, w, 3) of the batch in `folder`, the best first."""
    count, sheet = len(read_records(folder / RECORDS)), read_image(folder / SHEET)
    columns = min(COLUMNS, count)
    height, width = (sheet.shape[0] - GAP) // -(-count // columns) - GAP, (sheet.shape[1] - GAP) // columns - GAP
    images = cut(sheet, height, width) if min(height, width) > 0 else None
    if images is None or len(images) != count:
        raise UserError(f"{folder / SHEET} does not show the {count} images of {RECORDS}: make the pegasi again")
    return images


def real_source(dataset: Dataset, class_name: str, count: int, seed: int) -> Source:
    """Return `count` test images of a class of `dataset`, drawn by `seed` without replacement.

    Raises `UserError` for an unknown class, and for one with fewer images.
    """
    if class_name not in dataset.class_names:
        raise UserError(f"data set {dataset.name} has no class {class_name}; it has {', '.join(dataset.class_names)}")
    known = np.flatnonzero(dataset.test_labels == dataset.class_names.index(class_name))
    if len(known) < count:
        raise UserError(f"{dataset.name} has {len(known)} test images of the class {class_name}, fewer than {count}")
    names = tuple(f"test image {index}" for index in known)
    return Source(f"real {class_name}", dataset.test_images[known], names).drawn(count, seed)


def write_panel(page: str | Path, key: str | Path, sources: list[Source], seed: int) -> int:
    """Write the page and its key; return the number of images shown.

    An image that several sources share is shown once, and counts for each. seed: of the order. Equal input gives equal
    bytes. Raises `UserError` for two sources of one name and for images of different sizes.
    """
    names = [source.name for source in sources]
    for source in sources:
        if names.count(source.name) > 1:
            raise UserError(f"two sources are called {source.name}: rename a folder")
        if source.images.shape[1:] != sources[0].images.shape[1:]:
            raise UserError(
                f"images of {source.name} are {size(source.images)}, but those of {sources[0].name} are "
                f"{size(sources[0].images)}: use one size"
            )
    pixels, origins = {}, []
    for source in sources:
        for image, name in zip(source.images, source.names, strict=True):
            mark = image_id(image)
            pixels[mark] = image
            origins.append({"id": mark, "source": source.name, "name": name})
    # From an order that says nothing of the sources, whatever the seed.
    order = np.random.default_rng(seed).permutation(sorted(pixels)).tolist()
    images = np.stack([pixels[mark] for mark in order])
    panel = hashlib.sha256("\n".join(order).encode()).hexdigest()
    data = {
        "fingerprint": panel,
        "height": images.shape[1],
        "width": images.shape[2],
        "perSheet": gallery.SHEET,
        "images": order,
    }
    parts = {
        "longest": str(LONGEST_NAME),
        "sheets": "\n".join(gallery.sheets("panel", images)),
        "data": gallery.script_json(data),
    }
    # Before the page: nobody rates a page without a key.
    write_text(key, json.dumps({"version": VERSION, "panel": panel, "seed": seed, "images": origins}, indent=1) + "\n")
    gallery.write_page(page, PAGE, SCRIPTS, parts)
    return len(order)


def image_id(image: np.ndarray) -> str:
    """Return the identity of a uint8 image (h, w, 3): 32 hexadecimal digits of the SHA-256 of its size and pixels."""
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()[:32]
