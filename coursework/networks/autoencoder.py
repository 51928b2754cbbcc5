"""The convolutional autoencoder and critics of Berthelot et al. 2018 (ACAI), appendix and authors' code."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from coursework.config.schema import AutoencoderConfig
from coursework.networks.backend import Tensor
from coursework.networks.blocks import Seeds
from coursework.networks.fast_layers import Conv2D, Dense
from coursework.util.errors import UserError

SLOPE = 0.2
# Hidden layers of the adversarial autoencoder's critic, which sees codes.
CODE_CRITIC_WIDTHS = (100, 100)


def build(config: AutoencoderConfig, image_shape: Sequence[int], seed: int = 0) -> dict[str, keras.Model]:
    """Return {"encoder": image -> code, "decoder": code -> image, "critic" and "code_critic": either -> (1,)}.

    The code has shape (latent_width, latent_width, latent_channels); images are in [-1, 1]. The decoder's last layer is
    linear, as in the paper; its images may leave [-1, 1] slightly.
    """
    shape, scales = code_shape(config), count_scales(config, image_shape)
    initializers = Initializers(seed, config.initial_scale)
    return {
        "encoder": encoder(config, image_shape, scales, initializers),
        "decoder": _decoder(shape, config.depth, scales, image_shape[2], initializers),
        "critic": _critic(image_shape, config.depth, scales, config.latent_channels, initializers),
        "code_critic": _code_critic(shape, initializers),
    }


class Initializers(Seeds):
    """The initialisers of these networks' layers, each from a stream of its own.

    scale: standard deviations of the convolutions' weights, as a multiple of the authors'.
    """

    def __init__(self, seed: int, scale: float = 1.0) -> None:
        super().__init__(seed)
        self.scale = scale

    def convolution(self, inputs: int) -> keras.initializers.Initializer:
        """Return N(0, scale^2 / ((1 + slope^2) inputs)), the second number a variance; `inputs` is the fan-in."""
        stddev = self.scale / math.sqrt((1 + SLOPE**2) * inputs)
        return keras.initializers.RandomNormal(stddev=stddev, seed=self.next())

    def dense(self) -> keras.initializers.Initializer:
        """Return the initialiser of dense layers, Keras's default."""
        return keras.initializers.GlorotUniform(seed=self.next())


def code_shape(config: AutoencoderConfig) -> tuple[int, int, int]:
    """Return the shape of a code."""
    return config.latent_width, config.latent_width, config.latent_channels


def count_scales(config: AutoencoderConfig, image_shape: Sequence[int]) -> int:
    """Return how often the encoder halves an image's side; raises `UserError` where images do not fit."""
    scales = math.log2(image_shape[0] / config.latent_width)
    if image_shape[0] != image_shape[1] or scales < 1 or scales != int(scales):
        raise UserError(
            f"images of {image_shape[1]}x{image_shape[0]} do not fit latent_width {config.latent_width}: "
            "the side must be latent_width times a power of two"
        )
    return int(scales)


def _convolved(x: Tensor, channels: int, kernel: int, name: str, initializers: Initializers) -> Tensor:
    """Return a map after a convolution; its biases are 0 at first."""
    initializer = initializers.convolution(x.shape[-1] * kernel**2)
    return Conv2D(channels, kernel, padding="same", kernel_initializer=initializer, name=name)(x)


def _activated(x: Tensor, channels: int, name: str, initializers: Initializers) -> Tensor:
    x = _convolved(x, channels, 3, name, initializers)
    return layers.LeakyReLU(negative_slope=SLOPE, name=f"{name}_leaky_relu")(x)


def encode(
    images: Tensor, depth: int, scales: int, outputs: int, initializers: Initializers, name: str = "to_code"
) -> Tensor:
    """Return the encoder's last map, linear, of `outputs` channels; `name` is its convolution's."""
    x = _convolved(images, depth, 1, "from_image", initializers)
    for scale in range(scales):
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_1", initializers)
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_2", initializers)
        x = layers.AveragePooling2D(2, name=f"scale_{scale}_pool")(x)
    x = _activated(x, depth << scales, "last_convolution", initializers)
    return _convolved(x, outputs, 3, name, initializers)


def decode(code: Tensor, depth: int, scales: int, channels: int, initializers: Initializers) -> Tensor:
    """Return the decoder's last map, linear, an image of `channels` channels."""
    x = code
    for scale in reversed(range(scales)):
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_1", initializers)
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_2", initializers)
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"scale_{scale}_upsample")(x)
    x = _activated(x, depth, "last_convolution", initializers)
    return _convolved(x, channels, 3, "to_image", initializers)


def encoder(
    config: AutoencoderConfig, image_shape: Sequence[int], scales: int, initializers: Initializers
) -> keras.Model:
    """Return the encoder, image -> code."""
    inputs = keras.Input(image_shape, name="images")
    x = encode(inputs, config.depth, scales, config.latent_channels, initializers)
    code = layers.Activation("linear", dtype="float32", name="code")(x)
    return keras.Model(inputs, code, name="encoder")


def _critic(
    image_shape: Sequence[int], depth: int, scales: int, outputs: int, initializers: Initializers
) -> keras.Model:
    inputs = keras.Input(image_shape, name="images")
    x = encode(inputs, depth, scales, outputs, initializers, name="to_score")
    score = MeanOverAll(dtype="float32", name="score")(x)
    return keras.Model(inputs, score, name="critic")


def _decoder(shape: Sequence[int], depth: int, scales: int, channels: int, initializers: Initializers) -> keras.Model:
    inputs = keras.Input(shape, name="code")
    x = decode(inputs, depth, scales, channels, initializers)
    images = layers.Activation("linear", dtype="float32", name="images")(x)
    return keras.Model(inputs, images, name="decoder")


def _code_critic(shape: Sequence[int], initializers: Initializers) -> keras.Model:
    inputs = keras.Input(shape, name="code")
    x = layers.Flatten(name="flatten")(inputs)
    for index, width in enumerate(CODE_CRITIC_WIDTHS):
        x = Dense(width, kernel_initializer=initializers.dense(), name=f"dense_{index}")(x)
        x = layers.LeakyReLU(negative_slope=SLOPE, name=f"leaky_relu_{index}")(x)
    logits = Dense(1, kernel_initializer=initializers.dense(), dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="code_critic")


@keras.saving.register_keras_serializable(package="coursework")
class MeanOverAll(layers.Layer):
    """Mean over every axis but the first: (n, ...) -> (n, 1)."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.expand_dims(ops.mean(inputs, axis=tuple(range(1, len(inputs.shape)))), -1)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], 1)
