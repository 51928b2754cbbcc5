"""How far codes are from the prior N(0, I) of a decoder: KL divergence and maximum mean discrepancy."""

import numpy as np

from coursework.metrics.features import checked_pair

# Of the kernel below: it distinguishes distributions on more than one scale.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# As many disjoint subsets as the rows allow, up to ten of up to a thousand rows each.
SUBSETS, SUBSET_SIZE = 10, 1000
# Burda et al. 2016: a dimension is active if the variance of its posterior means over the data is larger.
ACTIVE = 0.01


def kl_by_dimension(mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """Return KL(q(z_i | x) || N(0, 1)) in nats, the mean over images, of Gaussian posteriors (n, d) each: (d,)."""
    mean, log_variance = np.asarray(mean, np.float64), np.asarray(log_variance, np.float64)
    return 0.5 * (np.square(mean) + np.exp(log_variance) - 1.0 - log_variance).mean(axis=0)


def active_dimensions(means: np.ndarray) -> int:
    """Return in how many dimensions posterior means (n, d) vary over the data (Burda et al. 2016, section 5.2)."""
    return int((np.asarray(means, np.float64).var(axis=0) > ACTIVE).sum())


def squared_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy of samples x (n, d) and y (m, d).

    The kernel is the sum over `SCALES` s of C / (C + |x - y|^2) with C = 2 d s, by which Tolstikhin et al. 2018 compare
    codes with N(0, I): 2 d is the expected squared distance between two of its samples. The expectation is 0 for equal
    distributions, where estimates have either sign, and at most 2 len(SCALES). Raises `UserError` for fewer than
    two rows.
    """
    x, y = (rows.astype(np.float64) for rows in checked_pair(x, y, "a maximum mean discrepancy", minimum=2))
    own = [(_kernel(rows, rows).sum() - len(SCALES) * len(rows)) / (len(rows) * (len(rows) - 1)) for rows in (x, y)]
    return float(sum(own) - 2.0 * _kernel(x, y).mean())


def discrepancy(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return (mean, its standard error) of `squared_discrepancy` over disjoint subsets of x (n, d) and y (n, d).

    A subset consists of consecutive rows: they should be in random order. Raises `UserError` for fewer than four rows.
    """
    x, y = checked_pair(x, y, "a maximum mean discrepancy over subsets", minimum=4)
    count = min(len(x), len(y))
    size = min(SUBSET_SIZE, count // 2)
    starts = range(0, min(count // size, SUBSETS) * size, size)
    values = [squared_discrepancy(x[start : start + size], y[start : start + size]) for start in starts]
    return float(np.mean(values)), float(np.std(values, ddof=1) / len(values) ** 0.5)


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the kernel of all pairs of rows, (n, m)."""
    squared = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2.0 * x @ y.T
    # Rounding can take the distance of equal rows a little below zero.
    np.maximum(squared, 0.0, out=squared)
    kernel = np.zeros_like(squared)
    for scale in SCALES:
        constant = 2.0 * x.shape[1] * scale
        kernel += constant / (constant + squared)
    return kernel
