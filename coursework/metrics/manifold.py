"""Precision, recall, density and coverage: do samples lie where real data do, and are all real data reached?

A set's manifold is estimated by balls about its rows, each as wide as the distance to the row's k-th neighbour.
Precision and recall after Kynkäänniemi et al. 2019, density and coverage after Naeem et al. 2020.
"""

from dataclasses import dataclass

import numpy as np

from coursework.metrics.distances import Block, Points, centre_of
from coursework.metrics.features import checked, checked_pair, checked_whole
from coursework.metrics.neighbours import Steps, block_count, find_nearest_others, own_block_count
from coursework.util.errors import UserError


def precision_recall(fake, real, k=3, progress=None):
    """Return (precision, recall) of features fake (n, d) and real (m, d); swapped arguments swap them.

    Precision is the share of fake rows that lie in the ball of a real one, recall that of real rows in the ball of a
    fake one. A ball ends at the k-th neighbour in its own set, itself left out, and includes its edge.
    """
    scores = manifold_scores(fake, real, precision_k=k, density_k=None, progress=progress)
    return scores.precision, scores.recall


def density_coverage(fake, real, k=5, progress=None):
    """Return (density, coverage) of features fake (n, d) and real (m, d).

    Density is the mean number of real balls about a fake row, divided by k: it may exceed 1. Coverage is the share of
    real balls that hold a fake row. These balls leave out their edge.
    """
    scores = manifold_scores(fake, real, precision_k=None, density_k=k, progress=progress)
    return scores.density, scores.coverage


@dataclass(frozen=True)
class ManifoldScores:
    """The scores and what they are means of, row by row; None for those not asked for.

    in_real: bool (n,), which fake rows lie in a real ball. fake_balls: int (m,), fake balls about each real row.
    alone_in_recall: int (n,), real rows that lie in this fake row's ball and in no other.
    real_balls: int (n,), real balls about each fake row. fakes_inside: int (m,), fake rows in each real ball.
    alone_in_coverage: int (n,), real balls that hold this fake row and no other.
    """

    precision_k: int | None
    density_k: int | None
    in_real: np.ndarray | None = None
    fake_balls: np.ndarray | None = None
    alone_in_recall: np.ndarray | None = None
    real_balls: np.ndarray | None = None
    fakes_inside: np.ndarray | None = None
    alone_in_coverage: np.ndarray | None = None

    @property
    def precision(self):
        """Share of fake rows on the real manifold."""
        return None if self.in_real is None else float(self.in_real.mean())

    @property
    def recall(self):
        """Share of real rows on the fake manifold."""
        return None if self.fake_balls is None else float((self.fake_balls > 0).mean())

    @property
    def density(self):
        """Mean number of real balls about a fake row, in units of k."""
        return None if self.real_balls is None else float(self.real_balls.mean() / self.density_k)

    @property
    def coverage(self):
        """Share of real balls with a fake row inside."""
        return None if self.fakes_inside is None else float((self.fakes_inside > 0).mean())


def manifold_scores(fake, real, precision_k=3, density_k=5, real_radii=None, progress=None):
    """Return the `ManifoldScores` of features fake (n, d) and real (m, d), every distance computed once.

    precision_k, density_k: neighbours that set the balls of the two pairs of scores; None leaves a pair out.
    real_radii: `squared_radii` of `real`, where they are known already. progress: called with (blocks done, blocks in
    all). Raises `UserError` for sets of no more than k rows and features that have no distances.
    """
    wanted = [checked_whole(k, "k") for k in (precision_k, density_k) if k is not None]
    if not wanted:
        raise UserError("give a number of neighbours k for one pair of scores at least")
    fake, real = checked_pair(fake, real, f"a manifold of balls that end at neighbour {max(wanted)}", max(wanted) + 1)
    if real_radii is not None and (len(real_radii) != len(real) or np.shape(real_radii)[1] < max(wanted)):
        raise UserError(f"radii of shape {np.shape(real_radii)} are not those of {len(real)} features, k {max(wanted)}")
    centre = centre_of(real)
    fake, real = Points(fake, centre), Points(real, centre)
    steps = Steps(
        block_count(fake, real)
        + (own_block_count(fake) if precision_k else 0)
        + (own_block_count(real) if real_radii is None else 0),
        progress,
    )
    if real_radii is None:
        real_radii = find_nearest_others(real, max(wanted), steps).squared
    counts = {}
    if precision_k:
        counts["precision"] = _Count(len(fake), len(real), real_radii[:, precision_k - 1], axis=1, closed=True)
        fake_radii = find_nearest_others(fake, precision_k, steps).squared[:, -1]
        counts["recall"] = _Count(len(fake), len(real), fake_radii, axis=0, closed=True)
    if density_k:
        counts["density"] = _Count(len(fake), len(real), real_radii[:, density_k - 1], axis=1, closed=False)
    for rows in fake.blocks():
        for columns in real.blocks():
            block = Block(fake, real, rows, columns)
            for count in counts.values():
                count.add(block)
            steps.advance()
    return _scores(precision_k, density_k, **counts)


def squared_radii(features, k, progress=None):
    """Return squared distances (n, k), ascending, of features (n, d) to their k nearest other rows."""
    features = checked(features, f"a manifold of balls that end at neighbour {k}", checked_whole(k, "k") + 1)
    points = Points(features, centre_of(features))
    return find_nearest_others(points, k, Steps(own_block_count(points), progress)).squared


class _Count:
    """Counts which fake and real rows share a ball: real balls (limits of axis 1) or fake ones (axis 0)."""

    def __init__(self, fake_count, real_count, limits, axis, closed):
        self.limits, self.axis, self.closed = limits, axis, closed
        self.of_fake = np.zeros(fake_count, np.int64)
        self.of_real = np.zeros(real_count, np.int64)
        self.numbers = np.zeros(real_count, np.int64)

    def add(self, block):
        rows, columns = block.rows, block.columns
        i, j = block.within(self.limits[columns if self.axis else rows], self.axis, self.closed)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        self.of_fake[rows] += np.bincount(i, minlength=height)
        self.of_real[columns] += np.bincount(j, minlength=width)
        # Where a real row has one fake partner only, the sum of the partners' numbers names it.
        self.numbers[columns] += np.bincount(j, weights=i, minlength=width).astype(np.int64)
        self.numbers[columns] += rows.start * np.bincount(j, minlength=width)

    def alone(self):
        """Return for each fake row how many real rows have no partner but it."""
        return np.bincount(self.numbers[self.of_real == 1], minlength=len(self.of_fake))


def _scores(precision_k, density_k, precision=None, recall=None, density=None):
    rows = {}
    if precision:
        rows |= {"in_real": precision.of_fake > 0, "fake_balls": recall.of_real, "alone_in_recall": recall.alone()}
    if density:
        rows |= {"real_balls": density.of_fake, "fakes_inside": density.of_real, "alone_in_coverage": density.alone()}
    return ManifoldScores(precision_k, density_k, **rows)
