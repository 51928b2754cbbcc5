"""Classes as a conditional generator takes them: a weight for each class, for each layer that reads them."""

import numpy as np


def balanced_labels(count, class_count):
    """Return int64 labels (count,) of all classes in turn, so that equally many or one fewer belong to each."""
    return np.arange(count) % class_count


def class_weights(classes, rows, class_count):
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
