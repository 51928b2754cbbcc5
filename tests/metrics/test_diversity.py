"""Diversity of images without a network, on sets whose distances are known."""

import numpy
import pytest

from coursework.metrics.diversity import brightness_spread, nearest_distances, relative_diversity


def flat(*values):
    """Return images of 2x2 pixels, each of one value."""
    return numpy.array([numpy.full((2, 2, 3), value) for value in values], numpy.uint8)


def test_distances_to_the_nearest_other_image():
    assert nearest_distances(flat(0, 10, 13, 200)).tolist() == pytest.approx([10, 3, 3, 187])
    assert nearest_distances(flat(7, 7)).tolist() == [0, 0]
    # A quarter of the values differs by 8: root of 64 / 4.
    images = flat(5, 5)
    images[1, 0, 0] = 13
    assert nearest_distances(images).tolist() == pytest.approx([4, 4])


def test_spread_is_the_mean_over_values_of_their_deviation():
    assert brightness_spread(flat(0, 255)) == pytest.approx(127.5)
    images = flat(10, 10)
    images[1, 0] = 30
    assert brightness_spread(images) == pytest.approx(5)


def test_diversity_is_relative_to_real_images():
    real = flat(0, 20, 40, 60, 80)
    assert relative_diversity(real, real) == 1
    assert relative_diversity(flat(0, 5, 10, 15, 20), real) == pytest.approx(0.25)
    assert relative_diversity(flat(0, 0, 100, 100, 200), real) == 0
    assert relative_diversity(real, flat(1, 1, 1, 1, 1)) == numpy.inf
    assert relative_diversity(real[:1], real[1:2]) == numpy.inf
    with pytest.raises(ValueError, match="5 images compared with 2 real ones"):
        relative_diversity(real, real[:2])
