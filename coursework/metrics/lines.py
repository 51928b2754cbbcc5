"""Scores of interpolations between lines (Berthelot et al. 2018, section 3.1), where the true images are known."""

import functools

import numpy as np

from coursework.data.lines import draw_lines
from coursework.util.errors import UserError

TEMPLATES = 10_000
# A smaller total change of angle has no direction: templates are 6e-4 apart.
SMALLEST_TURN = 1e-4
# Images compared with all templates at once: distances take a few tens of megabytes.
BLOCK = 512


def interpolation_scores(images: np.ndarray) -> dict[str, float]:
    """Return {"mean_distance", "smoothness"} of interpolations between lines, both lower for better interpolations.

    images: (n, steps, size, size, 1) in [-1, 1]. mean_distance: cosine distance of an image to the nearest of 10,000
    true lines, averaged over all images. smoothness: the largest step in angle of an interpolation, as a fraction of
    the whole turn, less the 1 / (steps - 1) of even steps, averaged over interpolations. Interpolations that do not
    turn are left out of the average; it is NaN if none turns.
    Raises `UserError` for images of another shape and for values that are not finite.
    """
    images = np.asarray(images)
    if images.ndim != 5 or images.shape[2] != images.shape[3] or images.shape[4] != 1 or images.shape[1] < 2:
        raise UserError(f"interpolations are images (n, steps, size, size, 1), not {images.shape}")
    distances, angles = closest_lines(images.reshape(-1, *images.shape[2:]))
    values = smoothness(angles.reshape(images.shape[:2]))
    turning = values[~np.isnan(values)]
    return {
        "mean_distance": float(distances.mean()),
        "smoothness": float(turning.mean()) if len(turning) else float("nan"),
    }


def closest_lines(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosine distance to the nearest template and its angle, both float64 (n,), of images (n, s, s, 1)."""
    images = np.asarray(images)
    if not np.isfinite(images).all():
        raise UserError("images hold NaN or infinite values: no score can be computed from them")
    angles, templates = _templates(images.shape[1])
    flat = images.reshape(len(images), -1)
    distances, nearest = np.empty(len(flat)), np.empty(len(flat), dtype=np.int64)
    for first in range(0, len(flat), BLOCK):
        chosen = slice(first, first + BLOCK)
        # In float64: neighbouring templates are too similar for float32.
        block = flat[chosen].astype(np.float64)
        # An image of zeros has no direction: its distance to every line is 1.
        block /= np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)
        similarities = block @ templates.T
        nearest[chosen] = similarities.argmax(axis=1)
        distances[chosen] = 1.0 - similarities.max(axis=1)
    return distances, angles[nearest]


def smoothness(angles: np.ndarray) -> np.ndarray:
    """Return each interpolation's smoothness (n,) from its angles (n, steps), NaN for one that does not turn."""
    angles = np.unwrap(np.asarray(angles, dtype=np.float64), axis=1)
    turns = abs(angles[:, -1] - angles[:, 0])
    turns[turns < SMALLEST_TURN] = np.nan
    return abs(np.diff(angles, axis=1)).max(axis=1) / turns - 1.0 / (angles.shape[1] - 1)


@functools.cache
def _templates(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the angles (TEMPLATES,) and the true lines at them as float64 rows of length 1."""
    angles = 2 * np.pi * np.arange(TEMPLATES) / TEMPLATES
    lines = draw_lines(angles, size).reshape(TEMPLATES, -1).astype(np.float64)
    return angles, lines / np.linalg.norm(lines, axis=1, keepdims=True)
