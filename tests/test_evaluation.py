"""Scores of runs: the record, its parts against direct computation, what is computed once, what is refused."""

import dataclasses
import math
import shutil

import numpy
import pytest

from coursework import data, evaluation
from coursework.config import AdversarialConfig, Config, DCGANConfig
from coursework.errors import UserError
from coursework.evaluation import Scorer, bootstrap_error, describe_score, evaluate, reference_features
from coursework.files import sha256
from coursework.metrics import judge as judges
from coursework.metrics.frechet import frechet_distance, moments
from coursework.metrics.judge import Judge, extract
from coursework.models import build_model
from coursework.run import Run
from coursework.saving import save_networks
from coursework.training import train

pytestmark = pytest.mark.backend

CONFIG = Config(
    preset="test",
    model=AdversarialConfig(),
    network=DCGANConfig(latent_size=4, generator_width=32, discriminator_width=8),
    dataset="tiny",
    epochs=1,
    batch_size=16,
    score_every=0,
)
SILENT = {"report": lambda line: None}


@pytest.fixture(scope="module", autouse=True)
def tiny(small_dataset):
    """Offer the data set "tiny": 64 training and 32 test images."""
    dataset = dataclasses.replace(small_dataset, name="tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.DATASETS, "tiny", lambda: dataset)
        yield dataset


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny):
    """Return a folder with a run of one epoch and a judge with features of 16 numbers."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train(CONFIG, Run("run"))
        judge = Judge(
            model=judges.build(tiny.image_shape, len(tiny.class_names), width=2),
            dataset="tiny",
            fingerprint=tiny.fingerprint,
            class_names=tiny.class_names,
            class_fingerprints=judges.class_fingerprints(tiny),
            width=2,
            epochs=1,
            seed=0,
            seconds=1.0,
            accuracy=0.25,
            sha256="",
        )
        judges.save(judge, judges.judge_folder("tiny"))
    return folder


@pytest.fixture
def run(home, in_tmp):
    """Return the run, in a fresh copy of the folder in which the judge is found."""
    shutil.copytree(home, in_tmp, dirs_exist_ok=True)
    return Run("run")


@pytest.fixture
def judge(run, tiny):
    return judges.find_judge(tiny)


def features(judge, images):
    return extract(judge, images)["features"]


def test_the_record_is_complete_and_its_values_are_those_of_the_definitions(run, judge, tiny):
    (record,) = evaluate(run, **SILENT)
    assert run.read_metrics() == [record]
    images = evaluation.TrainedRun(run).sample(32, seed=2020)
    fake, real = features(judge, images), features(judge, tiny.train_images)
    untrained = build_model(CONFIG, tiny.image_shape, steps=1).sample(32, 2020, tiny.train_images)
    expected = {
        "value": frechet_distance(fake, real),
        "error": bootstrap_error(fake, moments(real)),
        "floor": frechet_distance(features(judge, tiny.test_images), real),
        "untrained": frechet_distance(features(judge, untrained), real),
    }
    for name, value in expected.items():
        assert record.pop(name) == pytest.approx(value, rel=1e-4), name
        assert value > 0
    assert record == {
        "name": "fd_judge",
        # As many samples as the floor has, so that both carry the bias of one n.
        "n": 32,
        "floor_n": 32,
        "reference": "tiny:train",
        "reference_n": 64,
        "resize": None,
        "seed": 2020,
        "weights": "last",
        "extractor": "judge",
        "extractor_sha256": sha256("reports/judges/tiny/judge.keras"),
        "dataset_fingerprint": tiny.fingerprint,
    }


def test_features_are_computed_once(run, judge, tiny, monkeypatch):
    first = evaluate(run, **SILENT)
    monkeypatch.setattr(evaluation, "extract", lambda *arguments: pytest.fail("these features are on disk"))
    assert evaluate(run, **SILENT) == first
    assert reference_features(judge, tiny, "test").shape == (32, 16)


def test_changed_weights_and_damaged_caches_are_computed_again(run):
    (first,) = evaluate(run, **SILENT)
    for file in run.features.glob("*.npz"):
        file.write_bytes(b"damaged")
    (again,) = evaluate(run, **SILENT)
    assert again["value"] == pytest.approx(first["value"], rel=1e-6)
    trained = evaluation.TrainedRun(run).generator
    kernel = trained.get_layer("to_image").kernel
    kernel.assign(kernel * 0 + 0.1)
    save_networks(run.path, {"generator": trained})
    (changed,) = evaluate(run, **SILENT)
    assert changed["value"] != pytest.approx(first["value"], rel=1e-3)
    assert changed["floor"] == first["floor"]


def test_scores_under_other_conditions_stand_beside_each_other(run):
    evaluate(run, **SILENT)
    evaluate(run, samples=20, **SILENT)
    evaluate(run, seed=1, **SILENT)
    # The same again replaces its record and joins at the end.
    records = evaluate(run, **SILENT)
    assert [(record["n"], record["seed"]) for record in records] == [(20, 2020), (32, 1), (32, 2020)]
    assert run.read_metrics() == records
    assert len({record["value"] for record in records}) == 3


def test_best_weights_are_scored_apart(run, tiny):
    with pytest.raises(UserError, match="it keeps no best weights"):
        evaluate(run, best=True, **SILENT)
    save_networks(run.best, build_model(CONFIG, tiny.image_shape, steps=1).networks())
    evaluate(run, **SILENT)
    last, best = evaluate(run, best=True, **SILENT)
    assert (last["weights"], best["weights"]) == ("last", "best")
    # These best weights are in truth the untrained ones.
    assert best["value"] == pytest.approx(best["untrained"], rel=1e-4)
    assert last["value"] != pytest.approx(best["value"], rel=1e-4)


@pytest.mark.parametrize("samples, warned", [(16, True), (17, False)])
def test_fewer_samples_than_features_are_warned_of(run, samples, warned):
    lines = []
    evaluate(run, samples=samples, report=lines.append)
    assert len(lines) == warned
    if warned:
        assert "16 samples for features of 16 numbers: the covariance is singular" in lines[0]


def test_what_cannot_be_scored_is_named(run, judge):
    with pytest.raises(UserError, match="at least 2 samples, not 1"):
        evaluate(run, samples=1, **SILENT)
    run.network("generator").unlink()
    with pytest.raises(UserError, match="run has no generator.keras: train it to its end"):
        evaluate(run, **SILENT)
    shutil.rmtree("reports/judges")
    with pytest.raises(
        UserError, match="no judge for tiny: train one with `python -m coursework judge --dataset tiny`"
    ):
        evaluate(run, **SILENT)
    assert run.read_metrics() == []


def test_a_judge_of_other_images_is_none(run, tiny, monkeypatch):
    other = dataclasses.replace(tiny, train_images=255 - tiny.train_images)
    monkeypatch.setitem(data.DATASETS, "tiny", lambda: other)
    with pytest.raises(UserError, match="no judge for tiny"):
        evaluate(run, **SILENT)


def test_a_score_during_training_is_the_distance_of_its_samples(judge, tiny):
    model = build_model(CONFIG, tiny.image_shape, steps=1)
    scorer = Scorer(judge, tiny, seed=3, count=40)
    # Not the seed of the previews, whose images would be scored again and again.
    expected = frechet_distance(
        features(judge, model.sample(40, 4, tiny.train_images)), features(judge, tiny.train_images)
    )
    assert scorer.score_model(model) == pytest.approx(expected, rel=1e-5)


def test_the_bootstrap_error_is_the_deviation_over_resamplings():
    generator = numpy.random.default_rng(0)
    real = moments(generator.normal(size=(2000, 2)))
    # In the mean's direction the distance is (m - 0)^2 and a little: its deviation is 2 m / sqrt(n) for a large m.
    count, mean = 400, 50.0
    fake = generator.normal(size=(count, 2)) + [mean, 0.0]
    error = bootstrap_error(fake, real, resamplings=400)
    assert error == pytest.approx(2 * mean / math.sqrt(count), rel=0.15)
    assert bootstrap_error(fake, real, resamplings=400) == error
    assert bootstrap_error(numpy.ones((10, 2)), real) == pytest.approx(0, abs=1e-9)


def test_a_score_is_told_in_one_line():
    record = {
        "name": "fd_judge",
        "value": 12.3456,
        "error": 0.789,
        "n": 1000,
        "reference": "tiny:train",
        "reference_n": 64,
        "seed": 7,
        "floor": 1.234,
        "untrained": 99.0,
        "extractor": "judge",
        "extractor_sha256": "0123456789abcdef",
    }
    assert describe_score(record) == (
        "FD-judge 12.35 ± 0.79 (n 1000, against tiny:train n 64, seed 7; real test images 1.23, untrained 99.00; "
        "judge 0123456789ab)"
    )
