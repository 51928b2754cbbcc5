"""Fully connected networks for points, as in the toy experiments of Metz et al. 2017, VEEGAN and PacGAN."""

from collections.abc import Sequence

import keras
from keras import layers

from coursework.config.networks import MLPConfig
from coursework.networks.backend import Tensor
from coursework.networks.blocks import MakeLayer, Seeds, discriminator_layers
from coursework.networks.fast_layers import Dense
from coursework.util.errors import UserError

SLOPE = 0.2


def build(config: MLPConfig, image_shape: Sequence[int], seed: int = 0) -> dict[str, keras.Model]:
    """Return {"generator": (latent_size,) -> point, "discriminator": point -> logit (1,)}; `image_shape` is (d,).

    Hidden layers are initialised as in He et al. (2015): ReLUs in the generator, leaky ones in the discriminator, whose
    gradient should vanish nowhere. Raises `UserError` for images.
    """
    if len(image_shape) != 1:
        raise UserError("network mlp takes points (d,): use dcgan or resnet for images")
    seeds = Seeds(seed)
    latents = keras.Input((config.latent_size,), name="latents")
    points = keras.Input(image_shape, name="points")
    _, dense = discriminator_layers(config.spectral, seeds)
    x = _stack(latents, Dense, seeds, config.generator_width, config.generator_depth, 0.0)
    x = Dense(image_shape[0], kernel_initializer=_initializer(seeds), dtype="float32", name="to_point")(x)
    logits = _stack(points, dense, seeds, config.discriminator_width, config.discriminator_depth, SLOPE)
    logits = dense(1, kernel_initializer=_initializer(seeds), dtype="float32", name="logits")(logits)
    return {
        "generator": keras.Model(latents, x, name="generator"),
        "discriminator": keras.Model(points, logits, name="discriminator"),
    }


def _stack(x: Tensor, dense: MakeLayer, seeds: Seeds, width: int, depth: int, slope: float) -> Tensor:
    """Return `x` after `depth` layers; a slope of 0 is a ReLU's."""
    for index in range(depth):
        x = dense(width, kernel_initializer=_initializer(seeds, 2.0), name=f"dense_{index}")(x)
        x = layers.LeakyReLU(negative_slope=slope, name=f"relu_{index}")(x)
    return x


def _initializer(seeds: Seeds, scale: float = 1.0) -> keras.initializers.Initializer:
    """Return an initialiser N(0, scale / inputs)."""
    return keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal", seed=seeds.next())
