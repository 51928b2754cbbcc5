"""Realism of single images: how deep inside the manifold of real images does each lie?"""

import numpy as np

from coursework.metrics.distances import centre_of
from coursework.metrics.features import checked_pair, checked_whole
from coursework.metrics.neighbours import nearest_others

# Rows of a block of distances; a block of these by 50,000 float64 numbers is 200 MB.
BLOCK = 512


class RealManifold:
    """Balls about real features (m, d), each as wide as the distance to the k-th other row, the wider half left out.

    Kynkäänniemi et al. 2019, section 5: balls wider than the median stand where real images are sparse, and hold what
    is like none of them.
    """

    def __init__(self, real, k=3, progress=None):
        real = np.asarray(real)
        radii = nearest_others(real, checked_whole(k, "k"), progress)[0][:, -1]
        kept = radii <= np.median(radii)
        self.centre = centre_of(real)
        self.real = real[kept].astype(np.float64) - self.centre
        self.squared_radii = radii[kept] ** 2
        self.squared_lengths = np.einsum("ij,ij->i", self.real, self.real)

    def realism(self, features):
        """Return the realism (n,) of features (n, d): the largest ratio of a ball's radius to the distance from its
        centre.

        Above 1 a row lies inside of a ball; infinite for a copy of its centre. Kynkäänniemi et al. 2019, equation 3.
        Raises `UserError` for features of another length and such as are not finite.
        """
        features, _ = checked_pair(features, self.real, "realism")
        values = np.empty(len(features))
        for start in range(0, len(features), BLOCK):
            rows = features[start : start + BLOCK].astype(np.float64) - self.centre
            squared = self.squared_lengths - 2 * rows @ self.real.T
            squared += np.einsum("ij,ij->i", rows, rows)[:, None]
            nearest = np.argmax(self.squared_radii / np.maximum(squared, np.finfo(np.float64).tiny), axis=1)
            # The difference itself, once more: the sum above loses the digits of small distances.
            exact = np.square(rows - self.real[nearest]).sum(axis=1)
            radii = self.squared_radii[nearest]
            ratios = np.divide(radii, exact, out=np.full(len(rows), np.inf), where=exact > 0)
            values[start : start + BLOCK] = np.sqrt(ratios)
        return values
