"""Settings of the models in `coursework.models` and of their optimisers.

A new model adds its class of settings here, and to `ModelConfig`.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from coursework.util.validation import STRICT


@dataclass(frozen=True, config=STRICT)
class OptimizerConfig:
    """Settings of the optimiser of one network. With decay "linear" the rate falls to zero over the whole training.

    "sgd" takes beta_1 as its momentum, and ignores beta_2 and epsilon.
    """

    name: Literal["adam", "sgd"] = "adam"
    rate: Annotated[float, Field(gt=0)] = 2e-4
    beta_1: Annotated[float, Field(ge=0, le=0.999999)] = 0.5
    beta_2: Annotated[float, Field(ge=0, le=0.999999)] = 0.999
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    decay: Literal["constant", "linear"] = "constant"


@dataclass(frozen=True, config=STRICT)
class LabelsConfig:
    """Labels of the discriminator: real and fake ones are drawn uniformly between two numbers, by default 1 and 0.

    One-sided smoothing (Salimans et al. 2016, section 3.4) is real_low = real_high = 0.9; real labels from 0.7 to 1.2
    and fake ones from 0 to 0.2 are common "soft and noisy" labels. flipped: probability of swapping the kind of label.
    """

    real_low: Annotated[float, Field(ge=0, le=2)] = 1.0
    real_high: Annotated[float, Field(ge=0, le=2)] = 1.0
    fake_low: Annotated[float, Field(ge=-1, le=1)] = 0.0
    fake_high: Annotated[float, Field(ge=-1, le=1)] = 0.0
    flipped: Annotated[float, Field(ge=0, le=0.5)] = 0.0


@dataclass(frozen=True, config=STRICT)
class AdversarialConfig:
    """Settings of `GAN`, `SNGAN` and `ConditionalSNGAN`.

    critic_steps: discriminator updates before each generator update, each on a batch of its own.
    generator_batch_factor: size of the generator's batch in multiples of `batch_size`.
    ema_decay: decay of the generator's moving average, 0 for none.
    dequantize: add U(0, 1/128) to real images in [-1, 1], as the SNGAN paper's code does.
    unrolled_steps: discriminator updates that the generator looks ahead (Metz et al. 2017), 0 for none.
    packing: items in one input of the discriminator (PacGAN, Lin et al. 2018); a batch holds `batch_size` packs.
    augmentations: of the discriminator's real and generated inputs (DiffAugment, Zhao et al. 2020).
    labels: of the discriminator, for the non-saturating loss. head_start: first steps, which train it alone.
    """

    name: Literal["gan", "sngan", "conditional_sngan"] = "gan"
    loss: Literal["non-saturating", "hinge"] = "non-saturating"
    critic_steps: Annotated[int, Field(ge=1, le=100)] = 1
    generator_batch_factor: Annotated[int, Field(ge=1, le=16)] = 1
    latent_distribution: Literal["normal", "uniform"] = "normal"
    ema_decay: Annotated[float, Field(ge=0, le=0.999999)] = 0.0
    dequantize: bool = False
    unrolled_steps: Annotated[int, Field(ge=0, le=100)] = 0
    packing: Annotated[int, Field(ge=1, le=16)] = 1
    augmentations: tuple[Literal["colour", "translation", "cutout"], ...] = ()
    labels: LabelsConfig = LabelsConfig()
    head_start: Annotated[int, Field(ge=0)] = 0
    generator_optimizer: OptimizerConfig = OptimizerConfig()
    discriminator_optimizer: OptimizerConfig = OptimizerConfig()


# Algorithm 1 of the WGAN-GP paper.
_WGAN_GP_ADAM = OptimizerConfig(rate=1e-4, beta_1=0.0, beta_2=0.9)


@dataclass(frozen=True, config=STRICT)
class WGANGPConfig(AdversarialConfig):
    """Settings of `WGANGP`; the defaults are the paper's.

    penalty_weight: lambda. penalty_slope: target of the norm of the critic's gradient. penalty_at: points at which the
    gradient is taken, "between" real and fake items or at "real" ones. "real" with a slope of 0 is the R1 penalty of
    Mescheder et al. (2018), whose gamma is 2 lambda.
    """

    name: Literal["wgan_gp"] = "wgan_gp"  # type: ignore[assignment]  # picks the class
    loss: Literal["wasserstein", "non-saturating", "hinge"] = "wasserstein"  # type: ignore[assignment]  # one more
    critic_steps: Annotated[int, Field(ge=1, le=100)] = 5
    penalty_weight: Annotated[float, Field(ge=0)] = 10.0
    penalty_at: Literal["between", "real"] = "between"
    penalty_slope: Annotated[float, Field(ge=0)] = 1.0
    generator_optimizer: OptimizerConfig = _WGAN_GP_ADAM
    discriminator_optimizer: OptimizerConfig = _WGAN_GP_ADAM


@dataclass(frozen=True, config=STRICT)
class VAEConfig:
    """Settings of `VAE`: loss = reconstruction + beta * KL, both summed over an image, averaged over a batch."""

    name: Literal["vae"] = "vae"
    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"
    beta: Annotated[float, Field(ge=0)] = 0.072
    optimizer: OptimizerConfig = OptimizerConfig(rate=1e-3, beta_1=0.9)


# The ACAI paper's, for every network; the defaults below are the paper's too.
_ACAI_ADAM = OptimizerConfig(rate=1e-4, beta_1=0.9)


@dataclass(frozen=True, config=STRICT)
class PlainAutoencoderConfig:
    """Settings of `Autoencoder`, the ACAI paper's baseline."""

    name: Literal["autoencoder"] = "autoencoder"
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True, config=STRICT)
class DropoutAutoencoderConfig:
    """Settings of `DropoutAutoencoder`: training keeps each number of a code with probability `keep`."""

    name: Literal["dropout_autoencoder"] = "dropout_autoencoder"
    keep: Annotated[float, Field(gt=0, le=1)] = 0.5
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True, config=STRICT)
class DenoisingAutoencoderConfig:
    """Settings of `DenoisingAutoencoder`: `noise` is the standard deviation of what is added to images in [-1, 1]."""

    name: Literal["denoising_autoencoder"] = "denoising_autoencoder"
    noise: Annotated[float, Field(ge=0)] = 1.0
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True, config=STRICT)
class AAEConfig:
    """Settings of `AAE`."""

    name: Literal["aae"] = "aae"
    optimizer: OptimizerConfig = _ACAI_ADAM
    critic_optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True, config=STRICT)
class VQVAEConfig:
    """Settings of `VQVAE`: `commitment_weight` is its paper's beta."""

    name: Literal["vqvae"] = "vqvae"
    commitment_weight: Annotated[float, Field(ge=0)] = 10.0
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True, config=STRICT)
class ACAIConfig:
    """Settings of `ACAI`: the paper's lambda (`critic_weight`) and gamma (`critic_mix`)."""

    name: Literal["acai"] = "acai"
    critic_weight: Annotated[float, Field(ge=0)] = 0.5
    critic_mix: Annotated[float, Field(ge=0, le=1)] = 0.2
    optimizer: OptimizerConfig = _ACAI_ADAM
    critic_optimizer: OptimizerConfig = _ACAI_ADAM


# Settings of any model; `name` picks the class.
ModelConfig = Annotated[
    AdversarialConfig
    | WGANGPConfig
    | PlainAutoencoderConfig
    | DropoutAutoencoderConfig
    | DenoisingAutoencoderConfig
    | VAEConfig
    | AAEConfig
    | VQVAEConfig
    | ACAIConfig,
    Field(discriminator="name"),
]
