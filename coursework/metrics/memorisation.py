"""Memorisation: how large a share of the samples are copies of training examples?

A copy lies much nearer to one training example than to the next ones. The distance to the nearest example is small for
every blurred or pale image, so it is divided by the mean distance to the nearest 50 (after Carlini et al. 2023,
"Extracting training data from diffusion models"). Real test images, which nobody copied, define which ratios are small
(after Meehan et al. 2020, "A non-parametric test to detect data-copying").
"""

from dataclasses import dataclass

import numpy as np

from coursework.metrics.image_neighbours import NEIGHBOURHOOD, PLACEMENTS, TrainingNeighbours
from coursework.metrics.neighbours import OnStep, nearest_neighbours
from coursework.util.errors import UserError

# The share of test images that count as copies by definition. 3.3 % of CIFAR-10's own test split are near-duplicates of
# training images (Barz and Denzler 2020), so that the threshold lies among true copies.
QUANTILE = 0.01


@dataclass(frozen=True)
class Memorisation:
    """A lower bound on the share of samples that are copies, and its derivation.

    value: between 0 and 1, (share - expected) / (1 - expected). If samples that are not copies have small ratios no
    more often than test images, at least this share of all samples, up to the error, are copies (the bound on a
    mixture's proportion of Blanchard, Lee and Scott 2010). 0 for test images; 1 if every sample is a copy.
    error: its standard error, from the finite numbers of samples and test images.
    threshold: the ratio at the `QUANTILE` of test images. expected, share: shares of test images and of samples at or
    below it.
    """

    value: float
    error: float
    threshold: float
    expected: float
    share: float
    samples: TrainingNeighbours
    test: TrainingNeighbours

    def quantiles(self) -> np.ndarray:
        """Return for each sample the share of test images with the same or a smaller ratio (n,)."""
        test = np.sort(self.test.ratios)
        return np.searchsorted(test, self.samples.ratios, side="right") / len(test)

    def suspicious(self, count: int = 16) -> list["SuspiciousPair"]:
        """Return the `SuspiciousPair`s of the `count` samples with the smallest ratios, smallest first."""
        chosen = np.argsort(self.samples.ratios, kind="stable")[:count]
        ratios, quantiles, samples = self.samples.ratios, self.quantiles(), self.samples
        placements = np.zeros(len(ratios), int) if samples.placements is None else samples.placements
        pairs = []
        for index in map(int, chosen):
            flip, down, right = PLACEMENTS[placements[index]]
            numbers = float(samples.distances[index]), float(ratios[index]), float(quantiles[index])
            pairs.append(SuspiciousPair(index, int(samples.indices[index]), flip, down, right, *numbers))
        return pairs


@dataclass(frozen=True)
class SuspiciousPair:
    """A sample and its nearest training example, by their indices.

    flip, down, right: how the sample is moved onto the example. distance: in grey levels for images.
    ratio: distance divided by the typical one. quantile: share of test images with as small a ratio.
    """

    sample: int
    training: int
    flip: bool
    down: int
    right: int
    distance: float
    ratio: float
    quantile: float


def feature_neighbours(
    features: np.ndarray, training: np.ndarray, progress: OnStep | None = None
) -> TrainingNeighbours:
    """Return the `TrainingNeighbours` of features (n, d) among those of the training examples (m, d)."""
    distances, indices = nearest_neighbours(features, training, min(NEIGHBOURHOOD, len(training)), progress)
    return TrainingNeighbours(indices[:, 0], distances[:, 0], distances.mean(axis=1))


def memorisation(samples: TrainingNeighbours, test: TrainingNeighbours) -> Memorisation:
    """Return the `Memorisation` from the neighbours of samples and those of real test examples.

    Raises `UserError` for fewer than 1 / `QUANTILE` test examples, which have no such quantile.
    """
    least = round(1 / QUANTILE)
    if len(test.indices) < least or not len(samples.indices):
        raise UserError(
            f"memorisation needs samples and at least {least} test examples, "
            f"found {len(samples.indices)} and {len(test.indices)}"
        )
    threshold = np.sort(test.ratios)[int(QUANTILE * len(test.indices)) - 1]
    # Equal ratios, such as the zeros of exact copies in the test split, can make this more than the quantile.
    expected, share = (float((ratios <= threshold).mean()) for ratios in (test.ratios, samples.ratios))
    if expected == 1.0:
        raise UserError("every test example is a copy of a training example: nothing distinguishes memorisation")
    value = max(0.0, (share - expected) / (1 - expected))
    variance = share * (1 - share) / len(samples.indices) + expected * (1 - expected) / len(test.indices)
    return Memorisation(value, variance**0.5 / (1 - expected), float(threshold), expected, share, samples, test)
