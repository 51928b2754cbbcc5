"""Encoder and decoder of Ghosh et al. 2020 (RAE) for CIFAR-10: four strided convolutions, a vector as code.

The encoder ends in mean and log variance; a deterministic autoencoder uses the mean alone.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from coursework.config.networks import VectorAutoencoderConfig
from coursework.networks.backend import Tensor
from coursework.networks.blocks import Seeds, apply_normalization, crop, enlarged, pad
from coursework.networks.fast_layers import Conv2D, Conv2DTranspose, Dense

LOG_VARIANCE_LIMIT = 10.0
# Each side of an image is so many times as long as that of the encoder's last map.
HALVED = 16


def build(config: VectorAutoencoderConfig, image_shape: Sequence[int], seed: int = 0) -> dict[str, keras.Model]:
    """Return {"encoder": image -> [mean, log variance] (latent_size,), "decoder": (latent_size,) -> image}.

    Images are in [-1, 1] on both sides; the decoder ends in tanh. Sides that are no multiple of 16 are padded in the
    encoder, and cropped in the decoder.
    """
    seeds = Seeds(seed)
    return {"encoder": _encoder(config, image_shape, seeds), "decoder": _decoder(config, image_shape, seeds)}


def _glorot(seeds: Seeds) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(seed=seeds.next())


@keras.saving.register_keras_serializable(package="coursework")
def soft_clamp(values: Tensor) -> Tensor:
    """Return `LOG_VARIANCE_LIMIT` tanh(values / `LOG_VARIANCE_LIMIT`): the values themselves near zero, bounded.

    Without a bound the exponential in the KL divergence explodes in the first steps, and Adam's second moments
    remember it for the rest of training. The authors' code bounds it so, log standard deviation = 5 tanh; the slope
    of one at zero is that of Vahdat & Kautz (2020).
    """
    return LOG_VARIANCE_LIMIT * ops.tanh(values / LOG_VARIANCE_LIMIT)


def _encoder(config: VectorAutoencoderConfig, image_shape: Sequence[int], seeds: Seeds) -> keras.Model:
    inputs = keras.Input(image_shape, name="images")
    x = pad(inputs, enlarged(image_shape, HALVED))
    for index in range(4):
        settings = {"padding": "same", "use_bias": False, "kernel_initializer": _glorot(seeds)}
        x = Conv2D(config.width << index, 4, 2, **settings, name=f"convolution_{index}")(x)
        x = _normalized(x, index)
    x = layers.Flatten(name="flatten")(x)
    outputs = [
        Dense(config.latent_size, activation, kernel_initializer=_glorot(seeds), dtype="float32", name=name)(x)
        for name, activation in (("mean", None), ("log_variance", soft_clamp))
    ]
    return keras.Model(inputs, outputs, name="encoder")


def _decoder(config: VectorAutoencoderConfig, image_shape: Sequence[int], seeds: Seeds) -> keras.Model:
    rows, columns = (side // 4 for side in enlarged(image_shape, HALVED))
    width = config.width * 8
    inputs = keras.Input((config.latent_size,), name="latents")
    x = Dense(rows * columns * width, use_bias=False, kernel_initializer=_glorot(seeds), name="dense")(inputs)
    x = _normalized(layers.Reshape((rows, columns, width), name="reshape")(x), 0)
    for index in (1, 2):
        settings = {"padding": "same", "use_bias": False, "kernel_initializer": _glorot(seeds)}
        x = Conv2DTranspose(width >> index, 4, 2, **settings, name=f"upsample_{index}")(x)
        x = _normalized(x, index)
    x = Conv2D(image_shape[2], 4, padding="same", kernel_initializer=_glorot(seeds), name="to_image")(x)
    x = crop(x, image_shape[:2])
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(inputs, images, name="decoder")


def _normalized(x: Tensor, index: int) -> Tensor:
    return layers.ReLU(name=f"relu_{index}")(apply_normalization("batch", f"normalization_{index}", x))
