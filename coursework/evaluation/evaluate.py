"""From a run to its scores: metrics.json, and the figures of memorisation."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from coursework.config.schema import Config
from coursework.data.dataset import Dataset
from coursework.evaluation.comparison import Comparison
from coursework.evaluation.scoring import Scores, measure, require_extractors
from coursework.evaluation.sources import (
    EVALUATION_SEED,
    ImageSet,
    kept_samples,
    run_samples,
    split_of,
    with_equal_channels,
)
from coursework.extractors.extractor import Extractor
from coursework.extractors.judge import Judge, choose_judge, find_judge, judge_extractor, no_judge, require_judge
from coursework.extractors.recorded import extract
from coursework.figures.memorisation import distance_histograms, suspicious_pairs
from coursework.metrics.classification import class_accuracy
from coursework.metrics.memorisation import Memorisation
from coursework.models import MODELS, build_model
from coursework.models.class_weights import proportional_labels, unequal_counts
from coursework.training.run import Report, Run
from coursework.training.run_data import load_data
from coursework.util.errors import UserError

# Two records of one run are the same score measured again if these agree.
IDENTITY = ("name", "n", "reference", "reference_n", "seed", "weights", "extractor", "extractor_sha256")
NO_INCEPTION = (
    "no weights of Inception: name them by --inception PATH or COURSEWORK_INCEPTION, or --download them (89 MB)"
)


def evaluate(
    run: Run,
    samples: int | None = None,
    seed: int = EVALUATION_SEED,
    best: bool = False,
    metrics: Iterable[str] | None = None,
    inception: Extractor | None = None,
    cached: bool = True,
    report: Report = print,
) -> list[dict[str, Any]]:
    """Score the run's generator against its training images, write metrics.json and return its content.

    samples: number of generated images; by default as many as the test split holds, so that a score and its floor (the
    test split against the training split) have the same bias of a finite n. metrics: names in `METRICS`; by
    default all that can be measured, which include those of the judge. cached: False neither reads nor keeps features
    and samples. Raises `UserError` for what is missing.
    """
    config = run.read_config()
    dataset = load_data(run, report)
    # By default the judge's metrics are included: they only need a short training, of a data set with several classes.
    several = len(dataset.class_names) > 1
    judge = require_judge(dataset) if metrics is None and several else find_judge(dataset)
    extractors = _extractors(inception, judge or no_judge(dataset))
    require_extractors(metrics, extractors)
    samples = samples or len(dataset.test_images)
    comparison = Comparison(
        run_samples(run, samples, seed, best, cached),
        split_of(dataset, "train"),
        split_of(dataset, "test"),
        lambda: untrained_samples(config, dataset, samples, cached),
        cached,
    )
    scores = measure(comparison, extractors, metrics, report)
    if judge and metrics is None and MODELS[config.model.name].conditional:
        try:
            counts = run.read_environment().get("class_counts")
            scores.records.append(_class_accuracy(comparison, judge, dataset, counts))
        except UserError as error:
            report(f"not measured: class accuracy: {error}")
    records = run.add_metrics(scores.records, IDENTITY)
    if scores.memorisation:
        draw_memorisation(run.figures, comparison, scores.memorisation)
    return records


def _class_accuracy(
    comparison: Comparison, judge: Judge, dataset: Dataset, class_counts: list[int] | None = None
) -> dict[str, Any]:
    """Return the record of how often the judge recognises a sample's class; the floor is that of the test images."""
    fake, test = comparison.fake.images, split_of(dataset, "test")
    labels = proportional_labels(len(fake.images), len(dataset.class_names), class_counts)
    found, floor = (
        class_accuracy(extract(judge, images)["logits"], labels, dataset.class_names, judge.class_names)
        for images, labels in ((fake.images, labels), (test.images, dataset.test_labels))
    )
    return {
        "name": "class_accuracy",
        "value": found["mean"],
        "error": found["error"],
        "n": found["n"],
        "reference": "classes asked for",
        "reference_n": len(dataset.class_names),
        "resize": None,
        "seed": fake.seed,
        "weights": fake.weights,
        "extractor": "judge",
        "extractor_sha256": judge.sha256,
        "floor": floor["mean"],
        "floor_n": floor["n"],
        "floor_set": test.name,
        "untrained": None,
        "dataset_fingerprint": dataset.fingerprint,
        "classes": found["classes"],
    }


def compare(
    fake: ImageSet,
    real: ImageSet,
    held_out: ImageSet | None = None,
    judge: Judge | str | None = None,
    metrics: Iterable[str] | None = None,
    inception: Extractor | None = None,
    cached: bool = True,
    report: Report = print,
) -> Scores:
    """Return the `Scores` of any two sets of images.

    held_out: more real images; by default the other split if `real` is one of a data set. judge: one, or name of a
    data set or folder of a judge, see `choose_judge`. The rest as in `evaluate`.
    """
    by_default = judge is None and fake.dataset is None and real.dataset is None
    chosen = judge if isinstance(judge, Judge) else choose_judge((real.dataset, fake.dataset), judge)
    remarks = []
    if by_default and isinstance(chosen, Judge):
        remarks.append(f"judge of {chosen.dataset}: choose another by --judge")
    fake, real, held_out = with_equal_channels(fake, real, held_out or real.held_out())
    comparison = Comparison(fake, real, held_out, cached=cached)
    return measure(comparison, _extractors(inception, chosen), metrics, report, remarks)


def require_measurable(
    metrics: Iterable[str] | None = None, judge: str | None = None, inception: Extractor | None = None
) -> None:
    """Raise `UserError` for what `compare` would refuse for any images, before they are generated."""
    if judge is not None:
        choose_judge((), judge)
    require_extractors(metrics, {"inception": inception or NO_INCEPTION})


def _extractors(inception: Extractor | None, judge: Judge | str) -> dict[str, Extractor | str]:
    """Return {name: extractor, or why there is none}."""
    own = judge_extractor(judge) if isinstance(judge, Judge) else judge
    return {"inception": inception or NO_INCEPTION, "judge": own}


def draw_memorisation(folder: Path, comparison: Comparison, results: Mapping[str, Memorisation]) -> None:
    """Draw {title: `Memorisation`} into `folder`: the most suspicious pairs of the first, the distances of all."""
    suspicious_pairs(
        folder / "memorisation-pairs.png",
        comparison.fake.images.images,
        comparison.real.images.images,
        next(iter(results.values())).suspicious(),
    )
    distance_histograms(folder / "memorisation-distances.png", results)


def untrained_samples(config: Config, dataset: Dataset, count: int, cached: bool = True) -> ImageSet:
    """Return samples of a configuration's model before its first training step."""

    def generate() -> np.ndarray:
        model = build_model(config, dataset.image_shape, 1, len(dataset.class_names), dataset.class_counts)
        return model.sample(count, EVALUATION_SEED, dataset.train_images)

    counts = unequal_counts(dataset.class_counts) or ()
    key = ("untrained", config.to_json(), dataset.fingerprint, count, *counts)
    images = kept_samples(key, generate, cached)
    return ImageSet("untrained", images, seed=EVALUATION_SEED)
