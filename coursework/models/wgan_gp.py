"""Wasserstein GAN with gradient penalty (Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017)."""

from keras import ops, random

from coursework.models.gan import GAN, has_batch_normalization, item_count
from coursework.networks.backend import gradients_by_tensors
from coursework.util.errors import UserError


class WGANGP(GAN):
    """A GAN whose critic is held to a slope of one between real and fake items; Wasserstein losses by default.

    penalty_weight: the paper's lambda. penalty_at "real" and a `penalty_slope` of 0 make it the R1 penalty of Mescheder
    et al. (2018, equation 9), lambda being gamma / 2. With another objective it is that GAN with the penalty. The
    penalty is of each item by itself, which batch normalisation in the critic would make meaningless (section 4): a
    `UserError`.
    """

    def __init__(
        self,
        generator,
        discriminator,
        objective="wasserstein",
        critic_steps=5,
        penalty_weight=10.0,
        penalty_at="between",
        penalty_slope=1.0,
        **settings,
    ):
        if has_batch_normalization(discriminator):
            raise UserError("a gradient penalty wants a critic without batch normalisation: use none or layer")
        super().__init__(generator, discriminator, objective=objective, critic_steps=critic_steps, **settings)
        self.penalty_weight = penalty_weight
        self.penalty_at = penalty_at
        self.penalty_slope = penalty_slope

    def discriminator_objective(self, real, fake):
        """Return equation 3 of the paper: the critic's loss and the penalty."""
        points = real if self.penalty_at == "real" else self.between(real, fake[: item_count(real)])
        penalty = gradient_penalty(lambda items: self.discriminator(items, training=True), points, self.penalty_slope)
        return super().discriminator_objective(real, fake) + self.penalty_weight * penalty

    def between(self, real, fake):
        """Return a point on the line between each real item and a fake one, uniformly drawn."""
        weights = random.uniform((item_count(real),) + (1,) * (len(real.shape) - 1), seed=self.random)
        return weights * real + (1.0 - weights) * fake


def gradient_penalty(critic, items, slope=1.0):
    """Return the mean of (|gradient of the critic by an item| - slope)^2 over `items` (n, ...)."""
    _, (gradients,) = gradients_by_tensors(critic, [items])
    squares = ops.sum(ops.square(gradients), axis=tuple(range(1, len(items.shape))))
    # The norm of a gradient of zero has no slope itself.
    penalties = ops.square(ops.sqrt(squares + 1e-12) - slope)
    # Not `ops.mean`, which under PyTorch rounds float64 to float32.
    return ops.sum(penalties) / ops.cast(ops.shape(penalties)[0], penalties.dtype)
