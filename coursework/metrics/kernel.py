"""Kernel distance: the squared maximum mean discrepancy under a cubic kernel (Bińkowski et al. 2018, "KID")."""

import numpy as np

from coursework.metrics.features import checked_pair, checked_whole
from coursework.metrics.repeated import RepeatedScore
from coursework.util.errors import UserError

# Rows of a kernel matrix cubed and summed at a time: 128 rows of 1,000 stay in the cache.
ROWS = 128


def kernel_distance(fake, real, subsets=100, subset_size=1000, seed=2020):
    """Return (mean, population standard deviation) over random subsets of features fake (n, d) and real (m, d).

    The kernel is (x·y / d + 1)^3, the estimator of each subset unbiased: negative values occur where the sets are
    alike. The deviation is that of a distance between `subset_size` rows; it says how far subsets scatter, not how
    well the mean is known, for which see `KernelDistance.influences`. Raises `UserError` for too few rows.
    """
    distance = kernel_distances(fake, real, subsets, subset_size, seed)
    return distance.mean, distance.std


class KernelDistance(RepeatedScore):
    """Distances of the subsets (subsets,), and what each fake row does to their mean.

    The influences' standard deviation over the root of n is the standard error of the mean over generated samples;
    subsets share rows, so that the deviation over subsets by the root of their number is none: it falls with the
    subsets and not with the samples.
    """


def kernel_distances(fake, real, subsets=100, subset_size=1000, seed=2020, progress=None):
    """Return the `KernelDistance` of features fake (n, d) and real (m, d).

    Rows of each subset are drawn without replacement by `RandomState(seed)`, the fake ones first: the draws of
    torch-fidelity. progress: called with (subsets done, subsets).
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
    return KernelDistance(values, _influences(sums, draws))


def _own_means(rows):
    """Return each row's mean kernel with the others of its set."""
    sums, diagonal = _sums(rows, rows)
    return (sums - diagonal) / (len(rows) - 1)


def _sums(x, y):
    """Return the sums over y of the kernel of each row of x, and its diagonal, in float64.

    Products and cubes keep the features' precision: over a million pairs their rounding cancels (below 1e-9 of the
    distance's scale in single precision), as that of the sums, of few and large numbers, would not.
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


def _influences(sums, draws):
    """Return each row's influence from the sum over its draws; rows drawn often weigh more in the mean."""
    drawn = draws > 0
    means = np.divide(sums, draws, out=np.zeros_like(sums), where=drawn)
    weights = draws / draws.mean()
    return weights * (means - np.average(means, weights=weights))
