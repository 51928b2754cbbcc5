"""What several networks share: normalisation by name, the DCGAN initialiser, sum pooling, checks of image shapes."""

import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras
from keras import layers, ops

from coursework.networks.backend import Tensor
from coursework.networks.fast_layers import BatchNormalization, Conv2D, Dense
from coursework.networks.layers import SpectralConv2D, SpectralDense
from coursework.util.errors import UserError

# A layer class, or a function that makes a layer from the same arguments.
MakeLayer: TypeAlias = Callable[..., keras.layers.Layer]
# PyTorch's. Keras's own are 0.99 and 1e-3, Chainer's 0.9 and 2e-5.
BATCH_NORMALIZATION = {"momentum": 0.9, "epsilon": 1e-5}


class Seeds:
    """Returns distinct integer seeds, so that every layer of a network has its own random stream."""

    def __init__(self, seed: int) -> None:
        self._numbers = itertools.count(seed * 1000)

    def next(self) -> int:
        """Return the next seed."""
        return next(self._numbers)


def normal(stddev: float, seeds: Seeds) -> keras.initializers.Initializer:
    """Return an initialiser N(0, stddev^2)."""
    return keras.initializers.RandomNormal(stddev=stddev, seed=seeds.next())


def apply_normalization(kind: str, name: str, inputs: Tensor) -> Tensor:
    """Return `inputs` after the normalisation "batch", "instance" or "layer", unchanged for "none"."""
    if kind == "none":
        return inputs
    if kind == "batch":
        return BatchNormalization(**BATCH_NORMALIZATION, name=name)(inputs)
    groups = {"instance": -1, "layer": 1}[kind]
    return layers.GroupNormalization(groups, epsilon=1e-5, name=name)(inputs)


def discriminator_layers(spectral: bool, seeds: Seeds) -> tuple[MakeLayer, MakeLayer]:
    """Return what makes a convolution and a dense layer, spectrally normalised or not."""

    def seeded(layer: MakeLayer) -> MakeLayer:
        return lambda *arguments, **settings: layer(*arguments, seed=seeds.next(), **settings)

    return (seeded(SpectralConv2D), seeded(SpectralDense)) if spectral else (Conv2D, Dense)


def check_divisible(image_shape: Sequence[int], factor: int) -> None:
    """Raise `UserError` unless height and width are equal multiples of `factor`."""
    height, width, _ = image_shape
    if height != width or height % factor:
        raise UserError(
            f"images of {width}x{height} do not fit this network: it takes squares whose side is a multiple of {factor}"
        )


@keras.saving.register_keras_serializable(package="coursework")
class GlobalSumPooling(layers.Layer):
    """Sum over height and width: (n, h, w, c) -> (n, c). Miyato's discriminators sum where others average."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.sum(inputs, axis=(1, 2))
