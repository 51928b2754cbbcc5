"""Layers of the Inception network of 2015 that Keras lacks: TensorFlow 1's resizing, and a bias of its own."""

from typing import Any

import keras
from keras import layers, ops

_register = keras.saving.register_keras_serializable(package="coursework")


@_register
class ResizedImages(layers.Layer):
    """Images of any size (n, h, w, c) with values 0 to 255, rounded to whole ones -> (n, size, size, c) in [-1, 1).

    Bilinear as in TensorFlow 1: pixel i lies at i * h / size of the source, the neighbour after the last is the last,
    and there is no antialiasing. Always float32. (x - 128) / 128 comes before the resizing: they commute, and it is
    exact and cheap there.
    """

    def __init__(self, size: int, **settings: Any) -> None:
        super().__init__(**{**settings, "dtype": "float32"})
        self.size = size

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        images = (ops.clip(ops.round(images), 0.0, 255.0) - 128.0) / 128.0
        # Columns first: gathering single pixels is the expensive part, and there are fewest before rows are added.
        return self._interpolated(self._interpolated(images, axis=2), axis=1)

    def _interpolated(self, images: keras.KerasTensor, axis: int) -> keras.KerasTensor:
        """Return `images` with `size` pixels along `axis`; places are counted in whole 1 / size of a pixel: exact."""
        length = ops.shape(images)[axis]
        places = ops.arange(self.size, dtype="int32") * length
        lower = places // self.size
        upper = ops.minimum(lower + 1, length - 1)
        shape = [self.size if index == axis else 1 for index in range(4)]
        fraction = ops.reshape(ops.cast(places % self.size, "float32") / self.size, shape)
        before, after = ops.take(images, lower, axis=axis), ops.take(images, upper, axis=axis)
        return before + (after - before) * fraction

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@_register
class Bias(layers.Layer):
    """Adds a vector of weights to the last axis."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="bias")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
