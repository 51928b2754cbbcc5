"""The lines study: how well seven autoencoders interpolate, compared with the table of Berthelot et al. 2018."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from coursework.config.presets_lines import LINES
from coursework.config.schema import Config, Precision, with_settings
from coursework.data.lines import TRAIN_COUNT, angles_of, draw_lines
from coursework.metrics.lines import TEMPLATES, interpolation_scores
from coursework.metrics.uncertainty import over_seeds
from coursework.networks.latents import draw_posterior_codes, interpolate
from coursework.studies.lines.figures import draw_curves, draw_interpolations
from coursework.studies.tabulate import timed, write_study
from coursework.training.loop import train
from coursework.training.precision import with_precision
from coursework.training.run import Report, Run
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError
from coursework.util.tables import aligned, with_error

Pairs: TypeAlias = list[tuple[Config, Run]]

FOLDER = Path("reports/lines")
IMAGES = 2**18
# Table 1 of the paper, after 2^24 images.
PUBLISHED = {
    "lines-baseline": {"mean_distance": 6.88e-3, "smoothness": 0.44},
    "lines-dropout": {"mean_distance": 2.85e-3, "smoothness": 0.74},
    "lines-denoising": {"mean_distance": 4.21e-3, "smoothness": 0.66},
    "lines-vae": {"mean_distance": 1.21e-3, "smoothness": 0.49},
    "lines-aae": {"mean_distance": 3.26e-3, "smoothness": 0.14},
    "lines-vqvae": {"mean_distance": 5.41e-3, "smoothness": 0.77},
    "lines-acai": {"mean_distance": 0.24e-3, "smoothness": 0.10},
}
SCORES = ("mean_distance", "smoothness")
# Epochs after which the models are scored first; then after each doubling.
FIRST_EPOCHS = 1
# Of the test lines between which all models interpolate, and of a VAE's samples.
SEED = 0
# What the lines task scores: paths between pairs of test lines, and steps of each.
PAIRS = 256
STEPS = 16


def run_lines(
    folder: str | Path = FOLDER,
    images: int = IMAGES,
    minutes: float | None = None,
    seeds: int = 1,
    precision: Precision = "float32",
    settings: Sequence[tuple[str, str]] = (),
    presets: Sequence[Config] = LINES,
    report: Report = print,
) -> dict:
    """Train every preset with `seeds` seeds on `images` images each, score them, write the study into `folder`.

    minutes: instead of `images`, about how long all of it may train, earlier calls included; all runs get an equal
    number of images. Training goes round in doublings of the budget, so that what is there at any time compares
    equals and shows the way towards more; a call with a larger budget continues. Writes runs/, scores.json, table.csv,
    interpolations.png and curves.png; returns the content of scores.json. precision: as in `Config`; a study has one.
    settings: (key, value) pairs as `Config.with_setting` takes them, of every preset that has the key. Raises
    `UserError` for a budget of nothing, a setting that no preset has, and where `folder` holds runs of other settings.
    """
    folder, step = Path(folder), timed(report)
    configs = with_settings([dataclasses.replace(config, precision=precision) for config in presets], settings)
    configs = [with_precision(config, report=report) for config in configs]
    for config in configs:
        # Every run is resumed with larger and larger budgets.
        if config.decays:
            raise UserError(f"{config.preset}: rates that fall over the whole of training do not go with this study")
    runs = [
        (dataclasses.replace(config, seed=seed), Run(folder / "runs" / f"{config.preset}-s{seed}"))
        for seed in range(seeds)
        for config in configs
    ]

    epochs = _epochs_for_minutes(runs, minutes, step) if minutes else math.ceil(images / TRAIN_COUNT)
    if epochs < 1 or not runs:
        raise UserError("nothing to train: give at least one image, or one minute, and one seed")
    epochs = _at_least_what_is_there(runs, epochs, minutes)
    for milestone in milestones(epochs):
        for config, run in runs:
            _train(config, run, milestone, epochs, step)
            _score(run, milestone)
        content = summarize(folder, configs, seeds, milestone, settings)
    draw_curves(content["records"], PUBLISHED, folder / "curves.png")
    named = [(run.name.rsplit("-s", 1)[0].removeprefix("lines-"), run) for config, run in runs if config.seed == 0]
    draw_interpolations([(name, interpolations(run)) for name, run in named], folder / "interpolations.png", SEED)
    report("\n".join(["", *table(content)]))
    step(f"done: {folder / 'scores.json'}, table.csv, interpolations.png and curves.png")
    return content


def milestones(epochs: int) -> list[int]:
    """Return the numbers of epochs after which models are scored: doublings of `FIRST_EPOCHS`, at last `epochs`."""
    found = [FIRST_EPOCHS]
    while found[-1] < epochs:
        found.append(2 * found[-1])
    return [*found[:-1], epochs]


def _at_least_what_is_there(runs: Pairs, epochs: int, minutes: float | None) -> int:
    """Return `epochs`, or for a budget in minutes those of the longest run, which cannot be scored at fewer any more.

    Raises `UserError` for a budget in images that a run has exceeded without a score at it.
    """
    for _, run in runs:
        done = run.read_environment().get("epochs_done", 0)
        if done > epochs and not any(record.get("epochs") == epochs for record in run.read_metrics()):
            if not minutes:
                seen = done * TRAIN_COUNT
                raise UserError(
                    f"{run.path} has {seen:,} images behind it and no scores at {epochs * TRAIN_COUNT:,}: "
                    f"give --images {seen} or more, or another --folder"
                )
            epochs = done
    return epochs


def _epochs_for_minutes(runs: Pairs, minutes: float, step: Report) -> int:
    """Train every run for one epoch at least, and return how many epochs of all of them take so long."""
    seconds = 0.0
    for config, run in runs:
        if not run.read_log():
            _train(config, run, 1, 1, step)
        # Not the first epoch where there is another: it holds the building of the graph.
        seconds += float(np.median(run.read_log()["seconds"][1:] or run.read_log()["seconds"]))
    return max(1, round(60 * minutes / seconds))


def _train(config: Config, run: Run, epochs: int, goal: int, step: Report) -> None:
    """Bring the run to `epochs` epochs, unless it is there already."""
    done = run.read_environment().get("epochs_done", 0) >= epochs and run.network("generator").is_file()
    # A run of other settings is left to `train`, which says what differs.
    if done and dataclasses.replace(run.read_config(), epochs=config.epochs) == config:
        return
    step(f"{run.name}: to {epochs * TRAIN_COUNT:,} of {goal * TRAIN_COUNT:,} images")
    keras.utils.clear_session()
    train(dataclasses.replace(config, epochs=epochs), run, report=step)


def _score(run: Run, epochs: int) -> None:
    """Add the run's scores to its metrics.json, if it stands at `epochs` epochs and has none of that yet."""
    environment = run.read_environment()
    if environment["epochs_done"] != epochs or any(record.get("epochs") == epochs for record in run.read_metrics()):
        return
    conditions = {
        "n": PAIRS * STEPS,
        "reference": "lines:templates",
        "reference_n": TEMPLATES,
        "resize": None,
        "seed": SEED,
        "weights": "last",
        "extractor": None,
        "epochs": epochs,
        "images_seen": environment["images_seen"],
        "training_seconds": environment["seconds"],
        "dataset_fingerprint": environment["dataset_fingerprint"],
    }
    values = interpolation_scores(interpolations(run))
    # JSON has no NaN: a model whose interpolations never turn has no smoothness.
    scores = [{"name": name, "value": None if math.isnan(value) else value} for name, value in values.items()]
    run.add_metrics([score | conditions for score in scores], ("name", "epochs"))


def interpolations(run: Run) -> np.ndarray:
    """Return the paper's interpolations by a trained run."""
    trained = TrainedRun(run)

    def encode(images: np.ndarray) -> np.ndarray:
        outputs = trained.network("encoder").predict(images, batch_size=250, verbose=0)
        if not isinstance(outputs, list | tuple):
            return outputs
        # The authors interpolate between samples of the VAE's posterior, like those that its decoder is trained on.
        mean, log_variance = outputs
        return draw_posterior_codes(mean, log_variance, SEED)

    def decode(codes: np.ndarray) -> np.ndarray:
        return trained.generator.predict(codes, batch_size=250, verbose=0)

    return interpolate_lines(encode, decode, seed=SEED)


def interpolate_lines(
    encode: Callable, decode: Callable, pairs: int = PAIRS, steps: int = STEPS, seed: int = 0
) -> np.ndarray:
    """Return the paper's interpolations, float32 (pairs, steps, 32, 32, 1): straight between codes of test lines.

    encode: images float32 (n, 32, 32, 1) in [-1, 1] -> codes (n, ...); decode: codes -> images, not rounded, since the
    scores see a rounding. seed: of the test lines; the same for every model.
    """
    codes = np.asarray(encode(draw_lines(angles_of("test", 2 * pairs, seed))))
    paths = [interpolate(first, last, steps) for first, last in zip(codes[:pairs], codes[pairs:], strict=True)]
    decoded = np.asarray(decode(np.concatenate(paths)), dtype=np.float32)
    return decoded.reshape(pairs, steps, *decoded.shape[1:])


def summarize(
    folder: str | Path, presets: Sequence[Config], seeds: int, epochs: int, settings: Sequence[tuple[str, str]] = ()
) -> dict:
    """Write scores.json and table.csv of the runs in `folder` at `epochs` epochs; return the content of scores.json.

    {"images", "precision", "settings": ["key=value"] that were given, "models": [{"preset", "mean_distance": {"mean",
    "spread", "seeds", "published"}, "smoothness": ...}], "records": [{"preset", "seed", "images", "seconds",
    "mean_distance", "smoothness"}] at every number of images}.
    The spread is the standard deviation over seeds, None for one seed.
    """
    records = [
        {"preset": config.preset, "seed": seed, **record}
        for config in presets
        for seed in range(seeds)
        for record in _records(Run(Path(folder) / "runs" / f"{config.preset}-s{seed}"))
    ]
    images = epochs * TRAIN_COUNT
    chosen = [record for record in records if record["images"] == images]
    models: list[dict[str, Any]] = []
    for preset in (config.preset for config in presets):
        models.append({"preset": preset})
        for name in SCORES:
            values = [record[name] for record in chosen if record["preset"] == preset]
            found = over_seeds(values, ("mean", "spread", "seeds"))
            models[-1][name] = found | {"published": PUBLISHED[preset][name]}
    content = {
        "images": images,
        "precision": presets[0].precision,
        "settings": [f"{key}={value}" for key, value in settings],
        "models": models,
        "records": records,
    }
    columns = ("mean", "spread", "seeds", "published")
    cells = [(name, column) for name in SCORES for column in columns]
    rows: list[list] = [["model", "images", *map(" ".join, cells)]]
    rows += [[model["preset"], images, *(model[name][column] for name, column in cells)] for model in models]
    write_study(folder, content, rows)
    return content


def _records(run: Run) -> list[dict]:
    """Return one dict for each number of images at which the run was scored."""
    found: dict[int, dict] = {}
    for record in run.read_metrics():
        if record.get("reference") == "lines:templates":
            row = {"images": record["images_seen"], "seconds": record["training_seconds"]}
            found.setdefault(record["epochs"], row)[record["name"]] = record["value"]
    return [found[epochs] for epochs in sorted(found)]


def table(content: dict) -> list[str]:
    """Return the lines of the table for a terminal: ours, with the spread over seeds, and the paper's."""
    others = ", ".join([content["precision"], *content["settings"]])
    rows = [["", "mean distance x 1000", "paper", "smoothness", "paper"]]
    for model in content["models"]:
        rows.append([model["preset"].removeprefix("lines-")])
        for name, factor in (("mean_distance", 1e3), ("smoothness", 1.0)):
            score = model[name]
            ours = with_error(score["mean"], score["spread"], 2, factor, missing="undefined")
            rows[-1] += [ours, f"{factor * score['published']:.2f}"]
    title = (
        f"Lines after {content['images']:,} images ({others}); the paper's (2^24 images) next to ours; lower is better"
    )
    return [title, *aligned(rows)]
