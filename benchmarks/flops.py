"""Floating-point operations of a training step, counted from the networks' layers: what the algorithm needs, no more.

A multiplication and an addition are two. Convolutions and dense layers count, everything else is left out (below one
in a hundred here), and so is what falls on padding (counted as if the padding were data, as is usual).
"""

import math


def forward_flops(network):
    """Return (all, first): operations of one image through a keras.Model, and those of the layers that read its input.

    The first layers matter because their gradients by the input are needed by no one when the input is data.
    """
    total = first = 0
    for layer in network.layers:
        flops = _layer_flops(layer)
        total += flops
        if flops and _reads_input(layer, network):
            first += flops
    return total, first


def step_flops(config, networks):
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


def _layer_flops(layer):
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


def _reads_input(layer, network):
    """Tell whether only layers without weights lie between the network's input and `layer`."""
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
