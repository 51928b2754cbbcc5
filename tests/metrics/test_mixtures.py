"""Mixtures of Gaussians and the coverage of their modes, in closed form."""

import numpy
import pytest

from coursework.data.mixtures import MIXTURES, grid, ring, ring_with_centre
from coursework.metrics.mixtures import mode_coverage
from coursework.util.errors import UserError

# Of a plane's Gaussian, inside three standard deviations: 98.9 %.
WITHIN = 1 - numpy.exp(-4.5)


def test_the_ring_has_eight_different_modes_on_the_unit_circle():
    mixture = ring()
    assert mixture.modes.shape == (8, 2) and mixture.std == 0.01
    numpy.testing.assert_allclose(numpy.linalg.norm(mixture.modes, axis=1), 1, atol=1e-12)
    numpy.testing.assert_allclose(mixture.modes[[0, 2, 4]], [(1, 0), (0, 1), (-1, 0)], atol=1e-12)
    neighbours = numpy.linalg.norm(mixture.modes - numpy.roll(mixture.modes, 1, axis=0), axis=1)
    numpy.testing.assert_allclose(neighbours, 2 * numpy.sin(numpy.pi / 8), atol=1e-12)


def test_the_centre_is_one_more_mode():
    mixture = ring_with_centre()
    assert mixture.modes.shape == (9, 2) and mixture.std == 0.01
    numpy.testing.assert_allclose(mixture.modes[:8], ring().modes)
    assert mixture.modes[8].tolist() == [0, 0]


def test_the_grid_has_every_pair_of_five_coordinates():
    mixture = grid()
    coordinates = [-4.0, -2.0, 0.0, 2.0, 4.0]
    assert sorted(map(tuple, mixture.modes)) == [(x, y) for x in coordinates for y in coordinates]
    assert mixture.std == 0.05


@pytest.mark.parametrize("name", MIXTURES)
def test_samples_are_equally_likely_gaussians(name):
    mixture, count = MIXTURES[name](), 50_000
    assert mixture.name == name
    points, labels = mixture.sample(count, seed=1)
    assert points.shape == (count, 2) and points.dtype == numpy.float32
    k = len(mixture.modes)
    counts = numpy.bincount(labels, minlength=k)
    assert abs(counts - count / k).max() < 5 * numpy.sqrt(count / k)
    standard = (points - mixture.modes[labels]) / mixture.std
    numpy.testing.assert_allclose(standard.mean(axis=0), 0, atol=0.02)
    numpy.testing.assert_allclose(numpy.cov(standard.T), numpy.eye(2), atol=0.03)
    again, other = mixture.sample(count, seed=1)[0], mixture.sample(count, seed=2)[0]
    assert numpy.array_equal(points, again) and not numpy.array_equal(points, other)


@pytest.mark.parametrize("name", MIXTURES)
def test_true_samples_reach_all_modes_and_are_of_high_quality(name):
    mixture, count = MIXTURES[name](), 50_000
    scores = mode_coverage(mixture.sample(count, seed=0)[0], mixture.modes, mixture.std)
    assert scores["modes"] == len(mixture.modes)
    # Four standard deviations of a share of so many.
    assert scores["high_quality"] == pytest.approx(WITHIN, abs=4 * numpy.sqrt(WITHIN * (1 - WITHIN) / count))


def test_the_share_follows_the_radius():
    """Samples with twice the deviation: 1 - exp(-9/8) of them within three of the mixture's."""
    mixture = grid()
    points, _ = grid(spacing=2.0, side=5).sample(50_000, seed=0)
    wider = mixture.modes[numpy.linalg.norm(points[:, None] - mixture.modes, axis=2).argmin(axis=1)]
    scores = mode_coverage(wider + 2 * (points - wider), mixture.modes, mixture.std)
    assert scores["high_quality"] == pytest.approx(1 - numpy.exp(-9 / 8), abs=0.01)


def test_only_a_good_sample_reaches_a_mode():
    modes = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)]
    # On the first mode; just inside and outside three deviations of the second; nearest to the third, and far from it.
    samples = [(0, 0), (10.299, 0), (10.301, 0), (0, 8)]
    assert mode_coverage(samples, modes, 0.1) == {"modes": 2, "high_quality": 0.5}
    assert mode_coverage([(5.0, 5.0)], modes, 0.1) == {"modes": 0, "high_quality": 0.0}


def test_a_generator_with_one_mode_is_found_out():
    mixture = ring()
    collapsed = mixture.modes[3] + mixture.std * numpy.random.default_rng(0).normal(size=(2500, 2))
    scores = mode_coverage(collapsed, mixture.modes, mixture.std)
    assert scores["modes"] == 1
    assert scores["high_quality"] == pytest.approx(WITHIN, abs=0.01)


@pytest.mark.parametrize("samples", [numpy.zeros((4, 3)), numpy.zeros((0, 2)), numpy.zeros(2)])
def test_other_shapes_are_refused(samples):
    with pytest.raises(UserError, match="mode coverage"):
        mode_coverage(samples, ring().modes, 0.01)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="NaN or infinite"):
        mode_coverage([(numpy.nan, 0.0)], ring().modes, 0.01)
