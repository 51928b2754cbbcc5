"""Every Pegasus strategy on the built-in data, where an independent judge has seen true winged horses."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coursework.config.presets import ACAI_DEMO, CONDITIONAL_SNGAN_DEMO, PEGASUS_SNGAN_DEMO, SNGAN_DEMO, VAE_DEMO
from coursework.config.schema import Config
from coursework.data import Dataset, load_dataset, sprites
from coursework.extractors.judge_training import train_judge
from coursework.extractors.recorded import extract
from coursework.figures.grids import save_png, strips
from coursework.metrics.frechet import frechet_distance
from coursework.pegasus.appraisal import Appraisal, Appraiser, PixelNeighbours
from coursework.pegasus.collages.dataset import collages_of, write_collages
from coursework.pegasus.collages.record import SETTINGS_FILE
from coursework.pegasus.making import nearest_collages, pools_of, winged_judge_of
from coursework.pegasus.ranking import rank
from coursework.pegasus.scores import CandidateScores
from coursework.pegasus.task import Task
from coursework.pegasus.truth import THRESHOLD, Truth, negatives, train_truth
from coursework.pegasus.winged_judge import WingedJudge
from coursework.pegasus.winged_training import measure as measure_winged
from coursework.pegasus.witness_training import train_witness
from coursework.studies.tabulate import timed
from coursework.training.loop import train
from coursework.training.run import Report, Run
from coursework.util.errors import UserError
from coursework.util.files import sha256, write_text

FOLDER = Path("reports/pegasus-benchmark")


def _longer(config: Any, epochs: int) -> Any:
    """Return the demo's form of a GAN twice as wide and trained in earnest, at rates that fall to zero."""
    rates = {
        name: dataclasses.replace(getattr(config.model, name), decay="linear")
        for name in ("generator_optimizer", "discriminator_optimizer")
    }
    return dataclasses.replace(
        config,
        epochs=epochs,
        precision="mixed_bfloat16",
        horizontal_flips=True,
        model=dataclasses.replace(config.model, ema_decay=0.999, **rates),
        network=dataclasses.replace(config.network, latent_size=128, generator_width=128, discriminator_width=128),
    )


# One run for each kind that a strategy needs; longer than in the demo, whose minutes are counted, and the conditional
# ones, of which most strategies make, wider too.
PRESETS = (
    dataclasses.replace(ACAI_DEMO, epochs=8),
    dataclasses.replace(VAE_DEMO, epochs=6),
    dataclasses.replace(SNGAN_DEMO, epochs=30),
    _longer(CONDITIONAL_SNGAN_DEMO, 60),
    _longer(PEGASUS_SNGAN_DEMO, 60),
)
# The judge of truth counts no aeroplane's wings: those of a pegasus are a bird's.
BODY, WINGS, OTHERS = "horse", ("bird",), ("airplane",)
COUNT = 64
# Collages of the training split, from which the winged class is learned.
COLLAGES = 5000
# True pegasi that candidates are compared with, and as many others that set the floor; seeds that nothing else draws.
TRUE_COUNT, TRUE_SEED, FLOOR_SEED = 2000, 710_001, 710_002
# True pegasi, and as many images that are none, by which the judge of winged horses is measured.
MEASURED = 1000


def run_benchmark(
    folder: str | Path = FOLDER,
    pool: int = 1000,
    seed: int = 0,
    presets: Sequence[Config] = PRESETS,
    report: Report = print,
    epochs: int | None = None,
) -> list[dict]:
    """Write table.json, table.txt and best.png to `folder`: how every strategy fares by the truth; return the rows.

    pool: candidates of each strategy and run. epochs: of the runs, in place of the presets' own, for a quick look: all
    but the judge of truth and the collages is then in folder/epochs-<number>, away from what was made in earnest.
    Trains what is not there yet: the judge of sprites, which the witness starts from and by whose score a run's best
    weights are kept; the witness and the second witness; runs in folder/runs, the winged class on the collages in
    folder/collages; the judge of winged horses, which ranks that class; the judge of truth, which takes part in no
    search, ranking or training of the others. Raises `UserError` for fewer candidates than are ranked.
    """
    if pool < COUNT:
        raise UserError(f"the table tells of the {COUNT} candidates ranked highest: {pool} are too few")
    home, step = Path(folder), timed(report)
    folder = home / f"epochs-{epochs}" if epochs else home

    dataset = load_dataset("sprites")
    step("the judge, both witnesses and the judge of truth")
    train_judge(dataset)
    witness, second = (train_witness(dataset, role=role) for role in ("witness", "second"))
    truth = train_truth(dataset, home / "truth")
    collages = home / "collages"
    if not (collages / SETTINGS_FILE).is_file():
        write_collages(dataset, collages, BODY, WINGS[0], OTHERS, COLLAGES, seed, report=step)
    runs = []
    for config in presets:
        own = str(collages) if config.dataset == PEGASUS_SNGAN_DEMO.dataset else config.dataset
        config = dataclasses.replace(config, epochs=epochs or config.epochs, dataset=own)
        run = Run(folder / "runs" / config.preset)
        step(f"{config.preset}: {config.epochs} epochs")
        train(config, run)
        runs.append(run)
    task = Task(dataset, BODY, WINGS, witness)
    pixels = PixelNeighbours.of(dataset)
    pools = pools_of(task, runs, pool, seed, report=report)
    step("the judge of winged horses")
    winged = winged_judge_of(task, pools, report)
    appraisers = Appraiser(task, witness, pixels, winged), Appraiser(task, second, pixels)
    measure = _Truth(truth, dataset)
    rows, best = [], []
    for part in pools:
        candidates = part.candidates(folder / "pools")
        appraisal = appraisers[0].appraise(candidates.images)
        other = appraisers[1].appraise(candidates.images, appraisal.neighbours["pixels"])
        ranking = appraisal.scores
        if part.winged:
            known = {part.run.name: collages_of(part.run, dataset)}
            ranking = appraisal.limited(nearest_collages(candidates, known)).ranking
        row: dict[str, Any] = {"strategy": part.name, "run": part.run.name}
        row |= {"candidates": len(candidates), "seconds": candidates.seconds}
        row |= measure.row(candidates.images, appraisal, ranking, other)
        rows.append(row)
        best.append((part.title, candidates.images[rank(ranking)[:16]]))
        step(f"{part.title}: {row['share']:.1%} pegasi, {row['share_top']:.1%} of the {COUNT} ranked highest")
    rates = {"true_positive_rate": truth.true_positive_rate, "false_positive_rates": truth.false_positive_rates}
    conditions = {
        "truth_sha256": truth.sha256,
        "witness_sha256": witness.sha256,
        "second_sha256": second.sha256,
        "winged_judge": worth(winged, dataset, seed) if winged else None,
        "dataset_fingerprint": dataset.fingerprint,
        "seed": seed,
        "epochs": {run.name: run.read_config().epochs for run in runs},
        "weights": {run.name: sha256(run.network("generator")) for run in runs},
    }
    content = {"rows": rows, **measure.bounds(), **rates, **conditions}
    write_text(folder / "table.json", json.dumps(content, indent=1) + "\n")
    lines = table(content)
    write_text(folder / "table.txt", "\n".join(lines) + "\n")
    save_png(folder / "best.png", strips([images for _, images in best], [title for title, _ in best], scale=2))
    report("\n".join(["", *lines]))
    step(f"done: {folder / 'table.json'}, table.txt and best.png")
    return rows


def worth(judge: WingedJudge, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Return what the judge of winged horses is worth: its areas under the curve on collages, and on the truth.

    {"sha256", "auc", "robust_auc"}: of collages of the training split against what resembles them, without and with an
    attack. {"truth_auc", "truth_robust_auc"}: of `MEASURED` true pegasi against as many images that are none, of all
    kinds of `negatives` of the training split, of which it has seen nothing.
    """
    wrong = negatives(dataset, "train", FLOOR_SEED)
    each = -(-MEASURED // len(wrong))
    images = [sprites.pegasi(MEASURED, TRUE_SEED), *(some[:each] for some in wrong.values())]
    truth = np.repeat([1.0, 0.0], [MEASURED, sum(map(len, images[1:]))]).astype(np.float32)
    found = measure_winged(judge.model, np.concatenate(images), truth, seed)
    areas = {f"truth_{name}": found[name] for name in ("auc", "robust_auc")}
    return {"sha256": judge.sha256, "auc": judge.auc, "robust_auc": judge.robust_auc, **areas}


class _Truth:
    """What the judge of truth says of candidates, with true pegasi and plain horses as the bounds."""

    def __init__(self, truth: Truth, dataset: Dataset) -> None:
        self.truth = truth
        horses = dataset.train_images[dataset.train_labels == dataset.class_names.index(BODY)]
        self.features = {
            "true": self._features(sprites.pegasi(TRUE_COUNT, TRUE_SEED)),
            "other": self._features(sprites.pegasi(TRUE_COUNT, FLOOR_SEED)),
            "horses": self._features(horses[:TRUE_COUNT]),
        }

    def _features(self, images: np.ndarray) -> np.ndarray:
        return extract(self.truth.judge, images)["features"]

    def row(self, images: np.ndarray, appraisal: Appraisal, ranking: CandidateScores, other: Appraisal) -> dict:
        """Return the figures of one pool of candidates, which `ranking` ranks."""
        real = self.truth.pegasus(images) >= THRESHOLD
        top = rank(ranking)[:COUNT]
        batch = appraisal.batch(np.arange(len(images)), COUNT, ranking)
        features, winged = self._features(images), appraisal.winged
        return {
            "share": float(real.mean()),
            "share_top": float(real[top].mean()),
            "share_batch": float(real[batch].mean()),
            "frechet": frechet_distance(features, self.features["true"]),
            "frechet_top": frechet_distance(features[top], self.features["true"]),
            "recognisability": float(appraisal.scores.recognisability.mean()),
            "recognisability_second": float(other.scores.recognisability.mean()),
            "recognisability_top_second": float(other.scores.recognisability[top].mean()),
            "recognisability_winged": None if winged is None else float(winged.mean()),
        }

    def bounds(self) -> dict:
        """Return the Fréchet distances of other true pegasi (floor; of 64: floor_top) and of horses (ceiling)."""
        return {
            "floor": frechet_distance(self.features["other"], self.features["true"]),
            "floor_top": frechet_distance(self.features["other"][:COUNT], self.features["true"]),
            "ceiling": frechet_distance(self.features["horses"], self.features["true"]),
        }


def table(content: dict) -> list[str]:
    """Return the lines of the table for a terminal, best strategy first."""
    lines = [
        f"{'strategy, run':44}{'pegasi':>9}{'top 64':>9}{'batch':>9}{'Fréchet':>9}{'top 64':>9}"
        f"{'witness':>9}{'second':>9}{'winged':>9}{'s':>7}"
    ]
    for row in sorted(content["rows"], key=lambda row: -row["share_top"]):
        cells = [f"{row[name]:>9.1%}" for name in ("share", "share_top", "share_batch")]
        cells += [
            f"{row[name]:>9.2f}" for name in ("frechet", "frechet_top", "recognisability", "recognisability_second")
        ]
        # Without a judge of winged horses there is no belief of it, and candidates of an earlier version have no time.
        belief = row["recognisability_winged"]
        cells.append(f"{'?':>9}" if belief is None else f"{belief:>9.2f}")
        cells.append(f"{'?' if row['seconds'] is None else round(row['seconds']):>7}")
        lines.append(f"{row['strategy'] + ', ' + row['run']:44}" + "".join(cells))
    lines += [
        "",
        "pegasi, top 64, batch: share that the judge of truth calls a pegasus, of all candidates, of the 64 ranked",
        "highest by our scores, and of the 64 chosen to differ. Fréchet: distance to true pegasi in that judge's",
        f"features, of all and of the 64 ranked highest; other true pegasi have {content['floor']:.2f}, "
        f"64 of them {content['floor_top']:.2f}, horses {content['ceiling']:.2f}.",
        "witness, second, winged: mean belief of either witness and of the judge of winged horses in all candidates.",
        f"The judge of truth calls {content['true_positive_rate']:.1%} of held-out true pegasi so; of what is none:",
        ", ".join(f"{kind} {rate:.1%}" for kind, rate in content["false_positive_rates"].items()),
    ]
    judge = content["winged_judge"]
    if judge:
        lines += [
            "The judge of winged horses, which ranks the winged class, tells true pegasi from what is none with area",
            f"under the curve {judge['truth_auc']:.3f}, {judge['truth_robust_auc']:.3f} under attack; collages "
            f"{judge['auc']:.3f}, {judge['robust_auc']:.3f} under attack.",
        ]
    return lines
