"""The Inception Score against torch-fidelity's value, and against closed forms."""

import numpy
import pytest

from coursework.metrics import inception_score
from coursework.util.errors import UserError


def test_torch_fidelity_s_value(reference_scores):
    logits, values = reference_scores[0]["logits"], reference_scores[1]
    assert inception_score(logits) == pytest.approx((values["is"], values["is_std"]), abs=1e-10)
    # The draws matter at this precision.
    assert inception_score(logits, seed=1)[0] != pytest.approx(values["is"], abs=1e-4)


def test_certain_and_evenly_spread_predictions_count_the_classes():
    logits = 1000.0 * numpy.eye(7)[numpy.arange(70) % 7]
    assert inception_score(logits, splits=1) == pytest.approx((7, 0), rel=1e-12)


def test_predictions_that_are_all_alike_score_one():
    logits = numpy.tile(numpy.random.default_rng(0).normal(size=9), (50, 1))
    assert inception_score(logits, splits=5) == pytest.approx((1, 0), rel=1e-12)


def test_two_classes_by_hand():
    # Three rows (3/4, 1/4), one row (1/4, 3/4): p(y) = (5/8, 3/8).
    logits = numpy.log([[3, 1], [3, 1], [3, 1], [1, 3]])
    first = 0.75 * numpy.log(0.75 / 0.625) + 0.25 * numpy.log(0.25 / 0.375)
    second = 0.25 * numpy.log(0.25 / 0.625) + 0.75 * numpy.log(0.75 / 0.375)
    assert inception_score(logits, splits=1)[0] == pytest.approx(numpy.exp((3 * first + second) / 4), rel=1e-12)


def test_splits_of_unequal_lengths_are_the_reference_s():
    logits = numpy.random.default_rng(0).normal(size=(11, 4))
    order = numpy.random.RandomState(2020).permutation(11)
    # 11 rows in 3 splits: 0-3, 3-7, 7-11.
    alone = []
    for rows in (order[:3], order[3:7], order[7:]):
        p = numpy.exp(logits[rows])
        p /= p.sum(axis=1, keepdims=True)
        alone.append(numpy.exp((p * numpy.log(p / p.mean(axis=0))).sum(axis=1).mean()))
    assert inception_score(logits, 3) == pytest.approx((numpy.mean(alone), numpy.std(alone)), rel=1e-12)


def test_shifted_and_huge_logits():
    logits = numpy.random.default_rng(0).normal(size=(40, 6))
    expected = inception_score(logits, 2)
    assert inception_score(logits + numpy.linspace(-1e4, 1e4, 40)[:, None], 2) == pytest.approx(expected, rel=1e-9)
    # A class that underflows in every row.
    absent = numpy.concatenate([logits, numpy.full((40, 1), -1e5)], axis=1)
    assert inception_score(absent, 2) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("logits", "splits", "message"),
    [
        (numpy.zeros((9, 5)), 10, "9 rows of logits cannot be split in 10"),
        (numpy.full((20, 5), numpy.nan), 10, "NaN"),
        (numpy.zeros(20), 10, r"found shape \(20,\)"),
        (numpy.zeros((20, 5)), 0, "splits should be"),
    ],
)
def test_what_has_no_score_is_refused(logits, splits, message):
    with pytest.raises(UserError, match=message):
        inception_score(logits, splits)
