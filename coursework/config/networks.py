"""Settings of the networks, which `config` puts beside those of the models."""

from dataclasses import dataclass

from coursework.config.decoding import setting

# "layer" is layer normalisation over a whole map (Ba et al. 2016).
NORMALIZATIONS = ("batch", "instance", "layer", "none")


@dataclass(frozen=True)
class DCGANConfig:
    """Strided convolutional generator and discriminator; widths are the channels at the 4x4 end."""

    name: str = "dcgan"
    latent_size: int = setting(128, minimum=1)
    generator_width: int = setting(512, minimum=8)
    discriminator_width: int = setting(512, minimum=8)
    generator_normalization: str = setting("batch", choices=NORMALIZATIONS)
    discriminator_normalization: str = setting("batch", choices=NORMALIZATIONS)
    spectral: bool = False


@dataclass(frozen=True)
class ResNetConfig:
    """The residual generator and discriminator of the SNGAN paper."""

    name: str = "resnet"
    latent_size: int = setting(128, minimum=1)
    generator_width: int = setting(256, minimum=8)
    discriminator_width: int = setting(128, minimum=8)
    generator_normalization: str = setting("batch", choices=NORMALIZATIONS)
    discriminator_normalization: str = setting("none", choices=NORMALIZATIONS)
    spectral: bool = True


@dataclass(frozen=True)
class AutoencoderConfig:
    """The ACAI paper's autoencoder; its code is (latent_width, latent_width, latent_channels).

    Named "gaussian_autoencoder" it is that of the paper's VAE. initial_scale: standard deviations of the convolutions'
    weights before training, as a multiple of the authors'; at 1.414 they are those of He et al. (2015), which neither
    swell nor fade from layer to layer.
    """

    name: str = "autoencoder"
    depth: int = setting(64, minimum=1)
    latent_width: int = setting(4, choices=(1, 2, 4, 8, 16))
    latent_channels: int = setting(16, minimum=1)
    initial_scale: float = setting(1.0, above=0)


@dataclass(frozen=True)
class QuantizedAutoencoderConfig(AutoencoderConfig):
    """The autoencoder of the ACAI paper's VQ-VAE, whose decoder turns the code into `discrete_latents` codewords."""

    name: str = "quantized_autoencoder"
    codebook_size: int = setting(2**14, minimum=2)
    discrete_latents: int = setting(10, minimum=1)
    hidden_size: int = setting(512, minimum=1)


@dataclass(frozen=True)
class VectorAutoencoderConfig:
    """Encoder and decoder of Ghosh et al. (2020) with a vector as code; `width` is the first layer's channels."""

    name: str = "vector_autoencoder"
    latent_size: int = setting(128, minimum=1)
    width: int = setting(128, minimum=4)


@dataclass(frozen=True)
class MLPConfig:
    """Fully connected generator and discriminator for points, each of `depth` hidden layers of `width` units."""

    name: str = "mlp"
    latent_size: int = setting(2, minimum=1)
    generator_width: int = setting(128, minimum=1)
    generator_depth: int = setting(2, minimum=0, maximum=64)
    discriminator_width: int = setting(128, minimum=1)
    discriminator_depth: int = setting(2, minimum=0, maximum=64)
    spectral: bool = False


NETWORK_CONFIGS = {
    "dcgan": DCGANConfig,
    "resnet": ResNetConfig,
    "autoencoder": AutoencoderConfig,
    "gaussian_autoencoder": AutoencoderConfig,
    "quantized_autoencoder": QuantizedAutoencoderConfig,
    "vector_autoencoder": VectorAutoencoderConfig,
    "mlp": MLPConfig,
}
