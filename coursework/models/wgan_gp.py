"""Wasserstein GAN with gradient penalty (Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017)."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, random

from coursework.models.gan import GAN, item_count, require_no_batch_normalization
from coursework.networks.backend import Tensor, gradients_by_tensors


class WGANGP(GAN):
    """A GAN with a penalty on the critic's slope: Wasserstein losses and five critic steps by default.

    penalty_weight: the paper's lambda. penalty_at: "between" real and fake items, where the slope should be
    `penalty_slope`, or at "real" ones; there, with a slope of 0, it is the R1 penalty of Mescheder et al. (2018,
    equation 9), lambda being gamma / 2. Another objective makes it that GAN with the penalty.

    The slope is that of the critic's answer by the items themselves, before their augmentation (as in StyleGAN2-ADA and
    R3GAN); packs have one slope together. The penalty is per item, which batch normalisation in the critic would make
    meaningless (section 4): a `UserError`.
    """

    own_settings = (*GAN.own_settings, "penalty_weight", "penalty_at", "penalty_slope")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        penalty_weight: float = 10.0,
        penalty_at: str = "between",
        penalty_slope: float = 1.0,
        **settings: Any,
    ) -> None:
        require_no_batch_normalization(discriminator, "a gradient penalty needs a critic")
        super().__init__(generator, discriminator, **{"objective": "wasserstein", "critic_steps": 5, **settings})
        self.penalty_weight = penalty_weight
        self.penalty_at = penalty_at
        self.penalty_slope = penalty_slope

    def discriminator_objective(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return equation 3 of the paper: the critic's loss and the penalty."""
        points = real if self.penalty_at == "real" else self.between(real, fake[: item_count(real)])
        penalty = gradient_penalty(self.judge, points, self.penalty_slope)
        return super().discriminator_objective(real, fake) + self.penalty_weight * penalty

    def between(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return a point on the line between each real pack and a fake one, uniformly drawn."""
        weights = random.uniform((item_count(real),) + (1,) * (len(real.shape) - 1), seed=self.random)
        return weights * real + (1.0 - weights) * fake


def gradient_penalty(critic: Callable[[Tensor], Tensor], items: Tensor, slope: float = 1.0) -> Tensor:
    """Return the mean of (|gradient of the critic by an item| - slope)^2 over `items` (n, ...)."""
    _, (gradients,) = gradients_by_tensors(critic, [items])
    squares = ops.sum(ops.square(gradients), axis=tuple(range(1, len(items.shape))))
    # The norm has no gradient at zero.
    penalties = ops.square(ops.sqrt(squares + 1e-12) - slope)
    # Not `ops.mean`, which under PyTorch rounds float64 to float32.
    return ops.sum(penalties) / ops.cast(ops.shape(penalties)[0], penalties.dtype)
