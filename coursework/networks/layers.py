"""Layers: exact spectral normalisation, sampling of a Gaussian code, class-conditional batch normalisation."""

from typing import Any

import keras
from keras import ops

from coursework.networks.backend import Tensor
from coursework.networks.fast_layers import BatchNormalization, Conv2D, Conv2DTranspose, Dense, Mixin

_register = keras.saving.register_keras_serializable(package="coursework")


class SpectralNormalization(Mixin):
    """Mixin for one of `fast_layers`: computes with kernel / σ, σ an estimate of the kernel's spectral norm.

    Miyato et al. (2018), algorithm 1. W is the kernel as a matrix (output channels, everything else); `u` (output
    channels,) is state. A training call takes `power_iterations` steps v = normalize(Wᵀu), u = normalize(Wv), stores u
    and divides by σ = uᵀWv; an inference call divides by σ = |Wᵀu| of the stored u. The kernel itself stays as the
    optimiser left it. u and v are constants for gradients, which do flow through σ. The estimate is made in the
    variables' dtype under any precision policy.

    epsilon: keeps `normalize` finite, as |x| = √(Σx² + epsilon²).
    seed: of the initial u; by default from Keras's global seed.
    """

    # Axis of the kernel that holds the output channels.
    _output_axis = -1

    def __init__(
        self, *args: Any, power_iterations: int = 1, epsilon: float = 1e-12, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.power_iterations = power_iterations
        self.epsilon = epsilon
        self.seed = seed

    def add_weight(self, *args: Any, **kwargs: Any) -> keras.Variable:
        """Create a weight; the kernel is exempt from autocast, because σ needs its full precision."""
        if kwargs.get("name") == "kernel":
            kwargs["autocast"] = False
        return super().add_weight(*args, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Create kernel, bias and `u`."""
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(self.kernel.shape[self._output_axis],),
            initializer=keras.initializers.RandomNormal(0.0, 1.0, seed=self.seed),
            trainable=False,
            autocast=False,
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        return self.finish(self._transform(inputs, self._normalized_kernel(training)))

    def _normalized_kernel(self, training: bool | None) -> Tensor:
        kernel = ops.convert_to_tensor(self.kernel)
        matrix = self._matrix(kernel)
        constant = ops.stop_gradient(matrix)
        # Vectors are columns and products the operators @ and *: TensorFlow's @ needs matrices, and under PyTorch
        # `ops.matmul`, `ops.norm` and `ops.maximum` reduce float64 to float32.
        u = self._normalize(ops.reshape(self.u, (-1, 1)))
        for _ in range(self.power_iterations - 1 if training else 0):
            u = self._normalize(self._transposed_product(constant, self._normalize(constant @ u)))
        v = self._normalize(constant @ u)
        # The last product of the iteration is the first of σ = uᵀ(Wv): only it is differentiated.
        product = self._transposed_product(matrix, v)
        if training:
            u = self._normalize(ops.stop_gradient(product))
            self.u.assign(ops.reshape(u, (-1,)))
        sigma = ops.sum(product * u)
        # The weights are scaled rather than the outputs, being fewer at a usual batch; and by the reciprocal, whose
        # gradient takes fewer passes over them than a quotient's.
        return ops.cast(kernel * (1.0 / sigma), self.compute_dtype)

    def _transform(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return self.convolution_op(inputs, kernel)

    def _matrix(self, kernel: Tensor) -> Tensor:
        """Return Wᵀ (everything else, output channels), for most kernels a reshape."""
        return ops.reshape(kernel, (-1, kernel.shape[-1]))

    @staticmethod
    def _transposed_product(matrix: Tensor, column: Tensor) -> Tensor:
        """Return matrixᵀ @ column without transposing the matrix."""
        return ops.reshape(ops.reshape(column, (1, -1)) @ matrix, (-1, 1))

    def _normalize(self, vector: Tensor) -> Tensor:
        return vector / ops.sqrt(ops.sum(ops.square(vector)) + self.epsilon**2)

    # The wrapped layers' own versions of these two list the variables by name and would lose u.
    def save_own_variables(self, store: Any) -> None:
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        keras.layers.Layer.load_own_variables(self, store)

    def get_config(self) -> dict[str, Any]:
        options = {"power_iterations": self.power_iterations, "epsilon": self.epsilon, "seed": self.seed}
        return {**super().get_config(), **options}


@_register
class SpectralConv2D(SpectralNormalization, Conv2D):
    """`keras.layers.Conv2D` with `SpectralNormalization`."""


@_register
class SpectralConv2DTranspose(SpectralNormalization, Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with `SpectralNormalization`; its kernel holds output before input channels."""

    _output_axis = -2

    def _matrix(self, kernel: Tensor) -> Tensor:
        return super()._matrix(ops.swapaxes(kernel, -1, -2))


@_register
class SpectralDense(SpectralNormalization, Dense):
    """`keras.layers.Dense` with `SpectralNormalization`."""

    def _transform(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return ops.convert_to_tensor(inputs) @ kernel


@_register
class Sampling(keras.layers.Layer):
    """Draws from N(mean, exp(log_variance)), differentiable by both; Kingma & Welling (2014), section 2.4.

    Called with [mean, log_variance] of one shape, in training and inference alike. seed: of the noise, by default
    from Keras's global seed.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor) -> Tensor:
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@_register
class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch normalisation whose scale and offset belong to the item's class; de Vries et al. (2017), equation 5.

    Called with [features (n, ..., channels), classes]: labels (n,), or weights of the classes (n, class_count), one-hot
    for a plain class; or a weight vector for every such layer of a network (n, rows, class_count), of which this one
    reads `row`. A mixture's scale and offset are the mixture of theirs. Statistics are shared by all classes; `gamma`
    and `beta` (class_count, channels) begin at 1 and 0. Defaults of momentum and epsilon are those of PyTorch.
    """

    def __init__(
        self, class_count: int, momentum: float = 0.9, epsilon: float = 1e-5, row: int = 0, **kwargs: Any
    ) -> None:
        # Classes are mixed in the variables' precision: only the scale and offset that come of it are rounded.
        super().__init__(autocast=False, **kwargs)
        self.class_count = class_count
        self.row = row
        self.momentum = momentum
        self.epsilon = epsilon
        self.normalization = BatchNormalization(
            momentum=momentum, epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy, name="normalization"
        )

    def build(self, input_shape: Any) -> None:
        """Create the statistics, `gamma` and `beta`."""
        features_shape, _ = input_shape
        self.normalization.build(features_shape)
        settings = {"shape": (self.class_count, features_shape[-1]), "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **settings)
        self.beta = self.add_weight(name="beta", initializer="zeros", **settings)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        features, classes = inputs
        weights = self._weights(classes)
        shape = (-1,) + (1,) * (len(features.shape) - 2) + (features.shape[-1],)
        scale, offset = (
            ops.cast(ops.reshape(weights @ ops.convert_to_tensor(table), shape), self.compute_dtype)
            for table in (self.gamma, self.beta)
        )
        return self.normalization(features, training=training) * scale + offset

    def _weights(self, classes: Tensor) -> Tensor:
        """Return weights of the classes (n, class_count) in the variables' dtype."""
        rank = len(classes.shape)
        if rank == 1:
            return ops.one_hot(ops.cast(classes, "int32"), self.class_count, dtype=self.variable_dtype)
        return ops.cast(classes[:, self.row] if rank == 3 else classes, self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        options = {"class_count": self.class_count, "row": self.row}
        return {**super().get_config(), **options, "momentum": self.momentum, "epsilon": self.epsilon}
