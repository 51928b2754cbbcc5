"""Settings of the networks in `coursework.networks`.

A new network adds its class of settings here, and to `NetworkConfig`.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from coursework.util.validation import STRICT

# Widths are bounded, at four times the presets' or more: a configuration from elsewhere could otherwise ask for all
# memory there is.
Width = Annotated[int, Field(ge=8, le=2048)]
LatentSize = Annotated[int, Field(ge=1, le=4096)]

# "layer" is layer normalisation over a whole map (Ba et al. 2016).
Normalization = Literal["batch", "instance", "layer", "none"]


@dataclass(frozen=True, config=STRICT)
class DCGANConfig:
    """Strided convolutional generator and discriminator; widths are the channels at the 4x4 end."""

    name: Literal["dcgan"] = "dcgan"
    latent_size: LatentSize = 128
    generator_width: Width = 512
    discriminator_width: Width = 512
    generator_normalization: Normalization = "batch"
    discriminator_normalization: Normalization = "batch"
    spectral: bool = False


@dataclass(frozen=True, config=STRICT)
class ResNetConfig:
    """The residual generator and discriminator of the SNGAN paper."""

    name: Literal["resnet"] = "resnet"
    latent_size: LatentSize = 128
    generator_width: Width = 256
    discriminator_width: Width = 128
    generator_normalization: Normalization = "batch"
    discriminator_normalization: Normalization = "none"
    spectral: bool = True


@dataclass(frozen=True, config=STRICT)
class AutoencoderConfig:
    """The ACAI paper's autoencoder; its code is (latent_width, latent_width, latent_channels).

    "gaussian_autoencoder" is that of the paper's VAE. initial_scale: standard deviation of the initial weights of the
    convolutions, as a multiple of the authors'. 1.414 gives that of He et al. (2015), which keeps the scale of
    activations from layer to layer.
    """

    name: Literal["autoencoder", "gaussian_autoencoder"] = "autoencoder"
    depth: Annotated[int, Field(ge=1, le=512)] = 64
    latent_width: Literal[1, 2, 4, 8, 16] = 4
    latent_channels: Annotated[int, Field(ge=1, le=2048)] = 16
    initial_scale: Annotated[float, Field(gt=0)] = 1.0


@dataclass(frozen=True, config=STRICT)
class QuantizedAutoencoderConfig(AutoencoderConfig):
    """The autoencoder of the ACAI paper's VQ-VAE, which turns the code into `discrete_latents` codewords."""

    name: Literal["quantized_autoencoder"] = "quantized_autoencoder"  # type: ignore[assignment]  # picks the class
    codebook_size: Annotated[int, Field(ge=2, le=2**16)] = 2**14
    discrete_latents: Annotated[int, Field(ge=1, le=1024)] = 10
    hidden_size: Annotated[int, Field(ge=1, le=4096)] = 512


@dataclass(frozen=True, config=STRICT)
class VectorAutoencoderConfig:
    """Encoder and decoder of Ghosh et al. (2020); the code is a vector. width: channels of the first layer."""

    name: Literal["vector_autoencoder"] = "vector_autoencoder"
    latent_size: LatentSize = 128
    width: Annotated[int, Field(ge=4, le=512)] = 128


@dataclass(frozen=True, config=STRICT)
class MLPConfig:
    """Fully connected generator and discriminator for points, with `depth` hidden layers of `width` units each."""

    name: Literal["mlp"] = "mlp"
    latent_size: LatentSize = 2
    generator_width: Annotated[int, Field(ge=1, le=2**13)] = 128
    generator_depth: Annotated[int, Field(ge=0, le=64)] = 2
    discriminator_width: Annotated[int, Field(ge=1, le=2**13)] = 128
    discriminator_depth: Annotated[int, Field(ge=0, le=64)] = 2
    spectral: bool = False


# Settings of any network; `name` picks the class.
NetworkConfig = Annotated[
    DCGANConfig | ResNetConfig | AutoencoderConfig | QuantizedAutoencoderConfig | VectorAutoencoderConfig | MLPConfig,
    Field(discriminator="name"),
]
