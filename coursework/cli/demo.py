"""The whole way on the built-in data, in one process: judge, four models, scores, figures, Pegasus, report."""

import time

from coursework.config.presets import DEMO
from coursework.data import load_dataset
from coursework.evaluation.evaluate import evaluate
from coursework.extractors.judge import find_judge
from coursework.extractors.judge_training import train_judge
from coursework.figures.score_lines import describe_score
from coursework.pegasus.making import make_pegasi
from coursework.pegasus.task import Task
from coursework.pegasus.witness import find_witness
from coursework.pegasus.witness_training import train_witness
from coursework.report import build
from coursework.training.illustration import illustrate
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.util.errors import UserError

# A narrower judge than CIFAR-10's: drawn animals are told apart more easily.
JUDGE_WIDTH = 16
JUDGE_EPOCHS = 3
# It starts from the judge's layers.
WITNESS_EPOCHS = 3
# No searches: under a witness of so few epochs they find images of nothing, and it takes them for real.
STRATEGIES = ("interpolation", "masked_interpolation")
POOL = 192


def _kept(find, dataset):
    """Return what `find` finds: maybe a better one, by which other runs are scored. A damaged one counts as none."""
    try:
        return find(dataset)
    except UserError:
        return None


def run_demo(folder, presets=DEMO, report=print):
    """Write runs, Pegasus and report.pdf into `folder`; what is there already from an earlier call is kept."""
    started = time.perf_counter()

    def step(text):
        report(f"\n[{time.perf_counter() - started:4.0f} s] {text}")

    step("judge: a classifier of the drawn animals, whose features score the models")
    dataset = load_dataset("sprites")
    if _kept(find_judge, dataset) is None:
        train_judge(dataset, epochs=JUDGE_EPOCHS, width=JUDGE_WIDTH)
    runs = []
    for config in presets:
        run = Run(folder / "runs" / config.preset)
        step(f"{config.preset}: {config.epochs} epochs in {run.path}")
        train(config, run)
        illustrate(run)
        runs.append(run)
    step("scores: Fréchet distance between the judge's features of samples and of training images; lower is better")
    for run in runs:
        for record in evaluate(run, metrics=("fd", "prdc"), report=report):
            report(f"{run.name:11} {describe_score(record)}")
    step("Pegasus: a witness that may see a body and wings in one picture, then candidates by two strategies")
    witness = _kept(find_witness, dataset) or train_witness(dataset, epochs=WITNESS_EPOCHS)
    task = Task(dataset, "horse", ("bird",), witness)
    make_pegasi(task, runs, strategies=STRATEGIES, pool=POOL, folder=folder / "pegasus", report=report)
    build(runs, folder / "report.pdf", folder)
    step(f"done: open {folder / 'report.pdf'} or {folder / 'report.html'}")
