"""Denoising autoencoder (Vincent et al. 2010) with Gaussian noise, as in Berthelot et al. 2018."""

from keras import ops, random

from coursework.models.autoencoder import Autoencoder


class DenoisingAutoencoder(Autoencoder):
    """In training N(0, noise^2) is added to the images in [-1, 1] that are encoded, not to those to be decoded."""

    def __init__(self, encoder, decoder, noise=1.0, seed=0):
        super().__init__(encoder, decoder, seed)
        self.noise = noise

    def encode(self, images):
        """Return codes of noisy images."""
        return super().encode(images + self.noise * random.normal(ops.shape(images), seed=self.random))
