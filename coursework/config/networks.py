"""Settings of the networks, which `config` puts beside those of the models."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from coursework.util.validation import STRICT

# "layer" is layer normalisation over a whole map (Ba et al. 2016).
Normalization = Literal["batch", "instance", "layer", "none"]


@dataclass(frozen=True, config=STRICT)
class DCGANConfig:
    """Strided convolutional generator and discriminator; widths are the channels at the 4x4 end."""

    name: Literal["dcgan"] = "dcgan"
    latent_size: Annotated[int, Field(ge=1)] = 128
    generator_width: Annotated[int, Field(ge=8)] = 512
    discriminator_width: Annotated[int, Field(ge=8)] = 512
    generator_normalization: Normalization = "batch"
    discriminator_normalization: Normalization = "batch"
    spectral: bool = False


@dataclass(frozen=True, config=STRICT)
class ResNetConfig:
    """The residual generator and discriminator of the SNGAN paper."""

    name: Literal["resnet"] = "resnet"
    latent_size: Annotated[int, Field(ge=1)] = 128
    generator_width: Annotated[int, Field(ge=8)] = 256
    discriminator_width: Annotated[int, Field(ge=8)] = 128
    generator_normalization: Normalization = "batch"
    discriminator_normalization: Normalization = "none"
    spectral: bool = True


@dataclass(frozen=True, config=STRICT)
class AutoencoderConfig:
    """The ACAI paper's autoencoder; its code is (latent_width, latent_width, latent_channels).

    Named "gaussian_autoencoder" it is that of the paper's VAE. initial_scale: standard deviations of the convolutions'
    weights before training, as a multiple of the authors'; at 1.414 they are those of He et al. (2015), which neither
    swell nor fade from layer to layer.
    """

    name: Literal["autoencoder", "gaussian_autoencoder"] = "autoencoder"
    depth: Annotated[int, Field(ge=1)] = 64
    latent_width: Literal[1, 2, 4, 8, 16] = 4
    latent_channels: Annotated[int, Field(ge=1)] = 16
    initial_scale: Annotated[float, Field(gt=0)] = 1.0


@dataclass(frozen=True, config=STRICT)
class QuantizedAutoencoderConfig(AutoencoderConfig):
    """The autoencoder of the ACAI paper's VQ-VAE, whose decoder turns the code into `discrete_latents` codewords."""

    name: Literal["quantized_autoencoder"] = "quantized_autoencoder"  # type: ignore[assignment]  # the name picks the class
    codebook_size: Annotated[int, Field(ge=2)] = 2**14
    discrete_latents: Annotated[int, Field(ge=1)] = 10
    hidden_size: Annotated[int, Field(ge=1)] = 512


@dataclass(frozen=True, config=STRICT)
class VectorAutoencoderConfig:
    """Encoder and decoder of Ghosh et al. (2020) with a vector as code; `width` is the first layer's channels."""

    name: Literal["vector_autoencoder"] = "vector_autoencoder"
    latent_size: Annotated[int, Field(ge=1)] = 128
    width: Annotated[int, Field(ge=4)] = 128


@dataclass(frozen=True, config=STRICT)
class MLPConfig:
    """Fully connected generator and discriminator for points, each of `depth` hidden layers of `width` units."""

    name: Literal["mlp"] = "mlp"
    latent_size: Annotated[int, Field(ge=1)] = 2
    generator_width: Annotated[int, Field(ge=1)] = 128
    generator_depth: Annotated[int, Field(ge=0, le=64)] = 2
    discriminator_width: Annotated[int, Field(ge=1)] = 128
    discriminator_depth: Annotated[int, Field(ge=0, le=64)] = 2
    spectral: bool = False


# By their names.
NetworkConfig = Annotated[
    DCGANConfig | ResNetConfig | AutoencoderConfig | QuantizedAutoencoderConfig | VectorAutoencoderConfig | MLPConfig,
    Field(discriminator="name"),
]
