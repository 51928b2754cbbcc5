"""Adversarially constrained autoencoder interpolation (Berthelot, Raffel, Roy & Goodfellow 2018)."""

import keras
from keras import ops, random

from coursework.models.autoencoder import AutoencoderWithCritic, Objective
from coursework.networks.backend import Tensor


class ACAI(AutoencoderWithCritic):
    """An autoencoder whose critic cannot distinguish interpolated codes' images from reconstructions.

    encoder: image in [-1, 1] -> code; decoder: code -> image; critic: image -> its guess (1,) of the mix alpha.
    critic_weight and critic_mix are the paper's lambda and gamma.
    """

    roles = ("encoder", "decoder", "critic")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        critic: keras.Model,
        critic_weight: float = 0.5,
        critic_mix: float = 0.2,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder, decoder, critic, seed)
        self.critic_weight = critic_weight
        self.critic_mix = critic_mix

    def objective(self, images: Tensor) -> Objective:
        """Return equation 2 and its terms: the critic should guess 0 for mixed codes' images."""
        alpha = 0.5 - ops.abs(random.uniform((ops.shape(images)[0], 1), seed=self.random) - 0.5)
        code = self.encode(images)
        decoded = self.decoder(code, training=True)
        mixed = self.decoder(self.mix(code, alpha), training=True)
        reconstruction = ops.mean(ops.square(images - decoded))
        regularizer = ops.mean(ops.square(self.critic(mixed, training=True)))
        terms = {"reconstruction": reconstruction, "regularizer": regularizer}
        return reconstruction + self.critic_weight * regularizer, (terms, [decoded, mixed, alpha])

    def mix(self, code: Tensor, alpha: Tensor) -> Tensor:
        """Return alpha code + (1 - alpha) partner.

        An image's partner is its mirror place in the batch, as in the authors' code; in a batch of odd size, whose
        middle would be its own partner, the next image.
        """
        alpha = ops.reshape(alpha, (-1,) + (1,) * (len(code.shape) - 1))
        count = ops.shape(code)[0]
        places = ops.arange(count)
        partners = ops.where(count % 2 == 0, count - 1 - places, (places + 1) % count)
        return alpha * code + (1.0 - alpha) * ops.take(code, partners, axis=0)

    def critic_objective(self, images: Tensor, *kept: Tensor) -> Tensor:
        """Return equation 1: the critic should guess alpha for mixed codes' images and 0 for data."""
        decoded, mixed, alpha = kept
        data = decoded + self.critic_mix * (images - decoded)
        of_mixed, of_data = ops.split(self.critic(ops.concatenate([mixed, data]), training=True), 2)
        return ops.mean(ops.square(of_mixed - alpha)) + ops.mean(ops.square(of_data))

    def networks(self) -> dict[str, keras.Model]:
        return {**super().networks(), "discriminator": self.critic}
