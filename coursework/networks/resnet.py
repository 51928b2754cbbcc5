"""The residual networks of Miyato et al. 2018 for 32x32 images (table 4), and with classes Miyato & Koyama's (2018).

As in their code the normalisations inside the generator's blocks are conditional, the one after the last is not.
"""

from collections.abc import Sequence

import keras
from keras import layers

from coursework.config.networks import ResNetConfig
from coursework.networks.backend import Tensor
from coursework.networks.blocks import (
    GlobalSumPooling,
    MakeLayer,
    Seeds,
    apply_normalization,
    crop,
    discriminator_layers,
    enlarged,
    pad,
)
from coursework.networks.conditional import GeneratorNormalization, generator_classes, projection_discriminator
from coursework.networks.fast_layers import Conv2D, Dense

# Each side of an image is so many times as long as that of the generator's first map.
HALVED = 8


def build(
    config: ResNetConfig, image_shape: Sequence[int], seed: int = 0, class_count: int = 0
) -> dict[str, keras.Model]:
    """Return {"generator": (latent_size,) -> image in [-1, 1], "discriminator": image -> logit (1,)}.

    Sides that are no multiple of 8 are padded in the discriminator, and cropped in the generator.

    With a `class_count` both also take classes: the generator (6, class_count), weights of the classes for each
    normalisation in its blocks, the discriminator (class_count,).
    """
    seeds = Seeds(seed)
    return {
        "generator": _generator(config, image_shape, seeds, class_count),
        "discriminator": _discriminator(config, image_shape, seeds, class_count),
    }


def _glorot(seeds: Seeds, gain: float) -> keras.initializers.Initializer:
    """Return uniform Glorot weights times `gain`: in the paper's code sqrt(2) in residual branches, 1 elsewhere."""
    return keras.initializers.VarianceScaling(gain**2, "fan_avg", "uniform", seed=seeds.next())


def _generator(config: ResNetConfig, image_shape: Sequence[int], seeds: Seeds, class_count: int) -> keras.Model:
    width, kind = config.generator_width, config.generator_normalization
    classes = generator_classes(class_count, 6, kind)
    normalize = GeneratorNormalization(kind, classes)
    rows, columns = (side // HALVED for side in enlarged(image_shape, HALVED))
    inputs = keras.Input((config.latent_size,), name="latents")
    x = Dense(rows * columns * width, kernel_initializer=_glorot(seeds, 1), name="dense")(inputs)
    x = layers.Reshape((rows, columns, width), name="reshape")(x)
    for index in range(1, 4):
        x = _up_block(x, width, normalize, f"up_{index}", seeds)
    x = apply_normalization(kind, "normalization", x)
    x = layers.ReLU(name="relu")(x)
    x = Conv2D(image_shape[2], 3, padding="same", kernel_initializer=_glorot(seeds, 1), name="to_image")(x)
    x = crop(x, image_shape[:2])
    images = layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model([inputs, classes] if class_count else inputs, images, name="generator")


def _up_block(inputs: Tensor, channels: int, normalize: GeneratorNormalization, name: str, seeds: Seeds) -> Tensor:
    x = inputs
    for index in (1, 2):
        x = normalize(f"{name}_normalization_{index}", x)
        x = layers.ReLU(name=f"{name}_relu_{index}")(x)
        if index == 1:
            x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_upsample")(x)
        settings = {"padding": "same", "kernel_initializer": _glorot(seeds, 2**0.5)}
        x = Conv2D(channels, 3, **settings, name=f"{name}_convolution_{index}")(x)
    # A 1x1 convolution commutes with nearest upsampling, and costs a quarter before it.
    shortcut = Conv2D(channels, 1, kernel_initializer=_glorot(seeds, 1), name=f"{name}_shortcut")(inputs)
    shortcut = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_shortcut_upsample")(shortcut)
    return layers.Add(name=f"{name}_add")([x, shortcut])


def _discriminator(config: ResNetConfig, image_shape: Sequence[int], seeds: Seeds, class_count: int) -> keras.Model:
    width, kind = config.discriminator_width, config.discriminator_normalization
    convolution, dense = discriminator_layers(config.spectral, seeds)
    inputs = keras.Input(image_shape, name="images")
    x = pad(inputs, enlarged(image_shape, HALVED))
    for name in ("down_1", "down_2", "block_3", "block_4"):
        x = _discriminator_block(x, width, kind, name, convolution, seeds)
    x = layers.ReLU(name="relu")(x)
    x = GlobalSumPooling(dtype="float32", name="sum_pool")(x)
    logits = dense(1, use_bias=False, kernel_initializer=_glorot(seeds, 1), dtype="float32", name="logits")(x)
    return projection_discriminator(inputs, logits, x, class_count, dense, _glorot(seeds, 1))


def _discriminator_block(
    inputs: Tensor, channels: int, kind: str, name: str, convolution: MakeLayer, seeds: Seeds
) -> Tensor:
    """Return `inputs` after a residual block; a "down" block halves the map, "down_1" takes images as they are."""
    first, downsample = name == "down_1", name.startswith("down")
    x = inputs
    for index in (1, 2):
        if not first:
            x = apply_normalization(kind, f"{name}_normalization_{index}", x)
        if not first or index == 2:
            x = layers.ReLU(name=f"{name}_relu_{index}")(x)
        settings = {"padding": "same", "kernel_initializer": _glorot(seeds, 2**0.5)}
        x = convolution(channels, 3, **settings, name=f"{name}_convolution_{index}")(x)
    shortcut = inputs
    if downsample:
        x = layers.AveragePooling2D(2, name=f"{name}_pool")(x)
        # Pooling before the 1x1 convolution is the same function and a quarter of the work.
        shortcut = layers.AveragePooling2D(2, name=f"{name}_shortcut_pool")(shortcut)
        shortcut = convolution(channels, 1, kernel_initializer=_glorot(seeds, 1), name=f"{name}_shortcut")(shortcut)
    return layers.Add(name=f"{name}_add")([x, shortcut])
