"""The plain autoencoder, the baseline of Berthelot et al. 2018, and what all autoencoders share."""

import numpy as np
from keras import ops

from coursework.models.base import GenerativeModel, images_of, spread, to_uint8, to_unit_range
from coursework.models.optimizers import build_optimizer
from coursework.networks.backend import apply_gradients, value_and_gradients
from coursework.networks.latents import draw_codes, draw_latents, fit_codes, interpolate

# Codes behind the Gaussian that samples are drawn from.
CODE_COUNT = 10_000


class Autoencoder(GenerativeModel):
    """Encoder and decoder trained on the mean squared error.

    encoder: image in [-1, 1] -> code, or [mean, log variance] of one, of which a model without a prior takes the mean;
    decoder: code -> image.

    A subclass disturbs what is encoded or decoded in training (`encode`), or has an `objective` of its own, whose terms
    are logged, and whatever else it does with the forward pass (`finish_step`). The settings of its configuration are
    the arguments of its constructor, `roles` the networks that it takes.
    """

    fits_prior = True
    roles = ("encoder", "decoder")

    def __init__(self, encoder, decoder, seed=0, terms=()):
        super().__init__(("loss", *terms), seed)
        self.encoder = encoder
        self.decoder = decoder

    @classmethod
    def from_config(cls, config, networks, steps):
        """Return the compiled model of a `Config`; `steps` counts updates over the whole training."""
        settings = {name: value for name, value in vars(config.model).items() if name != "name"}
        optimizers = [settings.pop(name) for name in ("optimizer", "critic_optimizer") if name in settings]
        model = cls(*(networks[role] for role in cls.roles), **settings, seed=config.seed)
        model.compile(*(build_optimizer(optimizer, steps) for optimizer in optimizers))
        return model

    def compile(self, autoencoder_optimizer):
        """Set and build the optimiser."""
        super().compile(optimizer=None, jit_compile=False)
        self.autoencoder_optimizer = autoencoder_optimizer
        autoencoder_optimizer.build(self.autoencoder_variables)

    @property
    def autoencoder_variables(self):
        """Trainable variables of encoder and decoder."""
        return self.encoder.trainable_variables + self.decoder.trainable_variables

    def train_step(self, data):
        """One update of encoder and decoder on the `objective`, and what a subclass adds to it."""
        images = to_unit_range(images_of(data))
        variables = self.autoencoder_variables
        (value, (terms, kept)), gradients = value_and_gradients(lambda: self.objective(images), variables, has_aux=True)
        more = self.finish_step(images, *(ops.stop_gradient(tensor) for tensor in kept))
        apply_gradients(self.autoencoder_optimizer, gradients, variables)
        return self.track(loss=value, **terms, **more)

    def objective(self, images):
        """Return (loss, ({name: term of it}, [tensors for `finish_step`])) of images in [-1, 1]."""
        decoded = self.decoder(self.encode(images), training=True)
        return ops.mean(ops.square(images - decoded)), ({}, [])

    def encode(self, images):
        """Return the codes that training decodes."""
        return code_of(self.encoder(images, training=True))

    def finish_step(self, images, *kept):
        """Do what a step needs beyond the autoencoder's update; return more losses, {name: value}."""
        return {}

    def optimizers(self):
        """Return the one optimiser."""
        return {"autoencoder": self.autoencoder_optimizer}

    def networks(self):
        """Return the decoder, as the generator, and the encoder."""
        return {"generator": self.decoder, "encoder": self.encoder}

    def sample(self, count, seed, training_images):
        """Return `count` uint8 images of codes from N(0, I), or a Gaussian fitted to those of `training_images`."""
        shape = self.decoder.input_shape[1:]
        if self.fits_prior:
            return self.decoded(draw_codes(self.code_statistics(training_images), count, shape, seed))
        return self.decoded(draw_latents("normal", count, shape, seed))

    def code_statistics(self, training_images):
        """Return the Gaussian of the codes of up to `CODE_COUNT` training images, None for a model with a prior."""
        if not self.fits_prior:
            return None
        return fit_codes(self.encoded(spread(training_images, min(CODE_COUNT, len(training_images)))))

    def preview(self, images):
        """Return eight rows, each from one test image through its decoded interpolations to another one.

        A model with a prior shows two pairs of rows, test images above their reconstructions, and four of samples.
        """
        if not self.fits_prior:
            decoded = self.decoded(self.encoded(images[:16]))
            rows = [images[:8], decoded[:8], images[8:16], decoded[8:16], self.sample(32, self.seed, images)]
            return np.concatenate(rows)
        codes = self.encoded(images[:16])
        paths = np.concatenate([interpolate(codes[row], codes[row + 8], 6) for row in range(8)])
        decoded = self.decoded(paths).reshape(8, 6, *images.shape[1:])
        return np.concatenate([[images[row], *decoded[row], images[row + 8]] for row in range(8)])

    def encoded(self, images):
        """Return the codes of uint8 images as an array."""
        return code_of(self.encoder.predict(to_unit_range(images), batch_size=250, verbose=0))

    def decoded(self, codes):
        """Return the uint8 images of codes."""
        return to_uint8(self.decoder.predict(codes, batch_size=250, verbose=0))


def code_of(outputs):
    """Return the code among an encoder's outputs: the only one, or the mean."""
    return outputs[0] if isinstance(outputs, list | tuple) else outputs
