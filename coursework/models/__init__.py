"""The training algorithms by name, and the way from a configuration to a compiled model."""

import contextlib

import keras

from coursework.models.aae import AAE
from coursework.models.acai import ACAI
from coursework.models.autoencoder import Autoencoder
from coursework.models.conditional_sngan import ConditionalSNGAN
from coursework.models.denoising_autoencoder import DenoisingAutoencoder
from coursework.models.dropout_autoencoder import DropoutAutoencoder
from coursework.models.gan import GAN
from coursework.models.sngan import SNGAN
from coursework.models.vae import VAE
from coursework.models.vqvae import VQVAE
from coursework.models.wgan_gp import WGANGP
from coursework.networks import CONDITIONAL, NETWORKS
from coursework.util.errors import UserError

MODELS = {
    "gan": GAN,
    "sngan": SNGAN,
    "conditional_sngan": ConditionalSNGAN,
    "wgan_gp": WGANGP,
    "autoencoder": Autoencoder,
    "dropout_autoencoder": DropoutAutoencoder,
    "denoising_autoencoder": DenoisingAutoencoder,
    "vae": VAE,
    "aae": AAE,
    "vqvae": VQVAE,
    "acai": ACAI,
}

__all__ = [
    "AAE",
    "ACAI",
    "GAN",
    "MODELS",
    "SNGAN",
    "VAE",
    "VQVAE",
    "WGANGP",
    "Autoencoder",
    "ConditionalSNGAN",
    "DenoisingAutoencoder",
    "DropoutAutoencoder",
    "build_model",
    "build_networks",
]


def build_networks(config, image_shape, class_count=None):
    """Return the untrained networks of a `Config`, {role: functional model}, in its precision.

    class_count: number of classes in the data, which a conditional model must be told and no other asks for.
    """
    arguments = [config.network, tuple(image_shape), config.seed]
    if MODELS[config.model.name].conditional:
        if config.network.name not in CONDITIONAL:
            raise UserError(
                f"model {config.model.name} needs a network that takes classes: {' or '.join(CONDITIONAL)}, "
                f"not {config.network.name}"
            )
        if not class_count:
            raise ValueError(f"model {config.model.name} needs the number of classes")
        arguments.append(class_count)
    with _precision(config.precision):
        networks = NETWORKS[config.network.name](*arguments)
        packing = getattr(config.model, "packing", 1)
        if packing > 1:
            networks["discriminator"] = _packed_discriminator(config, image_shape, packing)
    return networks


def _packed_discriminator(config, image_shape, packing):
    """Return a discriminator of the configuration's kind whose input is `packing` times as deep."""
    if MODELS[config.model.name].conditional:
        raise UserError(f"model {config.model.name} judges an item as one of its class: it takes no packing")
    shape = (*image_shape[:-1], packing * image_shape[-1])
    return NETWORKS[config.network.name](config.network, shape, config.seed)["discriminator"]


def build_model(config, image_shape, steps, class_count=None):
    """Return the compiled model of a `Config` for images of `image_shape`, to be trained for `steps` updates.

    class_count: see `build_networks`. Raises `UserError` where model and networks do not go together.
    """
    networks = build_networks(config, image_shape, class_count)
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
