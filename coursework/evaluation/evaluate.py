"""From a run to its scores: metrics.json, and the figures of memorisation."""

from coursework.data import load_dataset
from coursework.evaluation.comparison import Comparison
from coursework.evaluation.scoring import METRICS, measure, require_extractors
from coursework.evaluation.sources import EVALUATION_SEED, ImageSet, kept_samples, run_samples, split_of
from coursework.extractors.choice import choose_judge, judge_extractor, no_judge
from coursework.extractors.judge import extract, find_judge
from coursework.figures.memorisation import distance_histograms, suspicious_pairs
from coursework.metrics.class_accuracy import class_accuracy
from coursework.models import MODELS, build_model
from coursework.models.class_weights import proportional_labels, unequal_counts
from coursework.util.errors import UserError

# Two scores of one run are the same score measured again where these agree.
IDENTITY = ("name", "n", "reference", "reference_n", "seed", "weights", "extractor", "extractor_sha256")
NO_INCEPTION = (
    "no weights of Inception: name them by --inception PATH or COURSEWORK_INCEPTION, or --download them (89 MB)"
)


def evaluate(
    run, samples=None, seed=EVALUATION_SEED, best=False, metrics=None, inception=None, cached=True, report=print
):
    """Score the run's generator against the images it was trained on, write metrics.json and return its content.

    samples: number of generated images; by default as many as the test split holds, so that a score and its floor (the
    test split against the training split) carry the same bias of a finite n. metrics: names in `scoring.METRICS`; by
    default every one that can be measured, the judge's among them. inception: its `Extractor`. cached: False keeps and
    reads no features and samples. Raises `UserError` for what is missing.
    """
    config = run.read_config()
    dataset = load_dataset(config.dataset, config.classes)
    # Whoever names no metrics wants the judge's, which need nothing but a short training.
    judge = require_judge(dataset) if metrics is None else find_judge(dataset)
    extractors, missing = _extractors(inception, judge, no_judge(dataset))
    require_extractors(metrics, extractors, missing)
    samples = samples or len(dataset.test_images)
    comparison = Comparison(
        run_samples(run, samples, seed, best, cached),
        split_of(dataset, "train"),
        split_of(dataset, "test"),
        lambda: untrained_samples(config, dataset, samples, cached),
        cached,
    )
    scores = measure(comparison, extractors, missing, metrics, report)
    if metrics is None and MODELS[config.model.name].conditional:
        try:
            counts = run.read_environment().get("class_counts")
            scores.records.append(_class_accuracy(comparison, judge, dataset, counts))
        except UserError as error:
            report(f"not measured: class accuracy: {error}")
    records = run.add_metrics(scores.records, IDENTITY)
    if scores.memorisation:
        draw_memorisation(run.figures, comparison, scores.memorisation)
    return records


def _class_accuracy(comparison, judge, dataset, class_counts=None):
    """Return the record of how often the judge names a sample as its class; the floor is that of the test images."""
    fake, test = comparison.fake.images, comparison.held_out.images
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


def compare(fake, real, held_out=None, judge=None, metrics=None, inception=None, cached=True, report=print):
    """Return the `Scores` of two `ImageSet`s, wherever they come from.

    held_out: more real images; by default the other split where `real` is one of a data set. judge: name of a data set
    or folder of a judge, see `choose_judge`. The rest as in `evaluate`.
    """
    by_default = judge is None and fake.dataset is None and real.dataset is None
    judge, reason = choose_judge((real, fake), judge)
    remarks = [f"judge of {judge.dataset}: choose another by --judge"] if judge and by_default else []
    comparison = Comparison(fake, real, held_out or real.held_out(), cached=cached)
    return measure(comparison, *_extractors(inception, judge, reason), metrics, report, remarks)


def require_measurable(metrics=None, judge=None, inception=None):
    """Raise `UserError` for what `compare` would refuse whatever the images are, before any are made."""
    if judge is not None:
        choose_judge((), judge)
    for name in metrics or ():
        if inception is None and METRICS[name].extractors == ("inception",):
            raise UserError(f"{name} cannot be measured: {NO_INCEPTION}")


def _extractors(inception, judge, no_judge_reason):
    """Return (the extractors there are, {name of another: why there is none})."""
    extractors = ([inception] if inception else []) + ([judge_extractor(judge)] if judge else [])
    missing = {"inception": NO_INCEPTION, "judge": no_judge_reason}
    return extractors, {name: missing[name] for name in missing if name not in {one.name for one in extractors}}


def draw_memorisation(folder, comparison, results):
    """Draw {title: `Memorisation`} into `folder`: the most suspicious pairs of the first, the distances of all."""
    suspicious_pairs(
        folder / "memorisation-pairs.png",
        comparison.fake.images.images,
        comparison.real.images.images,
        next(iter(results.values())).suspicious(),
    )
    distance_histograms(folder / "memorisation-distances.png", results)


def require_judge(dataset):
    """Return the judge of `dataset`; raises `UserError`, which says how to make one, where there is none."""
    judge = find_judge(dataset)
    if judge is None:
        raise UserError(no_judge(dataset))
    return judge


def untrained_samples(config, dataset, count, cached=True):
    """Return what the model of a configuration made before its first step: the scores to be better than."""

    def generate():
        model = build_model(config, dataset.image_shape, 1, len(dataset.class_names), dataset.class_counts)
        return model.sample(count, EVALUATION_SEED, dataset.train_images)

    counts = unequal_counts(dataset.class_counts) or ()
    key = ("untrained", config.to_json(), dataset.fingerprint, count, *counts)
    images = kept_samples(key, generate, cached)
    return ImageSet("untrained", images, seed=EVALUATION_SEED)
