"""Scores as pure functions of features, and the networks that extract them."""

from coursework.metrics.frechet import frechet_distance

__all__ = ["frechet_distance"]
