"""Fréchet distance between Gaussians fitted to two sets of features (Heusel et al. 2017, eq. 6)."""

import numpy as np

from coursework.metrics.features import checked, checked_pair

PURPOSE = "a Fréchet distance"
# Rows centred at a time: no float64 copy of all features is made.
ROWS = 4096


def frechet_distance(fake: np.ndarray, real: np.ndarray) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of features (n, d) and (m, d), in float64.

    Symmetric in its arguments. Raises `UserError` for fewer than two rows, values that are not finite and
    features of different lengths.
    """
    fake, real = checked_pair(fake, real, PURPOSE, minimum=2)
    if min(len(fake), len(real)) > fake.shape[1]:
        return gaussian_distance(*moments(fake), *moments(real))
    if len(real) < len(fake):
        fake, real = real, fake
    return _few_rows_distance(fake, real)


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean (d,) and covariance (d, d) of features (n, d), in float64 and with n - 1 in the denominator."""
    features = checked(features, PURPOSE, minimum=2)
    mean = features.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(features), ROWS):
        centred = features[start : start + ROWS] - mean
        # A product with its own transpose takes half the operations, and comes out exactly symmetric.
        covariance += centred.T @ centred
    covariance /= len(features) - 1
    return mean, covariance


def gaussian_distance(
    mean_1: np.ndarray, covariance_1: np.ndarray, mean_2: np.ndarray, covariance_2: np.ndarray
) -> float:
    """Return the Fréchet distance of N(mean_1, covariance_1) and N(mean_2, covariance_2).

    The trace of the square root is the sum of the roots of the product's eigenvalues. They are those of the
    symmetric L^T C2 L for any L with L L^T = C1: real and not negative up to rounding, also for a singular
    covariance.
    """
    factor = _covariance_factor(covariance_1)
    trace_of_root = _sum_of_roots(factor.T @ covariance_2 @ factor)
    distance = np.square(mean_1 - mean_2).sum() + np.trace(covariance_1) + np.trace(covariance_2) - 2.0 * trace_of_root
    # Rounding can take the distance of equal sets a little below zero.
    return float(max(distance, 0.0))


def frechet_influences(fake: np.ndarray, real_mean: np.ndarray, real_covariance: np.ndarray) -> np.ndarray:
    """Return the influences (n,) of fake features (n, d) on their Fréchet distance from N(real_mean, real_covariance).

    Their standard deviation over the root of n is the distance's standard error (`uncertainty.standard_error`).
    The distance's derivative by the fake covariance is I - T, with T = L (L^T C L)^(-1/2) L^T for L L^T the real
    covariance and C the fake one: the matrix of the optimal transport from one Gaussian to the other (Olkin and
    Pukelsheim 1982). Directions in which C is singular are left out.
    """
    fake = checked(fake, "an error of a Fréchet distance", minimum=2)
    mean, covariance = moments(fake)
    factor = _covariance_factor(real_covariance)
    values, vectors = np.linalg.eigh(factor.T @ covariance @ factor)
    kept = values > values.max(initial=0.0) * len(values) * np.finfo(np.float64).eps
    half = factor @ (vectors[:, kept] * values[kept] ** -0.25)
    influences = np.empty(len(fake))
    for start in range(0, len(fake), ROWS):
        rows = slice(start, start + ROWS)
        centred = fake[rows] - mean
        transported = np.square(centred @ half).sum(axis=1)
        influences[rows] = 2 * centred @ (mean - real_mean) + np.square(centred).sum(axis=1) - transported
    return influences - influences.mean()


def _few_rows_distance(few: np.ndarray, many: np.ndarray) -> float:
    """Return the distance of a set with no more rows than features, whose covariance is therefore singular.

    Its rows, with one direction fewer for the mean, are a factor of that covariance. They leave out the directions that
    hold only rounding errors, whose roots would add up.
    """
    few_mean = few.mean(axis=0, dtype=np.float64)
    mean, covariance = moments(many)
    few = few - few_mean
    # A Householder reflection takes the row of ones to the first axis: the other rows do not depend on the mean.
    axis = np.full(len(few), len(few) ** -0.5)
    axis[0] -= 1
    rows = few[1:] - np.outer(axis[1:] * (2 / (axis @ axis)), axis @ few)
    factor = rows.T / np.sqrt(len(few) - 1)
    trace_of_root = _sum_of_roots(factor.T @ covariance @ factor)
    spread = np.square(factor).sum() + np.trace(covariance)
    return float(max(np.square(few_mean - mean).sum() + spread - 2.0 * trace_of_root, 0.0))


def _sum_of_roots(matrix: np.ndarray) -> float:
    return float(np.sqrt(np.clip(np.linalg.eigvalsh(matrix), 0.0, None)).sum())


def _covariance_factor(covariance: np.ndarray) -> np.ndarray:
    """Return L (d, d) with L L^T = covariance: Cholesky's, which is fast, or the symmetric root of a singular one."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        return (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
