"""What the rings study writes of its runs: scores.json and table.csv.

Runs are large and stay behind where scores are kept. So scores.json holds the configuration and every seed of each
setting, and a study continues from the file alone.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from coursework.config.presets_rings import LESSON, RINGS
from coursework.config.schema import Config
from coursework.data.mixtures import MIXTURES
from coursework.metrics.uncertainty import over_seeds
from coursework.studies.rings.training import STEPS_PER_EPOCH
from coursework.studies.tabulate import write_study
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import read_json

# A run is complete if it covers all modes and more than this share of samples is near one.
COMPLETE_QUALITY = 0.95
NAMES = ("modes", "high_quality")
Row: TypeAlias = dict[str, Any]
Curve: TypeAlias = dict[str, Any]
SETTINGS = [preset.preset for preset in (*RINGS, *LESSON)]


def identity(config: Config) -> str:
    """Return a hash of a configuration without its seed."""
    text = replace(config, seed=0).to_json()
    if getattr(config.model, "unrolled_steps", 0):
        # The same configuration once trained with an objective without the real term.
        text += "value function"
    return hashlib.sha256(text.encode()).hexdigest()


def values_of(run: Run) -> dict[str, float]:
    """Return {"modes", "high_quality"} of a finished run."""
    return {record["name"]: record["value"] for record in run.read_metrics()}


def groups(folder: str | Path) -> dict[str, list[Run]]:
    """Return {identity: finished runs in `folder` by seed}, in the order of mixtures, presets and steps.

    Raises `UserError` for a run that is none of a mixture.
    """
    found: dict[tuple, dict[int, Run]] = {}
    for run in Run.all(Path(folder) / "runs"):
        if run.is_finished():
            config = run.read_config()
            if config.dataset not in MIXTURES or config.preset not in SETTINGS:
                raise UserError(
                    f"{run.path} is of {config.preset} on {config.dataset}, which is none of the rings: give another "
                    "--folder"
                )
            place = list(MIXTURES).index(config.dataset), SETTINGS.index(config.preset), config.epochs
            found.setdefault((place, identity(config)), {})[config.seed] = run
    return {key: [found[place, key][seed] for seed in sorted(found[place, key])] for place, key in sorted(found)}


def recorded(folder: str | Path) -> dict[str, tuple[Row, Curve | None]]:
    """Return {identity: (row, curve)} of the settings in the scores.json of `folder`, {} where it cannot be read.

    Runs that are in `folder` and not finished are left out, and with one that was recorded the curve, a mean of all: it
    is None.
    """
    try:
        content = read_json(Path(folder) / "scores.json", dict)
        curves = {curve["config"]: _checked_curve(curve) for curve in content["curves"]}
        found = {row["config"]: (_checked_row(row), curves.get(row["config"])) for row in content["settings"]}
    except (UserError, KeyError, TypeError, ValueError, OverflowError):
        return {}
    begun: dict[str, set[int]] = {}
    for run in Run.all(Path(folder) / "runs"):
        if not run.is_finished():
            begun.setdefault(identity(run.read_config()), set()).add(run.read_config().seed)
    for key in found.keys() & begun.keys():
        row, _ = found[key]
        runs = [run for run in row["runs"] if run["seed"] not in begun[key]]
        if len(runs) == len(row["runs"]):
            continue
        del found[key]
        if runs:
            found[key] = {**row, "runs": runs}, None
    return found


def _checked_row(row: Row) -> Row:
    """Return a row of scores.json; raises an error for anything else."""
    _place(row)
    numbers = [run[name] for run in row["runs"] for name in (*NAMES, "seconds")]
    seeds = [run["seed"] for run in row["runs"]]
    if not seeds or any(type(seed) is not int for seed in seeds) or not np.isfinite(np.array(numbers, float)).all():
        raise ValueError("no setting of the study")
    return row


def _checked_curve(curve: Curve) -> Curve:
    """Return a curve of scores.json; raises an error for anything else."""
    for name in ("steps", *NAMES):
        if not np.isfinite(np.array(curve[name], float).reshape(len(curve["steps"]))).all():
            raise ValueError("no curve of the study")
    return curve


def summarize(folder: str | Path, published: dict, before: dict[str, tuple[Row, Curve | None]]) -> dict:
    """Write scores.json and table.csv of the runs in `folder` and of those recorded before; return the former.

    {"settings": [{"preset", "mixture", "steps", "config": `identity`, "seeds", "modes": {"mean", "standard_error"},
    "high_quality": ..., "complete": runs with all modes and more than `COMPLETE_QUALITY`, "seconds": mean of a run,
    "runs": [{"seed", "modes", "high_quality", "seconds"}]}], "published": [{"method", "source", "mixture", "modes",
    "high_quality"}], "curves": [{"preset", "mixture", "steps": [...], "config", "modes": [means], "high_quality":
    [means]}]}. before: what `recorded` found.
    """
    present = {key: _joined(key, runs, before.get(key)) for key, runs in groups(folder).items()}
    taken = {_place(row) for row, _ in present.values()}
    # A recorded row of another configuration in the place of a run is dropped.
    found = {key: pair for key, pair in before.items() if _place(pair[0]) not in taken} | present
    rows = sorted((row for row, _ in found.values()), key=_place)
    mixtures = {row["mixture"] for row in rows}
    content = {
        "settings": [_described(row) for row in rows],
        "published": [
            {"method": method, "source": source, "mixture": mixture, "modes": modes, "high_quality": quality}
            for (method, source), values in published.items()
            for mixture, (modes, quality) in values.items()
            if mixture in mixtures
        ],
        "curves": [curve for curve in (found[row["config"]][1] for row in rows) if curve],
    }
    write_study(folder, content, _table_rows(content))
    return content


def _place(row: Row) -> tuple[int, int, int]:
    return list(MIXTURES).index(row["mixture"]), SETTINGS.index(row["preset"]), int(row["steps"])


def _joined(key: str, runs: list[Run], recorded: tuple[Row, Curve | None] | None) -> tuple[Row, Curve]:
    """Return row and curve of finished runs and of what was `recorded` of the same configuration.

    Of a seed in both the run counts. A recorded curve is the mean over its seeds, and is joined by that of other runs.
    """
    config = runs[0].read_config()
    by_seed = {run.read_config().seed: run for run in runs}
    values = {
        seed: {"seed": seed, **values_of(run), "seconds": run.read_environment()["seconds"]}
        for seed, run in by_seed.items()
    }
    row, curve = recorded or ({"runs": []}, None)
    known = {run["seed"] for run in row["runs"]}
    joined = {run["seed"]: run for run in row["runs"]} | values
    row = {
        **{"preset": config.preset, "mixture": config.dataset, "config": key},
        "steps": config.epochs * STEPS_PER_EPOCH,
        "runs": [joined[seed] for seed in sorted(joined)],
    }
    if curve is None or known <= by_seed.keys():
        return row, _curve(key, runs)
    new = [run for seed, run in by_seed.items() if seed not in known]
    if new:
        added, share = _curve(key, new), len(known) / len(joined)
        for name in NAMES:
            both = zip(curve[name], added[name], strict=True)
            curve = {**curve, name: [share * old + (1 - share) * other for old, other in both]}
    return row, curve


def _curve(key: str, runs: list[Run]) -> Curve:
    """Return the mean curve of runs of one configuration; a run that ended early counts as it ended."""
    config, logs = runs[0].read_config(), [run.read_log() for run in runs]
    means = {
        name: [
            float(np.mean([log[name][min(epoch, len(log[name]) - 1)] for log in logs]))
            for epoch in range(config.epochs)
        ]
        for name in NAMES
    }
    steps = [(epoch + 1) * STEPS_PER_EPOCH for epoch in range(config.epochs)]
    return {"preset": config.preset, "mixture": config.dataset, "config": key, "steps": steps, **means}


def _described(row: Row) -> Row:
    """Return a row with what follows from its runs."""
    runs, count = row["runs"], len(MIXTURES[row["mixture"]]().modes)
    return {
        **{name: row[name] for name in ("preset", "mixture", "steps", "config")},
        "seeds": len(runs),
        **{name: over_seeds([run[name] for run in runs]) for name in NAMES},
        "complete": sum(run["modes"] == count and run["high_quality"] > COMPLETE_QUALITY for run in runs),
        "seconds": float(np.mean([run["seconds"] for run in runs])),
        "runs": runs,
    }


def _table_rows(content: dict) -> list[list]:
    rows: list[list] = [["mixture", "setting", "steps", "seeds"]]
    for name in NAMES:
        words = name.replace("_", " ")
        rows[0] += [words, f"{words}, standard error"]
    rows[0].append("complete")
    for row in content["settings"]:
        values = [row[name][key] for name in NAMES for key in ("mean", "standard_error")]
        rows.append([row["mixture"], row["preset"], row["steps"], row["seeds"], *values, row["complete"]])
    for row in content["published"]:
        values = [row["modes"], "", row["high_quality"], "", ""]
        rows.append([row["mixture"], f"{row['method']} ({row['source']})", "", "", *values])
    return rows
