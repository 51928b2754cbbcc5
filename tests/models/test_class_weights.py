"""Weights of classes: labels in turn, mixtures, one vector a layer, and what is refused."""

import numpy
import pytest

from coursework.models.class_weights import class_weights, proportional_labels


def test_labels_come_in_turn_and_more_of_them_begin_with_the_same():
    assert proportional_labels(7, 3).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert numpy.bincount(proportional_labels(1000, 7)).tolist() == [143] * 6 + [142]
    assert numpy.array_equal(proportional_labels(1000, 7)[:5], proportional_labels(5, 7))
    # Classes of equal size are drawn as where nothing is known of them.
    assert numpy.array_equal(proportional_labels(100, 3, [50, 50, 50]), proportional_labels(100, 3))


@pytest.mark.parametrize("counts", [[90, 10], [1, 2, 4], [10, 0, 30], [5000, 4999]])
def test_any_number_of_labels_has_the_proportions_of_the_data(counts):
    labels, shares = proportional_labels(1000, len(counts), counts), numpy.array(counts) / sum(counts)
    for count in (1, 7, 10, 100, 1000):
        found = numpy.bincount(labels[:count], minlength=len(counts))
        assert abs(found - count * shares).max() < 1
    assert numpy.array_equal(labels[:50], proportional_labels(50, len(counts), counts))


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
