"""Equal weights, equal random numbers and losses that must agree: both sides of a benchmark do the same work."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from coursework.config.schema import Config


def export_weights(networks: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return {"role/layer/variable": array} of {role: keras.Model}."""
    return {
        f"{role}/{weight.path}": np.asarray(weight.value)
        for role, network in networks.items()
        for weight in network.weights
    }


def import_weights(modules: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Copy what `export_weights` returned into {role: nn.Module}; raises ValueError if an array is left over.

    A module's layer `up_1.convolution_1` is the Keras layer `up_1_convolution_1`.
    """
    import torch

    left = dict(arrays)
    with torch.no_grad():
        for role, module in modules.items():
            for path, tensor in [*module.named_parameters(), *module.named_buffers()]:
                *layers, name = path.split(".")
                if name == "num_batches_tracked":
                    continue
                owner = module.get_submodule(".".join(layers))
                prefix = f"{role}/{'_'.join(layers)}/"
                tensor.copy_(torch.from_numpy(_converted(left.pop(prefix + _keras_name(owner, name)))))
    if left:
        raise ValueError(f"no place for {', '.join(left)}")


def _keras_name(layer: Any, name: str) -> str:
    normalization = hasattr(layer, "running_mean")
    names = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    names |= {"weight": "gamma", "bias": "beta"} if normalization else {"weight": "kernel"}
    return names.get(name, name)


def _converted(array: np.ndarray) -> np.ndarray:
    """Turn a kernel (height, width, a, b) to (b, a, height, width), a dense kernel (in, out) to (out, in).

    This covers transposed convolutions: Keras stores (height, width, out, in), PyTorch (in, out, height, width).
    """
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 2:
        array = array.T
    return np.ascontiguousarray(array)


class SharedDraws:
    """Normal and uniform float32 numbers that depend only on the seed and the order of calls."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def normal(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return N(0, 1) numbers."""
        return self.generator.standard_normal(shape, dtype=np.float32)

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
        """Return numbers from U(low, high)."""
        return (low + (high - low) * self.generator.random(shape, dtype=np.float32)).astype(np.float32)


@contextlib.contextmanager
def substituted(draws: SharedDraws) -> Iterator[None]:
    """Make `keras.random.normal` and `keras.random.uniform` return numbers from `draws` in code traced inside.

    TensorFlow keeps the order of stateful operations, so the calls come in the program's order.
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


# Relative differences of losses: in the first step, when all weights are equal, and later, when Adam's first step (the
# sign of each gradient) has turned rounding into small differences of weights.
TOLERANCES = {"float32": (1e-3, 2e-2), "bfloat16": (2e-2, 1e-1)}
# The same for several critic steps: all but the first follow updates within the first step, which amplifies rounding.
TOLERANCES_OF_SEVERAL = {"float32": 2e-2, "bfloat16": 5e-2}
# Losses below this are compared absolutely: after several critic steps a hinge loss is soon zero.
LOSS_SCALE, LOSS_SCALE_OF_SEVERAL = 0.1, 1.0


def tolerances(config: Config, precision: str) -> tuple[float, float, float]:
    """Return (largest difference of the first step's losses, of later ones, loss below which it is absolute)."""
    if config.critic_steps > 1:
        return TOLERANCES_OF_SEVERAL[precision], TOLERANCES_OF_SEVERAL[precision], LOSS_SCALE_OF_SEVERAL
    return *TOLERANCES[precision], LOSS_SCALE


def compared(losses: dict, config: Config, precision: str) -> dict:
    """Return the sides whose losses must agree: all, except PyTorch's compiled form in one case.

    After several critic steps in bfloat16 the compiled form departs from its own uncompiled form (losses of step 2 by
    0.9, where ours differ by 0.01), because its fused operations round elsewhere. It is not used as a reference there,
    but stays in the results.
    """
    if config.critic_steps > 1 and precision == "bfloat16":
        return {side: values for side, values in losses.items() if side != "torch-compiled"}
    return losses


def check_losses(
    losses: dict[str, list[dict[str, float]]], first_tolerance: float, later_tolerance: float, scale: float = LOSS_SCALE
) -> list[float]:
    """Return the largest relative difference of each step from the first side's losses.

    losses: {side: [{name: value}, ...]}; scale: the loss below which a difference is absolute. Raises RuntimeError
    if a difference exceeds its tolerance or is not a number.
    """
    reference, *others = losses
    largest = []
    for step, expected in enumerate(losses[reference]):
        tolerance = later_tolerance if step else first_tolerance
        differences = [0.0]
        for side in others:
            for name, value in expected.items():
                difference = abs(losses[side][step][name] - value) / max(abs(value), scale)
                if not difference <= tolerance:
                    raise RuntimeError(f"step {step + 1}: {name} is {value} here, {losses[side][step][name]} in {side}")
                differences.append(difference)
        largest.append(max(differences))
    return largest
