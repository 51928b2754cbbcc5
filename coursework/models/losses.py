"""Losses: pure functions that return float32 scalars.

Those of a player are functions of logits of any shape, averaged over all entries; those of a likelihood are summed
over an image or a code and averaged over the batch, in nats per image (squared error: up to a factor).
"""

from keras import ops

from coursework.networks.backend import Tensor


def non_saturating_discriminator(
    real_logits: Tensor, fake_logits: Tensor, real_target: Tensor = 1.0, fake_target: Tensor = 0.0
) -> Tensor:
    """Return the cross-entropy of real and fake logits, summed over the two kinds.

    -log D(x) - log(1 - D(G(z))) with D = sigmoid(logit); Goodfellow et al. (2014), equation 1. Targets other than 1
    and 0 (numbers, or tensors of the logits' shape) are label smoothing; they may lie outside [0, 1].
    """
    return _cross_entropy(real_logits, real_target) + _cross_entropy(fake_logits, fake_target)


def non_saturating_generator(fake_logits: Tensor) -> Tensor:
    """Return the mean of -log D(G(z)); Goodfellow et al. (2014), section 3."""
    return ops.mean(ops.softplus(-_float(fake_logits)))


def hinge_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]; Miyato et al. (2018), equation 16, sign turned."""
    return ops.mean(ops.relu(1.0 - _float(real_logits))) + ops.mean(ops.relu(1.0 + _float(fake_logits)))


def hinge_generator(fake_logits: Tensor) -> Tensor:
    """Return -E[D(G(z))]; Miyato et al. (2018), equation 17."""
    return -ops.mean(_float(fake_logits))


def wasserstein_discriminator(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return E[D(G(z))] - E[D(x)]; Arjovsky et al. (2017), the critic's part of equation 2, sign turned."""
    return ops.mean(_float(fake_logits)) - ops.mean(_float(real_logits))


DISCRIMINATOR_LOSSES = {
    "non-saturating": non_saturating_discriminator,
    "hinge": hinge_discriminator,
    "wasserstein": wasserstein_discriminator,
}
# The hinge loss of the generator is the Wasserstein critic's too.
GENERATOR_LOSSES = {
    "non-saturating": non_saturating_generator,
    "hinge": hinge_generator,
    "wasserstein": hinge_generator,
}


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) || N(0, I)) in nats; Kingma & Welling (2014), appendix B."""
    mean, log_variance = _float(mean), _float(log_variance)
    return 0.5 * _sum_over_item(ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance)


def squared_error_sum(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Return the squared error of an image: twice the unit-variance Gaussian's nats, up to a constant."""
    return _sum_over_item(ops.square(_float(images) - _float(reconstructions)))


def bernoulli_nll_from_logits(targets: Tensor, logits: Tensor) -> Tensor:
    """Return -log p(targets) in nats where each pixel is Bernoulli(sigmoid(logit)); targets in [0, 1]."""
    targets, logits = _float(targets), _float(logits)
    return _sum_over_item(ops.softplus(logits) - targets * logits)


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    logits = _float(logits)
    # Two softplus rather than softplus(x) - target * x, which cancels for large logits.
    return ops.mean(target * ops.softplus(-logits) + (1.0 - target) * ops.softplus(logits))


def _sum_over_item(values: Tensor) -> Tensor:
    return ops.sum(values) / ops.cast(ops.shape(values)[0], values.dtype)


def _float(values: Tensor) -> Tensor:
    return ops.cast(values, "float32")
