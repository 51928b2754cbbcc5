"""A lesson's questions on the ring: which latent becomes which mode, which networks can, and does training find it."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coursework.config.presets_rings import GAN, LESSON, R1_PACKED
from coursework.config.schema import Config
from coursework.data.mixtures import MIXTURES
from coursework.studies.rings import handcrafted
from coursework.studies.rings.figures import draw_samples
from coursework.studies.rings.latent_plane import POINTS, animate, draw_latent_planes, frames, shares
from coursework.studies.rings.study import run_of, run_rings, with_steps
from coursework.studies.rings.summary import values_of
from coursework.studies.rings.training import STEPS_PER_EPOCH, PointTrainer, is_trained, sample_points, train_points
from coursework.studies.tabulate import timed
from coursework.training.run import Report
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError
from coursework.util.tables import aligned, cell, write_csv

FOLDER = Path("reports/rings/lesson")
MIXTURE = "ring"


def run_lesson(folder: str | Path = FOLDER, steps: int | None = None, seeds: int = 3, report: Report = print) -> None:
    """Answer the questions on the ring, each with a table and a figure in `folder`; what is finished is left as it is.

    steps: of each training, in place of the presets' own number. seeds: of each network's runs. Writes
    latents.csv, latents.png and latents-<setting>.gif; networks/ (a study of its own); handcrafted.csv and .png; and
    the runs behind them in latents/, by-hand/ and at-random/. An interrupted training is resumed.
    """
    folder, step = Path(folder), timed(report)
    if seeds < 1 or (steps is not None and steps < 1):
        raise UserError("nothing to train: give at least one step and one seed")

    step("which latent becomes which mode")
    pair = [preset if steps is None else with_steps(preset, steps) for preset in (GAN, R1_PACKED)]
    _latents(folder, pair, step, report)
    step("which networks can: wide and deep, sources of randomness, a poor player")
    run_rings(folder / "networks", steps, seeds, LESSON, (MIXTURE,), report, published={})
    step("a network that solves the ring by construction, and what training makes of it")
    _handcrafted(folder, pair, step, report)
    step(f"done: {folder}")


def _latents(folder: Path, presets: Sequence[Config], step: Report, report: Report) -> None:
    mixture = MIXTURES[MIXTURE]()
    histories = {preset.preset: frames(preset, run_of(folder / "latents", preset), step) for preset in presets}
    rows = []
    for preset, (name, history) in zip(presets, histories.items(), strict=True):
        for epoch in moments(len(history) - 1):
            found = shares(history[epoch, -POINTS:], mixture).values()
            rows.append([name, preset.seed, epoch * STEPS_PER_EPOCH, *(100 * value for value in found)])
        animate(history, mixture, folder / f"latents-{name.removeprefix('rings-')}.gif", name.removeprefix("rings-"))
    least = min(len(history) for history in histories.values()) - 1
    draw_latent_planes(histories, mixture, folder / "latents.png", moments(least))
    columns = ["setting", "seed", "steps", "smallest mode %", "largest mode %", "between modes %"]
    _write(folder / "latents.csv", columns, rows, report)


def moments(last: int) -> list[int]:
    """Return the epochs that are shown: the start, doublings from the first, the last one."""
    found = [0] + [2**power for power in range(int(math.log2(max(last, 1))) + 1)]
    return [*[epoch for epoch in found if epoch < last][:5], last]


def _handcrafted(folder: Path, presets: Sequence[Config], step: Report, report: Report) -> None:
    """Score the hand-crafted generator, train it further, and train one of its size from scratch."""
    mixture, rows, samples = MIXTURES[MIXTURE](), [], {}
    lowest, highest = handcrafted.expected_quality(mixture)
    for preset in presets:
        network: Any = preset.network
        config = dataclasses.replace(preset, network=handcrafted.network_config(network, mixture))
        trainer = PointTrainer(config)
        for start, weights in (("by hand", handcrafted.weights(mixture)), ("at random", None)):
            trainer.start(config.seed, weights)
            before = trainer.score(mixture)
            run = run_of(folder / start.replace(" ", "-"), config)
            if not is_trained(config, run):
                train_points(trainer, config, run, weights)
            after, name = values_of(run), f"{preset.preset}, {start}"
            found = [value for scores in (before, after) for value in (scores["modes"], 100 * scores["high_quality"])]
            rows.append([name, config.seed, *found, config.epochs * STEPS_PER_EPOCH])
            samples[name, MIXTURE] = sample_points(
                TrainedRun(run).generator, trainer.model.latent_distribution, mixture
            )
            step(f"{name}: {found[1]:.1f} % of high quality before training, {found[3]:.1f} % after")
    report(f"by hand, in closed form: {len(mixture.modes)} modes, {100 * lowest:.2f} to {100 * highest:.2f} %")
    draw_samples(samples, folder / "handcrafted.png")
    columns = ["setting, start", "seed", "modes before", "high quality % before", "modes after"]
    _write(folder / "handcrafted.csv", [*columns, "high quality % after", "steps"], rows, report)


def _write(file: Path, columns: Sequence[str], rows: Sequence[Sequence[object]], report: Report) -> None:
    """Write a table as CSV and show it."""
    shown = [columns, *([cell(value, ".4g") for value in row] for row in rows)]
    write_csv(file, shown)
    for line in aligned(shown):
        report(line)
