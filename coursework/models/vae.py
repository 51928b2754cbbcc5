"""Variational autoencoder (Kingma & Welling 2014), with the weight beta of Higgins et al. 2017."""

import keras
import numpy as np
from keras import ops

from coursework.gradients import apply_gradients, value_and_gradients
from coursework.latents import draw_latents
from coursework.layers import Sampling
from coursework.losses import bernoulli_nll_from_logits, gaussian_kl, squared_error_sum
from coursework.models.base import GenerativeModel, images_of, to_uint8, to_unit_range
from coursework.models.optimizers import build_optimizer


class VAE(GenerativeModel):
    """Maximises the evidence lower bound, the KL term weighted by `beta`.

    encoder: image in [-1, 1] -> [mean, log variance]; decoder: latents -> image in [-1, 1], its last layer a tanh.
    likelihood: "gaussian", squared error of images in [0, 1] summed over an image (a normal likelihood of variance
    1/2 up to a constant; beta = 2 sigma^2 gives variance sigma^2), or "bernoulli", cross-entropy with intensities.
    """

    def __init__(self, encoder, decoder, likelihood="gaussian", beta=1.0, seed=0):
        super().__init__(("loss", "reconstruction", "kl"), seed)
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.beta = beta
        # In float32 under any policy, like the moments it samples from.
        self.sampling = Sampling(seed=seed, dtype="float32")
        # It has no weights, but under PyTorch `fit` would call a model with an unbuilt layer to build it.
        self.sampling.build(decoder.input_shape)
        # tanh(a) = 2 sigmoid(2 a) - 1: the cross-entropy is exact and does not saturate on the tanh's input.
        self.before_tanh = keras.Model(decoder.inputs, decoder.layers[-1].input)

    @classmethod
    def from_config(cls, config, networks, steps):
        """Return the compiled model of a `Config`; `steps` counts updates over the whole training."""
        settings = config.model
        model = cls(networks["encoder"], networks["decoder"], settings.likelihood, settings.beta, config.seed)
        model.compile(build_optimizer(settings.optimizer, steps))
        return model

    def compile(self, optimizer):
        """Set and build the optimiser."""
        super().compile(optimizer=None, jit_compile=False)
        self.autoencoder_optimizer = optimizer
        optimizer.build(self.autoencoder_variables)

    @property
    def autoencoder_variables(self):
        """Trainable variables of encoder and decoder."""
        return self.encoder.trainable_variables + self.decoder.trainable_variables

    def train_step(self, data):
        """One update of encoder and decoder on the negative evidence lower bound."""
        images = to_unit_range(images_of(data))

        def loss():
            mean, log_variance = self.encoder(images, training=True)
            latents = self.sampling([mean, log_variance])
            reconstruction = self.reconstruction_loss(images, latents)
            kl = gaussian_kl(mean, log_variance)
            return reconstruction + self.beta * kl, (reconstruction, kl)

        variables = self.autoencoder_variables
        (value, (reconstruction, kl)), gradients = value_and_gradients(loss, variables, has_aux=True)
        apply_gradients(self.autoencoder_optimizer, gradients, variables)
        return self.track(loss=value, reconstruction=reconstruction, kl=kl)

    def reconstruction_loss(self, images, latents):
        """Return -log p(images | latents) up to a constant, summed over an image, averaged over the batch."""
        targets = (images + 1.0) / 2.0
        if self.likelihood == "bernoulli":
            logits = 2.0 * ops.cast(self.before_tanh(latents, training=True), "float32")
            return bernoulli_nll_from_logits(targets, logits)
        return squared_error_sum(targets, (self.decoder(latents, training=True) + 1.0) / 2.0)

    def optimizers(self):
        """Return the one optimiser."""
        return {"autoencoder": self.autoencoder_optimizer}

    def networks(self):
        """Return the decoder, as the generator, and the encoder."""
        return {"generator": self.decoder, "encoder": self.encoder}

    def sample(self, count, seed, training_images):
        """Return `count` uint8 images of latents from N(0, I); `training_images` play no part."""
        latents = draw_latents("normal", count, self.decoder.input_shape[1:], seed)
        return to_uint8(self.decoder.predict(latents, batch_size=250, verbose=0))

    def preview(self, images):
        """Return two pairs of rows, test images above their reconstructions, then four rows of samples."""
        mean, _ = self.encoder.predict(to_unit_range(images[:16]), verbose=0)
        decoded = to_uint8(self.decoder.predict(mean, verbose=0))
        rows = [images[:8], decoded[:8], images[8:16], decoded[8:16], self.sample(32, self.seed, images)]
        return np.concatenate(rows)
