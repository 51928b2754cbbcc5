"""Variational autoencoder (Kingma & Welling 2014), with the weight beta of Higgins et al. 2017."""

import keras
from keras import ops

from coursework.models.autoencoder import Autoencoder, Objective
from coursework.models.losses import bernoulli_nll_from_logits, gaussian_kl, squared_error_sum
from coursework.networks.backend import Tensor
from coursework.networks.layers import Sampling
from coursework.util.errors import UserError


class VAE(Autoencoder):
    """Maximises the evidence lower bound, the KL term weighted by `beta`.

    encoder: image in [-1, 1] -> [mean, log variance]; decoder: latents -> image in [-1, 1], its last layer a tanh.
    likelihood: "gaussian", squared error of images in [0, 1] summed over an image (a normal likelihood of variance
    1/2 up to a constant; beta = 2 sigma^2 gives variance sigma^2), or "bernoulli", cross-entropy with intensities.
    Raises `UserError` for an encoder without a log variance.
    """

    fits_prior = False

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        likelihood: str = "gaussian",
        beta: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder, decoder, seed, ("reconstruction", "kl"))
        if len(encoder.outputs) != 2:
            raise UserError(
                "model vae needs an encoder that gives mean and log variance: "
                "use network vector_autoencoder or gaussian_autoencoder"
            )
        self.likelihood = likelihood
        self.beta = beta
        # In float32 under any policy, like the moments it samples from.
        self.sampling = Sampling(seed=seed, dtype="float32")
        # It has no weights, but under PyTorch `fit` would call a model with an unbuilt layer to build it.
        self.sampling.build(decoder.input_shape)
        # tanh(a) = 2 sigmoid(2 a) - 1: the cross-entropy is exact and does not saturate on the tanh's input.
        self.before_tanh = keras.Model(decoder.input, decoder.layers[-1].input)

    def objective(self, images: Tensor) -> Objective:
        mean, log_variance = self.encoder(images, training=True)
        reconstruction = self.reconstruction_loss(images, self.sampling([mean, log_variance]))
        kl = gaussian_kl(mean, log_variance)
        return reconstruction + self.beta * kl, ({"reconstruction": reconstruction, "kl": kl}, [])

    def reconstruction_loss(self, images: Tensor, latents: Tensor) -> Tensor:
        """Return -log p(images | latents) up to a constant, summed over an image, averaged over the batch."""
        targets = (images + 1.0) / 2.0
        if self.likelihood == "bernoulli":
            logits = 2.0 * ops.cast(self.before_tanh(latents, training=True), "float32")
            return bernoulli_nll_from_logits(targets, logits)
        return squared_error_sum(targets, (self.decoder(latents, training=True) + 1.0) / 2.0)
