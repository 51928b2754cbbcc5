"""One function a metric: from two parts of a comparison to its scores, their errors, and how many images they used."""

from dataclasses import dataclass

import numpy as np

from coursework.evaluation.sources import EVALUATION_SEED
from coursework.metrics.classifier_score import classifier_score
from coursework.metrics.frechet import frechet_distance, gaussian_distance, moments
from coursework.metrics.kernel import kernel_distances
from coursework.metrics.manifold import manifold_scores
from coursework.metrics.uncertainty import frechet_influences, manifold_errors, standard_error
from coursework.util.progress import Progress


@dataclass(frozen=True)
class Value:
    """A score.

    error: its standard error over samples, None where not asked for. n, reference_n: images used on both sides.
    deviation: over the subsets or splits that it is a mean of, which other packages print behind their ±; None where
    there are none.
    """

    value: float
    error: float | None
    n: int
    reference_n: int
    deviation: float | None = None


def frechet(comparison, extractor, fake, real, with_error):
    """Return {"fd": `Value`}."""
    features = comparison.features(fake, extractor)
    reference = comparison.moments(real, extractor)
    if min(len(fake), len(real)) > features.shape[1]:
        value = gaussian_distance(*moments(features), *reference)
    else:
        value = frechet_distance(features, comparison.features(real, extractor))
    error = standard_error(frechet_influences(features, *reference)) if with_error else None
    return {"fd": Value(value, error, len(fake), len(real))}


def kernel(comparison, extractor, fake, real, with_error):
    """Return {"kd": `Value`}."""
    with Progress(f"kernel distance, {extractor.name}", unit=None) as progress:
        sets = (comparison.features(part, extractor) for part in (fake, real))
        distances = kernel_distances(*sets, progress=progress.step)
    error = standard_error(distances.influences) if with_error else None
    return {"kd": Value(distances.mean, error, len(fake), len(real), distances.std)}


def classifier(comparison, extractor, fake, real, with_error):
    """Return {"is": `Value`}; the real images play no part in it."""
    score = classifier_score(comparison.features(fake, extractor, "logits_unbiased"))
    error = standard_error(score.influences) if with_error else None
    return {"is": Value(score.mean, error, len(fake), len(real), score.std)}


def manifold(comparison, extractor, fake, real, with_error):
    """Return {"precision", "recall", "density", "coverage": `Value`}, of as many images on both sides.

    The radii of the balls that these scores are made of shrink with the number of images: only sets of one size have
    balls of one scale, and the papers compare such sets. So of the larger one a part is drawn.
    """
    sets = [comparison.features(part, extractor) for part in (fake, real)]
    count = min(len(fake), len(real))
    sets = [_drawn(features, count) for features in sets]
    with Progress(f"precision and recall, {extractor.name}", unit=None) as progress:
        scores = manifold_scores(*sets, progress=progress.step)
    errors = manifold_errors(scores) if with_error else {}
    names = ("precision", "recall", "density", "coverage")
    return {name: Value(getattr(scores, name), errors.get(name), count, count) for name in names}


def _drawn(features, count):
    if len(features) == count:
        return features
    return features[np.sort(np.random.default_rng(EVALUATION_SEED).choice(len(features), count, replace=False))]
