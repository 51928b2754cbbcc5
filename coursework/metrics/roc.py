"""How well a score tells two sets apart."""

import numpy as np

from coursework.util.errors import UserError


def area_under_curve(positives, negatives):
    """Return the area under the receiver operating characteristic: P(positive > negative), ties counting half.

    positives: (n,), negatives: (m,), scores of either set. 1 tells them apart, .5 not at all. (The Mann-Whitney
    statistic by n m.) Raises `UserError` where a set is empty or a score is no number.
    """
    positives, negatives = (np.asarray(values, np.float64).ravel() for values in (positives, negatives))
    if not len(positives) or not len(negatives):
        raise UserError("the area under the curve takes scores of both sets, and one of them is empty")
    if np.isnan(positives).any() or np.isnan(negatives).any():
        raise UserError("the area under the curve takes numbers, and a score is none")
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float((below + not_above).mean() / (2 * len(ordered)))
