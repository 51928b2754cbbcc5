"""Weights of classes: labels in turn, mixtures, one vector a layer, and what is refused."""

import numpy
import pytest

from coursework.models.class_weights import balanced_labels, class_weights


def test_labels_come_in_turn_and_more_of_them_begin_with_the_same():
    assert balanced_labels(7, 3).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert numpy.bincount(balanced_labels(1000, 7)).tolist() == [143] * 6 + [142]
    assert numpy.array_equal(balanced_labels(1000, 7)[:5], balanced_labels(5, 7))


def test_labels_and_mixtures_are_repeated_for_every_layer():
    weights = class_weights(numpy.array([2, 0]), 2, 3)
    assert weights.dtype == numpy.float32
    assert weights.tolist() == [[[0, 0, 1]] * 2, [[1, 0, 0]] * 2]
    half = [[0.5, 0.0, 0.5], [0.0, 1.25, -0.25]]
    assert class_weights(half, 4, 3).tolist() == [[half[0]] * 4, [half[1]] * 4]


def test_a_vector_for_each_layer_is_taken_as_it_is():
    per_layer = numpy.random.default_rng(0).random((5, 4, 3)).astype("float32")
    assert numpy.array_equal(class_weights(per_layer, 4, 3), per_layer)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 3], "whole numbers from 0 to 2"),
        ([-1, 0], "whole numbers from 0 to 2"),
        ([0.0, 1.0], "whole numbers from 0 to 2"),
        (numpy.zeros((2, 4)), r"expected labels \(n,\), weights \(n, 3\) or \(n, 4, 3\)"),
        (numpy.zeros((2, 3, 3)), r"expected labels \(n,\), weights \(n, 3\) or \(n, 4, 3\)"),
        (numpy.zeros((2, 4, 3, 1)), r"expected labels \(n,\), weights \(n, 3\) or \(n, 4, 3\)"),
    ],
)
def test_what_is_no_class_is_refused(classes, message):
    with pytest.raises(ValueError, match=message):
        class_weights(classes, 4, 3)
