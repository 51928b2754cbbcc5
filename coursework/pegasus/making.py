"""The whole way to a Pegasus: candidates by every strategy, scores, the best one, a batch that differs, a page."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from coursework.data import Dataset, same_place, short_name
from coursework.evaluation.evaluate import compare
from coursework.evaluation.sources import ImageSet
from coursework.extractors.judge import find_judge
from coursework.extractors.recorded import training_command
from coursework.pegasus.appraisal import Appraisal, Appraiser, NearestCollage, PixelNeighbours
from coursework.pegasus.batch_files import COLLAGES, CONDITIONS, write_batch
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.collages.dataset import Collages, collages_of
from coursework.pegasus.collages.record import CLASS, settings_of
from coursework.pegasus.comparison import compare_pools, comparison_lines
from coursework.pegasus.figure import draw_best, draw_collages
from coursework.pegasus.gallery import write_gallery
from coursework.pegasus.pools import Pool
from coursework.pegasus.strategies import STRATEGIES, WINGED, kind_of
from coursework.pegasus.task import Task
from coursework.pegasus.winged_judge import WingedJudge, find_winged_judge
from coursework.pegasus.winged_training import ensure_winged_judge
from coursework.pegasus.witness import Witness
from coursework.training.run import Report, Run
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError
from coursework.util.files import expanded, require_plain, sha256, write_text

FOLDER = Path("reports/pegasus")
# Candidates of each strategy and run.
POOL = 512


@dataclass(frozen=True)
class Pegasi:
    """What `make_pegasi` made.

    candidates: all of them. appraisal, second: by the witness and by the second witness, or None. chosen: indices of
    the batch, the best first. records: n dicts ready for JSON. rows: of the comparison.
    """

    candidates: Candidates
    appraisal: Appraisal
    second: Appraisal | None
    chosen: np.ndarray
    records: list[dict]
    rows: list[dict]


def pools_of(
    task: Task,
    runs: Sequence[Run],
    count: int,
    seed: int,
    strategies: Sequence[str] | None = None,
    report: Report = print,
) -> list[Pool]:
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
        suited = [run for run in runs if strategy.suits(run)]
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


def _each_once(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without those given twice; raises `UserError` for two of one name, by which candidates go."""
    found: dict[str, Run] = {}
    for run in runs:
        other = found.setdefault(run.name, run)
        if other.path.resolve() != run.path.resolve():
            raise UserError(f"two runs are called {run.name}: {other.path} and {run.path}; give one another name")
    return list(found.values())


def runs_of(runs: Sequence[Run], dataset: str, classes: Sequence[str]) -> list[Run]:
    """Return those of `runs` that are trained on the data set named `dataset`, or on collages of it.

    They know all of `classes`. Raises `UserError` where there is none.
    """
    found = []
    for run in runs:
        config = run.read_config()
        knows = not config.classes or set(classes) <= set(config.classes)
        source = source_of(run)
        # Of a folder that is gone, and of collages', only the name is known before the images are read.
        same = same_place(source, dataset) or (
            not expanded(source).is_dir() and short_name(source) == short_name(dataset)
        )
        if same and knows and run.has_weights():
            found.append(run)
    if not found:
        raise UserError(
            f"no trained run on {dataset}: train one with "
            f"`python -m coursework train conditional-sngan --dataset {shlex.quote(dataset)}`"
        )
    return found


def source_of(run: Run) -> str:
    """Return the data set of a run, by name or folder; of a run on collages, the name of that behind them."""
    collages = settings_of(run) if kind_of(run) == WINGED else None
    return collages.dataset if collages else run.read_config().dataset


def names_of(runs: Sequence[Run]) -> str:
    """Return the names of runs as text."""
    return ", ".join(run.name for run in runs)


def make_pegasi(
    task: Task,
    runs: Sequence[Run],
    second: Witness | None = None,
    strategies: Sequence[str] | None = None,
    pool: int = POOL,
    count: int = 64,
    seed: int = 0,
    folder: str | Path = FOLDER,
    label: str | None = None,
    beside: Sequence[ImageSet] = (),
    report: Report = print,
) -> Pegasi:
    """Write pegasus.png (the best), batch.png (`count`), pegasus.json and the gallery to `folder`; return the `Pegasi`.

    task: `Task` with the witness that searches and ranks. runs: trained runs of its data set. second: another witness,
    whose figures stand beside in the comparison and decide nothing. strategies: names, by default all that suit a run.
    pool: candidates of each strategy and run. label: of the data set, as figures show it. beside: `ImageSet`s, batches
    from elsewhere to be compared with this one; none of theirs is chosen.

    Where there are samples of a winged class, the batch is chosen among them, and the others are there for comparison.
    The judge of winged horses ranks them, trained first where there is none. Also: comparison.json, a row for each
    pool, for the batch and for each of `beside`; latents.npz, from which the batch is made again; neighbours.png, the
    best beside the training images and the collage nearest to it; of a winged class collages.png, how its class came
    about. Candidates made by an earlier call are found again. Nothing is picked by hand: the choice follows from
    `Appraiser` and `choose_batch`. Raises `UserError` for fewer candidates than `count`.
    """
    if task.witness is None:
        command = training_command("witness", task.dataset.argument)
        raise UserError(f"candidates are ranked by a witness: train one with `{command}`")
    folder = Path(folder)
    require_plain(folder)
    pools = pools_of(task, runs, pool, seed, strategies, report)
    available = pool * (sum(part.winged for part in pools) or len(pools))
    if available < count:
        raise UserError(f"{available} candidates cannot fill a batch of {count}: ask for more of them")
    parts = []
    for number, part in enumerate(pools, start=1):
        report(f"[{number} of {len(pools)}] {part.name}: {part.count} candidates from {part.run.name}")
        parts.append(part.candidates(folder / "pools"))
    candidates = Candidates.join(parts)
    pixels = PixelNeighbours.of(task.dataset)
    appraiser = Appraiser(task, task.witness, pixels, winged_judge_of(task, pools, report))
    other = Appraiser(task, second, pixels) if second else None

    def appraisals(images: np.ndarray) -> tuple[Appraisal, Appraisal | None]:
        """Return what both witnesses say of images; the search for neighbours in pixels serves both."""
        mine = appraiser.appraise(images)
        return mine, other.appraise(images, mine.neighbours["pixels"]) if other else None

    appraisal, judged = appraisals(candidates.images)
    collages = {part.run.name: collages_of(part.run, task.dataset) for part in pools if part.winged}
    nearest = nearest_collages(candidates, collages)
    appraisal, judged = appraisal.limited(nearest), judged.limited(nearest) if judged else None
    chosen = appraisal.batch(np.array(sorted(nearest) or range(len(candidates))), count)
    rows = compare_pools(
        pools, chosen, appraisal, judged, count, [(images.name, *appraisals(images.images)) for images in beside]
    )
    records = _records(candidates, chosen, appraisal, judged, nearest)
    made = Pegasi(candidates, appraisal, judged, chosen, records, rows)
    _write(made, nearest, folder, label or task.dataset.name)
    files = {part.run.name: part.run.network("generator") for part in pools}
    conditions = {
        "dataset_label": label or task.dataset.name,
        "dataset_fingerprint": task.dataset.fingerprint,
        "body": task.body,
        "wings": list(task.wings),
        "witness_sha256": task.witness.sha256,
        "second_sha256": second.sha256 if second else None,
        "winged_judge_sha256": appraiser.judge.sha256 if appraiser.judge else None,
        "candidates": len(candidates),
        # SHA-256 of each run's generator: a submission must hold these, not what was trained since.
        "weights": {name: sha256(file) for name, file in files.items() if file.is_file()},
        # Where runs were trained on collages: what these were made from, and how their class was sampled.
        "collages": {name: asdict(found.settings) for name, found in collages.items()},
        "sampling": asdict(task.sampling) if collages else None,
        "class_distances": class_distances(candidates, collages, task.dataset),
        "diversity": appraisal.diversities(chosen),
    }
    write_text(folder / CONDITIONS, json.dumps({**conditions, "rows": rows}, indent=1) + "\n")
    report("\n".join(comparison_lines(rows)))
    report(f"{folder}: pegasus.png, batch.png with {count} of {len(candidates)} candidates, and gallery.html")
    return made


def winged_judge_of(task: Task, pools: Sequence[Pool], report: Report = print) -> WingedJudge | None:
    """Return the judge of winged horses that ranks the samples of a winged class among `pools`.

    It is trained first where there is none. Without such samples, that of the task's classes, or None.
    """
    made = [found for part in pools if part.winged and (found := settings_of(part.run))]
    if made:
        return ensure_winged_judge(task.dataset, task.body, made[0].wings, report)
    return find_winged_judge(task.dataset, task.body, task.wings)


def nearest_collages(candidates: Candidates, collages: dict[str, Collages]) -> dict[int, NearestCollage]:
    """Return {index of a candidate: its `NearestCollage`} for the samples of a winged class.

    collages: {name of a run: those that it was trained on}.
    """
    nearest = {}
    for name, known in collages.items():
        mine = _samples_of(name, candidates)
        pixels = PixelNeighbours(known.train, known.test)
        found = pixels.search(candidates.images[mine])
        for index, place, distance, new in zip(
            mine, found.indices, found.distances, pixels.uniqueness(found), strict=True
        ):
            record = {**known.describe(int(place)), "distance": round(float(distance), 4)}
            nearest[index] = NearestCollage(known.train.images[place], record, float(new))
    return nearest


def class_distances(candidates: Candidates, collages: dict[str, Collages], dataset: Dataset) -> dict[str, dict]:
    """Return {name of a run: record of the FD-judge of its samples of a winged class}, as in metrics.json.

    They are compared with the collages of the test split, whose sources the run has never seen; the floor is the
    distance of as many training collages. The judge is that of `dataset`, which no collage has trained. Nothing is
    returned without it, or of too few samples.
    """
    judge = find_judge(dataset)
    if judge is None:
        return {}
    found: dict[str, dict] = {}
    for name, known in collages.items():
        samples = ImageSet(f"{name}, class {CLASS}", candidates.images[_samples_of(name, candidates)])
        scores = compare(samples, known.test, known.train, judge, ("fd",), cached=False, report=lambda line: None)
        if scores.records:
            (found[name],) = scores.records
    return found


def _samples_of(name: str, candidates: Candidates) -> list[int]:
    """Return the indices of the samples of a winged class that the run called `name` has made."""
    return [
        index
        for index, origin in enumerate(candidates.origins)
        if origin["run"] == name and STRATEGIES[origin["strategy"]].kind == WINGED
    ]


def _records(
    candidates: Candidates,
    chosen: np.ndarray,
    appraisal: Appraisal,
    judged: Appraisal | None,
    nearest: dict[int, NearestCollage],
) -> list[dict]:
    """Return a dict for each candidate, ready for JSON."""
    ranks = {int(index): rank for rank, index in enumerate(chosen, start=1)}
    return [
        {
            "id": "/".join(str(origin[name]) for name in ("strategy", "run", "seed", "index")),
            **{name: origin[name] for name in ("strategy", "run", "seed", "index")},
            "rank": ranks.get(index),
            **appraisal.record(index),
            **({"collage": nearest[index].record} if index in nearest else {}),
            "second": judged.scores.record(index) if judged else None,
            "origin": origin,
        }
        for index, origin in enumerate(candidates.origins)
    ]


def _write(made: Pegasi, nearest: dict[int, NearestCollage], folder: Path, label: str) -> None:
    """Write the batch, its figures and the gallery."""
    task = made.appraisal.appraiser.task
    images = made.candidates.images[made.chosen]
    batch = [{**made.records[index], "dataset_label": label} for index in made.chosen]
    write_batch(folder, images, batch, [made.candidates.latents[index] for index in made.chosen])
    training = {index: task.dataset.train_images[index] for index in sorted(_named_indices(made.records))}
    shown = [nearest[index] for index in made.chosen if index in nearest]
    draw_best(folder / "neighbours.png", images[0], batch[0], training, shown[0].image if shown else None)
    if shown:
        draw_collages(folder / COLLAGES, images, batch, training, [found.image for found in shown])
    else:
        (folder / COLLAGES).unlink(missing_ok=True)
    collages = {index: found.image for index, found in nearest.items()}
    note = f"{label}: {task.body} with wings of {' or '.join(task.wings)}; the numbered ones were chosen by rule."
    write_gallery(folder / "gallery.html", made.candidates.images, made.records, training, "Candidates", note, collages)


def _named_indices(records: list[dict]) -> set[int]:
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
