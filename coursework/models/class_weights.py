"""Classes for a conditional generator: in the data's proportions, and as weights for each layer that reads them."""

from collections.abc import Sequence

import numpy as np


def unequal_counts(class_counts: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the number of images of each class, None where they are unknown or all equal: classes count alike."""
    if class_counts is None or len(set(class_counts)) < 2:
        return None
    return tuple(int(count) for count in class_counts)


def proportional_labels(count: int, class_count: int, class_counts: Sequence[int] | None = None) -> np.ndarray:
    """Return int64 labels (count,), the first k of which are in the proportions of `class_counts` for any k.

    class_counts: number of training images of each class; where it is None or all are equal, the labels are all classes
    in turn. Each label is the class that is the furthest behind its share, the first one of several.
    """
    counts = unequal_counts(class_counts)
    if counts is None:
        return np.arange(count) % class_count
    shares, given, labels = np.array(counts), np.zeros(len(counts), np.int64), np.empty(count, np.int64)
    for index in range(count):
        labels[index] = np.argmax(shares * (index + 1) - given * shares.sum())
        given[labels[index]] += 1
    return labels


def class_weights(classes: np.ndarray, rows: int, class_count: int) -> np.ndarray:
    """Return float32 weights (n, rows, class_count), a row for each layer of a generator that reads its class.

    classes: integer labels (n,), or weights (n, class_count) for all layers alike (a half of two classes each for
    something between them), or weights (n, rows, class_count), the first rows those of the layers next to the latents.
    Raises ValueError for another shape and for a label that is no class.
    """
    classes = np.asarray(classes)
    if classes.ndim == 1:
        if not np.issubdtype(classes.dtype, np.integer) or not np.isin(classes, np.arange(class_count)).all():
            raise ValueError(f"labels should be whole numbers from 0 to {class_count - 1}")
        classes = np.eye(class_count)[classes]
    if classes.ndim == 2:
        classes = np.repeat(classes[:, None], rows, axis=1)
    if classes.shape[1:] != (rows, class_count):
        raise ValueError(f"expected labels (n,), weights (n, {class_count}) or (n, {rows}, {class_count})")
    return classes.astype(np.float32)
