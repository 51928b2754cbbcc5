"""Kernel distance: the squared maximum mean discrepancy under a cubic kernel (Bińkowski et al. 2018, "KID")."""

from collections.abc import Callable

import numpy as np

from coursework.metrics.features import checked_pair, checked_whole
from coursework.metrics.uncertainty import SampleScore
from coursework.util.errors import UserError

# Rows of a kernel matrix cubed and summed at a time: 128 rows of 1,000 stay in the cache.
ROWS = 128


def kernel_distance(
    fake: np.ndarray, real: np.ndarray, subsets: int = 100, subset_size: int = 1000, seed: int = 2020
) -> tuple[float, float]:
    """Return (mean, population standard deviation) over random subsets of features fake (n, d) and real (m, d).

    The kernel is (x·y / d + 1)^3, the estimator of each subset is unbiased: values for similar sets may be
    negative. The deviation describes how far subsets of `subset_size` rows scatter; how well the mean is known follows
    from the influences of `kernel_distances`. Raises `UserError` for too few rows.
    """
    distance = kernel_distances(fake, real, subsets, subset_size, seed)
    return distance.value, float(distance.std or 0.0)


def kernel_distances(
    fake: np.ndarray,
    real: np.ndarray,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 2020,
    progress: Callable[[int, int], None] | None = None,
) -> SampleScore:
    """Return the `kernel_distance` of features fake (n, d) and real (m, d) with the influence of each fake row.

    Rows of each subset are drawn without replacement by `RandomState(seed)`, the fake ones first, as in torch-fidelity.
    The standard error of the mean comes from the influences. The deviation over subsets divided by the root of their
    number is no such error: subsets share rows, so that it falls with more subsets instead of more samples. progress:
    called with (subsets done, subsets).
    """
    subsets = checked_whole(subsets, "subsets")
    subset_size = checked_whole(subset_size, "subset_size", 2)
    fake, real = checked_pair(fake, real, "a kernel distance", 2)
    if min(len(fake), len(real)) < subset_size:
        raise UserError(
            f"a kernel distance over subsets of {subset_size} needs as many rows on both sides, found {len(fake)} fake "
            f"and {len(real)} real: give more images or a smaller subset size"
        )
    random = np.random.RandomState(seed)
    values = np.empty(subsets)
    sums, draws = np.zeros(len(fake)), np.zeros(len(fake))
    for subset in range(subsets):
        chosen = random.choice(len(fake), subset_size, replace=False)
        x, y = fake[chosen], real[random.choice(len(real), subset_size, replace=False)]
        own, (across, _) = _own_means(x), _sums(x, y)
        across /= subset_size
        values[subset] = own.mean() + _own_means(y).mean() - 2 * across.mean()
        sums[chosen] += 2 * (own - across)
        draws[chosen] += 1
        if progress:
            progress(subset + 1, subsets)
    return SampleScore(float(values.mean()), _influences(sums, draws), float(values.std()))


def _own_means(rows: np.ndarray) -> np.ndarray:
    """Return each row's mean kernel with the other rows of its set."""
    sums, diagonal = _sums(rows, rows)
    return (sums - diagonal) / (len(rows) - 1)


def _sums(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums over y of the kernel of each row of x, and its diagonal, in float64.

    Products and cubes keep the features' precision: over a million pairs their rounding errors cancel (below 1e-9 of
    the distance's scale in single precision). Those of the sums, which are few and large numbers, would not.
    """
    kernel = x @ y.T
    sums, diagonal = np.empty(len(x)), np.empty(len(x))
    scale = kernel.dtype.type(1 / x.shape[1])
    for start in range(0, len(kernel), ROWS):
        part = kernel[start : start + ROWS]
        part *= scale
        part += 1
        cubes = np.square(part)
        cubes *= part
        sums[start : start + ROWS] = cubes.sum(axis=1, dtype=np.float64)
        diagonal[start : start + ROWS] = np.diagonal(cubes, start)
    return sums, diagonal


def _influences(sums: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return each row's influence from the sum over its draws; rows drawn more often weigh more in the mean."""
    drawn = draws > 0
    means = np.divide(sums, draws, out=np.zeros_like(sums), where=drawn)
    weights = draws / draws.mean()
    return weights * (means - np.average(means, weights=weights))
