"""The autoencoders of Berthelot et al. 2018 without a critic (plain, dropout, denoising), and what all share."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops, random

from coursework.config.schema import Config
from coursework.models.base import GenerativeModel, build_optimizer, images_of, spread, to_uint8, to_unit_range
from coursework.networks.backend import Tensor, apply_gradients, value_and_gradients
from coursework.networks.latents import draw_codes, draw_latents, fit_codes, interpolate

# Codes behind the Gaussian that samples are drawn from.
CODE_COUNT = 10_000

# What `objective` returns: the loss, {name: term of it}, tensors for `finish_step`.
Objective = tuple[Tensor, tuple[dict[str, Tensor], list[Tensor]]]


class Autoencoder(GenerativeModel):
    """Encoder and decoder trained on the mean squared error.

    encoder: image in [-1, 1] -> code, or [mean, log variance] of one, of which a model without a prior takes the mean;
    decoder: code -> image.

    A subclass changes what is decoded in training (`encode`), or has an `objective` of its own, whose terms are logged,
    and uses the forward pass for more (`finish_step`). The settings of its configuration are the arguments of its
    constructor, `roles` the networks that it takes.
    """

    fits_prior = True
    roles: tuple[str, ...] = ("encoder", "decoder")

    def __init__(self, encoder: keras.Model, decoder: keras.Model, seed: int = 0, terms: Sequence[str] = ()) -> None:
        super().__init__(("loss", *terms), seed)
        self.encoder = encoder
        self.decoder = decoder

    @classmethod
    def from_config(cls, config: Config, networks: dict[str, keras.Model], steps: int) -> Self:
        """Return the compiled model of a `Config`; `steps` counts updates over the whole training."""
        settings = {name: value for name, value in vars(config.model).items() if name != "name"}
        optimizers = [settings.pop(name) for name in ("optimizer", "critic_optimizer") if name in settings]
        model = cls(*(networks[role] for role in cls.roles), **{**settings, "seed": config.seed})
        model.compile(*(build_optimizer(optimizer, steps) for optimizer in optimizers))
        return model

    def compile(self, autoencoder_optimizer: keras.optimizers.Optimizer) -> None:
        super().compile(optimizer=None, jit_compile=False)
        self.autoencoder_optimizer = autoencoder_optimizer
        autoencoder_optimizer.build(self.autoencoder_variables)

    @property
    def autoencoder_variables(self) -> list[keras.Variable]:
        """Trainable variables of encoder and decoder."""
        return self.encoder.trainable_variables + self.decoder.trainable_variables

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Make one update of encoder and decoder on the `objective`, and what a subclass adds to it."""
        images = to_unit_range(images_of(data))
        variables = self.autoencoder_variables
        (value, (terms, kept)), gradients = value_and_gradients(lambda: self.objective(images), variables, has_aux=True)
        more = self.finish_step(images, *(ops.stop_gradient(tensor) for tensor in kept))
        apply_gradients(self.autoencoder_optimizer, gradients, variables)
        return self.track(loss=value, **terms, **more)

    def objective(self, images: Tensor) -> Objective:
        """Return (loss, ({name: term of it}, [tensors for `finish_step`])) of images in [-1, 1]."""
        decoded = self.decoder(self.encode(images), training=True)
        return ops.mean(ops.square(images - decoded)), ({}, [])

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes that training decodes."""
        return code_of(self.encoder(images, training=True))

    def finish_step(self, images: Tensor, *kept: Tensor) -> dict[str, Tensor]:
        """Do what a step needs besides the autoencoder's update; return more losses, {name: value}."""
        return {}

    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {"autoencoder": self.autoencoder_optimizer}

    def networks(self) -> dict[str, keras.Model]:
        return {"generator": self.decoder, "encoder": self.encoder}

    def sample(self, count: int, seed: int, training_images: np.ndarray) -> np.ndarray:
        """Return `count` uint8 images of codes from N(0, I), or a Gaussian fitted to those of `training_images`."""
        shape = self.decoder.input_shape[1:]
        statistics = self.code_statistics(training_images)
        if statistics is None:
            return self.decoded(draw_latents("normal", count, shape, seed))
        return self.decoded(draw_codes(statistics, count, shape, seed))

    def code_statistics(self, training_images: np.ndarray) -> dict[str, np.ndarray] | None:
        """Return the Gaussian of the codes of up to `CODE_COUNT` training images, None for a model with a prior."""
        if not self.fits_prior:
            return None
        return fit_codes(self.encoded(spread(training_images, min(CODE_COUNT, len(training_images)))))

    def preview(self, images: np.ndarray) -> np.ndarray:
        """Return eight rows, each from one test image through its decoded interpolations to another one.

        A model with a prior shows two pairs of rows, test images above their reconstructions, and four of samples.
        """
        if not self.fits_prior:
            decoded = self.decoded(self.encoded(images[:16]))
            samples = self.sample(32, self.seed, images)
            return np.concatenate([images[:8], decoded[:8], images[8:16], decoded[8:16], samples])
        codes = self.encoded(images[:16])
        paths = np.concatenate([interpolate(codes[row], codes[row + 8], 6) for row in range(8)])
        decoded = self.decoded(paths).reshape(8, 6, *images.shape[1:])
        return np.concatenate([[images[row], *decoded[row], images[row + 8]] for row in range(8)])

    def encoded(self, images: np.ndarray) -> np.ndarray:
        """Return the codes of uint8 images as an array."""
        return code_of(self.encoder.predict(to_unit_range(images), batch_size=250, verbose=0))

    def decoded(self, codes: np.ndarray) -> np.ndarray:
        """Return the uint8 images of codes."""
        return to_uint8(self.decoder.predict(codes, batch_size=250, verbose=0))


class DropoutAutoencoder(Autoencoder):
    """In training each number of a code is kept with probability `keep` and divided by it, or is 0.

    Dropout is by Srivastava et al. (2014).
    """

    def __init__(self, encoder: keras.Model, decoder: keras.Model, keep: float = 0.5, seed: int = 0) -> None:
        super().__init__(encoder, decoder, seed)
        self.keep = keep

    def encode(self, images: Tensor) -> Tensor:
        return random.dropout(super().encode(images), 1.0 - self.keep, seed=self.random)


class DenoisingAutoencoder(Autoencoder):
    """In training N(0, noise^2) is added to the images in [-1, 1] that are encoded, not to those to be decoded.

    Denoising is by Vincent et al. (2010).
    """

    def __init__(self, encoder: keras.Model, decoder: keras.Model, noise: float = 1.0, seed: int = 0) -> None:
        super().__init__(encoder, decoder, seed)
        self.noise = noise

    def encode(self, images: Tensor) -> Tensor:
        return super().encode(images + self.noise * random.normal(ops.shape(images), seed=self.random))


class AutoencoderWithCritic(Autoencoder):
    """An autoencoder with a critic; both are updated from one forward pass.

    A subclass has an `objective` that keeps what the critic needs, and a `critic_objective` of just that.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        critic: keras.Model,
        seed: int = 0,
        terms: Sequence[str] = ("reconstruction", "critic_loss", "regularizer"),
    ) -> None:
        super().__init__(encoder, decoder, seed, terms)
        self.critic = critic

    def compile(  # type: ignore[override]  # there are two players to compile
        self, autoencoder_optimizer: keras.optimizers.Optimizer, critic_optimizer: keras.optimizers.Optimizer
    ) -> None:
        super().compile(autoencoder_optimizer)
        self.critic_optimizer = critic_optimizer
        critic_optimizer.build(self.critic.trainable_variables)

    def critic_objective(self, images: Tensor, *kept: Tensor) -> Tensor:
        """Return the critic's loss on images in [-1, 1] and the tensors that `objective` kept, now constants."""
        raise NotImplementedError

    def finish_step(self, images: Tensor, *kept: Tensor) -> dict[str, Tensor]:
        variables = self.critic.trainable_variables
        value, gradients = value_and_gradients(lambda: self.critic_objective(images, *kept), variables)
        apply_gradients(self.critic_optimizer, gradients, variables)
        return {"critic_loss": value}

    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {"autoencoder": self.autoencoder_optimizer, "critic": self.critic_optimizer}


def code_of(outputs: Any) -> Any:
    """Return the code among an encoder's outputs: the only one, or the mean."""
    return outputs[0] if isinstance(outputs, list | tuple) else outputs
