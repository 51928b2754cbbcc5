"""Scores as pure functions of features, and the networks that extract them."""

from coursework.metrics.classifier_score import inception_score
from coursework.metrics.frechet import frechet_distance
from coursework.metrics.kernel import kernel_distance
from coursework.metrics.manifold import density_coverage, precision_recall

__all__ = ["density_coverage", "frechet_distance", "inception_score", "kernel_distance", "precision_recall"]
