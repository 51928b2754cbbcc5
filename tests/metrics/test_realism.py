"""Realism of single images (Kynkäänniemi et al. 2019, equation 3)."""

import numpy
import pytest

from coursework.metrics.realism import RealManifold
from coursework.util.errors import UserError

LINE = numpy.array([[0.0], [1.0], [2.0], [3.0], [20.0]])


def test_a_row_is_as_real_as_the_ball_that_holds_it_deepest():
    # Distances to the second other row: 2, 1, 1, 2, 18; the median 2 leaves out the ball about 20.
    manifold = RealManifold(LINE, k=2)
    values = manifold.realism(numpy.array([[-1.0], [2.5], [5.0], [20.5], [1.0]]))
    # -1: ball of 0 (2/1). 2.5: ball of 3 (2/.5) beats that of 2 (1/.5). 5: ball of 3 (2/2). 20.5: that of 3 (2/17.5).
    assert values.tolist() == pytest.approx([2.0, 4.0, 1.0, 2 / 17.5, numpy.inf])


def test_wide_balls_are_left_out():
    manifold = RealManifold(LINE, k=1)
    # Radii 1, 1, 1, 1, 17: the ball about 20 is left out.
    assert manifold.realism(numpy.array([[20.0]])).tolist() == pytest.approx([1 / 17])


def test_small_distances_keep_their_digits_far_from_the_origin():
    random = numpy.random.default_rng(0)
    real = random.normal(size=(700, 5)) + 1e6
    query = real[:600] + 1e-7
    values = RealManifold(real, k=3).realism(query)
    differences = numpy.linalg.norm(real[None] - real[:, None], axis=2)
    radii = numpy.sort(differences, axis=1)[:, 3]
    kept = radii <= numpy.median(radii)
    expected = (radii[kept] / numpy.linalg.norm(query[:, None] - real[kept][None], axis=2)).max(axis=1)
    assert values == pytest.approx(expected, rel=1e-6)


def test_copies_of_one_image_have_no_ball_to_lie_in():
    manifold = RealManifold(numpy.zeros((5, 2)), k=3)
    assert manifold.realism(numpy.ones((1, 2))).tolist() == [0.0]


def test_features_of_another_length_are_refused():
    with pytest.raises(UserError, match="different lengths"):
        RealManifold(LINE, k=2).realism(numpy.zeros((2, 3)))
