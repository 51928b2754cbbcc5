"""The configuration of a run, with a strict JSON round trip and settings by name."""

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field
from pydantic.dataclasses import dataclass

from coursework.config.models import ModelConfig, OptimizerConfig
from coursework.config.networks import NetworkConfig
from coursework.util.errors import UserError
from coursework.util.files import parse_json
from coursework.util.validation import STRICT, validate

Precision: TypeAlias = Literal["float32", "mixed_bfloat16", "auto"]


@dataclass(frozen=True, config=STRICT)
class Config:
    """Everything that determines the outcome of a run, apart from the software.

    sample_every: epochs between sample grids. score_every: epochs between scores for the best weights, 0 for never.
    classes: names of the classes to train on, empty for all.
    """

    preset: str
    model: ModelConfig
    network: NetworkConfig
    dataset: str = "cifar10"
    classes: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    epochs: Annotated[int, Field(ge=1)] = 100
    batch_size: Annotated[int, Field(ge=2)] = 64
    horizontal_flips: bool = False
    precision: Precision = "float32"
    sample_every: Annotated[int, Field(ge=1)] = 1
    score_every: Annotated[int, Field(ge=0)] = 5

    @property
    def critic_steps(self) -> int:
        """Discriminator updates in one step, each on its own batch; 1 for a model without the setting."""
        return getattr(self.model, "critic_steps", 1)

    @property
    def images_per_step(self) -> int:
        """Number of training images in one step."""
        return self.batch_size * self.critic_steps * getattr(self.model, "packing", 1)

    @property
    def decays(self) -> bool:
        """Whether a learning rate falls over the whole training, which then cannot be extended."""
        return any(getattr(value, "decay", "constant") != "constant" for value in vars(self.model).values())

    def to_json(self) -> str:
        """Return the configuration as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str | Path = "configuration") -> "Config":
        """Return the configuration in JSON text; raises `UserError`, which begins with `source`, for any other text."""
        return validate(cls, parse_json(text, source), str(source))

    def has_setting(self, key: str) -> bool:
        """Return whether `with_setting` knows `key`."""
        return any(_is_named(path, key) for path in leaves(self))

    def with_setting(self, key: str, text: str, option: str | None = None) -> "Config":
        """Return a copy with the value in `text` for the setting `key`.

        key: name of a setting, or its dotted path where several have that name ("generator_optimizer.rate").
        option: what the user typed, for messages; by default "--set key=text".
        Raises `UserError` for an unknown or ambiguous key, and for a value that the setting does not take.
        """
        paths = [path for path in leaves(self) if _is_named(path, key)]
        if not paths:
            known = sorted({path.split(".", 1)[-1] for path in leaves(self)})
            raise UserError(f'preset {self.preset} has no setting "{key}"; it has {", ".join(known)}')
        exact = [path for path in paths if path == key or path.split(".", 1)[-1] == key]
        if len(paths) > 1 and len(exact) != 1:
            raise UserError(f'setting "{key}" is ambiguous: {" or ".join(paths)}')
        content = dataclasses.asdict(self)
        *parents, leaf = (exact[0] if len(paths) > 1 else paths[0]).split(".")
        node = content
        for parent in parents:
            node = node[parent]
        node[leaf] = _parse(text, node[leaf])
        return validate(Config, content, option or f"--set {key}={text}")


def with_settings(configs: Sequence[Config], settings: Iterable[tuple[str, str]]) -> Sequence[Config]:
    """Return the configurations, each changed by the (key, value) pairs whose setting it has.

    Raises `UserError` for a setting that none of them has, and for a value that one of them does not take.
    """
    for key, value in settings:
        having = [config.has_setting(key) for config in configs]
        if not any(having):
            raise UserError(f'none of {", ".join(config.preset for config in configs)} has a setting "{key}"')
        pairs = zip(configs, having, strict=True)
        configs = [config.with_setting(key, value) if has else config for config, has in pairs]
    return configs


def _is_named(path: str, key: str) -> bool:
    return path == key or path.endswith("." + key)


def leaves(config: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every setting; the names of preset, model and network are none."""
    for entry in dataclasses.fields(config):
        value = getattr(config, entry.name)
        if entry.name == "preset" or (entry.name == "name" and not isinstance(config, OptimizerConfig)):
            continue
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{prefix}{entry.name}.")
        else:
            yield prefix + entry.name


def _parse(text: str, old: Any) -> Any:
    """Return the value in `text`, of the type of `old`; unreadable text is returned, and refused by validation."""
    if isinstance(old, tuple | list):
        return [part for part in text.split(",") if part]
    if isinstance(old, str):
        return text
    # JSON has no ".5".
    for read in (json.loads, float):
        with contextlib.suppress(ValueError, RecursionError):
            return read(text)
    return text
