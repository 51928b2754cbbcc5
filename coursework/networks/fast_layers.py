"""Keras's layers in forms that are faster on a CPU, and exact in bfloat16: the same functions, weights and settings."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from coursework.networks.backend import (
    Tensor,
    add_bias,
    convolve,
    convolve_transposed,
    kernel_gradient_by_products,
    normalize_batch,
)

_register = keras.saving.register_keras_serializable(package="coursework")
# Base of mixins: nothing, but a type checker lets it have every attribute of the layer that it is mixed into.
Mixin: Any = object


class BetterInBfloat16(Mixin):
    """Mixin for a layer with a kernel, whose bias gets its gradient from `add_bias`."""

    def finish(self, outputs: Tensor) -> Tensor:
        """Return outputs with the bias, where there is one, and the activation."""
        if self.use_bias:
            if getattr(self, "data_format", None) == "channels_first":
                outputs = ops.add(outputs, ops.reshape(self.bias, (-1,) + (1,) * self.rank))
            else:
                outputs = add_bias(outputs, ops.convert_to_tensor(self.bias))
        return outputs if self.activation is None else self.activation(outputs)


@_register
class Dense(BetterInBfloat16, keras.layers.Dense):
    """`keras.layers.Dense`, exact in bfloat16; the same function."""

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        return self.finish(ops.matmul(inputs, self.kernel))


class _FasterInBfloat16(BetterInBfloat16):
    """Mixin for a convolution of maps: where it pays, its gradient by the kernel is computed as matrix products."""

    def call(self, inputs: Tensor) -> Tensor:
        return self.finish(self.convolution_op(inputs, self.kernel))

    def _by_products(self, maps: Sequence[int], channels: int) -> bool:
        """Return whether it pays, for the shape of the convolution's maps (a transposed one's result)."""
        (size, other), (stride, _) = self.kernel_size, self.strides
        plain = size == other and self.strides == (stride, stride) and self.padding == "same" and self.groups == 1
        plain = plain and self.dilation_rate == (1, 1) and self.data_format == "channels_last"
        fits = plain and None not in maps[1:] and not any(length % stride for length in (size, *maps[1:3]))
        return fits and kernel_gradient_by_products(maps, channels, stride, self.compute_dtype)


@_register
class Conv2D(_FasterInBfloat16, keras.layers.Conv2D):
    """`keras.layers.Conv2D`, on CPUs faster in bfloat16 and exact; the same function."""

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        if self._by_products(inputs.shape, kernel.shape[-1]):
            return convolve(inputs, ops.convert_to_tensor(kernel), self.strides[0])
        return super().convolution_op(inputs, kernel)


@_register
class Conv2DTranspose(_FasterInBfloat16, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, on CPUs faster in bfloat16 and exact; the same function."""

    groups = 1

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        result = self.compute_output_shape(inputs.shape)
        if self.output_padding is None and self._by_products(result, inputs.shape[-1]):
            return convolve_transposed(inputs, ops.convert_to_tensor(kernel), self.strides[0])
        return ops.conv_transpose(
            inputs,
            kernel,
            strides=list(self.strides),
            padding=self.padding,
            output_padding=self.output_padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )


@_register
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, several times faster on maps in training; the same function otherwise.

    Keras has no fused operation for it. Its training step on (n, height, width, channels) becomes one here; whatever
    else it can do (masks, other axes, float64, inference) stays Keras's own.
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        maps = len(inputs.shape) == 4 and self.axis in (-1, 3)
        plain = mask is None and not self.renorm and not self.synchronized and self.compute_dtype != "float64"
        if not (training and self.trainable and maps and plain):
            return super().call(inputs, training=training, mask=mask)
        inputs = ops.cast(inputs, self.compute_dtype)
        scale = self.gamma.value if self.scale else ops.ones_like(self.moving_mean.value)
        offset = self.beta.value if self.center else ops.zeros_like(self.moving_mean.value)
        outputs, mean, variance = normalize_batch(inputs, scale, offset, self.epsilon)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1.0 - self.momentum))
        return outputs
