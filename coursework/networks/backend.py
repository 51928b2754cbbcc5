"""Gradients, updates and determinism: the one place that knows the backend (TensorFlow or PyTorch)."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import keras

from coursework.util.errors import UserError

BACKEND = keras.backend.backend()
# A tensor of the backend.
Tensor: TypeAlias = Any
# From the gradient by a result to those by both arguments of an operation.
Gradients: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]

if BACKEND == "tensorflow":
    import tensorflow
elif BACKEND == "torch":
    import torch
else:
    raise UserError(f"the Keras backend is {BACKEND}: set KERAS_BACKEND to tensorflow or torch")

# What keras.json in the user's home, or a variable of the environment, may have changed.
keras.config.set_image_data_format("channels_last")
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_max_epochs(None)
keras.config.set_max_steps_per_epoch(None)


def value_and_gradients(
    loss_fn: Callable[[], Any], variables: Iterable[keras.Variable], has_aux: bool = False
) -> tuple[Any, list[Tensor]]:
    """Return `(value, gradients)` of the scalar that `loss_fn()` returns, by `keras.Variable`s.

    With `has_aux`, `loss_fn` returns `(loss, aux)` and the result is `((loss, aux), gradients)`. Gradients are dense
    tensors in the variables' order, shapes and dtypes, zero for a variable that the loss does not depend on; variables
    need not be trainable. Take value, aux and gradients as constants: where a loss holds a gradient of its own, that
    one comes from `gradients_by_tensors`.
    """
    variables = list(variables)
    values = [variable.value for variable in variables]
    if BACKEND == "tensorflow":
        # Only what is asked for is watched, so that other players' networks leave no records.
        with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            result = loss_fn()
            loss = result[0] if has_aux else result
        return result, _dense(tape.gradient(loss, values), variables)
    with torch.enable_grad(), _requiring_gradient([value for value in values if not value.requires_grad]):
        result = loss_fn()
        gradients = _torch_gradients(result[0] if has_aux else result, values)
    # Detached, so that a value kept for a log does not keep the whole graph.
    return keras.tree.map_structure(_detached, result), _dense(gradients, variables)


def gradients_by_tensors(fn: Callable[..., Tensor], tensors: Iterable[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return `(value, gradients)`: `fn(*tensors)` and the gradient of its sum by each of `tensors`.

    Both are differentiable again: by what encloses the call, `value_and_gradients` or `gradients_by_tensors`. So a
    gradient penalty is a loss of these gradients, and an unrolled step subtracts them from weights. In a loop that
    needs no further derivative (a search for a latent), call it within `no_gradient`, or PyTorch keeps every step.
    """
    tensors = [keras.ops.convert_to_tensor(tensor) for tensor in tensors]
    if BACKEND == "tensorflow":
        with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value = fn(*tensors)
        return value, _dense(tape.gradient(value, tensors), tensors)
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        # What already belongs to an enclosing graph stays in it; the rest becomes leaves of a new one.
        tensors = [tensor if tensor.requires_grad else tensor.detach().requires_grad_() for tensor in tensors]
        value = fn(*tensors)
        gradients = _torch_gradients(value.sum(), tensors, create_graph=differentiable)
    if not differentiable:
        value = value.detach()
    return value, _dense(gradients, tensors)


def apply_gradients(
    optimizer: keras.optimizers.Optimizer, gradients: Sequence[Tensor], variables: Sequence[keras.Variable]
) -> None:
    """Update `variables` by `gradients`, both in the same order, with a Keras optimiser."""
    with no_gradient():
        optimizer.apply(gradients, variables)


def no_gradient() -> contextlib.AbstractContextManager:
    """Return a context in which PyTorch builds no graph; TensorFlow, which builds one only on request, needs nothing.

    It saves time and memory and stops no gradient by itself: `without_gradient` does.
    """
    return torch.no_grad() if BACKEND == "torch" else contextlib.nullcontext()


def without_gradient(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return `fn(*args, **kwargs)`, a tensor or a structure of them, as constants for every gradient."""
    with no_gradient():
        return keras.tree.map_structure(keras.ops.stop_gradient, fn(*args, **kwargs))


def compiled(fn: Callable[..., Any], fused: bool = False) -> Callable[..., Any]:
    """Return `fn`, a pure function of tensors and structures of them, as one graph under TensorFlow, else itself.

    New shapes make a new graph, which takes seconds: keep shapes fixed. fused: by XLA, which pays for long runs of
    small operations, such as a loop of training steps of networks for points, and for convolutions does not.
    """
    return tensorflow.function(fn, jit_compile=fused or None) if BACKEND == "tensorflow" else fn


def normalize_batch(inputs: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return `(outputs, mean, variance)` of a batch normalised by its own statistics, channels last, in one operation.

    inputs: (n, height, width, channels), float32 or half precision; the rest is float32 (channels,). The variance is
    the biased one. Statistics are constants to differentiate; the outputs are differentiable by all three.
    Written out in Keras's operations the same takes a dozen passes over the batch, and in half precision copies of it.
    """
    if BACKEND == "tensorflow":
        none = tensorflow.zeros((0,), "float32")
        outputs, mean, variance, *_ = tensorflow.raw_ops.FusedBatchNormV3(
            x=inputs, scale=scale, offset=offset, mean=none, variance=none, epsilon=epsilon, is_training=True
        )
        count = tensorflow.cast(tensorflow.size(inputs) / tensorflow.size(scale), "float32")
        # The operation corrects the variance that it returns for the mean's degree of freedom.
        mean, variance = tensorflow.stop_gradient(mean), tensorflow.stop_gradient(variance) * (count - 1.0) / count
        return outputs, mean, variance
    maps = inputs.permute(0, 3, 1, 2)
    mean, variance = torch.zeros_like(scale), torch.zeros_like(scale)
    # A momentum of one makes the "running" statistics those of this batch.
    outputs = torch.nn.functional.batch_norm(maps, mean, variance, scale, offset, True, 1.0, epsilon)
    count = inputs.numel() // scale.numel()
    return outputs.permute(0, 2, 3, 1), mean, variance * (count - 1) / count


def kernel_gradient_by_products(inputs_shape: Sequence[int], channels: int, stride: int, dtype: str) -> bool:
    """Return whether `convolve` and `convolve_transposed` are faster than Keras's own operations.

    inputs_shape and channels: of the convolution's maps and of its result. On CPUs oneDNN computes a convolution's
    gradient by its kernel in bfloat16 no faster than in float32, or half as fast, where maps are small or strided
    (measured; the same primitive is faster under PyTorch). Matrix products reach two to four times its speed.
    """
    if BACKEND != "tensorflow" or dtype != "bfloat16" or tensorflow.config.list_physical_devices("GPU"):
        return False
    _, height, width, own_channels = inputs_shape
    small = height * width <= 64 * stride**2
    return small or (stride == 2 and min(own_channels, channels) >= 128)


def convolve(inputs: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """Return the convolution of maps (n, height, width, a) with a kernel (k, k, a, b), padding "same"; TensorFlow only.

    The gradient by the kernel is a matrix product for each of its places. Height, width and k are multiples of the
    stride.
    """

    @tensorflow.custom_gradient
    def convolution(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Gradients]:
        def gradients(upstream: Tensor) -> tuple[Tensor, Tensor]:
            by_inputs = tensorflow.nn.conv2d_transpose(upstream, kernel, tensorflow.shape(inputs), stride, "SAME")
            return by_inputs, _kernel_gradient(inputs, upstream, kernel.shape[0], stride)

        return tensorflow.nn.conv2d(inputs, kernel, stride, "SAME"), gradients

    return convolution(inputs, tensorflow.convert_to_tensor(kernel))


def convolve_transposed(inputs: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """Return the transposed convolution of maps (n, height, width, b) with a kernel (k, k, a, b), as `convolve`."""

    @tensorflow.custom_gradient
    def transposed(inputs: Tensor, kernel: Tensor) -> tuple[Tensor, Gradients]:
        count, height, width, _ = tensorflow.unstack(tensorflow.shape(inputs))
        shape = (count, height * stride, width * stride, kernel.shape[2])

        def gradients(upstream: Tensor) -> tuple[Tensor, Tensor]:
            by_inputs = tensorflow.nn.conv2d(upstream, kernel, stride, "SAME")
            return by_inputs, _kernel_gradient(upstream, inputs, kernel.shape[0], stride)

        return tensorflow.nn.conv2d_transpose(inputs, kernel, shape, stride, "SAME"), gradients

    return transposed(inputs, tensorflow.convert_to_tensor(kernel))


def add_bias(outputs: Tensor, bias: Tensor) -> Tensor:
    """Return `outputs` (..., channels) + bias (channels,), with an exact gradient by the bias.

    On CPUs TensorFlow adds that gradient up in the precision of the outputs: in bfloat16 a sum stops growing where the
    next term is below half a unit of its last place, and of 65,536 ones 256 are left. A matrix product adds up in
    float32, and takes no longer.
    """
    if BACKEND != "tensorflow" or outputs.dtype != "bfloat16":
        return keras.ops.add(outputs, bias)

    @tensorflow.custom_gradient
    def added(outputs: Tensor, bias: Tensor) -> tuple[Tensor, Gradients]:
        def gradients(upstream: Tensor) -> tuple[Tensor, Tensor]:
            rows = tensorflow.reshape(upstream, (-1, bias.shape[0]))
            ones = tensorflow.ones((1, tensorflow.shape(rows)[0]), rows.dtype)
            return upstream, tensorflow.reshape(ones @ rows, (-1,))

        return tensorflow.nn.bias_add(outputs, bias), gradients

    return added(outputs, tensorflow.cast(bias, outputs.dtype))


def enable_determinism() -> None:
    """Make operations repeat bit by bit where seeds are equal (`keras.utils.set_random_seed`), at some cost of speed.

    TensorFlow refuses an operation that cannot, PyTorch warns. Call it before the first operation.
    """
    if BACKEND == "tensorflow":
        tensorflow.config.experimental.enable_op_determinism()
        return
    # CUDA reads this when it starts; without it cuBLAS may choose among algorithms.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def _dense(gradients: Sequence[Tensor | None], sources: Sequence[Any]) -> list[Tensor]:
    """Replace missing gradients by zeros and TensorFlow's sparse ones (of embeddings) by tensors."""
    return [
        keras.ops.zeros_like(source) if gradient is None else keras.ops.convert_to_tensor(gradient)
        for gradient, source in zip(gradients, sources, strict=True)
    ]


def _kernel_gradient(maps: Tensor, upstream: Tensor, size: int, stride: int) -> Tensor:
    """Return a kernel's gradient (size, size, a, b) from its `maps` (..., a) and its result's gradient (..., b).

    Each block of `stride` x `stride` pixels becomes one pixel of as many more channels, which leaves a convolution of
    stride one, and each place of its kernel is the product of maps moved there with `upstream`.
    """
    _, height, width, _ = upstream.shape
    (a, b), places = (maps.shape[-1], upstream.shape[-1]), size // stride
    before = (size - stride) // 2
    margin = (before, size - stride - before)
    blocks = tensorflow.pad(maps, [(0, 0), margin, margin, (0, 0)])
    if stride > 1:
        blocks = tensorflow.nn.space_to_depth(blocks, stride)
    rows = tensorflow.reshape(upstream, (-1, b))
    products = [
        tensorflow.matmul(
            tensorflow.reshape(blocks[:, top : top + height, left : left + width], (-1, stride * stride * a)),
            rows,
            transpose_a=True,
        )
        for top in range(places)
        for left in range(places)
    ]
    gradient = tensorflow.reshape(tensorflow.stack(products), (places, places, stride, stride, a, b))
    return tensorflow.reshape(tensorflow.transpose(gradient, (0, 2, 1, 3, 4, 5)), (size, size, a, b))


def _torch_gradients(scalar: Tensor, sources: Sequence[Tensor], create_graph: bool = False) -> Sequence[Tensor]:
    if not scalar.requires_grad or not sources:
        return [None] * len(sources)
    return torch.autograd.grad(scalar, sources, create_graph=create_graph, allow_unused=True)


@contextlib.contextmanager
def _requiring_gradient(parameters: Sequence[Any]) -> Iterator[None]:
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)


def _detached(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, torch.Tensor) else leaf
