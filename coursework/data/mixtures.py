"""Mixtures of Gaussians in the plane, on which a generator's lost modes can be counted (Metz et al. 2017)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Mixture:
    """Equally likely Gaussians. modes: their means, float64 (k, 2); std: the standard deviation of each coordinate."""

    name: str
    modes: np.ndarray
    std: float

    def sample(self, count: int, seed: int | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return `count` points, float32 (count, 2), and the index of each one's mode, int64 (count,).

        They depend on the arguments alone; seed is a non-negative integer or a sequence of them.
        """
        generator = np.random.default_rng(seed)
        labels = generator.integers(len(self.modes), size=count)
        points = self.modes[labels] + self.std * generator.standard_normal((count, 2))
        return points.astype(np.float32), labels


def ring(modes: int = 8, radius: float = 1.0, std: float = 0.01) -> Mixture:
    """Return equally distant modes on a circle around the origin, the first at (radius, 0)."""
    # The end of the turn, which equals its start, is left out.
    angles = 2 * np.pi * np.arange(modes) / modes
    return Mixture("ring", radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), std)


def ring_with_centre(modes: int = 8, radius: float = 1.0, std: float = 0.01) -> Mixture:
    """Return the `ring` and one more mode, the last, at the origin."""
    around = ring(modes, radius, std)
    return Mixture("ring-with-centre", np.concatenate([around.modes, np.zeros((1, 2))]), std)


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> Mixture:
    """Return `side` x `side` modes `spacing` apart in both directions, centred on the origin."""
    places = spacing * (np.arange(side) - (side - 1) / 2)
    return Mixture("grid", np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1).reshape(-1, 2), std)


MIXTURES = {"ring": ring, "ring-with-centre": ring_with_centre, "grid": grid}
