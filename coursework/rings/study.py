"""The study: every setting on every mixture with many seeds, and its table."""

import dataclasses
import json
import math
import time
from pathlib import Path

import numpy as np

from coursework.data.mixtures import MIXTURES
from coursework.errors import UserError
from coursework.files import write_text
from coursework.metrics.seeds import over_seeds
from coursework.presets_rings import LESSON, RINGS
from coursework.rings.figures import draw_curves, draw_samples
from coursework.rings.published import PUBLISHED
from coursework.rings.training import STEPS_PER_EPOCH, PointTrainer, is_trained, sample_points, train_points
from coursework.run import Run
from coursework.sampling import TrainedRun
from coursework.tables import write_csv

FOLDER = Path("reports/rings")
SEEDS = 10
# All modes and this share of samples within three standard deviations of one: what a run is wanted to reach.
WANTED_QUALITY = 0.95
NAMES = ("modes", "high_quality")


def run_rings(
    folder=FOLDER, steps=None, seeds=SEEDS, presets=RINGS, mixtures=tuple(MIXTURES), report=print, published=PUBLISHED
):
    """Train every preset on every mixture with `seeds` seeds, score them, write the study into `folder`.

    steps: of each run, in place of the presets' own number; rounded up to a thousand. Every seed is trained in all
    settings before the next, so that what is there at any time compares equals; finished runs are left as they are.
    Writes runs/ and, of all runs that are finished there, scores.json, table.csv, samples.png and curves.png; returns
    the content of scores.json. Raises `UserError` for a budget of nothing. published: rows that stand beside ours.
    """
    folder, started = Path(folder), time.perf_counter()
    if seeds < 1 or not presets or not mixtures or (steps is not None and steps < 1):
        raise UserError("nothing to train: give at least one step, one seed, one setting and one mixture")

    def step(text):
        report(f"[{time.perf_counter() - started:5.0f} s] {text}")

    presets = [preset if steps is None else with_steps(preset, steps) for preset in presets]
    cases = [
        (dataclasses.replace(preset, dataset=mixture, seed=seed), preset)
        for seed in range(seeds)
        for preset in presets
        for mixture in mixtures
    ]
    trainers = {}
    for number, (config, preset) in enumerate(cases, start=1):
        run = run_of(folder, config)
        if is_trained(config, run):
            continue
        if preset.preset not in trainers:
            trainers[preset.preset] = PointTrainer(preset)
        train_points(trainers[preset.preset], config, run)
        step(f"{number} of {len(cases)}, {run.name}: {_outcome(config, run)}")
    content = summarize(folder, published)
    draw_curves(content["curves"], folder / "curves.png")
    draw_samples(_samples(folder), folder / "samples.png")
    report("\n".join(["", *table(content)]))
    step(f"done: {folder / 'scores.json'}, table.csv, samples.png and curves.png")
    return content


def with_steps(preset, steps):
    """Return the preset with another number of steps, rounded up to whole epochs."""
    return dataclasses.replace(preset, epochs=math.ceil(steps / STEPS_PER_EPOCH))


def run_of(folder, config):
    """Return the run of a setting, mixture, number of thousands of steps and seed."""
    setting = config.preset.removeprefix("rings-")
    return Run(Path(folder) / "runs" / f"{setting}-{config.dataset}-{config.epochs}k-s{config.seed}")


def _outcome(config, run):
    values, count = values_of(run), len(MIXTURES[config.dataset]().modes)
    return f"{values['modes']:.0f} of {count} modes, {100 * values['high_quality']:.1f} % of high quality"


def values_of(run):
    """Return {"modes", "high_quality"} of a finished run."""
    return {record["name"]: record["value"] for record in run.read_metrics()}


def groups(folder):
    """Return {(mixture, preset, epochs): runs by seed} of the finished runs in `folder`, in the presets' order."""
    names = [preset.preset for preset in (*RINGS, *LESSON)]
    found = {}
    for run in Run.all(Path(folder) / "runs"):
        if run.is_finished():
            config = run.read_config()
            place = list(MIXTURES).index(config.dataset), names.index(config.preset), config.epochs, config.seed
            found[place] = run
    together = {}
    for place in sorted(found):
        mixture, name, epochs, _ = place
        together.setdefault((list(MIXTURES)[mixture], names[name], epochs), []).append(found[place])
    return together


def summarize(folder, published):
    """Write scores.json and table.csv of the finished runs in `folder`; return the content of scores.json.

    {"settings": [{"preset", "mixture", "steps", "seeds", "modes": {"mean", "standard_error"}, "high_quality": ...,
    "complete": runs with all modes and more than `WANTED_QUALITY`, "seconds": mean of a run, "runs": [{"seed", "modes",
    "high_quality"}]}], "published": [{"method", "source", "mixture", "modes", "high_quality"}], "curves": [{"preset",
    "mixture", "steps": [...], "modes": [means], "high_quality": [means]}]}.
    """
    together = groups(folder)
    rows = [
        {"method": method, "source": source, "mixture": mixture, "modes": modes, "high_quality": quality}
        for (method, source), values in published.items()
        for mixture, (modes, quality) in values.items()
        if mixture in {mixture for mixture, _, _ in together}
    ]
    content = {
        "settings": [_summary(*key, runs) for key, runs in together.items()],
        "published": rows,
        "curves": [_curve(*key, runs) for key, runs in together.items()],
    }
    write_text(Path(folder) / "scores.json", json.dumps(content, indent=1) + "\n")
    _write_table(Path(folder) / "table.csv", content)
    return content


def _summary(mixture, preset, epochs, runs):
    found = [values_of(run) for run in runs]
    count = len(MIXTURES[mixture]().modes)
    return {
        "preset": preset,
        "mixture": mixture,
        "steps": epochs * STEPS_PER_EPOCH,
        "seeds": len(runs),
        **{name: over_seeds([values[name] for values in found]) for name in NAMES},
        "complete": sum(v["modes"] == count and v["high_quality"] > WANTED_QUALITY for v in found),
        "seconds": float(np.mean([run.read_environment()["seconds"] for run in runs])),
        "runs": [{"seed": run.read_config().seed, **values} for run, values in zip(runs, found, strict=True)],
    }


def _curve(mixture, preset, epochs, runs):
    """Return both scores over steps, means over the seeds; a run that ended early counts as it ended."""
    logs = [run.read_log() for run in runs]
    return {
        "preset": preset,
        "mixture": mixture,
        "steps": [(epoch + 1) * STEPS_PER_EPOCH for epoch in range(epochs)],
        **{
            name: [float(np.mean([log[name][min(e, len(log[name]) - 1)] for log in logs])) for e in range(epochs)]
            for name in NAMES
        },
    }


def _samples(folder):
    """Return {(preset, mixture): samples (n, 2)} of the first seed's run, with the most steps where there are several.

    Runs whose networks are gone are left out.
    """
    found = {}
    for (mixture, preset, _), (run, *_) in groups(folder).items():
        if run.network("generator").is_file():
            distribution = run.read_config().model.latent_distribution
            found[preset, mixture] = sample_points(TrainedRun(run).generator, distribution, MIXTURES[mixture]())
    return found


def _write_table(file, content):
    rows = [["mixture", "setting", "steps", "seeds", "modes", "error", "high quality", "error", "complete"]]
    for row in content["settings"]:
        cells = [row[name][key] for name in NAMES for key in ("mean", "standard_error")]
        shown = ["" if cell is None else f"{cell:.6g}" for cell in cells]
        rows.append([row["mixture"], row["preset"], row["steps"], row["seeds"], *shown, row["complete"]])
    for row in content["published"]:
        cells = [f"{row['modes']:g}", "", f"{row['high_quality']:g}", "", ""]
        rows.append([row["mixture"], f"{row['method']} ({row['source']})", "", "", *cells])
    write_csv(file, rows)


def table(content):
    """Return the lines of the tables for a terminal, one a mixture: ours with standard errors, then the published."""
    lines = []
    for mixture in dict.fromkeys(row["mixture"] for row in content["settings"]):
        count = len(MIXTURES[mixture]().modes)
        heading = f"{mixture}, {count} modes"
        lines += [
            *[""] * bool(lines),
            f"{heading:40} {'modes':>14} {'high quality %':>17} {'complete':>9} {'steps':>7}",
        ]
        for row in content["settings"]:
            if row["mixture"] == mixture:
                modes, quality = _cell(row["modes"], 1, 2), _cell(row["high_quality"], 100, 1)
                complete = f"{row['complete']} of {row['seeds']}"
                lines.append(f"{row['preset']:40} {modes:>14} {quality:>17} {complete:>9} {row['steps']:>7,}")
        for row in content["published"]:
            if row["mixture"] == mixture:
                name = f"{row['method']} (paper of {row['source']})"
                lines.append(f"{name:40} {row['modes']:>14g} {100 * row['high_quality']:>17.1f}")
    return lines


def _cell(score, factor, digits):
    error = score["standard_error"]
    text = f"{factor * score['mean']:.{digits}f}"
    return text if error is None else f"{text} ± {factor * error:.{digits}f}"
