"""How much the images of one set differ: detects a collapsed generator without any network."""

import numpy as np

from coursework.metrics.neighbours import nearest_others


def brightness_spread(images: np.ndarray) -> float:
    """Return the standard deviation of each value over uint8 images (n, ...), averaged over the values: 0 to 127.5."""
    return float(np.mean(np.std(np.asarray(images, np.float64), axis=0)))


def nearest_distances(images: np.ndarray) -> np.ndarray:
    """Return the root mean square difference (n,) of each uint8 image to the most similar other one of at least two."""
    flat = np.asarray(images).reshape(len(images), -1)
    return nearest_others(flat)[0][:, 0] / flat.shape[1] ** 0.5


def relative_diversity(images: np.ndarray, real: np.ndarray) -> float:
    """Return the median of `nearest_distances` of images divided by that of as many real ones; infinite if that is 0.

    The numbers are equal because more images have nearer neighbours. For a generator of k modes the result approaches 0
    for n well above 2 k.
    """
    if len(images) != len(real):
        raise ValueError(f"{len(images)} images compared with {len(real)} real ones")
    if len(real) < 2:
        return float("inf")
    reference = float(np.median(nearest_distances(real)))
    return float(np.median(nearest_distances(images))) / reference if reference > 0 else float("inf")
