"""Latents: drawing them, fitting a distribution to codes, walking between two."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

# As `numpy.random.default_rng` takes it.
Seed: TypeAlias = int | Sequence[int]


def draw_latents(distribution: str, count: int, shape: Sequence[int], seed: Seed) -> np.ndarray:
    """Return float32 latents (count, *shape) that depend on the arguments alone, whatever the backend.

    distribution: "normal", or "uniform" in [-1, 1].
    """
    generator = np.random.default_rng(seed)
    if distribution == "uniform":
        return generator.uniform(-1.0, 1.0, (count, *shape)).astype(np.float32)
    return generator.standard_normal((count, *shape)).astype(np.float32)


def fit_codes(codes: np.ndarray) -> dict[str, np.ndarray]:
    """Return {"mean": (d,), "factor": (d, d)} with factor factor^T = covariance of codes (n, ...)."""
    flat = np.asarray(codes, dtype=np.float64).reshape(len(codes), -1)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(flat, rowvar=False)))
    factor = vectors * np.sqrt(np.clip(values, 0.0, None))
    return {"mean": flat.mean(axis=0).astype(np.float32), "factor": factor.astype(np.float32)}


def draw_codes(statistics: dict[str, np.ndarray], count: int, shape: Sequence[int], seed: Seed) -> np.ndarray:
    """Return float32 codes (count, *shape) from the Gaussian that `fit_codes` fitted."""
    noise = draw_latents("normal", count, (len(statistics["mean"]),), seed)
    return (statistics["mean"] + noise @ statistics["factor"].T).reshape(count, *shape)


def draw_posterior_codes(mean: np.ndarray, log_variance: np.ndarray, seed: Seed) -> np.ndarray:
    """Return draws from Gaussian posteriors N(mean, exp(log_variance)), arrays (n, ...), one for each."""
    return mean + np.exp(log_variance / 2) * draw_latents("normal", len(mean), mean.shape[1:], seed)


def interpolate(first: np.ndarray, last: np.ndarray, steps: int, spherical: bool = False) -> np.ndarray:
    """Return `steps` latents (steps, ...) from `first` to `last`, ends included.

    spherical: along the great circle (Shoemake 1985), which keeps the norm that a Gaussian latent has; else straight.
    """
    weights = np.linspace(0.0, 1.0, steps)
    flat_first, flat_last = (np.asarray(end, dtype=np.float64).ravel() for end in (first, last))
    cosine = flat_first @ flat_last / max(float(np.linalg.norm(flat_first) * np.linalg.norm(flat_last)), 1e-12)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if spherical and np.sin(angle) > 1e-6:
        ends = np.sin((1.0 - weights) * angle) / np.sin(angle), np.sin(weights * angle) / np.sin(angle)
    else:
        ends = 1.0 - weights, weights
    path = np.outer(ends[0], flat_first) + np.outer(ends[1], flat_last)
    return path.reshape(steps, *np.shape(first)).astype(np.float32)
