"""The study: every setting on every mixture with many seeds, and its table."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coursework.config.presets_rings import RINGS
from coursework.config.schema import Config
from coursework.data.mixtures import MIXTURES
from coursework.studies.rings.figures import draw_curves, draw_samples
from coursework.studies.rings.summary import groups, identity, recorded, summarize, values_of
from coursework.studies.rings.training import STEPS_PER_EPOCH, PointTrainer, is_trained, sample_points, train_points
from coursework.studies.tabulate import timed
from coursework.training.run import Report, Run
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError
from coursework.util.tables import aligned, cell, with_error

FOLDER = Path("reports/rings")
SEEDS = 10
# What VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018) report of ring and grid.
# (method, source): {mixture: (modes, share of high quality)}; none reports the ring with centre.
PUBLISHED = {
    ("GAN", "VEEGAN"): {"ring": (1.0, 0.993), "grid": (3.3, 0.005)},
    ("unrolled GAN, 5 steps", "VEEGAN"): {"ring": (7.6, 0.356), "grid": (23.6, 0.16)},
    ("VEEGAN", "VEEGAN"): {"ring": (8.0, 0.529), "grid": (24.6, 0.40)},
    ("GAN", "PacGAN"): {"ring": (6.3, 0.982), "grid": (17.3, 0.948)},
    ("PacGAN2", "PacGAN"): {"ring": (7.9, 0.956), "grid": (23.8, 0.913)},
    ("PacGAN4", "PacGAN"): {"ring": (7.8, 0.959), "grid": (24.8, 0.936)},
}


def run_rings(
    folder: str | Path = FOLDER,
    steps: int | None = None,
    seeds: int = SEEDS,
    presets: Sequence[Config] = RINGS,
    mixtures: Sequence[str] = tuple(MIXTURES),
    report: Report = print,
    published: dict = PUBLISHED,
) -> dict:
    """Train every preset on every mixture with `seeds` seeds, score them, write the study into `folder`.

    steps: of each run, in place of the presets' own number; rounded up to a thousand. Every seed is trained in all
    settings before the next, so that what is there at any time compares equals; finished runs are left as they are.
    A seed in scores.json counts as finished where its run is gone. Writes runs/ and, of all that is
    finished, scores.json, table.csv, samples.png and curves.png; returns the content of scores.json. Raises `UserError`
    for a budget of nothing. published: rows for comparison.
    """
    folder, step = Path(folder), timed(report)
    if seeds < 1 or not presets or not mixtures or (steps is not None and steps < 1):
        raise UserError("nothing to train: give at least one step, one seed, one setting and one mixture")

    presets = [preset if steps is None else with_steps(preset, steps) for preset in presets]
    cases = [
        (dataclasses.replace(preset, dataset=mixture, seed=seed), preset)
        for seed in range(seeds)
        for preset in presets
        for mixture in mixtures
    ]
    trainers, before = {}, recorded(folder)
    # Before hours of training, not after: nothing else may lie there.
    groups(folder)
    for number, (config, preset) in enumerate(cases, start=1):
        run = run_of(folder, config)
        if is_trained(config, run) or (not run.config_file.is_file() and config.seed in _seeds(before, config)):
            continue
        if preset.preset not in trainers:
            trainers[preset.preset] = PointTrainer(preset)
        train_points(trainers[preset.preset], config, run)
        step(f"{number} of {len(cases)}, {run.name}: {_outcome(config, run)}")
    content = summarize(folder, published, before)
    if content["curves"]:
        draw_curves(content["curves"], folder / "curves.png")
    samples, settings = _samples(folder), {(row["preset"], row["mixture"]) for row in content["settings"]}
    # A sheet with a setting whose runs are gone is better than a new one without it.
    if samples and (settings <= set(samples) or not (folder / "samples.png").is_file()):
        draw_samples(samples, folder / "samples.png")
    report("\n".join(["", *table(content)]))
    step(f"done: {folder / 'scores.json'}, table.csv, samples.png and curves.png")
    return content


def with_steps(preset: Config, steps: int) -> Config:
    """Return the preset with another number of steps, rounded up to whole epochs."""
    return dataclasses.replace(preset, epochs=math.ceil(steps / STEPS_PER_EPOCH))


def run_of(folder: str | Path, config: Config) -> Run:
    """Return the run of a setting, mixture, number of thousands of steps and seed."""
    setting = config.preset.removeprefix("rings-")
    return Run(Path(folder) / "runs" / f"{setting}-{config.dataset}-{config.epochs}k-s{config.seed}")


def _outcome(config: Config, run: Run) -> str:
    values, count = values_of(run), len(MIXTURES[config.dataset]().modes)
    return f"{values['modes']:.0f} of {count} modes, {100 * values['high_quality']:.1f} % of high quality"


def _seeds(before: dict, config: Config) -> set[int]:
    """Return the seeds that are recorded of a configuration."""
    row, _ = before.get(identity(config), ({"runs": ()}, None))
    return {run["seed"] for run in row["runs"]}


def _samples(folder: Path) -> dict[tuple[str, str], np.ndarray]:
    """Return {(preset, mixture): samples (n, 2)} of the first seed's run, with the most steps where there are several.

    Runs whose networks are gone are left out.
    """
    found = {}
    for run, *_ in groups(folder).values():
        if run.network("generator").is_file():
            config: Any = run.read_config()
            mixture = MIXTURES[config.dataset]()
            points = sample_points(TrainedRun(run).generator, config.model.latent_distribution, mixture)
            found[config.preset, config.dataset] = points
    return found


def table(content: dict) -> list[str]:
    """Return the lines of the tables for a terminal, one a mixture: ours with standard errors, then the published."""
    lines: list[str] = []
    for mixture in dict.fromkeys(row["mixture"] for row in content["settings"]):
        rows = [[f"{mixture}, {len(MIXTURES[mixture]().modes)} modes", "modes", "high quality %", "complete", "steps"]]
        for row in content["settings"]:
            if row["mixture"] == mixture:
                modes, quality = (
                    with_error(row[name]["mean"], row[name]["standard_error"], digits, factor)
                    for name, digits, factor in (("modes", 2, 1.0), ("high_quality", 1, 100.0))
                )
                complete = f"{row['complete']} of {row['seeds']}"
                rows.append([row["preset"], modes, quality, complete, f"{row['steps']:,}"])
        for row in content["published"]:
            if row["mixture"] == mixture:
                quality = f"{100 * row['high_quality']:.1f}"
                rows.append([f"{row['method']} (paper of {row['source']})", cell(row["modes"]), quality, "", ""])
        lines += [*[""] * bool(lines), *aligned(rows)]
    return lines
