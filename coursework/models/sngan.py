"""Spectrally normalised GAN (Miyato et al. 2018); the normalisation itself is in the discriminator's layers."""

import keras
from keras import ops

from coursework.models.gan import GAN, has_batch_normalization, item_count
from coursework.util.errors import UserError


class SNGAN(GAN):
    """A GAN whose discriminator has spectral layers and no BatchNorm: hinge loss and five critic steps by default."""

    def __init__(self, generator, discriminator, objective="hinge", critic_steps=5, **settings):
        # It judges real and fake items in one call, whose statistics would mix them.
        if has_batch_normalization(discriminator):
            raise UserError("an SNGAN wants a discriminator without batch normalisation: use none or layer")
        super().__init__(generator, discriminator, objective=objective, critic_steps=critic_steps, **settings)

    def discriminate(self, real, fake):
        """Return the logits of both from one call: one power iteration an update (algorithm 1), and faster."""
        together = keras.tree.map_structure(lambda *kinds: ops.concatenate(kinds), real, fake)
        logits = self.discriminator(together, training=True)
        return logits[: item_count(real)], logits[item_count(real) :]
