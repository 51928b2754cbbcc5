"""The Fréchet distance against torch-fidelity's values on shared features, and against closed forms."""

import numpy
import pytest

from coursework.metrics import frechet, frechet_distance
from coursework.metrics.frechet import gaussian_distance, moments
from coursework.util.errors import UserError


def exact_features(mean, covariance, count, seed=0):
    """Return features (count, d) whose sample mean and covariance are exactly those given."""
    mean = numpy.asarray(mean, dtype=float)
    noise = numpy.random.default_rng(seed).normal(size=(count, len(mean)))
    # Orthonormal columns, orthogonal to the constant one as well: mean 0 and a covariance of 1 / (count - 1).
    columns, _ = numpy.linalg.qr(numpy.concatenate([numpy.ones((count, 1)), noise], axis=1))
    return mean + columns[:, 1:] * (count - 1) ** 0.5 @ numpy.linalg.cholesky(covariance).T


def test_torch_fidelity_s_values(reference_scores):
    arrays, values = reference_scores
    assert frechet_distance(arrays["fake"], arrays["real"]) == pytest.approx(values["fid_float64"], rel=1e-8)
    # Thirty rows of forty-eight numbers: both covariances are singular.
    few = frechet_distance(arrays["fake"][:30], arrays["real"][:30])
    assert few == pytest.approx(values["fid_rank_deficient"], rel=1e-6)


def test_it_is_symmetric_and_independent_of_the_order(reference_scores):
    fake, real = reference_scores[0]["fake"], reference_scores[0]["real"]
    value = frechet_distance(fake, real)
    assert frechet_distance(real, fake) == pytest.approx(value, rel=1e-9)
    assert frechet_distance(fake[::-1], real) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("counts", [(30, 1500), (30, 40), (1200, 30)])
def test_fewer_rows_than_features_on_one_side(reference_scores, counts):
    # The same value by another way: singular values of the centred rows' product, whose sum is the trace of the root.
    fake, real = (
        reference_scores[0]["fake"][: counts[0]].astype(float),
        reference_scores[0]["real"][: counts[1]].astype(float),
    )
    x, y = fake - fake.mean(axis=0), real - real.mean(axis=0)
    scale = ((len(x) - 1) * (len(y) - 1)) ** 0.5
    trace_of_root = numpy.linalg.svd(x @ y.T, compute_uv=False).sum() / scale
    spread = (x**2).sum() / (len(x) - 1) + (y**2).sum() / (len(y) - 1)
    expected = ((fake.mean(axis=0) - real.mean(axis=0)) ** 2).sum() + spread - 2 * trace_of_root
    assert frechet_distance(fake, real) == pytest.approx(expected, rel=1e-9)
    assert gaussian_distance(*moments(fake), *moments(real)) == pytest.approx(expected, rel=1e-6)


def test_features_that_never_vary(reference_scores):
    # A dead unit makes both covariances singular though there are rows enough.
    fake, real = reference_scores[0]["fake"].copy(), reference_scores[0]["real"].copy()
    expected = frechet_distance(numpy.delete(fake, 5, axis=1), numpy.delete(real, 5, axis=1))
    fake[:, 5], real[:, 5] = 1, 4
    assert frechet_distance(fake, real) == pytest.approx(expected + 9, rel=1e-9)


def test_moments_in_parts_are_those_of_the_whole(reference_scores, monkeypatch):
    features = reference_scores[0]["real"]
    whole = moments(features)
    monkeypatch.setattr(frechet, "ROWS", 64)
    parts = moments(features)
    assert numpy.array_equal(whole[0], parts[0])
    assert parts[1] == pytest.approx(whole[1], rel=1e-10, abs=1e-14)


def test_diagonal_gaussians():
    # |m1 - m2|^2 + sum (s1 - s2)^2 = (9 + 0 + 16) + (1 + 4 + 0) = 30.
    fake = exact_features([0, 1, 2], numpy.diag([1.0, 9.0, 4.0]), 50)
    real = exact_features([3, 1, -2], numpy.diag([4.0, 1.0, 4.0]), 80, seed=1)
    assert moments(fake)[0] == pytest.approx([0, 1, 2], abs=1e-12)
    assert moments(fake)[1] == pytest.approx(numpy.diag([1.0, 9.0, 4.0]), abs=1e-12)
    assert frechet_distance(fake, real) == pytest.approx(30, rel=1e-12)


def test_covariances_that_do_not_commute():
    # For 2x2 matrices tr (C1 C2)^(1/2) = sqrt(tr C1 C2 + 2 sqrt(det C1 C2)).
    first, second = numpy.array([[4.0, 1.0], [1.0, 2.0]]), numpy.array([[1.0, -0.5], [-0.5, 3.0]])
    assert not numpy.allclose(first @ second, second @ first)
    product = first @ second
    trace_of_root = (numpy.trace(product) + 2 * numpy.linalg.det(product) ** 0.5) ** 0.5
    expected = numpy.trace(first) + numpy.trace(second) - 2 * trace_of_root
    found = frechet_distance(exact_features([0, 0], first, 40), exact_features([0, 0], second, 30, seed=2))
    assert found == pytest.approx(expected, rel=1e-10)


def test_one_feature():
    assert frechet_distance([[0.0], [2.0]], [[5.0], [5.0]]) == pytest.approx(16 + 2)


def test_equal_sets_have_no_distance(reference_scores):
    fake = reference_scores[0]["fake"]
    assert 0 <= frechet_distance(fake, fake) < 1e-9
    assert 0 <= frechet_distance(fake[:30], fake[:30]) < 1e-6


def test_it_scales_with_the_square_of_the_features(reference_scores):
    fake, real = reference_scores[0]["fake"], reference_scores[0]["real"]
    assert frechet_distance(3 * fake, 3 * real) == pytest.approx(9 * frechet_distance(fake, real), rel=1e-5)


def test_moments_are_numpy_s_in_float64(reference_scores):
    features = reference_scores[0]["real"] + numpy.float32(1000)
    mean, covariance = moments(features)
    assert mean.dtype == covariance.dtype == numpy.float64
    assert mean == pytest.approx(features.astype(float).mean(axis=0), rel=1e-14)
    assert covariance == pytest.approx(numpy.cov(features.astype(float), rowvar=False), rel=1e-9, abs=1e-12)
    assert gaussian_distance(mean, covariance, mean + 2, covariance) == pytest.approx(4 * len(mean), rel=1e-9)


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (numpy.zeros((1, 3)), r"at least 2 feature rows, found shape \(1, 3\)"),
        (numpy.zeros(3), "at least 2 feature rows|different lengths"),
        (numpy.full((5, 3), numpy.nan), "NaN or infinite"),
        (numpy.full((5, 3), numpy.inf), "NaN or infinite"),
        (numpy.zeros((5, 4)), r"different lengths have no distance: \(5, 4\) and \(5, 3\)"),
    ],
)
def test_what_has_no_distance_is_refused(fake, message):
    real = numpy.arange(15.0).reshape(5, 3)
    for arguments in ((fake, real), (real, fake)):
        with pytest.raises(UserError, match="at least 2|NaN|different lengths"):
            frechet_distance(*arguments)
    with pytest.raises(UserError, match=message):
        frechet_distance(fake, real)
