"""Settings of several runs side by side: those that differ, and those that all have."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coursework.config.schema import Config
from coursework.report.context import ReportedRun
from coursework.report.document import Block, Caption, cell, cite, name, row, table
from coursework.report.method import sources_of
from coursework.report.values import duration, value_text

RUNS_PER_TABLE = 4
ABSENT = "–"
# Options that are off; they have a row only where one of the runs makes use of them.
OFF = {
    "model.generator_batch_factor": 1,
    "model.dequantize": False,
    "model.unrolled_steps": 0,
    "model.packing": 1,
    "model.augmentations": (),
    "model.labels": "real 1, fake 0",
    "model.head_start": 0,
}


def settings_of(config: Config) -> dict[str, Any]:
    """Return {dotted name: value} of a `Config`; an optimiser is one value in words, and so are the labels."""
    found = {}

    def visit(content: dict[str, Any], prefix: str) -> None:
        for key, value in content.items():
            if isinstance(value, dict) and key.endswith("optimizer"):
                found[prefix + key] = optimizer_words(value)
            elif key == "labels":
                found[prefix + key] = labels_words(value)
            elif isinstance(value, dict):
                visit(value, f"{prefix}{key}.")
            else:
                found[prefix + key] = value

    visit(asdict(config), "")
    return found


def optimizer_words(settings: dict[str, Any]) -> str:
    """Return an optimiser's settings in one line: "adam 0.0002, β 0.5 0.999, ε 1e-8, constant"."""
    betas = f"β {settings['beta_1']:g} {settings['beta_2']:g}, ε {value_text(settings['epsilon'])}"
    momentum = betas if settings["name"] == "adam" else f"momentum {settings['beta_1']:g}"
    return f"{settings['name']} {settings['rate']:g}, {momentum}, {settings['decay']}"


def labels_words(settings: dict[str, Any]) -> str:
    """Return a discriminator's labels in one line: "real 0.7 to 1.2, fake 0, 5 % swapped"."""
    parts = []
    for kind in ("real", "fake"):
        low, high = settings[f"{kind}_low"], settings[f"{kind}_high"]
        parts.append(f"{kind} {low:g}" + (f" to {high:g}" if high != low else ""))
    if settings["flipped"]:
        parts.append(f"{100 * settings['flipped']:g} % swapped")
    return ", ".join(parts)


def differing(configs: Sequence[Config]) -> list[tuple[str, list[Any]]]:
    """Return [(dotted name, [value or None for a run without it])] of the settings in which the runs differ.

    Options that are off wherever they are there are left out.
    """
    every = [settings_of(config) for config in configs]
    keys = dict.fromkeys(key for settings in every for key in settings)
    rows = [(key, [settings.get(key) for settings in every]) for key in keys]
    return [
        (key, values)
        for key, values in rows
        if any(value != values[0] for value in values)
        and any(value is not None and value != OFF.get(key, ABSENT) for value in values)
    ]


def common(configs: Sequence[Config]) -> list[tuple[str, Any]]:
    """Return [(dotted name, value)] of the settings that all runs share, without options that are off."""
    first, *others = [settings_of(config) for config in configs]
    return [
        (key, value)
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others) and value != OFF.get(key, ABSENT)
    ]


def words_of(key: str) -> str:
    """Return the words for a setting's dotted name: "network.latent_size" is "network: latent size"."""
    *parents, leaf = key.split(".")
    if leaf == "name" and len(parents) == 1:
        return parents[0]
    leaf = leaf if leaf != "name" else "kind"
    parents = [parent for parent in parents if parent != "model"]
    return ": ".join([*parents, leaf]).replace("_", " ").replace("optimizer", "optimiser")


def settings_blocks(runs: list[ReportedRun]) -> list[Block]:
    """Return the tables of settings: of one run what its training took, then all of them; of several those that differ
    by run with what their training took, then those in common."""
    configs = [run.config for run in runs]
    pairs = [(words_of(key), setting_text(key, value)) for key, value in common(configs)]
    if len(runs) == 1:
        took = [(words, setting_text("", values[0])) for words, values in _measured(runs)]
        sources = sources_of(runs[0].config.preset)
        origin: Caption = [", from ", cite(*sources)] if sources else []
        return [_in_pairs("settings", [*took, *pairs], ["Training and settings of ", name(runs[0].name), *origin, "."])]
    rows, blocks = differing(configs), []
    # Five runs are three and two, not four and one.
    width = math.ceil(len(runs) / math.ceil(len(runs) / RUNS_PER_TABLE))
    for start in range(0, len(runs), width):
        chosen = slice(start, start + width)
        more = ", continued" if start else ""
        caption: Caption = [f"Settings in which the runs differ, and what their training took{more}."]
        shown = [(key, values[chosen]) for key, values in rows if any(value is not None for value in values[chosen])]
        blocks.append(_side_by_side(runs[chosen], shown, caption))
    return [*blocks, *([_in_pairs("common-settings", pairs, ["Settings that all runs share."])] if pairs else [])]


def _in_pairs(target: str, pairs: list[tuple[str, str]], caption: Caption) -> Block:
    """Return a table of settings and their values in two columns of pairs."""
    half = (len(pairs) + 1) // 2
    left, right = pairs[:half], [*pairs[half:], ("", "")]
    lines = [row(*one, *other) for one, other in zip(left, right, strict=False)]
    align = ["left", "right", "left", "right"]
    return table(target, ["Setting", "Value", "Setting", "Value"], lines, caption, align, [1.3, 1.4, 1.3, 1.4])


def _side_by_side(runs: list[ReportedRun], rows: list[tuple[str, list[Any]]], caption: Caption) -> Block:
    lines = [row(words_of(key), *(setting_text(key, value) for value in values)) for key, values in rows]
    sources = [sources_of(run.config.preset) for run in runs]
    if any(sources):
        lines.insert(0, row("settings from", *(cell(cite(*keys)) if keys else cell(ABSENT) for keys in sources)))
    for index, (words, values) in enumerate(_measured(runs)):
        lines.append(row(words, *(setting_text("", value) for value in values), ruled=not index and bool(lines)))
    header: Caption = ["Setting", *(cell(name(run.name)) for run in runs)]
    return table("settings", header, lines, caption, weights=[1.5] + [1] * len(runs))


def _measured(runs: list[ReportedRun]) -> list[tuple[str, list[Any]]]:
    """Return [(words, values)] of what training took and what the networks hold, without what no run recorded."""
    measured: list[tuple[str, list[Any]]] = [
        ("epochs done", [run.environment.get("epochs_done") for run in runs]),
        ("images seen", [run.environment.get("images_seen") for run in runs]),
        ("processor time", [_time(run.environment, "processor_seconds") for run in runs]),
        ("time", [_time(run.environment, "seconds") for run in runs]),
        ("images a processor second", [_rate(run.environment) for run in runs]),
    ]
    networks = dict.fromkeys(key for run in runs for key in run.environment.get("parameters") or {})
    measured += [
        (f"parameters: {key}", [(run.environment.get("parameters") or {}).get(key) for run in runs]) for key in networks
    ]
    return [(words, values) for words, values in measured if any(value is not None for value in values)]


def _time(environment: dict[str, Any], key: str) -> str | None:
    return duration(environment[key]) if environment.get(key) else None


def _rate(environment: dict[str, Any]) -> int | None:
    images, seconds = environment.get("images_seen"), environment.get("processor_seconds")
    return round(images / seconds) if images and seconds else None


def setting_text(key: str, value: Any) -> str:
    """Return the value of the setting `key` as a reader expects it."""
    if value is None:
        return ABSENT
    if key == "seed":
        return str(value)
    if key == "classes" and not value:
        return "all"
    return value_text(value)
