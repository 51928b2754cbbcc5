"""Adversarial autoencoder (Makhzani et al. 2016), as in Berthelot et al. 2018."""

import keras
from keras import ops, random

from coursework.models.autoencoder import AutoencoderWithCritic, Objective
from coursework.models.losses import non_saturating_discriminator, non_saturating_generator
from coursework.networks.backend import Tensor


class AAE(AutoencoderWithCritic):
    """An autoencoder whose codes a critic cannot distinguish from N(0, I); `code_critic`: code -> logit (1,)."""

    fits_prior = False
    roles = ("encoder", "decoder", "code_critic")

    def __init__(self, encoder: keras.Model, decoder: keras.Model, code_critic: keras.Model, seed: int = 0) -> None:
        super().__init__(encoder, decoder, code_critic, seed)

    def objective(self, images: Tensor) -> Objective:
        """Return mean squared error plus the cross-entropy of codes that should be taken for samples."""
        code = self.encode(images)
        reconstruction = ops.mean(ops.square(images - self.decoder(code, training=True)))
        regularizer = non_saturating_generator(self.critic(code, training=True))
        terms = {"reconstruction": reconstruction, "regularizer": regularizer}
        return reconstruction + regularizer, (terms, [code])

    def critic_objective(self, images: Tensor, *kept: Tensor) -> Tensor:
        """Return the cross-entropies of samples from N(0, I) and of codes."""
        (code,) = kept
        samples = random.normal(ops.shape(code), seed=self.random)
        return non_saturating_discriminator(self.critic(samples, training=True), self.critic(code, training=True))
