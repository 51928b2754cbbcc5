"""The table of runs and their twins in PyTorch: runs that differ only in their seed form one pair of rows."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from coursework.figures.scores import newest_score
from coursework.metrics.uncertainty import over_seeds
from coursework.training.run import Run
from coursework.training.run_differences import other_training
from coursework.util.errors import UserError

FOLDER = Path("reports/peers")
SAMPLES = 10_000
SHOWN = {"fd_judge": "FD-judge", "precision": "precision", "recall": "recall"}
HEADER = ["run", "by", "seeds", "images", "processor minutes"]
HEADER += [title for score in SHOWN.values() for title in (score, f"{score}, standard error")]


def table() -> list[list[str]]:
    """Return the rows of the table, titles first: in each pair the runs of this package, then their twins.

    An error is the standard error over seeds; for a single seed, over its samples. Raises `UserError` if the runs of a
    pair differ in settings, images seen, or the judge.
    """
    groups = {}
    for file in sorted(FOLDER.glob("*/metrics.json")):
        twin, run = Run(file.parent), _own_run(file.parent.name)
        sides = groups.setdefault(re.sub(r"-s\d+$", "", run.name), {"here": [], "PyTorch": []})
        sides["here"].append(run)
        sides["PyTorch"].append(twin)
    rows = [HEADER]
    for title, sides in groups.items():
        _require_alike(title, [run for seeds in sides.values() for run in seeds])
        for side, seeds in sides.items():
            environments = [each.read_environment() for each in seeds]
            minutes = np.mean([environment["processor_seconds"] / 60 for environment in environments])
            row = [title, side, str(len(seeds)), str(environments[0]["images_seen"]), f"{minutes:.1f}"]
            metrics = [each.read_metrics() for each in seeds]
            rows.append(row + [cell for name in SHOWN for cell in _cells(name, metrics)])
    return rows


def _require_alike(title: str, runs: list[Run]) -> None:
    first = replace(runs[0].read_config(), seed=0)
    for run in runs:
        for name, one, other in other_training(first, replace(run.read_config(), seed=0)):
            raise UserError(f"{title}: {name} is {one} in {runs[0].path}, {other} in {run.path}: they make no pair")
    counts = sorted({run.read_environment()["images_seen"] for run in runs})
    if len(counts) > 1:
        raise UserError(f"{title}: {' and '.join(map(str, counts))} images make no pair: train the rest")
    judges = {record["extractor_sha256"] for run in runs if (record := record_of("fd_judge", run.read_metrics()))}
    if len(judges) > 1:
        raise UserError(f"{title}: scored by {len(judges)} judges: evaluate its runs again, then name them here")


def _own_run(name: str) -> Run:
    """Return the run whose twin is in reports/peers/<name>: one of reports/peers/runs, or of reports/runs."""
    kept = FOLDER / "runs" / name
    return Run.existing(kept if (kept / "config.json").is_file() else name)


def record_of(name: str, metrics: list[dict]) -> dict | None:
    """Return the judge's newest record of `SAMPLES` samples of the last weights, None if there is none."""
    return newest_score([record for record in metrics if record.get("n") == SAMPLES], name, "judge")


def _cells(name: str, seeds: list[list[dict]]) -> list[str]:
    """Return the score and its error as texts, from each seed's metrics."""
    records = [record_of(name, metrics) for metrics in seeds]
    if None in records:
        return ["", ""]
    found = over_seeds([record["value"] for record in records])
    error = records[0].get("error") if len(records) == 1 else found["standard_error"]
    return [f"{found['mean']:.4f}", "" if error is None else f"{error:.4f}"]
