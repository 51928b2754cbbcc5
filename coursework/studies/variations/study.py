"""Studies: variations of one preset at an equal budget and with equal seeds, and what each of them is worth."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras

from coursework.config.schema import Config
from coursework.data import load_dataset
from coursework.evaluation.evaluate import evaluate
from coursework.evaluation.sources import EVALUATION_SEED
from coursework.extractors.judge import require_judge
from coursework.studies.tabulate import timed, write_study
from coursework.studies.variations.checks import refuse_untrainable
from coursework.studies.variations.figure import draw_study
from coursework.studies.variations.rows import BASE, SCORE, cells, diverged, run_of, score_of, summaries
from coursework.training.guards import Diverged
from coursework.training.loop import train
from coursework.training.precision import with_precision
from coursework.training.run import Report, Run
from coursework.training.scorer import TRAINING_SAMPLES
from coursework.util.errors import UserError
from coursework.util.files import read_json
from coursework.util.tables import aligned

FOLDER = Path("reports/studies")
# What decides how many images are seen, which ones, and by whom they are judged.
SHARED = ("epochs", "dataset", "classes", "seed", "score_every")


def run_study(
    name: str,
    config: Config,
    variations: Sequence[str],
    seeds: int = 1,
    samples: int | None = None,
    minutes: float | None = None,
    first: str = BASE,
    folder: str | Path = FOLDER,
    report: Report = print,
) -> dict:
    """Train `config` and each of its `variations` with seeds 0 to `seeds` - 1, score them, write the study `name`.

    variations: texts such as "loss=hinge critic_steps=5" or, under a name of your own, "five steps: critic_steps=5",
    each one row after the configuration as it is. All runs have equally many epochs, those of one seed of the same
    images in the same order; with `minutes` each run has as many whole epochs, one at least, as fit in so many minutes
    of processor time on this machine, in place of the configuration's. A seed of every row is trained before the next,
    and the study written after each, so that what is there at any time compares equals; what is finished is left as it
    is. samples: number of generated images a score is of, as in `evaluate`. first: what the row of the configuration
    itself is called. Writes, in `folder`, <name>/runs/, <name>.csv, <name>.json and <name>.png; returns the content of
    the JSON:

    {"name", "config", "minutes", "score", "n", "extractor_sha256", "rows": [{"variation", "settings", "seeds", "mean",
    "error", "difference", "difference_error", "diverged", "images", "processor_seconds", "runs": [{"seed", "value",
    "error", "curve": {"epochs", "minutes", "values"}}]}]}

    An error is the standard error over seeds, None with one seed; a difference is to the first row's, seed by seed.
    Images and processor seconds are means over seeds, a curve's minutes are of processor time, each epoch's an equal
    part. A run that diverges has no value and is counted. All values are of the last weights by the same judge, with
    the same number and seed of samples; "n" and "extractor_sha256" say which. Raises `UserError`, before anything is
    trained, for settings that are none or do not go together, for those that would make rows incomparable, where runs
    of that name hold another training, and where there is no judge.
    """
    if seeds < 1:
        raise UserError("nothing to train: give at least one seed")
    if minutes is not None and not (math.isfinite(minutes) and minutes > 0):
        raise UserError(f"no time to train: {minutes} minutes")
    if not re.fullmatch(r"[\w-]{1,60}", name):
        raise UserError(f'"{name[:60]}" is no name of a study: use letters, digits, - and _')
    texts = named(variations, first)
    config = with_precision(config, report=report)
    rows = {title: with_precision(varied(config, text), report=report) for title, text in texts.items()}
    dataset = load_dataset(config.dataset, config.classes)
    conditions = {
        "n": samples or len(dataset.test_images),
        "extractor_sha256": require_judge(dataset).sha256,
        "seed": EVALUATION_SEED,
        "weights": "last",
    }
    folder, step = Path(folder), timed(report)
    content = {"name": name, "config": json.loads(config.to_json()), "minutes": minutes, "score": SCORE}
    content |= {key: conditions[key] for key in ("n", "extractor_sha256")}
    before = _written(folder, name)
    refuse_untrainable(rows, folder, name, seeds, minutes, dataset, before.get("minutes"))
    known = _seeds(before) if {key: before.get(key) for key in content} == content else 0

    for seed in range(seeds):
        news = False
        for number, (title, row) in enumerate(rows.items()):
            step(f"seed {seed + 1} of {seeds}, {number + 1} of {len(rows)}: {title}")
            run = run_of(folder, name, title, seed)
            news |= _train_and_score(replace(row, seed=seed), run, conditions, minutes, step)
        # A table of more seeds is replaced only at the end.
        if seed == seeds - 1 or (news and seed + 1 >= known):
            content["rows"] = summaries(folder, name, texts, seed + 1, conditions)
            write_study(folder, content, cells(content["rows"]), name)
            draw_study(content, folder / f"{name}.png", TRAINING_SAMPLES)
    report("\n".join(["", *aligned([[title, *numbers] for title, _, *numbers in cells(content["rows"])])]))
    step(f"done: {folder / name}.csv, .json and .png")
    return content


def _written(folder: Path, name: str) -> dict:
    """Return the JSON of the study as an earlier call has left it, {} where there is none that can be read."""
    try:
        return read_json(folder / f"{name}.json", dict)
    except UserError:
        return {}


def _seeds(content: dict) -> int:
    rows = content.get("rows")
    counts = [row.get("seeds") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return max((count for count in counts if isinstance(count, int)), default=0)


def named(variations: Sequence[str], first: str = BASE) -> dict[str, str]:
    """Return {title: settings} of the rows, that of `first` without any; raises `UserError` for a title given twice."""
    found = {first: ""}
    for text in variations:
        title, _, settings = text.rpartition(": ")
        title = title.strip() or text
        if found.setdefault(title, settings) != settings:
            raise UserError(f"--vary {text}: another variation is called {title}")
    return found


def varied(config: Config, text: str) -> Config:
    """Return `config` with the settings in `text`, "key=value" separated by spaces; raises `UserError`."""
    for assignment in text.split():
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UserError(f'--vary takes "KEY=VALUE KEY=VALUE", not "{assignment}"')
        if key in SHARED:
            raise UserError(f"--vary {assignment}: all rows of a study share {key}; set it for all of them")
        config = config.with_setting(key, value, option=f"--vary {assignment}")
    return config


def _train_and_score(config: Config, run: Run, conditions: dict, minutes: float | None, step: Report) -> bool:
    """Train and score what is not done yet; return whether anything was to be done."""
    before = score_of(run, conditions)
    if diverged(run) or (before and _is_trained(config, run, minutes)):
        return False
    try:
        if minutes is None:
            _train(config, run, step)
        else:
            _train_for(minutes, config, run, step)
    except Diverged as error:
        step(str(error))
        return True
    if score_of(run, conditions) is None:
        evaluate(run, conditions["n"], metrics=["fd"], report=step)
    return True


def _is_trained(config: Config, run: Run, minutes: float | None) -> bool:
    epochs = config.epochs if minutes is None else _epochs_in(minutes, run)
    return run.is_finished() and run.read_environment()["epochs_done"] == epochs


def _train(config: Config, run: Run, step: Report) -> None:
    if _is_trained(config, run, None) and run.network("generator").is_file():
        return
    keras.utils.clear_session()
    train(config, run, report=step)


def _train_for(minutes: float, config: Config, run: Run, step: Report) -> None:
    """Train as many whole epochs as fit in so many minutes of processor time, one at least."""
    epochs = None
    # The first epoch, in which the program is compiled too, gives the first number, and the time of those the next.
    while (fitting := _epochs_in(minutes, run)) != epochs:
        epochs = fitting
        _train(replace(config, epochs=epochs), run, step)


def _epochs_in(minutes: float, run: Run) -> int:
    """Return how many epochs fit, by the time of those that are done: never fewer than these."""
    environment = run.read_environment()
    done = environment.get("epochs_done", 0)
    if not done:
        return 1
    return max(done, int(minutes * done / (environment["processor_seconds"] / 60)))
