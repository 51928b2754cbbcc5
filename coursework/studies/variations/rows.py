"""The rows of a study: from its runs' scores to means, differences, curves and the table."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coursework.metrics.uncertainty import over_seeds
from coursework.training.run import Run
from coursework.util.tables import cell

BASE = "as it is"
SCORE = "fd_judge"
COLUMNS = (
    *("variation", "settings", "seeds", "FD-judge", "standard error", "difference", "standard error of the difference"),
    *("images", "processor minutes"),
)


def slug_of(title: str) -> str:
    """Return what the runs of a row are called, but for their seed."""
    return re.sub(r"[^\w.,=-]+", "-", title)


def run_of(folder: str | Path, name: str, title: str, seed: int) -> Run:
    """Return the run of a row and seed."""
    return Run(Path(folder) / name / "runs" / f"{slug_of(title)}-s{seed}")


def diverged(run: Run) -> bool:
    """Return whether a guard has ended the run's training."""
    environment = run.read_environment()
    return not environment.get("finished") and bool(
        {incident.get("kind") for incident in environment.get("incidents", [])} & {"not finite", "discriminator won"}
    )


def score_of(run: Run, conditions: dict) -> dict | None:
    """Return the record of the run's score that was measured under these conditions, None where there is none."""
    for record in run.read_metrics():
        if record["name"] == SCORE and all(record.get(key) == value for key, value in conditions.items()):
            return record
    return None


def summaries(folder: str | Path, name: str, texts: dict[str, str], seeds: int, conditions: dict) -> list[dict]:
    """Return the rows of the study from its runs, with scores of these conditions.

    texts: {title: settings}, first the row that the others are compared with.
    """
    found: list[dict] = []
    base: list = []
    for title, settings in texts.items():
        runs = [run_of(folder, name, title, seed) for seed in range(seeds)]
        values = [score_of(run, conditions) for run in runs]
        numbers: list = [value and value["value"] for value in values]
        first = not found
        base = numbers if first else base
        pairs = zip(numbers, base, strict=True)
        own = over_seeds(numbers)
        differences = over_seeds([None if None in (here, there) else here - there for here, there in pairs])
        finished = [run.read_environment() for run, value in zip(runs, values, strict=True) if value]
        found.append(
            {
                "variation": title,
                "settings": settings,
                "seeds": seeds,
                "mean": own["mean"],
                "error": own["standard_error"],
                "difference": None if first else differences["mean"],
                "difference_error": None if first else differences["standard_error"],
                "diverged": sum(diverged(run) for run in runs),
                "images": _mean(finished, "images_seen"),
                "processor_seconds": _mean(finished, "processor_seconds"),
                "runs": [
                    {"seed": seed, "value": number, "error": value and value.get("error"), "curve": _curve(run)}
                    for seed, (run, number, value) in enumerate(zip(runs, numbers, values, strict=True))
                ],
            }
        )
    return found


def _mean(environments: Sequence[dict], key: str) -> float | None:
    return float(np.mean([one[key] for one in environments])) if environments else None


def _curve(run: Run) -> dict[str, list]:
    """Return the scores that the run measured while it trained."""
    log, environment = run.read_log(), run.read_environment()
    share = environment.get("processor_seconds", 0.0) / 60 / max(environment.get("epochs_done", 0), 1)
    pairs = [
        (int(epoch), value)
        for epoch, value in zip(log.get("epoch", []), log.get(SCORE, []), strict=False)
        if math.isfinite(value)
    ]
    return {
        "epochs": [epoch for epoch, _ in pairs],
        "minutes": [epoch * share for epoch, _ in pairs],
        "values": [value for _, value in pairs],
    }


def cells(rows: list[dict]) -> list[Sequence[str]]:
    """Return the table of the rows as texts, its titles first."""
    return [COLUMNS, *map(_cells, rows)]


def _cells(row: dict) -> list[str]:
    return [
        row["variation"],
        row["settings"],
        str(row["seeds"] - row["diverged"]) + (f" ({row['diverged']} diverged)" if row["diverged"] else ""),
        cell(row["mean"], ".2f"),
        cell(row["error"], ".2f"),
        cell(row["difference"], "+.2f"),
        cell(row["difference_error"], ".2f"),
        cell(row["images"], ".0f"),
        cell(row["processor_seconds"] and row["processor_seconds"] / 60, ".1f"),
    ]
