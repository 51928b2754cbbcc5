"""Settings of the training algorithms and their optimisers: frozen dataclasses, by the name of the algorithm."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from coursework.util.validation import STRICT


@dataclass(frozen=True, config=STRICT)
class OptimizerConfig:
    """An optimiser of one player. `decay` "linear" takes the rate to zero over the whole of training.

    beta_1 is the momentum of "sgd", which has no other use for betas and epsilon.
    """

    name: Literal["adam", "sgd"] = "adam"
    rate: Annotated[float, Field(gt=0)] = 2e-4
    beta_1: Annotated[float, Field(ge=0, le=0.999999)] = 0.5
    beta_2: Annotated[float, Field(ge=0, le=0.999999)] = 0.999
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    decay: Literal["constant", "linear"] = "constant"


@dataclass(frozen=True, config=STRICT)
class LabelsConfig:
    """What the discriminator is told: real and fake labels are drawn between two numbers, by default ones and zeros.

    One-sided smoothing (Salimans et al. 2016, section 3.4) is real_low = real_high = .9; real .7 to 1.2 and fake 0 to
    .2 are the "soft and noisy" labels of practice. flipped: probability that an item has the other kind's label.
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
    packing: items that the discriminator judges together (PacGAN, Lin et al. 2018); a batch holds `batch_size` packs.
    augmentations: of real and generated images before the discriminator sees them (DiffAugment, Zhao et al. 2020).
    labels: the discriminator's, with the non-saturating loss. head_start: steps in which it trains alone, at first.
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
    """Settings of `WGANGP`, by default those of its paper.

    penalty_weight: its lambda. penalty_at: where the critic's slope is held to `penalty_slope`, "between" real and fake
    items or at "real" ones; there, with a slope of 0, it is the R1 penalty of Mescheder et al. (2018), lambda their
    gamma / 2.
    """

    name: Literal["wgan_gp"] = "wgan_gp"  # type: ignore[assignment]  # the name picks the class
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


# Of every network in the ACAI paper, which is where the defaults below come from.
_ACAI_ADAM = OptimizerConfig(rate=1e-4, beta_1=0.9)


@dataclass(frozen=True, config=STRICT)
class PlainAutoencoderConfig:
    """Settings of `Autoencoder`, the ACAI paper's baseline."""

    name: Literal["autoencoder"] = "autoencoder"
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True, config=STRICT)
class DropoutAutoencoderConfig:
    """Settings of `DropoutAutoencoder`: in training a number of a code is kept with probability `keep`."""

    name: Literal["dropout_autoencoder"] = "dropout_autoencoder"
    keep: Annotated[float, Field(gt=0, le=1)] = 0.5
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True, config=STRICT)
class DenoisingAutoencoderConfig:
    """Settings of `DenoisingAutoencoder`: `noise` is the standard deviation added to images in [-1, 1]."""

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


# By their names.
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
