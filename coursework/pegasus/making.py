"""The whole way to a Pegasus: candidates by every strategy, scores, the best one, a batch that differs, a page."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursework.data import short_name
from coursework.pegasus.appraisal import Appraiser, PixelNeighbours
from coursework.pegasus.batch_files import CONDITIONS, write_batch
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.comparison import Verdict, compare_pools, comparison_lines
from coursework.pegasus.figure import draw_best
from coursework.pegasus.gallery import write_gallery
from coursework.pegasus.pools import Pool
from coursework.pegasus.ranking import choose_batch
from coursework.pegasus.strategies import STRATEGIES
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError
from coursework.util.files import sha256, write_text

FOLDER = Path("reports/pegasus")
# Candidates of each strategy and run.
POOL = 512


@dataclass(frozen=True)
class Pegasi:
    """What `make_pegasi` made.

    candidates: all of them. appraisal, second: what the witness and the second witness, or None, say of them.
    chosen: indices of the batch, the best first. records: n dicts ready for JSON. rows: of the comparison.
    """

    candidates: Candidates
    appraisal: object
    second: object
    chosen: np.ndarray
    records: list[dict]
    rows: list[dict]


def pools_of(task, runs, count, seed, strategies=None, report=print):
    """Return the `Pool`s of every strategy with every run of `runs` that suits it, each once.

    strategies: names, by default all; then a search without a witness is left out, and what needs a network that a run
    has not kept, of which `report` is called with a line. Raises `UserError` for an unknown strategy, for one that is
    named and suits no run, for two runs of one name, where nothing is left, and for whatever a strategy would stumble
    over when its turn comes.
    """
    runs = _each_once(runs)
    strategies = strategies and list(dict.fromkeys(strategies))
    for name in strategies or ():
        if name not in STRATEGIES:
            raise UserError(f"no strategy {name}; there are {', '.join(STRATEGIES)}")
    trained = {run: TrainedRun(run, report=report) for run in runs}
    pools = []
    for name in strategies or STRATEGIES:
        strategy = STRATEGIES[name]
        suited = [run for run in runs if strategy.suits(run.read_config())]
        if strategies and not suited:
            raise UserError(f"{name} needs a run of {strategy.kind}, and none of {names_of(runs)} is one")
        if strategy.asks_witness and task.witness is None and not strategies:
            continue
        for run in suited:
            lacking = [network for network in strategy.networks if not trained[run].has(network)]
            if lacking and not strategies:
                report(f"left out: {name} with {run.name}, which keeps no {lacking[0]}.keras")
            else:
                pools.append(Pool(task, name, run, count, seed))
    if not pools:
        raise UserError(f"no strategy suits the runs {names_of(runs)}")
    for pool in pools:
        STRATEGIES[pool.name].check(task, trained[pool.run])
    return pools


def _each_once(runs):
    """Return the runs without those given twice; raises `UserError` for two of one name, by which candidates go."""
    found = {}
    for run in runs:
        other = found.setdefault(run.name, run)
        if other.path.resolve() != run.path.resolve():
            raise UserError(f"two runs are called {run.name}: {other.path} and {run.path}; give one another name")
    return list(found.values())


def runs_of(runs, dataset, classes):
    """Return those of `runs` that are trained on the data set named `dataset` and know all of `classes`.

    Raises `UserError` where there is none.
    """
    found = []
    for run in runs:
        config = run.read_config()
        knows = not config.classes or set(classes) <= set(config.classes)
        if short_name(config.dataset) == short_name(dataset) and knows and run.has_weights():
            found.append(run)
    if not found:
        raise UserError(
            f"no trained run on {dataset}: train one with "
            f"`python -m coursework train conditional-sngan --dataset {dataset}`"
        )
    return found


def names_of(runs):
    """Return the names of runs as text."""
    return ", ".join(run.name for run in runs)


def make_pegasi(
    task,
    runs,
    second=None,
    strategies=None,
    pool=POOL,
    count=64,
    seed=0,
    folder=FOLDER,
    label=None,
    beside=(),
    report=print,
):
    """Write pegasus.png (the best), batch.png (`count`), pegasus.json and the gallery to `folder`; return the `Pegasi`.

    task: `Task` with the witness that searches and ranks. runs: trained runs of its data set. second: another witness,
    whose figures stand beside in the comparison and decide nothing. strategies: names, by default all that suit a run.
    pool: candidates of each strategy and run. label: of the data set, as figures show it. beside: `ImageSet`s, batches
    from elsewhere to be compared with this one; none of theirs is chosen. Also: comparison.json, a row for each pool,
    for the batch and for each of `beside`; latents.npz, from which the batch is made again; neighbours.png, the best
    beside the training images nearest to it. Candidates made by an earlier call are found again. Nothing is picked by
    hand: the choice follows from `Appraiser` and `choose_batch`. Raises `UserError` for fewer candidates than `count`.
    """
    if task.witness is None:
        raise UserError(
            "candidates are ranked by a witness: train one with `python -m coursework judge --role witness`"
        )
    folder = Path(folder)
    pools = pools_of(task, runs, pool, seed, strategies, report)
    if pool * len(pools) < count:
        raise UserError(f"{pool * len(pools)} candidates cannot fill a batch of {count}: ask for more of them")
    parts = []
    for number, part in enumerate(pools, start=1):
        report(f"[{number} of {len(pools)}] {part.name}: {part.count} candidates from {part.run.name}")
        parts.append(part.candidates(folder / "pools"))
    candidates = Candidates.join(parts)
    pixels = PixelNeighbours(task.dataset)
    appraiser = Appraiser(task, task.witness, pixels)
    other = Appraiser(task, second, pixels) if second else None

    def verdicts(images):
        """Return what both witnesses say of images; the search for neighbours in pixels serves both."""
        mine = appraiser.appraise(images)
        theirs = other and Verdict(other, other.appraise(images, mine.neighbours["pixels"]))
        return Verdict(appraiser, mine), theirs

    verdict, of_second = verdicts(candidates.images)
    appraisal, judged = verdict.appraisal, of_second and of_second.appraisal
    chosen = choose_batch(appraisal.scores, appraisal.features, count, appraiser.scale(count))
    others = [(images.name, *verdicts(images.images)) for images in beside]
    rows = compare_pools(pools, chosen, verdict, of_second, count, others)
    records = _records(candidates, chosen, appraisal, judged)
    made = Pegasi(candidates, appraisal, judged, chosen, records, rows)
    files = {part.run.name: part.run.network("generator") for part in pools}
    weights = {name: sha256(file) for name, file in files.items() if file.is_file()}
    _write(made, task, second, folder, label or task.dataset.name, weights)
    report("\n".join(comparison_lines(rows)))
    report(f"{folder}: pegasus.png, batch.png with {count} of {len(candidates)} candidates, and gallery.html")
    return made


def _records(candidates, chosen, appraisal, judged):
    """Return a dict for each candidate, ready for JSON."""
    ranks = {int(index): rank for rank, index in enumerate(chosen, start=1)}
    return [
        {
            "id": "/".join(str(origin[name]) for name in ("strategy", "run", "seed", "index")),
            **{name: origin[name] for name in ("strategy", "run", "seed", "index")},
            "rank": ranks.get(index),
            **appraisal.record(index),
            "second": judged.scores.record(index) if judged else None,
            "origin": origin,
        }
        for index, origin in enumerate(candidates.origins)
    ]


def _write(made, task, second, folder, label, weights):
    images = made.candidates.images[made.chosen]
    batch = [{**made.records[index], "dataset_label": label} for index in made.chosen]
    write_batch(folder, images, batch, [made.candidates.latents[index] for index in made.chosen])
    training = {index: task.dataset.train_images[index] for index in sorted(_named_indices(made.records))}
    draw_best(folder / "neighbours.png", images[0], made.records[made.chosen[0]], training)
    conditions = {
        "dataset_label": label,
        "dataset_fingerprint": task.dataset.fingerprint,
        "body": task.body,
        "wings": list(task.wings),
        "witness_sha256": task.witness.sha256,
        "second_sha256": second.sha256 if second else None,
        "candidates": len(made.candidates),
        # SHA-256 of each run's generator: a submission must hold these, not what was trained since.
        "weights": weights,
    }
    write_text(folder / CONDITIONS, json.dumps({**conditions, "rows": made.rows}, indent=1) + "\n")
    note = f"{label}: {task.body} with wings of {' or '.join(task.wings)}; the numbered ones were chosen by rule."
    write_gallery(folder / "gallery.html", made.candidates.images, made.records, training, "Candidates", note)


def _named_indices(records):
    """Return the set of training images that the records name anywhere."""
    found, open_ = set(), list(records)
    while open_:
        content = open_.pop()
        if isinstance(content, dict):
            if isinstance(content.get("train_index"), int):
                found.add(content["train_index"])
            open_ += content.values()
        elif isinstance(content, list):
            open_ += content
    return found
