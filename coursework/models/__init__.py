"""The training algorithms by name, and the way from a configuration to a compiled model."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from coursework.config.schema import Config
from coursework.models.aae import AAE
from coursework.models.acai import ACAI
from coursework.models.autoencoder import Autoencoder, DenoisingAutoencoder, DropoutAutoencoder
from coursework.models.base import GenerativeModel
from coursework.models.conditional_sngan import ConditionalSNGAN
from coursework.models.gan import GAN
from coursework.models.sngan import SNGAN
from coursework.models.vae import VAE
from coursework.models.vqvae import VQVAE
from coursework.models.wgan_gp import WGANGP
from coursework.networks import CONDITIONAL, NETWORKS
from coursework.util.errors import UserError

MODELS: dict[str, Any] = {
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


def build_networks(
    config: Config, image_shape: Sequence[int], class_count: int | None = None
) -> dict[str, keras.Model]:
    """Return the untrained networks of a `Config`, {role: functional model}, in its precision.

    class_count: number of classes in the data, which only a conditional model needs.
    """
    model: Any = config.model
    network: Any = config.network
    build = NETWORKS[network.name]
    packing = getattr(model, "packing", 1)
    with _precision(config.precision):
        if not MODELS[model.name].conditional:
            networks = build(network, tuple(image_shape), config.seed)
            if packing > 1:
                shape = (*image_shape[:-1], packing * image_shape[-1])
                networks["discriminator"] = build(network, shape, config.seed)["discriminator"]
            return networks
        if network.name not in CONDITIONAL:
            raise UserError(
                f"model {model.name} needs a network that takes classes: {' or '.join(CONDITIONAL)}, not {network.name}"
            )
        if packing > 1:
            raise UserError(f"model {model.name} judges an item as one of its class: it takes no packing")
        if not class_count:
            raise ValueError(f"model {model.name} needs the number of classes")
        return build(network, tuple(image_shape), config.seed, class_count)


def build_model(
    config: Config,
    image_shape: Sequence[int],
    steps: int,
    class_count: int | None = None,
    class_counts: Sequence[int] | None = None,
) -> GenerativeModel:
    """Return the compiled model of a `Config` for images of `image_shape`, to be trained for `steps` updates.

    class_count: see `build_networks`. class_counts: number of training images of each class, the proportions in which
    a conditional model draws classes; by default all are equal. Raises `UserError` where model and networks do not go
    together.
    """
    name, kind = config.model.name, MODELS[config.model.name]
    networks = build_networks(config, image_shape, class_count)
    more = {"class_counts": class_counts} if kind.conditional else {}
    with _precision(config.precision):
        try:
            return kind.from_config(config, networks, steps, **more)
        except KeyError as error:
            found = f"{config.network.name} has {', '.join(networks)}"
            raise UserError(f"model {name} needs a network {error}; {found}") from error


@contextlib.contextmanager
def _precision(name: str) -> Iterator[None]:
    """Set Keras's global dtype policy for the block: layers take theirs when they are made."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
