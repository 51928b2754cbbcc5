"""The networks of Berthelot et al. 2018 (ACAI): convolutional autoencoders and critics, appendix and authors' code.

`build` is for all but the two models whose codes are not plain tensors: `build_gaussian` for the VAE,
`build_quantized` for VQ-VAE. Codes have shape (latent_width, latent_width, latent_channels), images are in [-1, 1].
Images of any size are padded to the next square whose side is latent_width times a power of two, and cropped again.
"""

import math
from collections.abc import Sequence

import keras
from keras import layers, ops

from coursework.config.networks import AutoencoderConfig, QuantizedAutoencoderConfig
from coursework.networks.backend import Tensor
from coursework.networks.blocks import Seeds, crop, pad
from coursework.networks.fast_layers import Conv2D, Dense
from coursework.networks.vector_quantizer import VectorQuantizer

SLOPE = 0.2
# Hidden layers of the adversarial autoencoder's critic, which judges codes.
CODE_CRITIC_WIDTHS = (100, 100)


def build(config: AutoencoderConfig, image_shape: Sequence[int], seed: int = 0) -> dict[str, keras.Model]:
    """Return {"encoder": image -> code, "decoder": code -> image, "critic" and "code_critic": either -> (1,)}.

    The decoder's last layer is linear, as in the paper; its images may leave [-1, 1] slightly.
    """
    initializers = Initializers(seed, config.initial_scale)
    code = keras.Input(code_shape(config), name="code")
    networks = {"encoder": _encoder(config, image_shape, initializers)}
    x = decode(code, config, image_shape, initializers)
    networks["decoder"] = keras.Model(code, _linear(x, "images"), name="decoder")
    images = keras.Input(image_shape, name="images")
    x = encode(images, config, initializers, name="to_score")
    networks["critic"] = keras.Model(images, MeanOverAll(dtype="float32", name="score")(x), name="critic")
    code = keras.Input(code_shape(config), name="code")
    x = layers.Flatten(name="flatten")(code)
    for index, width in enumerate(CODE_CRITIC_WIDTHS):
        x = Dense(width, kernel_initializer=initializers.dense(), name=f"dense_{index}")(x)
        x = layers.LeakyReLU(negative_slope=SLOPE, name=f"leaky_relu_{index}")(x)
    logits = Dense(1, kernel_initializer=initializers.dense(), dtype="float32", name="logits")(x)
    networks["code_critic"] = keras.Model(code, logits, name="code_critic")
    return networks


def build_gaussian(config: AutoencoderConfig, image_shape: Sequence[int], seed: int = 0) -> dict[str, keras.Model]:
    """Return {"encoder": image -> [mean, log variance], "decoder": code -> image}.

    Mean and log variance, each a dense layer on the whole code of `build`, have the code's shape. The decoder ends in
    tanh(x / 2), so that x are the logits of pixels in [0, 1]: (tanh(x / 2) + 1) / 2 = sigmoid(x).
    """
    shape, initializers = code_shape(config), Initializers(seed, config.initial_scale)
    inputs = keras.Input(image_shape, name="images")
    x = encode(inputs, config, initializers)
    x = layers.Flatten(name="flatten")(x)
    outputs = []
    for name in ("mean", "log_variance"):
        dense = Dense(math.prod(shape), kernel_initializer=initializers.dense(), dtype="float32", name=f"to_{name}")
        outputs.append(layers.Reshape(shape, dtype="float32", name=name)(dense(x)))
    latents = keras.Input(shape, name="latents")
    x = decode(latents, config, image_shape, initializers)
    x = layers.Rescaling(0.5, dtype="float32", name="half")(x)
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return {
        "encoder": keras.Model(inputs, outputs, name="encoder"),
        "decoder": keras.Model(latents, images, name="decoder"),
    }


def build_quantized(
    config: QuantizedAutoencoderConfig, image_shape: Sequence[int], seed: int = 0
) -> dict[str, keras.Model]:
    """Return {"encoder": image -> code, "decoder": code -> image}.

    The code is continuous, that of `build`, so that it can be interpolated. The discrete bottleneck belongs to the
    decoder: a dense layer makes `discrete_latents` vectors of a code's size, a `VectorQuantizer` replaces them by
    codewords, and two dense layers make a code again.
    """
    shape, initializers = code_shape(config), Initializers(seed, config.initial_scale)
    encoder = _encoder(config, image_shape, initializers)
    size, count = math.prod(shape), config.discrete_latents
    code = keras.Input(shape, name="code")
    x = layers.Flatten(name="flatten")(code)
    x = Dense(count * size, kernel_initializer=initializers.dense(), dtype="float32", name="to_vectors")(x)
    x = layers.Reshape((count, size), dtype="float32", name="vectors")(x)
    x, _ = VectorQuantizer(config.codebook_size, seed=initializers.next(), dtype="float32", name="quantizer")(x)
    x = layers.Flatten(name="flatten_codewords")(x)
    for index, units in enumerate((config.hidden_size, size)):
        x = layers.ReLU(name=f"bottleneck_relu_{index}")(x)
        x = Dense(units, kernel_initializer=initializers.dense(), name=f"bottleneck_dense_{index}")(x)
    x = layers.Reshape(shape, name="reshape")(x)
    x = decode(x, config, image_shape, initializers)
    return {"encoder": encoder, "decoder": keras.Model(code, _linear(x, "images"), name="decoder")}


def _encoder(config: AutoencoderConfig, image_shape: Sequence[int], initializers: "Initializers") -> keras.Model:
    """Return the encoder, image -> code."""
    inputs = keras.Input(image_shape, name="images")
    x = encode(inputs, config, initializers)
    return keras.Model(inputs, _linear(x, "code"), name="encoder")


def _linear(x: Tensor, name: str) -> Tensor:
    """Return `x` in float32 under any precision."""
    return layers.Activation("linear", dtype="float32", name=name)(x)


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
    """Return how often the encoder halves an image's longer side, at least once, to reach the code's width."""
    return max(1, math.ceil(math.log2(max(image_shape[:2]) / config.latent_width)))


def _convolved(x: Tensor, channels: int, kernel: int, name: str, initializers: Initializers) -> Tensor:
    """Return a map after a convolution; its biases are 0 at first."""
    initializer = initializers.convolution(x.shape[-1] * kernel**2)
    return Conv2D(channels, kernel, padding="same", kernel_initializer=initializer, name=name)(x)


def _activated(x: Tensor, channels: int, name: str, initializers: Initializers) -> Tensor:
    x = _convolved(x, channels, 3, name, initializers)
    return layers.LeakyReLU(negative_slope=SLOPE, name=f"{name}_leaky_relu")(x)


def encode(images: Tensor, config: AutoencoderConfig, initializers: Initializers, name: str = "to_code") -> Tensor:
    """Return the encoder's last map, linear, of a code's shape; `name` is its convolution's."""
    depth, scales = config.depth, count_scales(config, images.shape[1:])
    side = config.latent_width << scales
    x = _convolved(pad(images, (side, side)), depth, 1, "from_image", initializers)
    for scale in range(scales):
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_1", initializers)
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_2", initializers)
        x = layers.AveragePooling2D(2, name=f"scale_{scale}_pool")(x)
    x = _activated(x, depth << scales, "last_convolution", initializers)
    return _convolved(x, config.latent_channels, 3, name, initializers)


def decode(code: Tensor, config: AutoencoderConfig, image_shape: Sequence[int], initializers: Initializers) -> Tensor:
    """Return the decoder's last map, linear, an image of `image_shape`."""
    x = code
    for scale in reversed(range(count_scales(config, image_shape))):
        x = _activated(x, config.depth << scale, f"scale_{scale}_convolution_1", initializers)
        x = _activated(x, config.depth << scale, f"scale_{scale}_convolution_2", initializers)
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"scale_{scale}_upsample")(x)
    x = _activated(x, config.depth, "last_convolution", initializers)
    return crop(_convolved(x, image_shape[2], 3, "to_image", initializers), image_shape[:2])


@keras.saving.register_keras_serializable(package="coursework")
class MeanOverAll(layers.Layer):
    """Mean over every axis but the first: (n, ...) -> (n, 1)."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.expand_dims(ops.mean(inputs, axis=tuple(range(1, len(inputs.shape)))), -1)
