"""Which candidates to keep: the best one, and a batch of good ones that differ."""

from collections.abc import Sequence

import numpy as np

from coursework.pegasus.scores import CandidateScores
from coursework.util.errors import UserError

# Taken off what is not eligible: more than any other difference between two candidates.
BEHIND = 4.0
# Two images of a batch lie at least so far apart, in units of the distance of real images to their nearest.
APART = 0.8
# Where too few candidates do, the bound is multiplied by this until they suffice; below the least one it is 0.
LOWERED, LEAST = 0.95, 0.02


def rank(scores: CandidateScores) -> np.ndarray:
    """Return indices (n,) of candidates from the best down: the eligible ones of `CandidateScores`, then the others.

    Among each by their recognisability; equal ones in their order.
    """
    order = np.asarray(scores.recognisability, np.float64) - np.where(scores.eligible, 0.0, BEHIND)
    return np.argsort(-order, kind="stable")


def choose_batch(scores: CandidateScores, spaces: Sequence[tuple[np.ndarray, float]], count: int) -> np.ndarray:
    """Return indices of `count` candidates, the best first: those of `rank`, without what resembles a better one.

    spaces: of (features (n, d), scale), scale being the mean distance of as many real images to their nearest, 0 where
    nothing counts as alike. A candidate is left out if in any space it lies nearer to one that is taken than `APART`
    times the scale. Where fewer than `count` are left, the bound is lowered until they suffice. Those that are not
    eligible follow when no other is left. Raises `UserError` for fewer candidates than `count`.
    """
    order = rank(scores)
    if len(order) < count:
        raise UserError(f"{len(order)} candidates cannot fill a batch of {count}: ask for more of them")
    rows: dict[int, np.ndarray] = {}

    def distances(index: int) -> np.ndarray:
        """Return (n,) the distances to a candidate, each in the space where it is the least."""
        if index not in rows:
            found = [
                np.linalg.norm(features - features[index], axis=1) / scale for features, scale in spaces if scale > 0
            ]
            rows[index] = np.min(found, axis=0) if found else np.full(len(order), np.inf)
        return rows[index]

    def spread(some: np.ndarray, taken: list[int], count: int) -> list[int]:
        """Return `taken` with so many of `some`, in their order, that there are `count`."""
        bound = APART
        while True:
            nearest = np.min([distances(index) for index in taken], axis=0) if taken else np.full(len(order), np.inf)
            found = list(taken)
            for index in some:
                if len(found) < count and nearest[index] >= bound:
                    found.append(int(index))
                    nearest = np.minimum(nearest, distances(index))
            if len(found) == count:
                return found
            bound = bound * LOWERED if bound > LEAST else 0.0

    eligible = order[scores.eligible[order]]
    chosen = spread(eligible, [], min(count, len(eligible)))
    return np.array(spread(order[~scores.eligible[order]], chosen, count) if len(chosen) < count else chosen)
