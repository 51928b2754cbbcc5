"""Precision, recall, density and coverage: do samples lie where real data do, and do they reach all real data?

The manifold of a set is estimated by balls around its rows; the radius is the distance to the row's k-th neighbour.
Precision and recall after Kynkäänniemi et al. 2019, density and coverage after Naeem et al. 2020.
"""

import numpy as np

from coursework.metrics.distances import Block, Points, centre_of
from coursework.metrics.features import checked_pair, checked_whole
from coursework.metrics.neighbours import OnStep, Steps, block_count, find_nearest_others, own_block_count
from coursework.metrics.uncertainty import SampleScore


def precision_recall(
    fake: np.ndarray, real: np.ndarray, k: int = 3, progress: OnStep | None = None
) -> tuple[float, float]:
    """Return (precision, recall) of features fake (n, d) and real (m, d); swapped arguments swap them.

    Precision is the share of fake rows inside the ball of a real row, recall the share of real rows inside the ball of
    a fake row. The radius of a ball is the distance to the k-th other row of its own set; the edge is inside.
    """
    scores = manifold_scores(fake, real, precision_k=k, density_k=None, progress=progress)
    return scores["precision"].value, scores["recall"].value


def density_coverage(
    fake: np.ndarray, real: np.ndarray, k: int = 5, progress: OnStep | None = None
) -> tuple[float, float]:
    """Return (density, coverage) of features fake (n, d) and real (m, d).

    Density is the mean number of real balls around a fake row, divided by k: it may exceed 1. Coverage is the share of
    real balls that hold a fake row. The edge of a ball is outside.
    """
    scores = manifold_scores(fake, real, precision_k=None, density_k=k, progress=progress)
    return scores["density"].value, scores["coverage"].value


def manifold_scores(
    fake: np.ndarray,
    real: np.ndarray,
    precision_k: int | None = 3,
    density_k: int | None = 5,
    progress: OnStep | None = None,
) -> dict[str, SampleScore]:
    """Return {"precision", "recall", "density", "coverage": `SampleScore`} of features fake (n, d) and real (m, d).

    Each distance is computed once. precision_k, density_k: neighbours that set the balls of the two pairs of scores;
    None leaves a pair out. progress: called with (blocks done, number of blocks). Raises `UserError` for sets of no
    more than k rows and features that have no distances.

    Precision and density are means over fake rows. Recall and coverage change only by what one row alone reaches:
    their influences are the jackknife's, which leaves out one row at a time, keeps the balls of the others and
    overestimates the error (Efron and Stein 1981). For 100 sets of 400 Gaussian samples of 8 numbers the errors are 1.3
    and 1.6 times the scatter; those of precision and density are 1.0 and 1.1 times the scatter.
    """
    largest_k = max(checked_whole(k, "k") for k in (precision_k, density_k) if k is not None)
    fake, real = checked_pair(fake, real, f"a manifold of balls that end at neighbour {largest_k}", largest_k + 1)
    centre = centre_of(real)
    fakes, reals = Points(fake, centre), Points(real, centre)
    total = block_count(fakes, reals) + own_block_count(reals) + (own_block_count(fakes) if precision_k else 0)
    steps = Steps(total, progress)
    real_radii = find_nearest_others(reals, largest_k, steps).squared
    counts = {}
    if precision_k:
        counts["precision"] = _Count(len(fake), len(real), real_radii[:, precision_k - 1], axis=1, closed=True)
        fake_radii = find_nearest_others(fakes, precision_k, steps).squared[:, -1]
        counts["recall"] = _Count(len(fake), len(real), fake_radii, axis=0, closed=True)
    if density_k:
        counts["density"] = _Count(len(fake), len(real), real_radii[:, density_k - 1], axis=1, closed=False)
    for rows in fakes.blocks():
        for columns in reals.blocks():
            block = Block(fakes, reals, rows, columns)
            for count in counts.values():
                count.add(block)
            steps.advance()
    scores = {}
    if precision_k:
        scores["precision"] = _mean(counts["precision"].of_fake > 0)
        scores["recall"] = counts["recall"].reached()
    if density_k:
        scores["density"] = _mean(counts["density"].of_fake / density_k)
        scores["coverage"] = counts["density"].reached()
    return scores


def _mean(rows: np.ndarray) -> SampleScore:
    return SampleScore(float(rows.mean()), rows)


class _Count:
    """Counts which fake and real rows share a ball: real balls (limits of axis 1) or fake ones (axis 0)."""

    def __init__(self, fake_count: int, real_count: int, limits: np.ndarray, axis: int, closed: bool) -> None:
        self.limits, self.axis, self.closed = limits, axis, closed
        self.of_fake = np.zeros(fake_count, np.int64)
        self.of_real = np.zeros(real_count, np.int64)
        self.numbers = np.zeros(real_count, np.int64)

    def add(self, block: Block) -> None:
        """Count the pairs of one block of distances."""
        rows, columns = block.rows, block.columns
        i, j = block.within(self.limits[columns if self.axis else rows], self.axis, self.closed)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        self.of_fake[rows] += np.bincount(i, minlength=height)
        self.of_real[columns] += np.bincount(j, minlength=width)
        # For a real row with a single fake partner, the sum of its partners' numbers is that partner's number.
        self.numbers[columns] += np.bincount(j, weights=i, minlength=width).astype(np.int64)
        self.numbers[columns] += rows.start * np.bincount(j, minlength=width)

    def reached(self) -> SampleScore:
        """Return the share of real rows that share a ball with a fake row."""
        # For each fake row, how many real rows have only this partner.
        alone = np.bincount(self.numbers[self.of_real == 1], minlength=len(self.of_fake))
        influences = (len(alone) - 1) * alone / len(self.of_real)
        return SampleScore(float((self.of_real > 0).mean()), influences)
