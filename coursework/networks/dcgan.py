"""Strided convolutional networks: DCGAN (Radford et al. 2016) and SN-DCGAN (Miyato et al. 2018, table 3).

Sizes and initialisation as in chainer-gan-lib: generator dense 4x4x512, three transposed convolutions 4/2, a
convolution 3; discriminator of alternating convolutions 3/1 and 4/2; weights N(0, 0.02^2). With classes
every batch normalisation of the generator is conditional, and the discriminator adds the projection of its sum-pooled
last map on the class to the logit of the flattened map.
"""

from collections.abc import Sequence

import keras
from keras import layers

from coursework.config.networks import DCGANConfig
from coursework.networks.blocks import (
    GlobalSumPooling,
    Seeds,
    apply_normalization,
    crop,
    discriminator_layers,
    enlarged,
    normal,
    pad,
)
from coursework.networks.conditional import GeneratorNormalization, generator_classes, projection_discriminator
from coursework.networks.fast_layers import Conv2D, Conv2DTranspose, Dense

# Each side of an image is so many times as long as that of the smallest map.
HALVED = 8


def build(
    config: DCGANConfig, image_shape: Sequence[int], seed: int = 0, class_count: int = 0
) -> dict[str, keras.Model]:
    """Return {"generator": (latent_size,) -> image in [-1, 1], "discriminator": image -> logit (1,)}.

    Sides that are no multiple of 8 are padded in the discriminator, and cropped in the generator.

    With a `class_count` both also take classes: the generator (4, class_count), weights of the classes for each
    of its normalisations, the discriminator (class_count,).
    """
    seeds = Seeds(seed)
    return {
        "generator": _generator(config, image_shape, seeds, class_count),
        "discriminator": _discriminator(config, image_shape, seeds, class_count),
    }


def _generator(config: DCGANConfig, image_shape: Sequence[int], seeds: Seeds, class_count: int) -> keras.Model:
    width, kind = config.generator_width, config.generator_normalization
    classes = generator_classes(class_count, 4, kind)
    normalize = GeneratorNormalization(kind, classes)
    bias = kind == "none"
    rows, columns = (side // HALVED for side in enlarged(image_shape, HALVED))
    inputs = keras.Input((config.latent_size,), name="latents")
    x = Dense(rows * columns * width, use_bias=bias, kernel_initializer=normal(0.02, seeds), name="dense")(inputs)
    x = layers.Reshape((rows, columns, width), name="reshape")(x)
    for index in range(4):
        if index:
            settings = {"padding": "same", "use_bias": bias, "kernel_initializer": normal(0.02, seeds)}
            x = Conv2DTranspose(width >> index, 4, 2, **settings, name=f"upsample_{index}")(x)
        x = normalize(f"normalization_{index}", x)
        x = layers.ReLU(name=f"relu_{index}")(x)
    x = Conv2D(image_shape[2], 3, padding="same", kernel_initializer=normal(0.02, seeds), name="to_image")(x)
    x = crop(x, image_shape[:2])
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model([inputs, classes] if class_count else inputs, images, name="generator")


def _discriminator(config: DCGANConfig, image_shape: Sequence[int], seeds: Seeds, class_count: int) -> keras.Model:
    width, kind = config.discriminator_width, config.discriminator_normalization
    convolution, dense = discriminator_layers(config.spectral, seeds)
    inputs = keras.Input(image_shape, name="images")
    x = pad(inputs, enlarged(image_shape, HALVED))
    for index in range(7):
        kernel, stride = (4, 2) if index % 2 else (3, 1)
        # The first layer has no normalisation, as in DCGAN.
        norm = kind if index else "none"
        settings = {"padding": "same", "use_bias": norm == "none", "kernel_initializer": normal(0.02, seeds)}
        channels = width >> (3 - (index + 1) // 2)
        x = convolution(channels, kernel, stride, **settings, name=f"convolution_{index}")(x)
        x = apply_normalization(norm, f"normalization_{index}", x)
        x = layers.LeakyReLU(negative_slope=0.2, name=f"leaky_relu_{index}")(x)
    flat = layers.Flatten(name="flatten")(x)
    logits = dense(1, kernel_initializer=normal(0.02, seeds), dtype="float32", name="logits")(flat)
    pooled = GlobalSumPooling(dtype="float32", name="sum_pool")(x)
    return projection_discriminator(inputs, logits, pooled, class_count, dense, normal(0.02, seeds))
