"""Studies: variations of one preset at an equal budget and with equal seeds, and what each of them is worth."""

import json
import math
import re
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from coursework.data import load_dataset
from coursework.errors import UserError
from coursework.evaluation import TRAINING_SAMPLES, evaluate, require_judge
from coursework.files import write_text
from coursework.guards import Diverged
from coursework.metrics.seeds import over_seeds
from coursework.run import Run
from coursework.sources import EVALUATION_SEED
from coursework.study_figure import draw_study
from coursework.tables import aligned, write_csv
from coursework.training import train

FOLDER = Path("reports/studies")
BASE = "as it is"
SCORE = "fd_judge"
# What decides how many images are seen, which ones, and by whom they are judged.
SHARED = ("epochs", "dataset", "classes", "seed", "score_every")
COLUMNS = (
    *("variation", "seeds", "FD-judge", "standard error", "difference", "standard error of the difference"),
    *("images", "processor minutes"),
)


def run_study(name, config, variations, seeds=1, samples=None, folder=FOLDER, report=print):
    """Train `config` and each of its `variations` with seeds 0 to `seeds` - 1, score them, write the study `name`.

    variations: texts such as "loss=hinge critic_steps=5", each one row beside the configuration as it is. All runs see
    equally many images, and those of one seed the same ones. A seed of every row is trained before the next, so that
    what is there at any time compares equals; what is finished is left as it is. samples: number of generated images
    a score is of, as in `evaluate`. Writes, in `folder`, <name>/runs/, <name>.csv, <name>.json and <name>.png; returns
    the content of the JSON:

    {"name", "config", "score", "n", "extractor_sha256", "rows": [{"variation", "seeds", "mean", "error", "difference",
    "difference_error", "diverged", "images", "processor_seconds", "runs": [{"seed", "value", "error", "curve":
    {"epochs", "values"}}]}]}

    An error is the standard error over seeds, None with one seed; a difference is to the first row's, seed by seed.
    A run that diverges has no value and is counted. All values are of the last weights by the same judge, with the
    same number and seed of samples; "n" and "extractor_sha256" say which. Raises `UserError`, before anything is
    trained, for settings that are none and those that would make rows incomparable, and where there is no judge.
    """
    if seeds < 1:
        raise UserError("nothing to train: give at least one seed")
    if not re.fullmatch(r"[\w-]{1,60}", name):
        raise UserError(f'"{name[:60]}" is no name of a study: use letters, digits, - and _')
    rows = {BASE: config, **{text: varied(config, text) for text in variations}}
    dataset = load_dataset(config.dataset, config.classes)
    conditions = {
        "n": samples or len(dataset.test_images),
        "extractor_sha256": require_judge(dataset).sha256,
        "seed": EVALUATION_SEED,
        "weights": "last",
    }
    folder, started = Path(folder), time.perf_counter()

    def step(text):
        report(f"[{time.perf_counter() - started:5.0f} s] {text}")

    for seed in range(seeds):
        for number, (title, row) in enumerate(rows.items()):
            step(f"seed {seed + 1} of {seeds}, {number + 1} of {len(rows)}: {title}")
            _train_and_score(replace(row, seed=seed), run_of(folder, name, title, seed), conditions, step)
    content = {"name": name, "config": json.loads(config.to_json()), "score": SCORE}
    content |= {key: conditions[key] for key in ("n", "extractor_sha256")}
    content["rows"] = summaries(folder, name, rows, seeds, conditions)
    write_text(folder / f"{name}.json", json.dumps(content, indent=1) + "\n")
    write_csv(folder / f"{name}.csv", cells(content["rows"]))
    draw_study(content["rows"], folder / f"{name}.png", conditions["n"], TRAINING_SAMPLES)
    report("\n".join(["", *aligned(cells(content["rows"]))]))
    step(f"done: {folder / name}.csv, .json and .png")
    return content


def varied(config, text):
    """Return `config` with the settings in `text`, "key=value" separated by spaces; raises `UserError`."""
    for assignment in text.split():
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UserError(f'--vary takes "KEY=VALUE KEY=VALUE", not "{assignment}"')
        if key in SHARED:
            raise UserError(f"--vary {assignment}: all rows of a study share {key}; set it for all of them")
        config = config.with_setting(key, value, option=f"--vary {assignment}")
    return config


def run_of(folder, name, title, seed):
    """Return the run of a row and seed."""
    slug = re.sub(r"[^\w.,=-]+", "-", title)
    return Run(Path(folder) / name / "runs" / f"{slug}-s{seed}")


def _train_and_score(config, run, conditions, step):
    if diverged(run):
        return
    if not (run.is_finished() and run.network("generator").is_file() and run.read_config() == config):
        if run.read_metrics():
            # Of fewer epochs than this call wants.
            run.write_metrics([])
        keras.utils.clear_session()
        try:
            train(config, run, report=step)
        except Diverged as error:
            step(str(error))
            return
    if _score(run, conditions) is None:
        evaluate(run, conditions["n"], metrics=["fd"], report=step)


def diverged(run):
    """Tell whether a guard has ended the run's training."""
    environment = run.read_environment()
    return not environment.get("finished") and bool(
        {incident.get("kind") for incident in environment.get("incidents", [])} & {"not finite", "discriminator won"}
    )


def _score(run, conditions):
    """Return the record of the run's score that was measured under these conditions, None where there is none."""
    for record in run.read_metrics():
        if record["name"] == SCORE and all(record.get(key) == value for key, value in conditions.items()):
            return record
    return None


def summaries(folder, name, rows, seeds, conditions):
    """Return the rows of the study from its runs, with scores of these conditions."""
    found, base = [], None
    for title in rows:
        runs = [run_of(folder, name, title, seed) for seed in range(seeds)]
        values = [_score(run, conditions) for run in runs]
        numbers = [value and value["value"] for value in values]
        base = base or numbers
        pairs = zip(numbers, base, strict=True)
        own = over_seeds(numbers)
        differences = over_seeds([None if None in pair else pair[0] - pair[1] for pair in pairs])
        finished = [run.read_environment() for run, value in zip(runs, values, strict=True) if value]
        found.append(
            {
                "variation": title,
                "seeds": seeds,
                "mean": own["mean"],
                "error": own["standard_error"],
                "difference": None if title == BASE else differences["mean"],
                "difference_error": None if title == BASE else differences["standard_error"],
                "diverged": sum(diverged(run) for run in runs),
                "images": finished[0]["images_seen"] if finished else None,
                "processor_seconds": float(np.mean([one["processor_seconds"] for one in finished]))
                if finished
                else None,
                "runs": [
                    {"seed": seed, "value": number, "error": value and value.get("error"), "curve": _curve(run)}
                    for seed, (run, number, value) in enumerate(zip(runs, numbers, values, strict=True))
                ],
            }
        )
    return found


def _curve(run):
    """Return the scores that the run measured while it trained."""
    log = run.read_log()
    pairs = [
        (int(epoch), value)
        for epoch, value in zip(log.get("epoch", []), log.get(SCORE, []), strict=False)
        if math.isfinite(value)
    ]
    return {"epochs": [epoch for epoch, _ in pairs], "values": [value for _, value in pairs]}


def cells(rows):
    """Return the table of the rows as texts, its titles first."""
    return [COLUMNS, *map(_cells, rows)]


def _cells(row):

    def number(value, digits=2):
        return "" if value is None else f"{value:.{digits}f}"

    return [
        row["variation"],
        str(row["seeds"] - row["diverged"]) + (f" ({row['diverged']} diverged)" if row["diverged"] else ""),
        number(row["mean"]),
        number(row["error"]),
        "" if row["difference"] is None else f"{row['difference']:+.2f}",
        number(row["difference_error"]),
        "" if row["images"] is None else str(row["images"]),
        "" if row["processor_seconds"] is None else number(row["processor_seconds"] / 60, 1),
    ]
