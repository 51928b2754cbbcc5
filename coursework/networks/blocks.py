"""What several networks share: normalisation by name, the DCGAN initialiser, sum pooling, room for any image size."""

import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras
from keras import layers, ops

from coursework.networks.backend import Tensor
from coursework.networks.fast_layers import BatchNormalization, Conv2D, Dense
from coursework.networks.layers import SpectralConv2D, SpectralDense

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


def enlarged(image_shape: Sequence[int], factor: int) -> tuple[int, int]:
    """Return the height and width of images, each rounded up to a multiple of `factor`."""
    height, width = (-(-side // factor) * factor for side in image_shape[:2])
    return height, width


def pad(images: Tensor, size: Sequence[int]) -> Tensor:
    """Return images in the middle of maps of `size`, (height, width), which are 0 around them.

    It is the padding of a "same" convolution, wider. Images of that size already are returned as they are.
    """
    margins = _margins(images.shape[1:3], size)
    return layers.ZeroPadding2D(margins, name="pad")(images) if any(map(any, margins)) else images


def crop(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Return the middle of maps, of `size`, (height, width), where `pad` put it: no loss sees what is around it."""
    margins = _margins(size, maps.shape[1:3])
    return layers.Cropping2D(margins, name="crop")(maps) if any(map(any, margins)) else maps


def _margins(inner: Sequence[int], outer: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return ((above, below), (left, right)) of the inner size in the middle of the outer one."""
    gaps = [large - small for small, large in zip(inner, outer, strict=True)]
    return tuple((gap // 2, gap - gap // 2) for gap in gaps)


@keras.saving.register_keras_serializable(package="coursework")
class GlobalSumPooling(layers.Layer):
    """Sum over height and width: (n, h, w, c) -> (n, c). Miyato's discriminators sum where others average."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.sum(inputs, axis=(1, 2))
