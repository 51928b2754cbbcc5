"""Floating-point operations that a training step needs, counted from the networks' layers.

A multiplication and an addition count as two. Convolutions and dense layers are counted, as if padding were data;
everything else is left out (less than 1 % here).
"""

import math

import keras

from coursework.config.schema import Config


def forward_flops(network: keras.Model) -> tuple[int, int]:
    """Return (all, first): operations of one image through a keras.Model, and those of the layers that read its input.

    The first layers matter because nobody needs their gradients by the input when the input is data.
    """
    total = first = 0
    for layer in network.layers:
        flops = _layer_flops(layer)
        total += flops
        if flops and _reads_input(layer, network):
            first += flops
    return total, first


def step_flops(config: Config, networks: dict[str, keras.Model]) -> int:
    """Return the operations of one training step of a `Config` on {role: keras.Model}.

    A backward pass costs a forward pass for the gradients by weights and one for those by the layer's input.
    """
    batch = config.batch_size
    (total, first) = ({}, {})
    for role, network in networks.items():
        total[role], first[role] = forward_flops(network)
    if config.model.name == "vae":
        return batch * (3 * total["encoder"] - first["encoder"] + 3 * total["decoder"])
    if config.model.name == "acai":
        autoencoder = 3 * total["encoder"] - first["encoder"] + 2 * 3 * total["decoder"] + 2 * total["critic"]
        return batch * (autoencoder + 2 * (3 * total["critic"] - first["critic"]))
    discriminator = total["generator"] + 2 * (3 * total["discriminator"] - first["discriminator"])
    generator = 3 * total["generator"] - first["generator"] + 2 * total["discriminator"]
    return batch * (config.model.critic_steps * discriminator + config.model.generator_batch_factor * generator)


def _layer_flops(layer: keras.Layer) -> int:
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    if len(kernel.shape) == 2:
        positions = 1
    else:
        transposed = "Transpose" in type(layer).__name__
        shape = (layer.input if transposed else layer.output).shape
        positions = shape[1] * shape[2]
    return 2 * positions * math.prod(kernel.shape)


def _reads_input(layer: keras.Layer, network: keras.Model) -> bool:
    """Return whether only layers without weights lie between the network's input and `layer`."""
    inputs = {id(tensor) for tensor in network.inputs}
    tensors = list(layer._inbound_nodes[0].input_tensors)
    while tensors:
        tensor = tensors.pop()
        if id(tensor) in inputs:
            return True
        before, node, _ = tensor._keras_history
        if not getattr(before, "weights", None):
            tensors += before._inbound_nodes[node].input_tensors
    return False
