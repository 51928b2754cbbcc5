"""Calibration: what turns a network's scores into log-odds that are right as often as they say."""

from dataclasses import dataclass

import numpy as np

# A scale stays between these, so that a head which knows everything or nothing of few images keeps finite log-odds.
SCALES = (0.05, 5.0)
# Weight of the prior belief that the scores are right as they are, in images.
PRIOR_WEIGHT = 1.0
STEPS = 50


@dataclass(frozen=True)
class Calibration:
    """Log-odds = scale * score + offset for every column of every head: {head: (scales, offsets)}, lists of floats."""

    heads: dict[str, tuple[list[float], list[float]]]

    def of(self, head: str) -> tuple[list[float], list[float]]:
        """Return (scales, offsets) of a head."""
        return self.heads[head]

    @classmethod
    def fit(cls, scores: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> "Calibration":
        """Return the calibration of {head: scores (m,) or (m, k)} by {head: truth in [0, 1], of the same shape}."""
        heads = {}
        for head, values in truth.items():
            columns = [platt(*column) for column in zip(_columns(scores[head]).T, _columns(values).T, strict=True)]
            scales, offsets = ([float(number) for number in numbers] for numbers in zip(*columns, strict=True))
            heads[head] = scales, offsets
        return cls(heads)


def platt(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return (scale, offset) that make sigmoid(scale * scores + offset) the likeliest of `truth` (m,) in [0, 1].

    Platt 1999, by Newton's method, with the prior of a normal distribution about (1, 0).
    """
    scores, truth = np.asarray(scores, np.float64), np.asarray(truth, np.float64)
    design = np.stack([scores, np.ones_like(scores)], axis=1)
    start = np.array([1.0, 0.0])
    solution = start.copy()

    def loss(weights: np.ndarray) -> float:
        logits = design @ weights
        return (np.logaddexp(0, logits) - truth * logits).sum() + 0.5 * PRIOR_WEIGHT * ((weights - start) ** 2).sum()

    for _ in range(STEPS):
        belief = sigmoid(design @ solution)
        gradient = design.T @ (belief - truth) + PRIOR_WEIGHT * (solution - start)
        curvature = design.T @ (design * (belief * (1 - belief))[:, None]) + PRIOR_WEIGHT * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Halved until it helps: far from the solution the curvature may be next to nothing.
        while loss(solution - step) > loss(solution) and np.abs(step).max() > 1e-9:
            step /= 2
        solution = solution - step
        if np.abs(step).max() < 1e-9:
            break
    return float(np.clip(solution[0], *SCALES)), float(solution[1])


def calibration_error(log_odds: np.ndarray, truth: np.ndarray, bins: int = 15) -> float:
    """Return the expected calibration error in [0, 1]: the mean gap between belief and truth in bins of equal counts.

    log_odds, truth: of one shape, taken together; truth in [0, 1]. Nguyen and O'Connor 2015 (adaptive binning).
    """
    belief = sigmoid(np.asarray(log_odds, np.float64).ravel())
    order = np.argsort(belief, kind="stable")
    belief, truth = belief[order], np.asarray(truth, np.float64).ravel()[order]
    parts = zip(np.array_split(belief, bins), np.array_split(truth, bins), strict=True)
    return float(sum(len(part) * abs(part.mean() - real.mean()) for part, real in parts if len(part)) / len(belief))


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-values)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float64)))


def _columns(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    return values.reshape(len(values), -1)
