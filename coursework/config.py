"""Configurations: frozen dataclasses with a strict JSON round trip."""

import contextlib
import dataclasses
import json
from dataclasses import dataclass

from coursework.config_networks import (
    NETWORK_CONFIGS,
    AutoencoderConfig,
    DCGANConfig,
    MLPConfig,
    QuantizedAutoencoderConfig,
    ResNetConfig,
    VectorAutoencoderConfig,
)
from coursework.decoding import decode, one_of, setting
from coursework.errors import UserError
from coursework.files import parse_json

__all__ = [
    "MODEL_CONFIGS",
    "NETWORK_CONFIGS",
    "AAEConfig",
    "ACAIConfig",
    "AdversarialConfig",
    "AutoencoderConfig",
    "Config",
    "DCGANConfig",
    "DenoisingAutoencoderConfig",
    "DropoutAutoencoderConfig",
    "MLPConfig",
    "OptimizerConfig",
    "PlainAutoencoderConfig",
    "QuantizedAutoencoderConfig",
    "ResNetConfig",
    "VAEConfig",
    "VQVAEConfig",
    "VectorAutoencoderConfig",
    "WGANGPConfig",
]


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
class AdversarialConfig:
    """Settings of `GAN`, `SNGAN` and `ConditionalSNGAN`.

    critic_steps: discriminator updates before each generator update, each on a batch of its own.
    generator_batch_factor: size of the generator's batch in multiples of `batch_size`.
    ema_decay: decay of the generator's moving average, 0 for none.
    dequantize: add U(0, 1/128) to real images in [-1, 1], as the SNGAN paper's code does.
    unrolled_steps: discriminator updates that the generator looks ahead (Metz et al. 2017), 0 for none.
    packing: items that the discriminator judges together (PacGAN, Lin et al. 2018); a batch holds `batch_size` packs.
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


@dataclass(frozen=True)
class Config:
    """Everything that decides the outcome of a run, besides the software.

    sample_every: epochs between sample grids. score_every: epochs between scores for the best weights, 0 for never.
    classes: names of the classes to train on, empty for all.
    """

    preset: str
    model: object = one_of(MODEL_CONFIGS)
    network: object = one_of(NETWORK_CONFIGS)
    dataset: str = "cifar10"
    classes: tuple[str, ...] = ()
    seed: int = setting(0, minimum=0, maximum=2**31 - 1)
    epochs: int = setting(100, minimum=1)
    batch_size: int = setting(64, minimum=2)
    horizontal_flips: bool = False
    precision: str = setting("float32", choices=("float32", "mixed_bfloat16"))
    sample_every: int = setting(1, minimum=1)
    score_every: int = setting(5, minimum=0)

    @property
    def critic_steps(self):
        """Discriminator updates in a training step, each on a batch of its own; 1 for a model without the setting."""
        return getattr(self.model, "critic_steps", 1)

    @property
    def images_per_step(self):
        """Training images that one step takes."""
        return self.batch_size * self.critic_steps * getattr(self.model, "packing", 1)

    def to_json(self):
        """Return the configuration as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text, source="configuration"):
        """Parse and check JSON; raises `UserError`, naming `source`, for anything that `to_json` would not write."""
        return decode(cls, parse_json(text, source), str(source))

    def with_setting(self, key, text, option=None):
        """Return a copy in which the setting `key` has the value written in `text`.

        `key` is a field's name, or a dotted path where the bare name stands in several places
        ("generator_optimizer.rate"). option: how the user gave it, for messages; by default "--set key=text".
        Raises `UserError` for an unknown or ambiguous key and for a value that the setting does not take.
        """
        paths = [path for path in _leaves(self) if path == key or path.endswith("." + key)]
        if not paths:
            leaves = sorted({path.split(".", 1)[-1] for path in _leaves(self)})
            raise UserError(f'preset {self.preset} has no setting "{key}"; it has {", ".join(leaves)}')
        exact = [path for path in paths if path == key or path.split(".", 1)[-1] == key]
        if len(paths) > 1 and len(exact) != 1:
            raise UserError(f'setting "{key}" is ambiguous: {" or ".join(paths)}')
        content = dataclasses.asdict(self)
        *parents, leaf = (exact[0] if len(paths) > 1 else paths[0]).split(".")
        node = content
        for parent in parents:
            node = node[parent]
        node[leaf] = _parse(text, node[leaf])
        return decode(Config, content, option or f"--set {key}={text}")


def _leaves(config, prefix=""):
    """Yield the dotted path of every setting; the names that pick a preset's kind of parts are not settings."""
    for entry in dataclasses.fields(config):
        value = getattr(config, entry.name)
        if entry.name == "preset" or (entry.name == "name" and not isinstance(config, OptimizerConfig)):
            continue
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{prefix}{entry.name}.")
        else:
            yield prefix + entry.name


def _parse(text, old):
    """Read `text` as the type of the old value; what cannot be read stays text, and decoding refuses it."""
    if isinstance(old, tuple | list):
        return [part for part in text.split(",") if part]
    if isinstance(old, str):
        return text
    # JSON knows no ".5".
    for read in (json.loads, float):
        with contextlib.suppress(ValueError, RecursionError):
            return read(text)
    return text
