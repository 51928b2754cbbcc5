"""Inception Score: are samples recognisable one by one and varied as a whole? (Salimans et al. 2016)."""

import numpy as np

from coursework.metrics.features import checked, checked_whole
from coursework.metrics.uncertainty import SampleScore
from coursework.util.errors import UserError


def inception_score(logits: np.ndarray, splits: int = 10, seed: int = 2020) -> tuple[float, float]:
    """Return (mean, population standard deviation) over splits of exp E KL(p(y|x) || p(y)), of logits (n, classes).

    Each split has its own p(y). Rows are first shuffled by `RandomState(seed)` as in torch-fidelity, so that no split
    holds a single class. The score lies between 1 and the number of classes. Raises `UserError` for fewer rows than
    splits.
    """
    score = classifier_score(logits, splits, seed)
    return score.value, float(score.std or 0.0)


def classifier_score(logits: np.ndarray, splits: int = 10, seed: int = 2020) -> SampleScore:
    """Return the `inception_score` of logits (n, classes) with the influence of each row, computed in float64."""
    splits = checked_whole(splits, "splits")
    logits = checked(logits, "an Inception Score")
    if len(logits) < splits:
        raise UserError(f"{len(logits)} rows of logits cannot be split in {splits}: give more images or fewer splits")
    order = np.random.RandomState(seed).permutation(len(logits))
    values = np.empty(splits)
    influences = np.empty(len(logits))
    for split in range(splits):
        chosen = order[split * len(logits) // splits : (split + 1) * len(logits) // splits]
        divergences = _divergences(logits[chosen].astype(np.float64))
        values[split] = np.exp(divergences.mean())
        # A row weighs more in its split than in all rows, and the split is one of `splits` in the mean.
        weight = len(logits) / (splits * len(chosen))
        influences[chosen] = weight * values[split] * (divergences - divergences.mean())
    return SampleScore(float(values.mean()), influences, float(values.std()))


def _divergences(logits: np.ndarray) -> np.ndarray:
    """Return KL(p(y|x) || p(y)) of each row (n,), p(y) being the mean of p(y|x) over the rows."""
    logits -= logits.max(axis=1, keepdims=True)
    probabilities = np.exp(logits)
    total = probabilities.sum(axis=1, keepdims=True)
    probabilities /= total
    # log p from the logits: where p underflows to 0, p log p is 0 and not NaN.
    negative_entropy = np.einsum("ij,ij->i", probabilities, logits) - np.log(total[:, 0])
    marginal = probabilities.mean(axis=0)
    # A class without any probability adds nothing.
    logarithm = np.log(marginal, out=np.zeros_like(marginal), where=marginal > 0)
    return negative_entropy - probabilities @ logarithm
