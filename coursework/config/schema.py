"""Configurations: frozen dataclasses with a strict JSON round trip."""

import contextlib
import dataclasses
import json
from dataclasses import dataclass

from coursework.config.decoding import decode, one_of, setting
from coursework.config.models import (
    MODEL_CONFIGS,
    AAEConfig,
    ACAIConfig,
    AdversarialConfig,
    DenoisingAutoencoderConfig,
    DropoutAutoencoderConfig,
    LabelsConfig,
    OptimizerConfig,
    PlainAutoencoderConfig,
    VAEConfig,
    VQVAEConfig,
    WGANGPConfig,
)
from coursework.config.networks import (
    NETWORK_CONFIGS,
    AutoencoderConfig,
    DCGANConfig,
    MLPConfig,
    QuantizedAutoencoderConfig,
    ResNetConfig,
    VectorAutoencoderConfig,
)
from coursework.util.errors import UserError
from coursework.util.files import parse_json

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
    "LabelsConfig",
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
    precision: str = setting("float32", choices=("float32", "mixed_bfloat16", "auto"))
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

    @property
    def decays(self):
        """Whether the rate of a player falls over the whole of training, which then has no sequel."""
        return any(getattr(value, "decay", "constant") != "constant" for value in vars(self.model).values())

    def to_json(self):
        """Return the configuration as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text, source="configuration"):
        """Parse and check JSON; raises `UserError`, naming `source`, for anything that `to_json` would not write."""
        return decode(cls, parse_json(text, source), str(source))

    def has_setting(self, key):
        """Tell whether `with_setting` knows `key`, whatever the value."""
        return any(_is_named(path, key) for path in _leaves(self))

    def with_setting(self, key, text, option=None):
        """Return a copy in which the setting `key` has the value written in `text`.

        `key` is a field's name, or a dotted path where the bare name stands in several places
        ("generator_optimizer.rate"). option: how the user gave it, for messages; by default "--set key=text".
        Raises `UserError` for an unknown or ambiguous key and for a value that the setting does not take.
        """
        paths = [path for path in _leaves(self) if _is_named(path, key)]
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


def with_settings(configs, settings):
    """Return the configurations, each with those of the (key, value) pairs that it has a setting for.

    Raises `UserError` for a setting that none has, and for a value that one does not take.
    """
    for key, value in settings:
        having = [config.has_setting(key) for config in configs]
        if not any(having):
            raise UserError(f'none of {", ".join(config.preset for config in configs)} has a setting "{key}"')
        pairs = zip(configs, having, strict=True)
        configs = [config.with_setting(key, value) if has else config for config, has in pairs]
    return configs


def _is_named(path, key):
    return path == key or path.endswith("." + key)


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
