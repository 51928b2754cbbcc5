"""The convolutional autoencoder and critics of Berthelot et al. 2018 (ACAI), appendix and authors' code."""

import math

import keras
from keras import layers, ops

from coursework.errors import UserError
from coursework.fast_layers import Conv2D
from coursework.networks.blocks import Seeds

SLOPE = 0.2
# Hidden layers of the adversarial autoencoder's critic, which sees codes.
CODE_CRITIC_WIDTHS = (100, 100)


def build(config, image_shape, seed=0):
    """Return {"encoder": image -> code, "decoder": code -> image, "critic" and "code_critic": either -> (1,)}.

    The code has shape (latent_width, latent_width, latent_channels); images are in [-1, 1]. The decoder's last layer is
    linear, as in the paper; its images may leave [-1, 1] slightly.
    """
    shape, scales = code_shape(config), count_scales(config, image_shape)
    seeds = Seeds(seed)
    return {
        "encoder": encoder(config, image_shape, scales, seeds),
        "decoder": _decoder(shape, config.depth, scales, image_shape[2], seeds),
        "critic": _critic(image_shape, config.depth, scales, config.latent_channels, seeds),
        "code_critic": _code_critic(shape, seeds),
    }


def code_shape(config):
    """Return the shape of a code."""
    return config.latent_width, config.latent_width, config.latent_channels


def count_scales(config, image_shape):
    """Return how often the encoder halves an image's side; raises `UserError` where images do not fit."""
    scales = math.log2(image_shape[0] / config.latent_width)
    if image_shape[0] != image_shape[1] or scales < 1 or scales != int(scales):
        raise UserError(
            f"images of {image_shape[1]}x{image_shape[0]} do not fit latent_width {config.latent_width}: "
            "the side must be latent_width times a power of two"
        )
    return int(scales)


def _convolution(channels, kernel, input_channels, seeds, name):
    """Return a convolution with weights N(0, 1 / ((1 + slope^2) fan_in)), the second number a variance; biases 0."""
    stddev = 1 / math.sqrt((1 + SLOPE**2) * input_channels * kernel**2)
    return Conv2D(
        channels,
        kernel,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=stddev, seed=seeds.next()),
        name=name,
    )


def _activated(x, channels, name, seeds):
    x = _convolution(channels, 3, x.shape[-1], seeds, name)(x)
    return layers.LeakyReLU(negative_slope=SLOPE, name=f"{name}_leaky_relu")(x)


def encode(images, depth, scales, outputs, seeds, name="to_code"):
    """Return the encoder's last map, linear, of `outputs` channels; `name` is its convolution's."""
    x = _convolution(depth, 1, images.shape[-1], seeds, "from_image")(images)
    for scale in range(scales):
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_1", seeds)
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_2", seeds)
        x = layers.AveragePooling2D(2, name=f"scale_{scale}_pool")(x)
    x = _activated(x, depth << scales, "last_convolution", seeds)
    return _convolution(outputs, 3, x.shape[-1], seeds, name)(x)


def decode(code, depth, scales, channels, seeds):
    """Return the decoder's last map, linear, an image of `channels` channels."""
    x = code
    for scale in reversed(range(scales)):
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_1", seeds)
        x = _activated(x, depth << scale, f"scale_{scale}_convolution_2", seeds)
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"scale_{scale}_upsample")(x)
    x = _activated(x, depth, "last_convolution", seeds)
    return _convolution(channels, 3, x.shape[-1], seeds, "to_image")(x)


def encoder(config, image_shape, scales, seeds):
    """Return the encoder, image -> code."""
    inputs = keras.Input(image_shape, name="images")
    x = encode(inputs, config.depth, scales, config.latent_channels, seeds)
    code = layers.Activation("linear", dtype="float32", name="code")(x)
    return keras.Model(inputs, code, name="encoder")


def _critic(image_shape, depth, scales, outputs, seeds):
    inputs = keras.Input(image_shape, name="images")
    x = encode(inputs, depth, scales, outputs, seeds, name="to_score")
    score = MeanOverAll(dtype="float32", name="score")(x)
    return keras.Model(inputs, score, name="critic")


def _decoder(shape, depth, scales, channels, seeds):
    inputs = keras.Input(shape, name="code")
    x = decode(inputs, depth, scales, channels, seeds)
    images = layers.Activation("linear", dtype="float32", name="images")(x)
    return keras.Model(inputs, images, name="decoder")


def _code_critic(shape, seeds):
    inputs = keras.Input(shape, name="code")
    x = layers.Flatten(name="flatten")(inputs)
    for index, width in enumerate(CODE_CRITIC_WIDTHS):
        x = layers.Dense(width, kernel_initializer=glorot(seeds), name=f"dense_{index}")(x)
        x = layers.LeakyReLU(negative_slope=SLOPE, name=f"leaky_relu_{index}")(x)
    logits = layers.Dense(1, kernel_initializer=glorot(seeds), dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="code_critic")


def glorot(seeds):
    """Return the initialiser of dense layers, Keras's default."""
    return keras.initializers.GlorotUniform(seed=seeds.next())


@keras.saving.register_keras_serializable(package="coursework")
class MeanOverAll(layers.Layer):
    """Mean over every axis but the first: (n, ...) -> (n, 1)."""

    def call(self, inputs):
        return ops.expand_dims(ops.mean(inputs, axis=tuple(range(1, len(inputs.shape)))), -1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)
