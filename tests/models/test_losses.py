"""Losses against closed forms."""

import math

import numpy
import pytest
from keras import ops

from coursework.models import losses
from coursework.networks.backend import gradients_by_tensors

pytestmark = pytest.mark.backend


def value(loss):
    """Return a loss as a float, having checked that it is a float32 scalar."""
    array = ops.convert_to_numpy(loss)
    assert array.shape == ()
    assert array.dtype == numpy.float32
    return float(array)


def tensor(values):
    return ops.convert_to_tensor(numpy.asarray(values, "float32"))


def test_non_saturating_losses_are_cross_entropies():
    # Logits of odds 3 and 1/3: D(x) = 3/4 and D(G(z)) = 1/4.
    real, fake = tensor([math.log(3), math.log(3)]), tensor([-math.log(3), -math.log(3)])
    assert value(losses.non_saturating_discriminator(real, fake)) == pytest.approx(2 * math.log(4 / 3), rel=1e-6)
    assert value(losses.non_saturating_generator(fake)) == pytest.approx(math.log(4), rel=1e-6)
    # The mean over a batch of two sizes, real and fake averaged apart.
    real, fake = tensor([[0.0], [math.log(3)]]), tensor([[0.0], [0.0], [0.0]])
    expected = (math.log(2) + math.log(4 / 3)) / 2 + math.log(2)
    assert value(losses.non_saturating_discriminator(real, fake)) == pytest.approx(expected, rel=1e-6)


def test_non_saturating_losses_stay_exact_at_large_logits():
    assert value(losses.non_saturating_generator(tensor([-500.0]))) == pytest.approx(500)
    assert value(losses.non_saturating_generator(tensor([20.0]))) == pytest.approx(math.exp(-20), rel=1e-5)
    assert value(losses.non_saturating_discriminator(tensor([500.0]), tensor([-500.0]))) == 0
    # A fake that is recognised with certainty still gives the full gradient; the saturating loss gives none.
    _, (gradient,) = gradients_by_tensors(losses.non_saturating_generator, [tensor([-500.0])])
    assert ops.convert_to_numpy(gradient) == pytest.approx([-1.0])


@pytest.mark.parametrize("real_target, fake_target", [(0.9, 0.1), (1.2, 0.0), (0.0, 1.0)])
def test_soft_labels_are_targets_of_the_cross_entropy(real_target, fake_target):
    real, fake = 0.7, -1.3

    def cross_entropy(logit, target):
        probability = 1 / (1 + math.exp(-logit))
        return -target * math.log(probability) - (1 - target) * math.log(1 - probability)

    loss = losses.non_saturating_discriminator(tensor([real]), tensor([fake]), real_target, fake_target)
    expected = cross_entropy(real, real_target) + cross_entropy(fake, fake_target)
    assert value(loss) == pytest.approx(expected, rel=1e-5)


def test_soft_labels_may_differ_from_item_to_item():
    real, fake = tensor([0.3, -0.8]), tensor([0.0])
    apart = [losses.non_saturating_discriminator(real[i : i + 1], fake, target) for i, target in enumerate((0.7, 1.2))]
    together = losses.non_saturating_discriminator(real, fake, tensor([0.7, 1.2]))
    assert value(together) == pytest.approx(sum(map(value, apart)) / 2, rel=1e-6)


def test_hinge_losses():
    real, fake = tensor([[2.0], [0.5]]), tensor([[-2.0], [0.0]])
    assert value(losses.hinge_discriminator(real, fake)) == pytest.approx((0 + 0.5) / 2 + (0 + 1) / 2)
    assert value(losses.hinge_generator(fake)) == pytest.approx(1.0)
    # Logits beyond the margin give no gradient, others exactly one.
    _, gradients = gradients_by_tensors(losses.hinge_discriminator, [tensor([2.0, 0.5]), tensor([-2.0, 0.0])])
    assert [ops.convert_to_numpy(gradient).tolist() for gradient in gradients] == [[0.0, -0.5], [0.0, 0.5]]


def test_wasserstein_losses_are_differences_of_means():
    real, fake = tensor([0.5, 3.0]), tensor([0.25, -2.0])
    assert value(losses.wasserstein_discriminator(real, fake)) == pytest.approx(-0.875 - 1.75)
    assert value(losses.GENERATOR_LOSSES["wasserstein"](fake)) == pytest.approx(0.875)


def test_the_dicts_name_each_pair_of_losses():
    names = {"non-saturating", "hinge", "wasserstein"}
    assert set(losses.DISCRIMINATOR_LOSSES) == set(losses.GENERATOR_LOSSES) == names
    real, fake = tensor([0.5, 3.0]), tensor([0.25, -2.0])
    for name, discriminator, generator in (
        ("non-saturating", losses.non_saturating_discriminator, losses.non_saturating_generator),
        ("hinge", losses.hinge_discriminator, losses.hinge_generator),
        ("wasserstein", losses.wasserstein_discriminator, losses.hinge_generator),
    ):
        assert value(losses.DISCRIMINATOR_LOSSES[name](real, fake)) == value(discriminator(real, fake))
        assert value(losses.GENERATOR_LOSSES[name](fake)) == value(generator(fake))


def test_gaussian_kl():
    assert value(losses.gaussian_kl(tensor([[0.0, 0.0]]), tensor([[0.0, 0.0]]))) == 0
    mean, variance = numpy.array([[1.0, 2.0], [0.0, -1.0]]), numpy.array([[1.0, 4.0], [0.25, 1.0]])
    expected = 0.5 * (mean**2 + variance - 1 - numpy.log(variance)).sum() / 2
    assert value(losses.gaussian_kl(tensor(mean), tensor(numpy.log(variance)))) == pytest.approx(expected, rel=1e-6)
    # KL(N(m, 1) || N(0, 1)) = m²/2, summed over a code of four axes too.
    code = tensor(numpy.full((3, 2, 2, 5), 3.0))
    assert value(losses.gaussian_kl(code, 0 * code)) == pytest.approx(20 * 4.5)


def test_squared_error_is_summed_over_an_image_and_averaged_over_the_batch():
    images, reconstructions = numpy.zeros((4, 2, 3, 1)), numpy.full((4, 2, 3, 1), 0.5)
    reconstructions[0] = 0
    assert value(losses.squared_error_sum(tensor(images), tensor(reconstructions))) == pytest.approx(3 * 6 * 0.25 / 4)


def test_bernoulli_likelihood():
    generator = numpy.random.default_rng(0)
    targets, logits = generator.random((3, 4, 2)), generator.normal(size=(3, 4, 2))
    probability = 1 / (1 + numpy.exp(-logits))
    expected = -(targets * numpy.log(probability) + (1 - targets) * numpy.log(1 - probability)).sum() / 3
    loss = losses.bernoulli_nll_from_logits(tensor(targets), tensor(logits))
    assert value(loss) == pytest.approx(expected, rel=1e-5)
    # Certainty: right for nothing, wrong for the logit's size.
    loss = losses.bernoulli_nll_from_logits(tensor([[1.0, 0.0, 1.0]]), tensor([[300.0, -300.0, -300.0]]))
    assert value(loss) == pytest.approx(300)


def test_low_precision_inputs_are_computed_in_float32():
    # In bfloat16 a sum of 3,072 quarters would stick at 64.
    images = ops.cast(ops.ones((2, 32, 32, 3)), "bfloat16")
    assert value(losses.squared_error_sum(images, 0.5 * images)) == pytest.approx(768)
    assert value(losses.hinge_generator(ops.cast(tensor([0.5]), "bfloat16"))) == -0.5
    assert value(losses.gaussian_kl(images, 0 * images)) == pytest.approx(1536)
