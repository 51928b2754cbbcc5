"""A test split for images that come without one: chosen by their pixels, whatever the files are called."""

import hashlib
from collections.abc import Sequence

import numpy as np

from coursework.util.errors import UserError

Split = tuple[np.ndarray, np.ndarray]


def split_off(images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], parts: int = 10) -> dict[str, Split]:
    """Return {"train": (images, labels), "test": (images, labels)}, with what `held_out` chooses in the test split."""
    test = held_out(images, labels, class_names, parts)
    return {"train": (images[~test], labels[~test]), "test": (images[test], labels[test])}


def held_out(images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], parts: int = 10) -> np.ndarray:
    """Return which images are held out, bool (n,): of each class one in `parts`, those with the lowest hashes.

    images: uint8 (n, height, width, channels). labels: (n,), indices into `class_names`. Names and order of the images
    do not matter, and equal images are never on both sides. Raises `UserError` for a class that has no two images which
    differ.
    """
    chosen = np.zeros(len(images), bool)
    hashes = np.array([hashlib.sha256(np.ascontiguousarray(image).data).hexdigest() for image in images])
    for label, name in enumerate(class_names):
        members = np.flatnonzero(labels == label)
        own = hashes[members]
        count = max(1, round(len(members) / parts))
        lowest = own <= np.sort(own)[count - 1] if len(members) else np.ones(0, bool)
        if lowest.all():
            raise UserError(
                f"no test images can be held out of the class {name}: it has no two images that differ; add more, or a "
                "folder test"
            )
        chosen[members[lowest]] = True
    return chosen
