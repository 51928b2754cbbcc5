"""Random numbers that both frameworks can share, so that their losses can be compared step by step."""

import contextlib
from unittest import mock

import numpy as np


class SharedDraws:
    """Normal and uniform float32 numbers, a function of the seed and of the order of calls alone."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)

    def normal(self, shape):
        """Return N(0, 1) numbers."""
        return self.generator.standard_normal(shape, dtype=np.float32)

    def uniform(self, shape, low, high):
        """Return numbers from U(low, high)."""
        return (low + (high - low) * self.generator.random(shape, dtype=np.float32)).astype(np.float32)


@contextlib.contextmanager
def substituted(draws):
    """Let `keras.random.normal` and `keras.random.uniform` return what `draws` gives, in whatever is traced inside.

    The order of calls is the program's own: TensorFlow keeps the order of stateful operations.
    """
    import keras
    import tensorflow

    def drawn(function, shape):
        values = tensorflow.numpy_function(lambda shape: function(tuple(shape)), [tensorflow.stack(shape)], "float32")
        return tensorflow.ensure_shape(values, [size if isinstance(size, int) else None for size in shape])

    def normal(shape, dtype=None, seed=None):
        return tensorflow.cast(drawn(draws.normal, shape), dtype or "float32")

    def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
        values = drawn(lambda shape: draws.uniform(shape, minval, maxval), shape)
        return tensorflow.cast(values, dtype or "float32")

    with mock.patch.multiple(keras.random, normal=normal, uniform=uniform):
        yield
