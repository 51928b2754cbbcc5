"""Which candidates to keep: the best one, and a batch of good ones that differ."""

import numpy as np

from coursework.util.errors import UserError

# Taken off what is not eligible: more than any other difference between two candidates.
BEHIND = 4.0


def rank(scores):
    """Return indices (n,) of candidates from the best down: the eligible ones of `CandidateScores`, then the others.

    Among each by their recognisability; equal ones in their order.
    """
    return np.argsort(-_order(scores), kind="stable")


def choose_batch(scores, features, count, scale):
    """Return indices of `count` candidates, the best first: each is good, and unlike those chosen before it.

    scores: `CandidateScores` of n; features: (n, d); scale: the distance from which two images count as different,
    in units of the features. Those that are not eligible follow when no other is left. The first is the one with the
    highest recognisability. Each next one has the highest product of that and of min(1, distance to the nearest already
    chosen / scale): a copy of one that is chosen counts for nothing, one as far from all of them as `scale` in full. So
    the batch is not the nearest copies of the best image.
    Once none but copies are left, they follow by recognisability. Raises `UserError` for fewer candidates than `count`.
    """
    belief, features = np.asarray(scores.recognisability, np.float64), np.asarray(features, np.float64)
    if len(belief) < count:
        raise UserError(f"{len(belief)} candidates cannot fill a batch of {count}: ask for more of them")
    chosen = [int(np.argmax(_order(scores)))]
    distance = np.full(len(belief), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm(features - features[chosen[-1]], axis=1))
        gain = belief * np.minimum(1.0, distance / scale) if scale > 0 else belief.copy()
        # Among those that are worth nothing, belief still tells which is the better copy.
        value = np.where(gain > 0, gain, belief - 2.0) - np.where(scores.eligible, 0.0, BEHIND)
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
    return np.array(chosen)


def _order(scores):
    """Return (n,) numbers whose order is that of the candidates."""
    return np.asarray(scores.recognisability, np.float64) - np.where(scores.eligible, 0.0, BEHIND)
