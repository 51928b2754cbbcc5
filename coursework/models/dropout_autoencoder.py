"""Autoencoder with dropout on its code (Srivastava et al. 2014), as in Berthelot et al. 2018."""

from keras import random

from coursework.models.autoencoder import Autoencoder


class DropoutAutoencoder(Autoencoder):
    """In training each number of a code is kept with probability `keep`, and then divided by it, or is 0."""

    def __init__(self, encoder, decoder, keep=0.5, seed=0):
        super().__init__(encoder, decoder, seed)
        self.keep = keep

    def encode(self, images):
        """Return codes of which a part is dropped."""
        return random.dropout(super().encode(images), 1.0 - self.keep, seed=self.random)
