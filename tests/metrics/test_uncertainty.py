"""Errors of scores against their scatter over independent samples, and against the bootstrap where it is exact."""

import numpy
import pytest

from coursework.metrics.classifier_score import classifier_score
from coursework.metrics.frechet import frechet_distance, frechet_influences, gaussian_distance, moments
from coursework.metrics.kernel import kernel_distances
from coursework.metrics.manifold import manifold_scores
from coursework.metrics.uncertainty import standard_error

REAL = numpy.random.default_rng(99).normal(size=(600, 6))


def samples(seed, count=300, scale=0.85):
    return scale * numpy.random.default_rng(seed).normal(size=(count, 6)) + 0.2


def scatter(score, repeats):
    """Return the standard deviation of `score` over independent samples, and the mean of the errors it gives."""
    values, errors = zip(*(score(samples(seed)) for seed in range(repeats)), strict=True)
    return numpy.std(values, axis=0, ddof=1), numpy.mean(errors, axis=0)


def test_the_error_of_a_mean():
    assert standard_error([1.0, 2.0, 3.0, 4.0]) == pytest.approx((5 / 3 / 4) ** 0.5, rel=1e-12)
    assert standard_error([True, False]) == pytest.approx(0.5)
    assert numpy.isnan(standard_error([1.0]))


def test_frechet_influences_are_derivatives():
    fake, real = samples(0), moments(REAL)
    influences = frechet_influences(fake, *real)
    assert influences.mean() == pytest.approx(0, abs=1e-12)
    # Weigh one sample more by a little: the weighted moments, without the factor of n / (n - 1) that cancels.
    mean, covariance = moments(fake)
    start = gaussian_distance(mean, covariance, *real)
    for index in (0, 7, 100):
        weight = 1e-6
        difference = fake[index] - mean
        moved = (
            mean + weight * difference,
            (1 - weight) * covariance + weight * numpy.outer(difference, difference),
        )
        derivative = (gaussian_distance(*moved, *real) - start) / weight
        assert derivative == pytest.approx(influences[index] - shift(fake, mean, covariance, real), rel=1e-3, abs=1e-4)


def shift(fake, mean, covariance, real):
    """Return what centring took from the influences: their mean under (n - 1) / n of the covariance."""
    factor = numpy.linalg.cholesky(real[1])
    values, vectors = numpy.linalg.eigh(factor.T @ covariance @ factor)
    transport = factor @ (vectors * values**-0.5) @ vectors.T @ factor.T
    return numpy.trace((numpy.eye(len(mean)) - transport) @ covariance) / len(fake)


def test_frechet_errors_are_the_scatter_of_independent_samples():
    real = moments(REAL)

    def score(fake):
        return frechet_distance(fake, REAL), standard_error(frechet_influences(fake, *real))

    true, estimated = scatter(score, 60)
    assert estimated == pytest.approx(true, rel=0.3)


def test_frechet_errors_where_the_covariance_is_singular():
    real = moments(REAL)
    fake = samples(0, count=5)
    error = standard_error(frechet_influences(fake, *real))
    assert 0 < error < frechet_distance(fake, REAL)
    # A sample like the next has no influence more than it.
    assert standard_error(frechet_influences(numpy.repeat(fake[:1], 4, axis=0), *real)) == pytest.approx(0, abs=1e-9)


def test_kernel_errors_are_the_scatter_of_independent_samples():
    def score(fake):
        distance = kernel_distances(fake, REAL, subsets=40, subset_size=100)
        return distance.value, distance.error

    true, estimated = scatter(score, 60)
    assert 0.75 * true < estimated < 1.4 * true
    distance = kernel_distances(samples(0), REAL, subsets=40, subset_size=100)
    # What is often given in its place falls with the number of subsets, which teaches nothing new.
    assert distance.std / 40**0.5 < 0.5 * true


def test_kernel_influences_of_whole_sets_are_derivatives():
    fake, real = samples(0, 20), REAL[:20]
    influences = kernel_distances(fake, real, 1, 20).influences
    own, across = (fake @ fake.T / 6 + 1) ** 3, (fake @ real.T / 6 + 1) ** 3
    expected = 2 * ((own.sum(axis=1) - numpy.diagonal(own)) / 19 - across.mean(axis=1))
    assert influences == pytest.approx(expected - expected.mean(), rel=1e-9)
    # A row that no subset holds has no influence; one that is drawn more often than others has more.
    distance = kernel_distances(samples(0, 200), REAL, 2, 10)
    assert (distance.influences != 0).sum() <= 20


def test_classifier_errors_are_the_scatter_of_independent_samples():
    def score(fake):
        score = classifier_score(3 * fake, splits=3)
        return score.value, score.error

    true, estimated = scatter(score, 80)
    assert estimated == pytest.approx(true, rel=0.25)


def test_manifold_errors_are_the_scatter_of_independent_samples():
    names = ("precision", "recall", "density", "coverage")

    def score(fake):
        found = manifold_scores(fake, REAL)
        scores = [found[name] for name in names]
        return [one.value for one in scores], [one.error for one in scores]

    true, estimated = scatter(score, 50)
    ratios = dict(zip(names, estimated / true, strict=True))
    assert 0.75 < ratios["precision"] < 1.35 and 0.75 < ratios["density"] < 1.35
    # The jackknife is on the safe side.
    assert 0.85 < ratios["recall"] < 1.9 and 0.85 < ratios["coverage"] < 1.7


def test_manifold_errors_by_hand():
    fake, real = numpy.array([[0.5], [0.6], [10.5], [40]]), numpy.array([[0.0], [1], [10], [11], [20]])
    scores = manifold_scores(fake, real, precision_k=1, density_k=1)
    errors = {name: score.error for name, score in scores.items()}
    assert errors["precision"] == pytest.approx(standard_error([1, 1, 1, 0]), rel=1e-12)
    assert errors["density"] == pytest.approx(standard_error([2, 2, 2, 0]), rel=1e-12)
    # Leaving a sample out takes 0, 0, 2 / 5 or 0 from the coverage: the jackknife over these four.
    left_out = numpy.array([0, 0, 0.4, 0])
    jackknife = (3 / 4 * ((left_out - left_out.mean()) ** 2).sum()) ** 0.5
    assert errors["coverage"] == errors["recall"] == pytest.approx(jackknife, rel=1e-12)
    assert set(manifold_scores(fake, real, None, 1)) == {"density", "coverage"}
