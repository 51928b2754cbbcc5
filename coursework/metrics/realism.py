"""Realism of single images: how deep inside the manifold of real images is each?"""

import numpy as np

from coursework.metrics.distances import centre_of
from coursework.metrics.features import checked_pair, checked_whole
from coursework.metrics.neighbours import OnStep, nearest_others

# Rows of a block of distances; a block of these by 50,000 float64 numbers is 200 MB.
BLOCK = 512


class RealManifold:
    """Balls around real features (m, d) with the distance to the k-th other row as radius, without the larger half.

    Kynkäänniemi et al. 2019, section 5: balls larger than the median are in sparse regions and hold images unlike any
    real one.
    """

    def __init__(self, real: np.ndarray, k: int = 3, progress: OnStep | None = None) -> None:
        real = np.asarray(real)
        radii = nearest_others(real, checked_whole(k, "k"), progress)[0][:, -1]
        kept = radii <= np.median(radii)
        self.centre = centre_of(real)
        self.real = real[kept].astype(np.float64) - self.centre
        self.squared_radii = radii[kept] ** 2
        self.squared_lengths = np.einsum("ij,ij->i", self.real, self.real)

    def realism(self, features: np.ndarray) -> np.ndarray:
        """Return the realism (n,) of features (n, d): the largest ratio of a ball's radius to the distance from its
        centre.

        Above 1 a row is inside a ball; infinite for a copy of its centre. Kynkäänniemi et al. 2019, equation 3.
        Raises `UserError` for features of another length and for values that are not finite.
        """
        features, _ = checked_pair(features, self.real, "realism")
        values = np.empty(len(features))
        for start in range(0, len(features), BLOCK):
            rows = features[start : start + BLOCK].astype(np.float64) - self.centre
            squared = self.squared_lengths - 2 * rows @ self.real.T
            squared += np.einsum("ij,ij->i", rows, rows)[:, None]
            nearest = np.argmax(self.squared_radii / np.maximum(squared, np.finfo(np.float64).tiny), axis=1)
            # Computed again from the difference: the sum above loses the digits of small distances.
            exact = np.square(rows - self.real[nearest]).sum(axis=1)
            radii = self.squared_radii[nearest]
            ratios = np.divide(radii, exact, out=np.full(len(rows), np.inf), where=exact > 0)
            values[start : start + BLOCK] = np.sqrt(ratios)
        return values
