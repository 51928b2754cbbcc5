"""The training algorithms by name, and the way from a configuration to a compiled model."""

import contextlib

import keras

from coursework.errors import UserError
from coursework.models.acai import ACAI
from coursework.models.gan import GAN
from coursework.models.sngan import SNGAN
from coursework.models.vae import VAE
from coursework.networks import NETWORKS

MODELS = {"gan": GAN, "sngan": SNGAN, "vae": VAE, "acai": ACAI}

__all__ = ["ACAI", "GAN", "MODELS", "SNGAN", "VAE", "build_model", "build_networks"]


def build_networks(config, image_shape):
    """Return the untrained networks of a `Config`, {role: functional model}, in its precision."""
    with _precision(config.precision):
        return NETWORKS[config.network.name](config.network, tuple(image_shape), config.seed)


def build_model(config, image_shape, steps):
    """Return the compiled model of a `Config` for images of `image_shape`, to be trained for `steps` updates.

    Raises `UserError` where model and networks do not go together.
    """
    networks = build_networks(config, image_shape)
    with _precision(config.precision):
        try:
            return MODELS[config.model.name].from_config(config, networks, steps)
        except KeyError as error:
            raise UserError(
                f"model {config.model.name} needs a network {error}; {config.network.name} has {', '.join(networks)}"
            ) from error


@contextlib.contextmanager
def _precision(name):
    """Set Keras's global dtype policy for the block: layers take theirs when they are made."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
