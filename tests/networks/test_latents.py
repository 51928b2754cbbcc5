"""Latents against closed forms: moments, fitted Gaussians, great circles."""

import numpy
import pytest

from coursework.networks.latents import draw_codes, draw_latents, fit_codes, interpolate


def test_normal_latents_have_the_moments_of_the_normal_distribution():
    latents = draw_latents("normal", 50_000, (2, 2), seed=0)
    assert latents.shape == (50_000, 2, 2) and latents.dtype == numpy.float32
    flat = latents.reshape(-1, 4).astype(float)
    # Five standard errors each: of a mean, of a covariance, of a fourth moment (variance 96).
    assert flat.mean(axis=0) == pytest.approx([0] * 4, abs=5 / 50_000**0.5)
    assert numpy.cov(flat, rowvar=False) == pytest.approx(numpy.eye(4), abs=5 * (2 / 50_000) ** 0.5)
    assert (flat**4).mean() == pytest.approx(3, abs=5 * (96 / 200_000) ** 0.5)


def test_uniform_latents_fill_the_cube():
    latents = draw_latents("uniform", 50_000, (3,), seed=0).astype(float)
    assert latents.min() == pytest.approx(-1, abs=1e-3) and latents.max() == pytest.approx(1, abs=1e-3)
    assert abs(latents).max() <= 1
    assert latents.mean(axis=0) == pytest.approx([0] * 3, abs=5 * (1 / 3 / 50_000) ** 0.5)
    assert (latents**2).mean() == pytest.approx(1 / 3, abs=0.005)
    assert (latents**4).mean() == pytest.approx(1 / 5, abs=0.005)


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_latents_follow_from_the_seed(distribution):
    first = draw_latents(distribution, 10, (4,), seed=5)
    numpy.random.seed(1)
    assert numpy.array_equal(draw_latents(distribution, 10, (4,), seed=5), first)
    # The first of more are those of fewer: a larger sample continues a smaller one.
    assert numpy.array_equal(draw_latents(distribution, 30, (4,), seed=5)[:10], first)
    assert not numpy.array_equal(draw_latents(distribution, 10, (4,), seed=6), first)


def test_the_fitted_gaussian_has_the_moments_of_the_codes():
    generator = numpy.random.default_rng(0)
    codes = generator.random((300, 2, 1, 3)) @ generator.normal(size=(3, 3)) + [1, 2, 3]
    flat = codes.reshape(300, 6)
    statistics = fit_codes(codes)
    assert statistics["mean"] == pytest.approx(flat.mean(axis=0), rel=1e-6)
    covariance = numpy.cov(flat, rowvar=False)
    assert statistics["factor"] @ statistics["factor"].T == pytest.approx(covariance, abs=1e-5)
    drawn = draw_codes(statistics, 40_000, (2, 1, 3), seed=1)
    assert drawn.shape == (40_000, 2, 1, 3) and drawn.dtype == numpy.float32
    drawn = drawn.reshape(-1, 6)
    deviations = numpy.sqrt(numpy.diag(covariance))
    assert (drawn.mean(axis=0) - flat.mean(axis=0)) / deviations == pytest.approx(numpy.zeros(6), abs=5 / 200)
    scaled = numpy.cov(drawn, rowvar=False) / numpy.outer(deviations, deviations)
    assert scaled == pytest.approx(numpy.corrcoef(flat, rowvar=False), abs=5 * (2 / 40_000) ** 0.5)


def test_codes_on_a_line_stay_on_it():
    codes = numpy.outer(numpy.arange(5.0), [1.0, -2.0, 0.0]) + [0, 0, 4]
    drawn = draw_codes(fit_codes(codes), 100, (3,), seed=0)
    assert drawn[:, 1] == pytest.approx(-2 * drawn[:, 0], abs=1e-4) and drawn[:, 2] == pytest.approx(4, abs=1e-4)
    assert drawn[:, 0].std() == pytest.approx(2.5**0.5, rel=0.25)


def test_codes_of_one_number():
    statistics = fit_codes(numpy.array([1.0, 3.0]).reshape(2, 1, 1, 1))
    assert statistics["mean"] == pytest.approx([2]) and abs(statistics["factor"]) == pytest.approx(2**0.5)
    assert draw_codes(statistics, 3, (1, 1, 1), seed=0).shape == (3, 1, 1, 1)


@pytest.mark.parametrize("spherical", [False, True])
def test_paths_begin_and_end_exactly(spherical):
    first, last = draw_latents("normal", 2, (4, 4, 2), seed=0)
    path = interpolate(first, last, 7, spherical)
    assert path.shape == (7, 4, 4, 2) and path.dtype == numpy.float32
    assert path[0] == pytest.approx(first, abs=1e-6) and path[-1] == pytest.approx(last, abs=1e-6)
    assert interpolate(last, first, 7, spherical)[::-1] == pytest.approx(path, abs=1e-6)


def test_straight_paths_are_straight():
    path = interpolate([0.0, 4.0], [2.0, 0.0], 5)
    assert path.tolist() == [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]]


def test_spherical_paths_keep_the_norm_and_their_speed():
    first, last = draw_latents("normal", 2, (64,), seed=1).astype(float)
    first, last = 8 * first / numpy.linalg.norm(first), 8 * last / numpy.linalg.norm(last)
    path = interpolate(first, last, 9, spherical=True)
    assert numpy.linalg.norm(path, axis=1) == pytest.approx([8] * 9, rel=1e-6)
    steps = numpy.arccos((path[1:] * path[:-1]).sum(axis=1) / 64)
    assert steps == pytest.approx([numpy.arccos(first @ last / 64) / 8] * 8, rel=1e-4)
    # A straight path through a Gaussian's shell comes nearer to the origin.
    assert numpy.linalg.norm(interpolate(first, last, 9)[4]) < 6.5


def test_a_quarter_circle():
    path = interpolate([1.0, 0.0], [0.0, 1.0], 4, spherical=True)
    angles = numpy.pi / 2 * numpy.arange(4) / 3
    assert path == pytest.approx(numpy.stack([numpy.cos(angles), numpy.sin(angles)], axis=1), abs=1e-6)


@pytest.mark.parametrize("last", [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]])
def test_ends_without_a_great_circle_are_joined_by_a_line(last):
    spherical, straight = (interpolate([1.0, 2.0], last, 3, kind) for kind in (True, False))
    assert spherical == pytest.approx(straight, abs=1e-5)
