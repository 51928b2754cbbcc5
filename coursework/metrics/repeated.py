"""A score that is a mean over parts of its samples, such as splits or subsets."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RepeatedScore:
    """Scores of the parts (parts,), and what each row does to their mean.

    influences: (n,), how the mean moves, times n, as the row gains weight; see `coursework.metrics.uncertainty`.
    """

    values: np.ndarray
    influences: np.ndarray

    @property
    def mean(self):
        """Mean over the parts."""
        return float(self.values.mean())

    @property
    def std(self):
        """Population standard deviation over the parts, as the reference implementations give it."""
        return float(self.values.std())
