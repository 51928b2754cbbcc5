"""A network whose features are scored, and its features of images: computed once, kept in blocks by their content."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursework.util.cache import cache_folder, prune, read_arrays, write_arrays
from coursework.util.errors import UserError
from coursework.util.progress import Progress

# Raise this number when an extractor with the same weights computes something else: kept features are then ignored.
VERSION = 1


@dataclass(frozen=True)
class Extractor:
    """A network from uint8 images to features.

    name: "judge" or "inception". sha256: of the file of weights; scores by different weights must not be compared.
    image_shape: (height, width, channels) of its input, None for a side of any length. resize: how it resizes images,
    None if it does not. precision: of its convolutions. outputs: those of `compute` that scores use. block: images
    computed at a time. compute: uint8 images of `image_shape` -> {output: (n, ...)}.
    """

    name: str
    sha256: str
    image_shape: tuple[int | None, int | None, int]
    resize: str | None
    precision: str
    outputs: tuple[str, ...]
    block: int
    compute: Callable[[np.ndarray], Mapping[str, np.ndarray]]

    @property
    def label(self) -> str:
        """The name in records of scores: another precision is another extractor."""
        return self.name if self.precision == "float32" else f"{self.name} {self.precision}"

    def problem(self, images: np.ndarray, name: str) -> str | None:
        """Return in one line why uint8 images (n, h, w, c) called `name` do not fit the network, None if they do."""
        sides = [side for side in zip(self.image_shape[:2], images.shape[1:3], strict=True) if side[0] is not None]
        if any(own != given for own, given in sides):
            expected = f"{self.image_shape[1]}x{self.image_shape[0]}"
            return (
                f"the {self.name} takes images of {expected}, those of {name} are {images.shape[2]}x{images.shape[1]}"
            )
        if images.shape[3] not in (1, self.image_shape[2]):
            return f"the {self.name} takes greyscale images, those of {name} have {images.shape[3]} channels"
        return None

    def check(self, images: np.ndarray, name: str) -> None:
        """Raise `UserError` if there are no images, or if they do not fit the network."""
        if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
            raise UserError(
                f"{name}: expected uint8 images (n, height, width, channels), found {images.dtype} {images.shape}"
            )
        problem = self.problem(images, name)
        if problem:
            raise UserError(problem)


def extract_features(
    extractor: Extractor, images: np.ndarray, title: str = "images", cached: bool = True
) -> dict[str, np.ndarray]:
    """Return {output: float32 (n, d)} of uint8 images (n, height, width, 1 or 3).

    Each block of `extractor.block` images is kept once it is computed, under a hash of the images, the extractor's
    SHA-256, its precision and the backend. An interrupted extraction therefore resumes, the same images under another
    name are not computed again, and a damaged block is. title: name of the set in the progress line. cached: False
    neither reads nor keeps features. Raises `UserError` for images that do not fit the network.
    """
    extractor.check(images, title)
    folder = cache_folder() / "features" / f"{extractor.name}-{extractor.sha256[:12]}-{extractor.precision}"
    results: dict[str, np.ndarray] = {}
    kept_any = False
    with Progress(f"{extractor.name}, {title}", len(images)) as progress:
        for start in range(0, len(images), extractor.block):
            block = _prepared(images[start : start + extractor.block], extractor.image_shape[2])
            file = folder / f"{_key(extractor, block)}.npz"
            arrays = _read(file, extractor, len(block)) if cached else None
            found = arrays is not None
            if arrays is None:
                computed = extractor.compute(block)
                arrays = {name: np.asarray(computed[name], np.float32) for name in extractor.outputs}
                kept_any |= cached and write_arrays(file, arrays)
            if not results:
                results = {name: np.empty((len(images), array.shape[1]), np.float32) for name, array in arrays.items()}
            for name, array in arrays.items():
                results[name][start : start + len(block)] = array
            progress.update(start + len(block), found=len(block) if found else 0)
    if kept_any:
        prune(cache_folder() / "features")
    return results


def _prepared(images: np.ndarray, channels: int) -> np.ndarray:
    """Return contiguous images with `channels` channels: those of greyscale images are repeated."""
    return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], channels)))


def _key(extractor: Extractor, block: np.ndarray) -> str:
    import keras  # takes seconds, and the names of metrics need none of it

    parts = (VERSION, extractor.name, extractor.sha256, extractor.precision, keras.backend.backend(), block.shape)
    digest = hashlib.sha256(repr(parts).encode())
    digest.update(block.data)
    return digest.hexdigest()[:40]


def _read(file: Path, extractor: Extractor, count: int) -> dict[str, np.ndarray] | None:
    """Return the kept arrays of a block, None if there are none or not the expected ones."""
    arrays = read_arrays(file)
    if arrays is None or set(arrays) != set(extractor.outputs):
        return None
    fit = all(array.dtype == np.float32 and array.ndim == 2 and len(array) == count for array in arrays.values())
    return arrays if fit else None
