"""What several networks share: normalisation by name, the DCGAN initialiser, sum pooling, room for any image size."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from coursework.networks.backend import Tensor
from coursework.networks.fast_layers import BatchNormalization, Conv2D, Dense
from coursework.networks.layers import SpectralConv2D, SpectralDense

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


def normalization(kind: str, name: str, dtype: Any = None) -> keras.layers.Layer | None:
    """Return a normalisation layer for "batch", "instance" or "layer", None for "none"."""
    if kind == "batch":
        return BatchNormalization(**BATCH_NORMALIZATION, dtype=dtype, name=name)
    if kind == "instance":
        return layers.GroupNormalization(groups=-1, epsilon=1e-5, dtype=dtype, name=name)
    if kind == "layer":
        return layers.GroupNormalization(groups=1, epsilon=1e-5, dtype=dtype, name=name)
    return None


def apply_normalization(kind: str, name: str, inputs: Tensor) -> Tensor:
    """Return `inputs` after the normalisation `kind`, unchanged for "none"."""
    layer = normalization(kind, name)
    return inputs if layer is None else layer(inputs)


def discriminator_layers(
    spectral: bool, seeds: Seeds
) -> tuple[Callable[..., keras.layers.Layer], Callable[..., keras.layers.Layer]]:
    """Return what makes a convolution and a dense layer, spectrally normalised or not."""
    if not spectral:
        return Conv2D, Dense

    def convolution(*arguments: Any, **settings: Any) -> keras.layers.Layer:
        return SpectralConv2D(*arguments, seed=seeds.next(), **settings)

    def dense(*arguments: Any, **settings: Any) -> keras.layers.Layer:
        return SpectralDense(*arguments, seed=seeds.next(), **settings)

    return convolution, dense


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
        """Return the sums."""
        return ops.sum(inputs, axis=(1, 2))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """Return (n, c)."""
        return (input_shape[0], input_shape[3])
