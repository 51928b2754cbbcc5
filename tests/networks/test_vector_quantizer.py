"""The quantizer's choice, its straight-through gradient and the moving averages of its codebook."""

import numpy
import pytest
from conftest import array
from keras import ops

from coursework.networks.backend import gradients_by_tensors
from coursework.networks.vector_quantizer import VectorQuantizer

pytestmark = pytest.mark.backend

CODEBOOK = numpy.array([[0, 0], [1, 0], [0, 2], [5, 5]], "float32")


@pytest.fixture
def quantizer():
    layer = VectorQuantizer(4, decay=0.9)
    layer.build((None, 2, 2))
    layer.codebook.assign(CODEBOOK)
    return layer


def test_vectors_become_the_nearest_codewords(quantizer):
    vectors = numpy.array([[[0.4, 0.1], [0.6, 0.1]], [[0.3, 1.2], [9, 9]]], "float32")
    codewords, indices = quantizer(vectors)
    assert array(indices).tolist() == [[0, 1], [2, 3]]
    numpy.testing.assert_allclose(array(codewords), CODEBOOK[[[0, 1], [2, 3]]], atol=1e-6)
    # Against the definition, for many.
    many = numpy.random.default_rng(0).normal(2, 2, (50, 3, 2)).astype("float32")
    nearest = ((many[:, :, None] - CODEBOOK) ** 2).sum(axis=-1).argmin(axis=-1)
    assert numpy.array_equal(array(quantizer(many)[1]), nearest)


def test_gradients_pass_straight_through(quantizer):
    vectors = numpy.random.default_rng(1).normal(size=(3, 2, 2)).astype("float32")
    weight = numpy.random.default_rng(2).normal(size=(3, 2, 2)).astype("float32")
    weighted = ops.convert_to_tensor(weight)
    _, (gradient,) = gradients_by_tensors(lambda x: ops.sum(weighted * quantizer(x)[0]), [vectors])
    numpy.testing.assert_allclose(array(gradient), weight, rtol=1e-6)
    assert quantizer.trainable_variables == []


def test_the_codebook_follows_by_moving_averages(quantizer):
    """m / N of the two averages, both from nothing, written out; a codeword out of use stays."""
    generator = numpy.random.default_rng(3)
    uses, sums = numpy.zeros(4), numpy.zeros((4, 2))
    for _ in range(3):
        vectors = generator.normal(0.5, 1, (5, 2, 2)).astype("float32")
        _, indices = quantizer(vectors)
        quantizer.update(ops.convert_to_tensor(vectors), indices)
        one_hot = numpy.eye(4)[array(indices).ravel()]
        assert one_hot[:, :3].any(axis=0).all() and not one_hot[:, 3].any()
        uses = 0.9 * uses + 0.1 * one_hot.sum(axis=0)
        sums = 0.9 * sums + 0.1 * one_hot.T @ vectors.reshape(-1, 2)
        expected = numpy.concatenate([sums[:3] / uses[:3, None], CODEBOOK[3:]])
        numpy.testing.assert_allclose(array(quantizer.codebook), expected, rtol=1e-4, atol=1e-5)
        numpy.testing.assert_allclose(array(quantizer.uses), uses, rtol=1e-5)
    # Years later, too.
    quantizer.uses.assign([1e-30, 0, 0, 0])
    before = array(quantizer.codebook)
    quantizer.update(ops.convert_to_tensor(before[None, [1, 1]]), ops.convert_to_tensor([[1, 1]]))
    numpy.testing.assert_allclose(array(quantizer.codebook), before, rtol=1e-6)


def test_it_starts_small_and_from_its_seed():
    first, again, other = (VectorQuantizer(300, seed=seed) for seed in (1, 1, 2))
    for layer in (first, again, other):
        layer.build((None, 2, 8))
    codebook = array(first.codebook)
    assert codebook.shape == (300, 8)
    assert 0.09 < abs(codebook).max() <= 0.1
    assert codebook.std() == pytest.approx(0.1 / numpy.sqrt(3), rel=0.05)
    assert numpy.array_equal(codebook, array(again.codebook))
    assert not numpy.array_equal(codebook, array(other.codebook))
