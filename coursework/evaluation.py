"""From a run to scores: samples, features (each computed once), metrics.json."""

import zipfile

import numpy as np

from coursework.data import load_dataset
from coursework.errors import UserError
from coursework.files import replacing, sha256
from coursework.metrics.frechet import frechet_distance, gaussian_distance, moments
from coursework.metrics.judge import extract, find_judge, judge_folder
from coursework.models import build_model
from coursework.sampling import TrainedRun
from coursework.scores import format_score, score

# Samples of an evaluation come from a stream that no training preview and no scoring during training has used.
EVALUATION_SEED = 2020
# Resamplings behind an error bar.
BOOTSTRAP = 20


class Scorer:
    """FD-judge of a model in training, on a few thousand samples: a guide for keeping weights, not a result."""

    def __init__(self, judge, dataset, seed, count=2000):
        self.judge = judge
        self.dataset = dataset
        self.seed = seed
        self.count = count
        self.reference = moments(reference_features(judge, dataset, "train"))

    def score_model(self, model):
        """Return the Fréchet distance between samples of `model` and the training split."""
        images = model.sample(self.count, self.seed + 1, self.dataset.train_images)
        features = extract(self.judge, images)["features"]
        return gaussian_distance(*moments(features), *self.reference)


def evaluate(run, samples=None, seed=EVALUATION_SEED, best=False, report=print):
    """Score the run's generator with the judge of its data set, write metrics.json and return its content.

    samples: number of generated images; by default as many as the test split holds, so that the score and its
    floor (the test split against the training split) carry the same bias of a finite n.
    """
    config = run.read_config()
    dataset = load_dataset(config.dataset, config.classes)
    judge = require_judge(dataset)
    samples = samples or len(dataset.test_images)
    if samples < 2:
        raise UserError(f"a Fréchet distance needs at least 2 samples, not {samples}")
    fake = _run_features(run, judge, samples, seed, best)
    real = reference_features(judge, dataset, "train")
    test = reference_features(judge, dataset, "test")
    if samples <= fake.shape[1]:
        report(
            f"warning: {samples} samples for features of {fake.shape[1]} numbers: the covariance is singular and the "
            "distance mostly bias; compare it only with scores of the same n"
        )
    value = frechet_distance(fake, real)
    record = {
        "name": "fd_judge",
        "value": value,
        "error": bootstrap_error(fake, moments(real)),
        "n": samples,
        "reference": f"{dataset.name}:train",
        "reference_n": len(real),
        "resize": None,
        "seed": seed,
        "weights": "best" if best else "last",
        "extractor": "judge",
        "extractor_sha256": judge.sha256,
        "floor": frechet_distance(test, real),
        "floor_n": len(test),
        "untrained": frechet_distance(_untrained_features(run, judge, dataset, samples), real),
        "dataset_fingerprint": dataset.fingerprint,
    }
    same = ("name", "n", "reference", "seed", "weights", "extractor_sha256")
    kept = [other for other in run.read_metrics() if any(other.get(key) != record[key] for key in same)]
    run.write_metrics([*kept, record])
    return [*kept, record]


def require_judge(dataset):
    """Return the judge of `dataset`; raises `UserError`, which says how to make one, where there is none."""
    judge = find_judge(dataset)
    if judge is None:
        raise UserError(
            f"no judge for {dataset.name}: train one with `python -m coursework judge --dataset {dataset.name}`"
        )
    return judge


def describe_score(record):
    """Return one line of text for a record of metrics.json."""
    error = "" if record.get("error") is None else f" ± {format_score(record['name'], record['error'])}"
    return (
        f"{score(record['name']).title} {format_score(record['name'], record['value'])}{error} "
        f"(n {record['n']}, against {record['reference']} n {record['reference_n']}, seed {record['seed']}; "
        f"real test images {format_score(record['name'], record['floor'])}, "
        f"untrained {format_score(record['name'], record['untrained'])}; "
        f"{record['extractor']} {record['extractor_sha256'][:12]})"
    )


def reference_features(judge, dataset, split):
    """Return the judge's features of a split of real images, (n, d) float32, computed once."""
    images, _ = dataset.split(split)
    file = judge_folder(judge.dataset) / f"features-{split}-{dataset.fingerprint[:12]}-{judge.sha256[:12]}.npz"
    return _cached(file, lambda: extract(judge, images)["features"])


def bootstrap_error(fake, real_moments, resamplings=BOOTSTRAP, seed=0):
    """Return the standard deviation of the Fréchet distance over resamplings of the fake features."""
    generator = np.random.default_rng(seed)
    values = [
        gaussian_distance(*moments(fake[generator.integers(len(fake), size=len(fake))]), *real_moments)
        for _ in range(resamplings)
    ]
    return float(np.std(values, ddof=1))


def _run_features(run, judge, samples, seed, best):
    trained = TrainedRun(run, best)
    trained.network("generator")  # Says what is amiss where there is none.
    weights = sha256(trained.folder / "generator.keras")
    file = run.features / f"judge-{judge.sha256[:12]}-{weights[:12]}-n{samples}-s{seed}.npz"
    return _cached(file, lambda: extract(judge, trained.sample(samples, seed))["features"])


def _untrained_features(run, judge, dataset, samples):
    """Return features of what the run's model made before its first step: the score to be below."""
    file = run.features / f"judge-{judge.sha256[:12]}-untrained-n{samples}.npz"

    def compute():
        model = build_model(run.read_config(), dataset.image_shape, steps=1)
        return extract(judge, model.sample(samples, EVALUATION_SEED, dataset.train_images))["features"]

    return _cached(file, compute)


def _cached(file, compute):
    """Return the array in `file`, or compute and keep it; a damaged file is computed again."""
    try:
        with np.load(file, allow_pickle=False) as content:
            return content["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        features = compute()
    with replacing(file) as temporary:
        np.savez(temporary, features=features)
    return features
