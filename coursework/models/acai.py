"""Adversarially constrained autoencoder interpolation (Berthelot, Raffel, Roy & Goodfellow 2018)."""

import numpy as np
from keras import ops, random

from coursework.gradients import apply_gradients, value_and_gradients
from coursework.latents import draw_codes, fit_codes, interpolate
from coursework.models.base import GenerativeModel, images_of, spread, to_uint8, to_unit_range
from coursework.models.optimizers import build_optimizer

# Codes behind the Gaussian that samples are drawn from.
CODE_COUNT = 10_000


class ACAI(GenerativeModel):
    """An autoencoder whose critic cannot tell interpolated codes' images from reconstructions.

    encoder: image in [-1, 1] -> code; decoder: code -> image; critic: image -> its guess (1,) of the mix alpha.
    critic_weight and critic_mix are the paper's lambda and gamma.
    """

    def __init__(self, encoder, decoder, critic, critic_weight=0.5, critic_mix=0.2, seed=0):
        super().__init__(("loss", "reconstruction", "critic_loss", "regularizer"), seed)
        self.encoder = encoder
        self.decoder = decoder
        self.critic = critic
        self.critic_weight = critic_weight
        self.critic_mix = critic_mix

    @classmethod
    def from_config(cls, config, networks, steps):
        """Return the compiled model of a `Config`; `steps` counts updates over the whole training."""
        settings = config.model
        model = cls(
            networks["encoder"],
            networks["decoder"],
            networks["critic"],
            settings.critic_weight,
            settings.critic_mix,
            config.seed,
        )
        model.compile(build_optimizer(settings.optimizer, steps), build_optimizer(settings.critic_optimizer, steps))
        return model

    def compile(self, autoencoder_optimizer, critic_optimizer):
        """Set and build the two optimisers."""
        super().compile(optimizer=None, jit_compile=False)
        self.autoencoder_optimizer = autoencoder_optimizer
        self.critic_optimizer = critic_optimizer
        autoencoder_optimizer.build(self.autoencoder_variables)
        critic_optimizer.build(self.critic.trainable_variables)

    @property
    def autoencoder_variables(self):
        """Trainable variables of encoder and decoder."""
        return self.encoder.trainable_variables + self.decoder.trainable_variables

    def train_step(self, data):
        """One update of the autoencoder and one of the critic, both from the same forward pass (eq. 1 and 2)."""
        images = to_unit_range(images_of(data))
        alpha = 0.5 - ops.abs(random.uniform((ops.shape(images)[0], 1), seed=self.random) - 0.5)

        def autoencoder_loss():
            code = self.encoder(images, training=True)
            decoded = self.decoder(code, training=True)
            mixed = self.decoder(self.mix(code, alpha), training=True)
            reconstruction = ops.mean(ops.square(images - decoded))
            regularizer = ops.mean(ops.square(self.critic(mixed, training=True)))
            return reconstruction + self.critic_weight * regularizer, (reconstruction, regularizer, decoded, mixed)

        variables = self.autoencoder_variables
        (value, aux), gradients = value_and_gradients(autoencoder_loss, variables, has_aux=True)
        reconstruction, regularizer, decoded, mixed = (ops.stop_gradient(part) for part in aux)
        critic_loss = self.update_critic(images, decoded, mixed, alpha)
        apply_gradients(self.autoencoder_optimizer, gradients, variables)
        return self.track(loss=value, reconstruction=reconstruction, critic_loss=critic_loss, regularizer=regularizer)

    def mix(self, code, alpha):
        """Return alpha code + (1 - alpha) partner; an image's partner is its mirror place in the batch."""
        alpha = ops.reshape(alpha, (-1,) + (1,) * (len(code.shape) - 1))
        return alpha * code + (1.0 - alpha) * ops.flip(code, axis=0)

    def update_critic(self, images, decoded, mixed, alpha):
        """Update the critic towards alpha on mixed images and towards 0 on data; return its loss."""
        data = decoded + self.critic_mix * (images - decoded)

        def loss():
            guesses = self.critic(ops.concatenate([mixed, data]), training=True)
            of_mixed, of_data = ops.split(guesses, 2)
            return ops.mean(ops.square(of_mixed - alpha)) + ops.mean(ops.square(of_data))

        variables = self.critic.trainable_variables
        value, gradients = value_and_gradients(loss, variables)
        apply_gradients(self.critic_optimizer, gradients, variables)
        return value

    def optimizers(self):
        """Return both players' optimisers."""
        return {"autoencoder": self.autoencoder_optimizer, "critic": self.critic_optimizer}

    def networks(self):
        """Return the decoder, as the generator, the encoder, and the critic as the discriminator."""
        return {"generator": self.decoder, "encoder": self.encoder, "discriminator": self.critic}

    def sample(self, count, seed, training_images):
        """Return `count` uint8 images of codes from a Gaussian fitted to the codes of `training_images`."""
        drawn = draw_codes(self.code_statistics(training_images), count, self.decoder.input_shape[1:], seed)
        return to_uint8(self.decoder.predict(drawn, batch_size=250, verbose=0))

    def code_statistics(self, training_images):
        """Return the Gaussian of the codes of up to `CODE_COUNT` training images, as `fit_codes` does."""
        images = spread(training_images, min(CODE_COUNT, len(training_images)))
        return fit_codes(self.encoder.predict(to_unit_range(images), batch_size=250, verbose=0))

    def preview(self, images):
        """Return eight rows, each from one test image through its decoded interpolations to another one."""
        codes = self.encoder.predict(to_unit_range(images[:16]), verbose=0)
        paths = np.concatenate([interpolate(codes[row], codes[row + 8], 6) for row in range(8)])
        decoded = to_uint8(self.decoder.predict(paths, verbose=0)).reshape(8, 6, *images.shape[1:])
        return np.concatenate([[images[row], *decoded[row], images[row + 8]] for row in range(8)])
