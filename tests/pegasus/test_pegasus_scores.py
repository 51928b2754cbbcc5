"""Scores of candidates and the choice among them."""

import numpy
import pytest

from coursework.pegasus.ranking import APART, choose_batch, rank
from coursework.pegasus.scores import CandidateScores, clipped_realism, diversity, nearest_distances, uniqueness
from coursework.util.errors import UserError


def test_overall_is_recognisability_and_nothing_saves_what_is_not_real_or_not_new():
    columns = [0.5, 1.0, 0.75, 0.25], [0.25, 1.0, 0.2, 0.5], [0.1, 0.0, 1.0, 0.099]
    scores = CandidateScores(*map(numpy.array, columns), bar=0.25)
    assert scores.eligible.tolist() == [True, False, False, False]
    assert scores.overall.tolist() == [0.5, 0.0, 0.0, 0.0]
    assert scores.record(0) == {"recognisability": 0.5, "realism": 0.25, "uniqueness": 0.1, "overall": 0.5}
    assert scores.mean(slice(0, 2)) == pytest.approx(
        {"recognisability": 0.75, "realism": 0.625, "uniqueness": 0.05, "overall": 0.25}
    )
    assert scores.take([1]).realism.tolist() == [1.0] and scores.take([0]).bar == 0.25


def test_realism_above_the_edge_of_a_ball_counts_as_one():
    assert clipped_realism(numpy.array([0.5, 1.0, 3.0, numpy.inf])).tolist() == [0.5, 1.0, 1.0, 1.0]


def test_uniqueness_is_none_for_a_copy_and_full_from_the_typical_test_image_on():
    test = numpy.array([4.0, 1.0, 3.0, 2.0])
    assert uniqueness(numpy.array([0.0, 1.0, 1.5, 2.0, 2.5, 9.0]), test).tolist() == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]


def test_diversity_compares_with_as_many_real_images():
    real = numpy.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    assert nearest_distances(real).tolist() == [2.0, 2.0, 2.0]
    assert diversity(real / 2, real) == pytest.approx(0.5)
    assert diversity(3 * real, real) == 1.0
    # Two kinds of copies are no diverse batch, although their mean distance is large.
    assert diversity(numpy.array([[0.0, 0.0], [0.0, 0.0], [99.0, 0.0], [99.0, 0.0]]), real) == 0.0
    assert diversity(real[:1], real) == 0.0


def scores_of(recognisability, realism=None, bar=0.0):
    """Return `CandidateScores` of what is new."""
    recognisability = numpy.asarray(recognisability, float)
    realism = numpy.ones(len(recognisability)) if realism is None else numpy.asarray(realism, float)
    return CandidateScores(recognisability, realism, numpy.ones(len(recognisability)), bar)


def test_rank_keeps_ties_in_order():
    assert rank(scores_of([0.1, 0.5, 0.9, 0.5])).tolist() == [2, 1, 3, 0]


def test_what_is_not_real_enough_comes_last_however_well_it_is_recognised():
    scores = scores_of([0.95, 0.9, 0.2, 0.7], realism=[0.4, 0.5, 0.9, 0.3], bar=0.5)
    assert scores.eligible.tolist() == [False, True, True, False]
    # Beyond the bar more realism is worth nothing.
    assert rank(scores).tolist() == [1, 2, 0, 3]
    assert scores.take([0, 2]).eligible.tolist() == [False, True]
    # Also behind copies of what is, and the best of the ineligible ones first.
    features = numpy.array([[5.0], [0.0], [0.0], [9.0]])
    assert choose_batch(scores, [(features, 1.0)], 4).tolist() == [1, 2, 0, 3]


def test_a_batch_holds_nothing_that_resembles_a_better_one_while_others_are_left():
    features = numpy.array([[0.0], [0.0], [0.1], [1.0], [2.5]])
    belief = scores_of([0.9, 0.89, 0.88, 0.5, 0.2])
    assert choose_batch(belief, [(features, 1.0)], 3).tolist() == [0, 3, 4]
    # For a fourth the bound falls below a tenth; the copy is the last to follow, by its belief.
    assert choose_batch(belief, [(features, 1.0)], 4).tolist() == [0, 2, 3, 4]
    assert choose_batch(belief, [(features, 1.0)], 5).tolist() == [0, 1, 2, 3, 4]
    # Where nothing counts as alike, the score alone decides.
    assert choose_batch(belief, [(features, 0.0)], 3).tolist() == [0, 1, 2]
    # The bound is a share of the scale: a tenth is as far as 0.8 of 0.125, and nearer than 0.8 of 0.126.
    assert choose_batch(belief, [(features, 0.1249)], 2).tolist() == [0, 2]
    assert choose_batch(belief, [(features, 0.126)], 2).tolist() == [0, 3]


def test_a_batch_differs_in_every_space():
    features, pixels = numpy.array([[0.0], [5.0], [0.2], [9.0]]), numpy.array([[0.0], [0.1], [7.0], [9.0]])
    assert choose_batch(scores_of([0.9, 0.8, 0.7, 0.6]), [(features, 1.0), (pixels, 1.0)], 2).tolist() == [0, 3]


def test_a_batch_is_as_diverse_as_the_bound_says_where_candidates_suffice():
    generator = numpy.random.default_rng(0)
    features, belief = generator.standard_normal((600, 6)), generator.random(600)
    real = generator.standard_normal((16, 6))
    chosen = choose_batch(scores_of(belief), [(features, nearest_distances(real).mean())], 16)
    assert nearest_distances(features[chosen]).min() >= APART * nearest_distances(real).mean()
    assert diversity(features[chosen], real) >= APART
    assert (numpy.diff(belief[chosen]) < 0).all() and belief[chosen[0]] == belief.max()
    assert belief[chosen].mean() > 0.9


def test_too_few_candidates_are_refused():
    with pytest.raises(UserError, match="3 candidates cannot fill a batch of 64"):
        choose_batch(scores_of([0.1, 0.2, 0.3]), [(numpy.zeros((3, 2)), 1.0)], 64)
