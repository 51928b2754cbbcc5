"""What the rings study writes of its runs: scores.json and table.csv.

Runs are large and stay behind where scores are kept. So scores.json holds the configuration and every seed of each
setting, and a study continues from the file alone.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

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

# All modes and this share of samples within three standard deviations of one: what a run is wanted to reach.
WANTED_QUALITY = 0.95
NAMES = ("modes", "high_quality")
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
    found: dict = {}
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


def recorded(folder: str | Path) -> dict:
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


def _checked_row(row):
    """Return a row of scores.json; raises an error for what is none."""
    _place(row)
    for run in row["runs"]:
        numbers = [run["seed"], *(run[name] for name in (*NAMES, "seconds"))]
        if type(run["seed"]) is not int or not np.isfinite(np.array(numbers, float)).all():
            raise ValueError("no run of the study")
    if not row["runs"]:
        raise ValueError("no setting of the study")
    return row


def _checked_curve(curve):
    """Return a curve of scores.json; raises an error for what is none."""
    for name in ("steps", *NAMES):
        if not np.isfinite(np.array(curve[name], float).reshape(len(curve["steps"]))).all():
            raise ValueError("no curve of the study")
    return curve


def summarize(folder: str | Path, published: dict, before: dict) -> dict:
    """Write scores.json and table.csv of the runs in `folder` and of those recorded before; return the former.

    {"settings": [{"preset", "mixture", "steps", "config": `identity`, "seeds", "modes": {"mean", "standard_error"},
    "high_quality": ..., "complete": runs with all modes and more than `WANTED_QUALITY`, "seconds": mean of a run,
    "runs": [{"seed", "modes", "high_quality", "seconds"}]}], "published": [{"method", "source", "mixture", "modes",
    "high_quality"}], "curves": [{"preset", "mixture", "steps": [...], "config", "modes": [means], "high_quality":
    [means]}]}. before: what `recorded` found.
    """
    present = {key: _of_runs(key, runs) for key, runs in groups(folder).items()}
    taken = {_place(row) for row, _, _ in present.values()}
    # What is of another configuration and would stand in the same place gives way.
    found = {key: pair for key, pair in before.items() if key in present or _place(pair[0]) not in taken}
    for key, (row, curve, curve_of) in present.items():
        found[key] = _joined(row, curve, curve_of, *found[key]) if key in found else (row, curve)
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


def _place(row):
    return list(MIXTURES).index(row["mixture"]), SETTINGS.index(row["preset"]), int(row["steps"])


def _of_runs(key, runs):
    """Return row and curve of finished runs that differ in their seed, and a function for the curve of some of them."""
    config = runs[0].read_config()
    where = {"preset": config.preset, "mixture": config.dataset, "config": key}
    each = [
        {"seed": run.read_config().seed, **values_of(run), "seconds": run.read_environment()["seconds"]} for run in runs
    ]
    logs = {run["seed"]: log for run, log in zip(each, (run.read_log() for run in runs), strict=True)}

    def curve_of(seeds):
        """One that ended early counts as it ended."""
        return {
            **where,
            "steps": [(epoch + 1) * STEPS_PER_EPOCH for epoch in range(config.epochs)],
            **{
                name: [
                    float(np.mean([logs[seed][name][min(epoch, len(logs[seed][name]) - 1)] for seed in seeds]))
                    for epoch in range(config.epochs)
                ]
                for name in NAMES
            },
        }

    return {**where, "steps": config.epochs * STEPS_PER_EPOCH, "runs": each}, curve_of(logs), curve_of


def _joined(row, curve, curve_of, before, curve_before):
    """Return row and curve of runs and of what was recorded before; of a seed that is in both the run counts."""
    seeds, known = {run["seed"] for run in row["runs"]}, {run["seed"] for run in before["runs"]}
    runs = [*row["runs"], *(run for run in before["runs"] if run["seed"] not in seeds)]
    joined = {**row, "runs": sorted(runs, key=lambda run: run["seed"])}
    if curve_before is None or known <= seeds:
        return joined, curve
    if not seeds - known:
        return joined, curve_before
    added = curve_of(seeds - known)
    shares = len(known) / len(runs), len(seeds - known) / len(runs)
    means = {
        name: [shares[0] * old + shares[1] * new for old, new in zip(curve_before[name], added[name], strict=True)]
        for name in NAMES
    }
    return joined, {**curve, **means}


def _described(row):
    """Return a row with what follows from its runs."""
    runs, count = row["runs"], len(MIXTURES[row["mixture"]]().modes)
    return {
        **{name: row[name] for name in ("preset", "mixture", "steps", "config")},
        "seeds": len(runs),
        **{name: over_seeds([run[name] for run in runs]) for name in NAMES},
        "complete": sum(run["modes"] == count and run["high_quality"] > WANTED_QUALITY for run in runs),
        "seconds": float(np.mean([run["seconds"] for run in runs])),
        "runs": runs,
    }


def _table_rows(content):
    rows = [["mixture", "setting", "steps", "seeds"]]
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
