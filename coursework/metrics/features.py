"""Checks of the arguments of scores: features are two-dimensional, finite, and have one length on both sides."""

import numpy as np
from numpy.typing import ArrayLike

from coursework.util.errors import UserError


def checked(features: ArrayLike, score: str, minimum: int = 1) -> np.ndarray:
    """Return features (n, d) as a float array: float32 and float64 are kept, other types become float64.

    score: name of the score in the message. Raises `UserError` for another number of dimensions, fewer
    than `minimum` rows, rows of length 0 and values that are not finite.
    """
    features = np.asarray(features)
    if features.dtype not in (np.float32, np.float64):
        try:
            features = features.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise UserError(f"{score} needs numbers, found features of type {features.dtype}") from error
    if features.ndim != 2 or len(features) < minimum or not features.shape[1]:
        raise UserError(f"{score} needs at least {minimum} feature rows, found shape {features.shape}")
    # In blocks: a whole array of booleans would take a quarter of the memory of float32 features.
    if not all(np.isfinite(features[start : start + 4096]).all() for start in range(0, len(features), 4096)):
        raise UserError("features hold NaN or infinite values: no score can be computed from them")
    return features


def checked_pair(fake: ArrayLike, real: ArrayLike, score: str, minimum: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets of features, `checked`; raises `UserError` also if their lengths differ."""
    fake, real = checked(fake, score, minimum), checked(real, score, minimum)
    if fake.shape[1] != real.shape[1]:
        raise UserError(f"features of different lengths have no distance: {fake.shape} and {real.shape}")
    return fake, real


def checked_whole(value: int, name: str, minimum: int = 1) -> int:
    """Return `value` as an int; raises `UserError` unless it is a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
        raise UserError(f"{name} should be a whole number of at least {minimum}, not {value!r}")
    return int(value)
