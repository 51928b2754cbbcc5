"""From images to features, once: blocks are kept under the hash of what they were computed from."""

import hashlib

import keras
import numpy as np

from coursework.util.cache import cache_folder, prune, read_arrays, write_arrays
from coursework.util.progress import Progress

# Raised when an extractor of the same weights comes to compute something else, so that older features are not believed.
VERSION = 1


def extract_features(extractor, images, title="images", cached=True):
    """Return {output: float32 (n, ...)} of uint8 images (n, height, width, 1 or 3).

    Blocks of `extractor.block` images are kept as soon as they are done, under a hash of the images, the extractor's
    SHA-256, its precision and the backend: an interrupted extraction goes on where it stopped, the same images are not
    computed twice under whatever name they come, and a damaged block is computed again. title: of the set, for the
    progress shown. cached: False keeps and reads nothing. Raises `UserError` for images that the extractor cannot take.
    """
    extractor.check(images, title)
    folder = cache_folder() / "features" / f"{extractor.name}-{extractor.sha256[:12]}-{extractor.precision}"
    results, kept_any = {}, False
    with Progress(f"{extractor.name}, {title}", len(images)) as progress:
        for start in range(0, len(images), extractor.block):
            block = extractor.prepare(images[start : start + extractor.block])
            file = folder / f"{_key(extractor, block)}.npz"
            arrays = _read(file, extractor, len(block)) if cached else None
            found = arrays is not None
            if not found:
                arrays = extractor.outputs_of(block)
                kept_any |= cached and write_arrays(file, arrays)
            if not results:
                results = {name: np.empty((len(images), array.shape[1]), np.float32) for name, array in arrays.items()}
            for name, array in arrays.items():
                results[name][start : start + len(block)] = array
            progress.update(start + len(block), found=len(block) if found else 0)
    if kept_any:
        prune(cache_folder() / "features")
    return results


def _key(extractor, block):
    parts = (VERSION, extractor.name, extractor.sha256, extractor.precision, keras.backend.backend(), block.shape)
    digest = hashlib.sha256(repr(parts).encode())
    digest.update(block.data)
    return digest.hexdigest()[:40]


def _read(file, extractor, count):
    """Return the kept arrays of a block, None where there are none or not those that are expected."""
    arrays = read_arrays(file)
    if arrays is None or set(arrays) != set(extractor.outputs):
        return None
    fit = all(array.dtype == np.float32 and array.ndim == 2 and len(array) == count for array in arrays.values())
    return arrays if fit else None
