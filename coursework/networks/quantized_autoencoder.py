"""The ACAI paper's autoencoder for its VQ-VAE: codes pass a discrete bottleneck before the decoder (authors' code)."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from coursework.config.schema import QuantizedAutoencoderConfig
from coursework.networks.autoencoder import Initializers, code_shape, count_scales, decode, encoder
from coursework.networks.fast_layers import Dense
from coursework.networks.vector_quantizer import VectorQuantizer


def build(config: QuantizedAutoencoderConfig, image_shape: Sequence[int], seed: int = 0) -> dict[str, keras.Model]:
    """Return {"encoder": image -> code, "decoder": code -> image}, images in [-1, 1].

    The code is continuous, that of `networks.autoencoder`, so that it can be interpolated. The bottleneck belongs to
    the decoder: a dense layer makes `discrete_latents` vectors of a code's size, a `VectorQuantizer` replaces them by
    codewords, and two dense layers make a code again.
    """
    scales = count_scales(config, image_shape)
    initializers = Initializers(seed, config.initial_scale)
    return {
        "encoder": encoder(config, image_shape, scales, initializers),
        "decoder": _decoder(config, image_shape, scales, initializers),
    }


def _decoder(
    config: QuantizedAutoencoderConfig, image_shape: Sequence[int], scales: int, initializers: Initializers
) -> keras.Model:
    shape, count = code_shape(config), config.discrete_latents
    size = math.prod(shape)
    inputs = keras.Input(shape, name="code")
    x = layers.Flatten(name="flatten")(inputs)
    x = Dense(count * size, kernel_initializer=initializers.dense(), dtype="float32", name="to_vectors")(x)
    x = layers.Reshape((count, size), dtype="float32", name="vectors")(x)
    x, _ = VectorQuantizer(config.codebook_size, seed=initializers.next(), dtype="float32", name="quantizer")(x)
    x = layers.Flatten(name="flatten_codewords")(x)
    for index, units in enumerate((config.hidden_size, size)):
        x = layers.ReLU(name=f"bottleneck_relu_{index}")(x)
        x = Dense(units, kernel_initializer=initializers.dense(), name=f"bottleneck_dense_{index}")(x)
    x = layers.Reshape(shape, name="reshape")(x)
    x = decode(x, config.depth, scales, image_shape[2], initializers)
    images = layers.Activation("linear", dtype="float32", name="images")(x)
    return keras.Model(inputs, images, name="decoder")
