"""The presets' networks written by hand in PyTorch, channels last, with the layer names of the Keras originals.

The layout is for speed: a dense layer's output is viewed as channels-last maps, so that nothing is transposed.
"""

import torch

from benchmarks.torch_networks import autoencoder, dcgan, resnet, vector_autoencoder

BUILDERS = {
    "dcgan": dcgan.build,
    "resnet": resnet.build,
    "autoencoder": autoencoder.build,
    "vector_autoencoder": vector_autoencoder.build,
}


def build(config, channels=3, size=32):
    """Return {role: nn.Module} for a `coursework.config.schema.Config`, untrained; its images are `size` squares."""
    networks = BUILDERS[config.network.name](config.network, channels, size)
    return {role: network.to(memory_format=torch.channels_last) for role, network in networks.items()}
