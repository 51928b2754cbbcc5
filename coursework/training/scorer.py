"""The score that decides which weights of a training are its best."""

import numpy as np

from coursework.data.dataset import Dataset
from coursework.extractors.extractor import extract_features
from coursework.extractors.judge import Judge, judge_extractor
from coursework.extractors.recorded import extract
from coursework.metrics.frechet import gaussian_distance, moments
from coursework.models.base import GenerativeModel

# Samples that a model in training is scored by.
TRAINING_SAMPLES = 2000


class Scorer:
    """FD-judge of a model in training, on a few thousand samples: a guide for keeping weights, not a result."""

    def __init__(self, judge, dataset, seed, count=TRAINING_SAMPLES):
        self.judge = judge
        self.dataset = dataset
        self.seed = seed
        self.count = count
        self.reference = moments(reference_features(judge, dataset, "train"))

    def score_model(self, model: GenerativeModel) -> float:
        """Return the Fréchet distance between samples of `model` and the training split."""
        images = model.sample(self.count, self.seed + 1, self.dataset.train_images)
        features = extract(self.judge, images)["features"]
        return gaussian_distance(*moments(features), *self.reference)


def reference_features(judge: Judge, dataset: Dataset, split: str) -> np.ndarray:
    """Return the judge's features of a split of real images, (n, d) float32, computed once."""
    images, _ = dataset.split(split)
    return extract_features(judge_extractor(judge), images, f"{dataset.name}:{split}")["features"]
