"""Carries the weights of Keras networks to PyTorch modules of the same layer names."""

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
