"""The demo on the built-in data, in one process: judge, collages, five models, scores, figures, Pegasus, report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coursework.config.presets import DEMO, PEGASUS_SNGAN_DEMO
from coursework.config.schema import Config
from coursework.data import load_dataset
from coursework.evaluation.evaluate import evaluate
from coursework.extractors.judge import find_judge
from coursework.extractors.judge_training import train_judge
from coursework.figures.score_lines import describe_score
from coursework.pegasus.collages.dataset import write_collages
from coursework.pegasus.collages.record import SETTINGS_FILE
from coursework.pegasus.making import make_pegasi
from coursework.pegasus.task import Task
from coursework.pegasus.winged_judge import find_winged_judge
from coursework.pegasus.winged_training import train_winged_judge
from coursework.pegasus.witness import find_witness
from coursework.pegasus.witness_training import train_witness
from coursework.report import build
from coursework.training.illustration import illustrate
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.util.errors import UserError

# A narrower judge than for CIFAR-10: drawn animals are easier to classify.
JUDGE_WIDTH = 16
JUDGE_EPOCHS = 3
# Training starts from the judge's layers.
WITNESS_EPOCHS = 3
# A smaller judge of winged horses than by default.
WINGED_JUDGE: dict[str, Any] = {"epochs": 3, "width": 8, "count": 1500}
STRATEGIES = ("winged_class",)
POOL = 192
# Collages of a short training of the winged class.
COLLAGES = 2000
BODY, WINGS, OTHERS = "horse", "bird", ("airplane",)
# The two other GANs are trained half as long as their presets say, or less: that time goes to the winged class.
EPOCHS = {"gan-demo": 2, "sngan-demo": 3}
PRESETS = (*(replace(each, epochs=EPOCHS.get(each.preset, each.epochs)) for each in DEMO), PEGASUS_SNGAN_DEMO)


def _kept(find: Callable[[Any], Any], dataset: Any) -> Any:
    """Return the network that `find` finds, which may be better and score other runs; None for a damaged one."""
    try:
        return find(dataset)
    except UserError:
        return None


def run_demo(folder: Path, presets: Sequence[Config] = PRESETS, report: Callable[[str], object] = print) -> None:
    """Write runs, Pegasus and report.pdf into `folder`; results of an earlier call are kept."""
    started = time.perf_counter()

    def step(text: str) -> None:
        report(f"\n[{time.perf_counter() - started:4.0f} s] {text}")

    step("judge: a classifier of the drawn animals, whose features score the models")
    dataset = load_dataset("sprites")
    if _kept(find_judge, dataset) is None:
        train_judge(dataset, epochs=JUDGE_EPOCHS, width=JUDGE_WIDTH)
    collages = folder / "collages"
    if not (collages / SETTINGS_FILE).is_file():
        step("collages: wings of drawn birds set upon drawn horses, from which a GAN learns a class of winged horses")
        write_collages(dataset, collages, BODY, WINGS, OTHERS, COLLAGES, seed=0, report=report)
    runs = []
    for config in presets:
        if config.dataset == PEGASUS_SNGAN_DEMO.dataset:
            config = replace(config, dataset=str(collages))
        run = Run(folder / "runs" / config.preset)
        step(f"{config.preset}: {config.epochs} epochs in {run.path}")
        train(config, run)
        illustrate(run)
        runs.append(run)
    step("scores: Fréchet distance between the judge's features of samples and of training images; lower is better")
    for run in (run for run in runs if run.read_config().dataset == dataset.name):
        for record in evaluate(run, metrics=("fd", "prdc"), report=report):
            report(f"{run.name:11} {describe_score(record)}")
    step("Pegasus: a witness that may see a body and wings in one picture, and the judge that ranks winged horses")
    witness = _kept(find_witness, dataset) or train_witness(dataset, epochs=WITNESS_EPOCHS)
    if _kept(lambda images: find_winged_judge(images, BODY, (WINGS,)), dataset) is None:
        train_winged_judge(dataset, body=BODY, wings=WINGS, **WINGED_JUDGE)
    step("samples of the winged class")
    task = Task(dataset, BODY, (WINGS,), witness)
    make_pegasi(task, runs, strategies=STRATEGIES, pool=POOL, folder=folder / "pegasus", report=report)
    build(runs, folder / "report.pdf", folder)
    step(f"done: open {folder / 'report.pdf'} or {folder / 'report.html'}")
