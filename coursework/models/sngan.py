"""Spectrally normalised GAN (Miyato et al. 2018); the normalisation itself is in the discriminator's layers."""

from typing import Any

import keras
from keras import ops

from coursework.models.gan import GAN, item_count, require_no_batch_normalization
from coursework.networks.backend import Tensor


class SNGAN(GAN):
    """A GAN whose discriminator has spectral layers and no BatchNorm: hinge loss and five critic steps by default."""

    def __init__(self, generator: keras.Model, discriminator: keras.Model, **settings: Any) -> None:
        # It judges real and fake items in one call, whose statistics would mix them.
        require_no_batch_normalization(discriminator, "an SNGAN needs a discriminator")
        super().__init__(generator, discriminator, **{"objective": "hinge", "critic_steps": 5, **settings})

    def discriminate(self, real: Any, fake: Any) -> tuple[Tensor, Tensor]:
        """Return the logits of both from one call: one power iteration per update (algorithm 1), and faster."""
        together = keras.tree.map_structure(lambda *kinds: ops.concatenate(kinds), real, fake)
        logits = self.discriminator(together, training=True)
        return logits[: item_count(real)], logits[item_count(real) :]
