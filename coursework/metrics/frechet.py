"""Fréchet distance between Gaussians fitted to two sets of features (Heusel et al. 2017, eq. 6)."""

import numpy as np

from coursework.errors import UserError


def frechet_distance(fake, real):
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of features (n, d) and (m, d), in float64.

    Symmetric in its arguments. Raises `UserError` for fewer than two rows, values that are not finite and
    features of different lengths.
    """
    if np.shape(fake)[1:] != np.shape(real)[1:]:
        raise UserError(f"features of different lengths have no distance: {np.shape(fake)} and {np.shape(real)}")
    return gaussian_distance(*moments(fake), *moments(real))


def moments(features):
    """Return mean (d,) and covariance (d, d) of features (n, d), in float64 and with n - 1 in the denominator."""
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise UserError(f"a Fréchet distance needs two sets of at least 2 feature rows, found shape {features.shape}")
    if not np.isfinite(features).all():
        raise UserError("features hold NaN or infinite values: no score can be computed from them")
    mean = features.mean(axis=0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def gaussian_distance(mean_1, covariance_1, mean_2, covariance_2):
    """Return the Fréchet distance of N(mean_1, covariance_1) and N(mean_2, covariance_2).

    The trace of the square root is the sum of the roots of the product's eigenvalues. They are those of the
    symmetric S C2 S with S = C1^(1/2): real and not negative up to rounding, also where a covariance is singular.
    """
    root = _symmetric_root(covariance_1)
    eigenvalues = np.linalg.eigvalsh(root @ covariance_2 @ root)
    trace_of_root = np.sqrt(np.clip(eigenvalues, 0.0, None)).sum()
    distance = np.square(mean_1 - mean_2).sum() + np.trace(covariance_1) + np.trace(covariance_2) - 2.0 * trace_of_root
    # Rounding can take the distance of equal sets a little below zero.
    return float(max(distance, 0.0))


def _symmetric_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
