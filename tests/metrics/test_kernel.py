"""The kernel distance against torch-fidelity's value, and against sums over pairs written out."""

import numpy
import pytest
from conftest import normal

from coursework.metrics import kernel_distance
from coursework.metrics.kernel import kernel_distances
from coursework.util.errors import UserError


def kernel(x, y):
    return (float(numpy.dot(x, y)) / len(x) + 1) ** 3


def discrepancy(fake, real):
    """Return the unbiased estimate pair by pair."""
    n, m = len(fake), len(real)
    own_fake = sum(kernel(fake[i], fake[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    own_real = sum(kernel(real[i], real[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return own_fake + own_real - 2 * sum(kernel(x, y) for x in fake for y in real) / (n * m)


def test_torch_fidelity_s_value(reference_scores):
    arrays, values = reference_scores
    fake, real = arrays["fake"], arrays["real"]
    single = kernel_distance(fake, real)
    # The reference computes in float32.
    assert single == pytest.approx((values["kid"], values["kid_std"]), abs=1e-6)
    few = {"subsets": 20}
    double = kernel_distance(fake.astype(float), real.astype(float), **few)
    assert kernel_distance(fake, real, **few) == pytest.approx(double, abs=1e-8)


def test_pairs_written_out():
    fake, real = normal(9, 4), normal(9, 4, seed=1) + 0.5
    mean, deviation = kernel_distance(fake, real, subsets=3, subset_size=9)
    assert mean == pytest.approx(discrepancy(fake, real), rel=1e-12)
    # All subsets are the whole set.
    assert deviation == pytest.approx(0, abs=1e-12)


def test_subsets_are_drawn_fake_first():
    fake, real = normal(30, 4), normal(40, 4, seed=1) + 0.5
    random = numpy.random.RandomState(7)
    expected = []
    for _ in range(5):
        chosen = random.choice(30, 11, replace=False)
        expected.append(discrepancy(fake[chosen], real[random.choice(40, 11, replace=False)]))
    found = kernel_distance(fake, real, 5, 11, seed=7)
    assert found == pytest.approx((numpy.mean(expected), numpy.std(expected)), rel=1e-10)
    assert kernel_distance(fake, real, 5, 11, seed=8)[0] != pytest.approx(found[0], rel=1e-3)


def test_two_points_on_an_axis():
    # Own kernels (a^2 + 1)^3 and (b^2 + 1)^3 without the diagonal, across (a b + 1)^3.
    a, b = 0.5, 2.0
    expected = (a * a + 1) ** 3 + (b * b + 1) ** 3 - 2 * (a * b + 1) ** 3
    assert kernel_distance([[a], [a]], [[b], [b]], 1, 2) == pytest.approx((expected, 0), rel=1e-12)


def test_swapped_arguments_and_rounding():
    fake, real = normal(50, 3), normal(50, 3, seed=1) + 1
    # Subsets of everything: only the order of summation differs.
    assert kernel_distance(fake, real, 1, 50)[0] == pytest.approx(kernel_distance(real, fake, 1, 50)[0], rel=1e-12)


def test_samples_of_the_same_distribution_scatter_about_zero():
    means = [
        kernel_distance(normal(200, 5, seed=seed), normal(200, 5, seed=seed + 100), 20, 100)[0] for seed in range(40)
    ]
    assert abs(numpy.mean(means)) < 3 * numpy.std(means) / 40**0.5
    assert min(means) < 0 < max(means)


def test_identical_sets_fall_below_zero_by_the_diagonal_left_out():
    features = normal(60, 4)
    own = (features @ features.T / 4 + 1) ** 3
    off_diagonal = own.sum() - numpy.trace(own)
    expected = 2 * off_diagonal / (60 * 59) - 2 * own.mean()
    assert kernel_distance(features, features, 2, 60)[0] == pytest.approx(expected, rel=1e-10)
    assert expected < 0


def test_progress_counts_subsets():
    seen = []
    kernel_distances(normal(9, 2), normal(9, 2), 3, 4, progress=lambda *state: seen.append(state))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("fake", "real", "size", "message"),
    [
        (numpy.zeros((9, 3)), numpy.zeros((12, 3)), 10, "over subsets of 10 needs as many rows.*9 fake and 12 real"),
        (numpy.zeros((12, 3)), numpy.zeros((9, 3)), 10, "12 fake and 9 real"),
        (numpy.full((12, 3), numpy.nan), numpy.zeros((12, 3)), 10, "NaN"),
        (numpy.zeros((12, 3)), numpy.zeros((12, 4)), 10, "different lengths"),
        (numpy.zeros((12, 3)), numpy.zeros((12, 3)), 1, "subset_size should be a whole number of at least 2"),
    ],
)
def test_what_has_no_kernel_distance_is_refused(fake, real, size, message):
    with pytest.raises(UserError, match=message):
        kernel_distance(fake, real, subset_size=size)
