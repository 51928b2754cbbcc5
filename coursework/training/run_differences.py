"""What differs between two runs: settings, software and machine, images, and from which epoch on their logs do."""

import dataclasses
import math
from typing import Any

from coursework.config.schema import Config
from coursework.training.run import Run

# What may differ between a run and its continuation: how long it trains and how often it looks at itself.
CONTINUABLE = ("epochs", "sample_every", "score_every")
# Entries of environment.json that say how far a run came, and not what it depends on.
PROGRESS = {
    "seconds",
    "processor_seconds",
    "epochs_done",
    "images_seen",
    "finished",
    "incidents",
    "changes",
    "parameters",
}


def run_differences(first: Run, second: Run) -> list[str]:
    """Return lines of text, one for each difference of two `Run`s in their records."""
    lines = [
        f"setting {name}: {old} | {new}"
        for name, old, new in setting_differences(first.read_config(), second.read_config())
    ]
    environments = [
        {name: value for name, value in run.read_environment().items() if name not in PROGRESS}
        for run in (first, second)
    ]
    for name in sorted(set(environments[0]) | set(environments[1])):
        old, new = (environment.get(name) for environment in environments)
        if old != new:
            lines.append(f"{name.replace('_', ' ')}: {_shown(old)} | {_shown(new)}")
    return lines + log_differences(first.read_log(), second.read_log())


def setting_differences(before: Any, after: Any, prefix: str = "") -> list[tuple[str, object, object]]:
    """Return [(dotted name, value before, value after)] of the settings in which two configurations differ."""
    found = []
    for field in dataclasses.fields(Config if not prefix else type(before)):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        if dataclasses.is_dataclass(old) and type(old) is type(new):
            found += setting_differences(old, new, f"{prefix}{field.name}.")
        else:
            found.append((f"{prefix}{field.name}", old, new))
    return found


def other_training(before: Config, after: Config) -> list[tuple[str, object, object]]:
    """Return those of `setting_differences` that make another training: the one cannot resume the other."""
    return [entry for entry in setting_differences(before, after) if entry[0] not in CONTINUABLE]


def log_differences(first: dict[str, list[float]], second: dict[str, list[float]]) -> list[str]:
    """Return a line that names the first epoch in which two logs differ, and one where they differ in length."""
    lengths = [len(log.get("epoch", [])) for log in (first, second)]
    names = [name for name in first if name in second and name != "seconds"]
    for row in range(min(lengths)):
        for name in names:
            old, new = first[name][row], second[name][row]
            if old != new and not (math.isnan(old) and math.isnan(new)):
                return [f"log: the same up to epoch {row}, then {name} of epoch {row + 1} is {old:g} | {new:g}"]
    if lengths[0] != lengths[1]:
        return [f"log: {lengths[0]} | {lengths[1]} epochs, the same as far as both go"]
    return []


def _shown(value):
    text = "not told" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
