"""Adversarially constrained autoencoder interpolation (Berthelot, Raffel, Roy & Goodfellow 2018)."""

from keras import ops, random

from coursework.models.autoencoder_with_critic import AutoencoderWithCritic


class ACAI(AutoencoderWithCritic):
    """An autoencoder whose critic cannot tell interpolated codes' images from reconstructions.

    encoder: image in [-1, 1] -> code; decoder: code -> image; critic: image -> its guess (1,) of the mix alpha.
    critic_weight and critic_mix are the paper's lambda and gamma.
    """

    roles = ("encoder", "decoder", "critic")

    def __init__(self, encoder, decoder, critic, critic_weight=0.5, critic_mix=0.2, seed=0):
        super().__init__(encoder, decoder, critic, seed, ("reconstruction", "critic_loss", "regularizer"))
        self.critic_weight = critic_weight
        self.critic_mix = critic_mix

    def objective(self, images):
        """Return equation 2 and its terms: the critic should guess 0 for mixed codes' images."""
        alpha = 0.5 - ops.abs(random.uniform((ops.shape(images)[0], 1), seed=self.random) - 0.5)
        code = self.encode(images)
        decoded = self.decoder(code, training=True)
        mixed = self.decoder(self.mix(code, alpha), training=True)
        reconstruction = ops.mean(ops.square(images - decoded))
        regularizer = ops.mean(ops.square(self.critic(mixed, training=True)))
        terms = {"reconstruction": reconstruction, "regularizer": regularizer}
        return reconstruction + self.critic_weight * regularizer, (terms, [decoded, mixed, alpha])

    def mix(self, code, alpha):
        """Return alpha code + (1 - alpha) partner; an image's partner is its mirror place in the batch."""
        alpha = ops.reshape(alpha, (-1,) + (1,) * (len(code.shape) - 1))
        return alpha * code + (1.0 - alpha) * ops.flip(code, axis=0)

    def critic_objective(self, images, decoded, mixed, alpha):
        """Return equation 1: the critic should guess alpha for mixed codes' images and 0 for data."""
        data = decoded + self.critic_mix * (images - decoded)
        of_mixed, of_data = ops.split(self.critic(ops.concatenate([mixed, data]), training=True), 2)
        return ops.mean(ops.square(of_mixed - alpha)) + ops.mean(ops.square(of_data))

    def networks(self):
        """Return the decoder, as the generator, the encoder, and the critic as the discriminator."""
        return {**super().networks(), "discriminator": self.critic}
