"""Candidates of every autoencoder run, ranked by the judge's evidence: the batch of 64 and the best one."""

import json
from pathlib import Path

import numpy as np

from coursework.data import load_dataset
from coursework.errors import UserError
from coursework.evaluation import require_judge
from coursework.figures import save_grid, save_png
from coursework.files import write_text
from coursework.metrics.judge import extract
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.evidence import evidence
from coursework.pegasus.interpolation import interpolation
from coursework.sampling import TrainedRun

FOLDER = Path("reports/pegasus")
# Candidates for each image that is kept.
POOL = 16


def autoencoder_runs(runs, dataset):
    """Return those of `runs` that are finished autoencoders trained on all classes of `dataset`."""
    found = []
    for run in runs:
        config = run.read_config()
        if config.dataset == dataset and not config.classes and run.network("encoder").is_file():
            found.append(run)
    return found


def make_pegasi(runs, body="horse", wings=("bird", "airplane"), count=64, seed=0, folder=FOLDER, report=print):
    """Write pegasus.png (the best), batch.png (`count` images) and pegasus.json to `folder`; return the records.

    runs: runs of autoencoders on one data set, which share the candidates equally. The images are the `count` with
    the most evidence of a body and of wings, best first; nothing is picked by hand.
    """
    if not runs:
        raise UserError("no run of an autoencoder: train one with `python -m coursework train acai`")
    config = runs[0].read_config()
    others = sorted({run.read_config().dataset for run in runs} - {config.dataset})
    if others:
        raise UserError(f"runs of several data sets ({config.dataset}, {', '.join(others)}): name runs of one")
    dataset = load_dataset(config.dataset)
    judge = require_judge(dataset)
    label = runs[0].read_environment().get("dataset_label", dataset.name)
    parts = []
    for number, run in enumerate(runs):
        pool = -(-count * POOL // len(runs))
        report(f"{run.name}: decoding {pool} candidates")
        parts.append(interpolation(TrainedRun(run), dataset, body, wings, pool, seed + number))
    candidates = Candidates.join(parts)
    scores = evidence(extract(judge, candidates.images)["logits"], judge.class_names, body, wings)
    # A stable sort keeps ties in the order of their making, so that the choice is the same everywhere.
    order = np.argsort(-scores, kind="stable")[:count]
    chosen = candidates.take(order)
    records = [
        {
            **origin,
            "rank": rank,
            "scores": {"evidence": round(float(scores[index]), 6)},
            "dataset_label": label,
            "judge_sha256": judge.sha256,
            "candidates": len(candidates),
        }
        for rank, (index, origin) in enumerate(zip(order, chosen.origins, strict=True), start=1)
    ]
    save_grid(folder / "batch.png", chosen.images, columns=8, scale=2)
    save_png(folder / "pegasus.png", chosen.images[0])
    write_text(folder / "pegasus.json", json.dumps(records, indent=1) + "\n")
    report(
        f"{folder}: the best and {len(chosen)} of {len(candidates)} candidates; mean evidence "
        f"{scores[order].mean():.3f} against {scores.mean():.3f} unranked"
    )
    return records
