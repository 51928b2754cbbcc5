"""Equal weights, equal random numbers and losses that must agree: both sides of a benchmark do the same work."""

import contextlib
from unittest import mock

import numpy as np


def export_weights(networks):
    """Return {"role/layer/variable": array} of {role: keras.Model}."""
    return {
        f"{role}/{weight.path}": np.asarray(weight.value)
        for role, network in networks.items()
        for weight in network.weights
    }


def import_weights(modules, arrays):
    """Copy what `export_weights` returned into {role: nn.Module}; raises ValueError unless each array finds its place.

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


def _keras_name(layer, name):
    normalization = hasattr(layer, "running_mean")
    names = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    names |= {"weight": "gamma", "bias": "beta"} if normalization else {"weight": "kernel"}
    return names.get(name, name)


def _converted(array):
    """Turn a kernel (height, width, a, b) to (b, a, height, width), a dense kernel (in, out) to (out, in).

    It holds for transposed convolutions too: Keras stores (height, width, out, in), PyTorch (in, out, height, width).
    """
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 2:
        array = array.T
    return np.ascontiguousarray(array)


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


# Relative differences of losses: in the first step, before which all weights are equal, and later, when Adam's first
# step (the mere sign of each gradient) has turned rounding into small differences of weights.
TOLERANCES = {"float32": (1e-3, 2e-2), "bfloat16": (2e-2, 1e-1)}
# With several critic steps these, in both places: all but the first of them have updates behind them in the very first
# step, and rounding is amplified more.
TOLERANCES_OF_SEVERAL = {"float32": 2e-2, "bfloat16": 5e-2}
# Losses below this are compared absolutely: a hinge loss of several critic steps is soon zero.
LOSS_SCALE, LOSS_SCALE_OF_SEVERAL = 0.1, 1.0


def tolerances(config, precision):
    """Return (largest difference of the first step's losses, of later ones, loss below which it is absolute)."""
    if config.critic_steps > 1:
        return TOLERANCES_OF_SEVERAL[precision], TOLERANCES_OF_SEVERAL[precision], LOSS_SCALE_OF_SEVERAL
    return *TOLERANCES[precision], LOSS_SCALE


def compared(losses, config, precision):
    """Return the sides whose losses must agree: all, but for one case of PyTorch's compiled form.

    After several critic steps in bfloat16 that form departs from the very program that it was compiled from (losses of
    step 2 by .9, where ours differ from the plain form's by .01): its fused operations round elsewhere. So it is no
    witness for or against ours, and stays in the results to be seen.
    """
    if config.critic_steps > 1 and precision == "bfloat16":
        return {side: values for side, values in losses.items() if side != "torch-compiled"}
    return losses


def check_losses(losses, first_tolerance, later_tolerance, scale=LOSS_SCALE):
    """Return the largest relative difference of each step from the first side's losses.

    losses: {side: [{name: value}, ...]}; scale: the loss below which a difference is absolute. Raises RuntimeError
    where one is above its tolerance or not a number.
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
