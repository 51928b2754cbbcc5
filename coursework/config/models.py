"""Settings of the training algorithms and their optimisers: frozen dataclasses, by the name of the algorithm."""

from dataclasses import dataclass

from coursework.config.decoding import setting


@dataclass(frozen=True)
class OptimizerConfig:
    """An optimiser of one player. `decay` "linear" takes the rate to zero over the whole of training.

    beta_1 is the momentum of "sgd", which has no other use for betas and epsilon.
    """

    name: str = setting("adam", choices=("adam", "sgd"))
    rate: float = setting(2e-4, above=0)
    beta_1: float = setting(0.5, minimum=0, maximum=0.999999)
    beta_2: float = setting(0.999, minimum=0, maximum=0.999999)
    epsilon: float = setting(1e-8, above=0)
    decay: str = setting("constant", choices=("constant", "linear"))


@dataclass(frozen=True)
class LabelsConfig:
    """What the discriminator is told: real and fake labels are drawn between two numbers, by default ones and zeros.

    One-sided smoothing (Salimans et al. 2016, section 3.4) is real_low = real_high = .9; real .7 to 1.2 and fake 0 to
    .2 are the "soft and noisy" labels of practice. flipped: probability that an item has the other kind's label.
    """

    real_low: float = setting(1.0, minimum=0, maximum=2)
    real_high: float = setting(1.0, minimum=0, maximum=2)
    fake_low: float = setting(0.0, minimum=-1, maximum=1)
    fake_high: float = setting(0.0, minimum=-1, maximum=1)
    flipped: float = setting(0.0, minimum=0, maximum=0.5)


@dataclass(frozen=True)
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

    name: str = "gan"
    loss: str = setting("non-saturating", choices=("non-saturating", "hinge"))
    critic_steps: int = setting(1, minimum=1, maximum=100)
    generator_batch_factor: int = setting(1, minimum=1, maximum=16)
    latent_distribution: str = setting("normal", choices=("normal", "uniform"))
    ema_decay: float = setting(0.0, minimum=0, maximum=0.999999)
    dequantize: bool = False
    unrolled_steps: int = setting(0, minimum=0, maximum=100)
    packing: int = setting(1, minimum=1, maximum=16)
    augmentations: tuple[str, ...] = setting((), choices=("colour", "translation", "cutout"))
    labels: LabelsConfig = LabelsConfig()
    head_start: int = setting(0, minimum=0)
    generator_optimizer: OptimizerConfig = OptimizerConfig()
    discriminator_optimizer: OptimizerConfig = OptimizerConfig()


# Algorithm 1 of the WGAN-GP paper.
_WGAN_GP_ADAM = OptimizerConfig(rate=1e-4, beta_1=0.0, beta_2=0.9)


@dataclass(frozen=True)
class WGANGPConfig(AdversarialConfig):
    """Settings of `WGANGP`, by default those of its paper.

    penalty_weight: its lambda. penalty_at: where the critic's slope is held to `penalty_slope`, "between" real and fake
    items or at "real" ones; there, with a slope of 0, it is the R1 penalty of Mescheder et al. (2018), lambda their
    gamma / 2.
    """

    name: str = "wgan_gp"
    loss: str = setting("wasserstein", choices=("wasserstein", "non-saturating", "hinge"))
    critic_steps: int = setting(5, minimum=1, maximum=100)
    penalty_weight: float = setting(10.0, minimum=0)
    penalty_at: str = setting("between", choices=("between", "real"))
    penalty_slope: float = setting(1.0, minimum=0)
    generator_optimizer: OptimizerConfig = _WGAN_GP_ADAM
    discriminator_optimizer: OptimizerConfig = _WGAN_GP_ADAM


@dataclass(frozen=True)
class VAEConfig:
    """Settings of `VAE`: loss = reconstruction + beta * KL, both summed over an image, averaged over a batch."""

    name: str = "vae"
    likelihood: str = setting("gaussian", choices=("gaussian", "bernoulli"))
    beta: float = setting(0.072, minimum=0)
    optimizer: OptimizerConfig = OptimizerConfig(rate=1e-3, beta_1=0.9)


# Of every network in the ACAI paper, which is where the defaults below come from.
_ACAI_ADAM = OptimizerConfig(rate=1e-4, beta_1=0.9)


@dataclass(frozen=True)
class PlainAutoencoderConfig:
    """Settings of `Autoencoder`, the ACAI paper's baseline."""

    name: str = "autoencoder"
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True)
class DropoutAutoencoderConfig:
    """Settings of `DropoutAutoencoder`: in training a number of a code is kept with probability `keep`."""

    name: str = "dropout_autoencoder"
    keep: float = setting(0.5, above=0, maximum=1)
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True)
class DenoisingAutoencoderConfig:
    """Settings of `DenoisingAutoencoder`: `noise` is the standard deviation added to images in [-1, 1]."""

    name: str = "denoising_autoencoder"
    noise: float = setting(1.0, minimum=0)
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True)
class AAEConfig:
    """Settings of `AAE`."""

    name: str = "aae"
    optimizer: OptimizerConfig = _ACAI_ADAM
    critic_optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True)
class VQVAEConfig:
    """Settings of `VQVAE`: `commitment_weight` is its paper's beta."""

    name: str = "vqvae"
    commitment_weight: float = setting(10.0, minimum=0)
    optimizer: OptimizerConfig = _ACAI_ADAM


@dataclass(frozen=True)
class ACAIConfig:
    """Settings of `ACAI`: the paper's lambda (`critic_weight`) and gamma (`critic_mix`)."""

    name: str = "acai"
    critic_weight: float = setting(0.5, minimum=0)
    critic_mix: float = setting(0.2, minimum=0, maximum=1)
    optimizer: OptimizerConfig = _ACAI_ADAM
    critic_optimizer: OptimizerConfig = _ACAI_ADAM


MODEL_CONFIGS = {
    "gan": AdversarialConfig,
    "sngan": AdversarialConfig,
    "conditional_sngan": AdversarialConfig,
    "wgan_gp": WGANGPConfig,
    "autoencoder": PlainAutoencoderConfig,
    "dropout_autoencoder": DropoutAutoencoderConfig,
    "denoising_autoencoder": DenoisingAutoencoderConfig,
    "vae": VAEConfig,
    "aae": AAEConfig,
    "vqvae": VQVAEConfig,
    "acai": ACAIConfig,
}
