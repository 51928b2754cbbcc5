"""The ACAI paper's autoencoder for its VAE: a Gaussian over codes, and logits of pixels (authors' code)."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from coursework.config.schema import AutoencoderConfig
from coursework.networks.autoencoder import Initializers, code_shape, count_scales, decode, encode
from coursework.networks.fast_layers import Dense


def build(config: AutoencoderConfig, image_shape: Sequence[int], seed: int = 0) -> dict[str, keras.Model]:
    """Return {"encoder": image -> [mean, log variance], "decoder": code -> image}, images in [-1, 1].

    Mean and log variance, each a dense layer on the whole code of `networks.autoencoder`, have the code's shape. The
    decoder ends in tanh(x / 2), so that x are the logits of pixels in [0, 1]: (tanh(x / 2) + 1) / 2 = sigmoid(x).
    """
    scales = count_scales(config, image_shape)
    initializers = Initializers(seed, config.initial_scale)
    return {
        "encoder": _encoder(config, image_shape, scales, initializers),
        "decoder": _decoder(config, image_shape, scales, initializers),
    }


def _encoder(
    config: AutoencoderConfig, image_shape: Sequence[int], scales: int, initializers: Initializers
) -> keras.Model:
    shape = code_shape(config)
    inputs = keras.Input(image_shape, name="images")
    x = encode(inputs, config.depth, scales, config.latent_channels, initializers)
    x = layers.Flatten(name="flatten")(x)
    outputs = []
    for name in ("mean", "log_variance"):
        dense = Dense(math.prod(shape), kernel_initializer=initializers.dense(), dtype="float32", name=f"to_{name}")
        outputs.append(layers.Reshape(shape, dtype="float32", name=name)(dense(x)))
    return keras.Model(inputs, outputs, name="encoder")


def _decoder(
    config: AutoencoderConfig, image_shape: Sequence[int], scales: int, initializers: Initializers
) -> keras.Model:
    inputs = keras.Input(code_shape(config), name="latents")
    x = decode(inputs, config.depth, scales, image_shape[2], initializers)
    x = layers.Rescaling(0.5, dtype="float32", name="half")(x)
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(inputs, images, name="decoder")
