"""The verb `presets`: what there is to train, from which paper, and every setting with its source."""

import argparse
import difflib
import operator
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from coursework.cli.parsing import Verbs, add_verb
from coursework.util.errors import UserError

if TYPE_CHECKING:
    from coursework.config.schema import Config

# Characters of a source in the list.
SOURCE_WIDTH = 70


def add_presets(verbs: Verbs) -> None:
    """Add the verb `presets`."""
    parser = add_verb(verbs, "presets", _presets, "List the presets, or every setting of one with its source.")
    parser.add_argument("name", metavar="PRESET", nargs="?", help="preset to show (default: list all)")


def _presets(arguments: argparse.Namespace) -> None:
    from coursework.config.presets import PRESETS

    lines = _overview(PRESETS.values()) if arguments.name is None else _settings(find_preset(arguments.name))
    print("\n".join(lines))


def find_preset(name: str) -> "Config":
    """Return the preset `name`; raises `UserError`, which suggests similar names, where there is none."""
    from coursework.config.presets import PRESETS

    if name not in PRESETS:
        close = difflib.get_close_matches(name, PRESETS, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UserError(f'unknown preset "{name}"; {hint}`python -m coursework presets` lists all')
    return PRESETS[name]


def _overview(configs: "Iterable[Config]") -> list[str]:
    from coursework.config.presets import SOURCES

    rows = [("preset", "data set", "epochs", "parameters", "one core", "source")]
    for config in configs:
        source = textwrap.shorten(SOURCES.get(config.preset, "").split(";")[0], SOURCE_WIDTH, placeholder=" ...")
        rows.append((config.preset, config.dataset, str(config.epochs), *_cost(config), source))
    return [
        *_columns(rows),
        "",
        "one core: about how long the whole training takes on one core of a server CPU.",
        "`python -m coursework presets PRESET` shows the settings of one.",
    ]


def _settings(config: "Config") -> list[str]:
    from coursework.config.presets import SETTING_SOURCES, SOURCES
    from coursework.config.schema import Config, leaves
    from coursework.util.validation import validate

    sources = SETTING_SOURCES.get(config.preset, {})
    kinds = {"model": {"name": config.model.name}, "network": {"name": config.network.name}}
    default = validate(Config, {"preset": config.preset, **kinds}, config.preset)
    rows = [("setting", "value", "source")]
    for path in leaves(config):
        value = operator.attrgetter(path)(config)
        usual = "default" if value == operator.attrgetter(path)(default) else "the preset's source"
        rows.append((path, _shown(value), _source(sources, path) or usual))
    parameters, hours = _cost(config)
    size = f"{parameters} parameters, {hours} of one core" if parameters else "not measured"
    return [
        f"{config.preset}: model {config.model.name}, network {config.network.name} ({size})",
        f"Source: {SOURCES.get(config.preset, 'none given')}",
        "",
        *_columns(rows),
    ]


def _source(sources: dict[str, str], path: str) -> str:
    """Return the source of a setting, or of the innermost group that holds it; "" where neither has one."""
    while path:
        if path in sources:
            return sources[path]
        path = path.rpartition(".")[0]
    return ""


def _cost(config: "Config") -> tuple[str, str]:
    """Return (number of parameters, time of a training) as text, empty where they were not measured."""
    from coursework.config.costs import COSTS

    if config.preset not in COSTS:
        return "", ""
    cost = COSTS[config.preset]
    minutes = cost.minutes_per_epoch * config.epochs
    for unit, length in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * length:
            return f"{cost.parameters:,}", f"{minutes / length:.0f} {unit}"
    return f"{cost.parameters:,}", f"{minutes:.0f} min"


def _shown(value: Any) -> str:
    """Return a value as --set takes it, "-" for an empty list."""
    if isinstance(value, tuple):
        return ",".join(value) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
