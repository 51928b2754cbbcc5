"""Scores of runs: the record, its parts against direct computation, what is computed once, what is refused."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from conftest import save_judge

from coursework import data
from coursework.config.models import AdversarialConfig
from coursework.config.networks import DCGANConfig
from coursework.config.schema import Config
from coursework.evaluation.evaluate import evaluate
from coursework.extractors import judge as judges
from coursework.extractors.recorded import extract
from coursework.figures.scores import SCORES
from coursework.metrics.frechet import frechet_distance, frechet_influences, moments
from coursework.metrics.uncertainty import standard_error
from coursework.models import build_model
from coursework.networks.saving import save_networks
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.training.scorer import Scorer, reference_features
from coursework.util.errors import UserError
from coursework.util.files import sha256

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
# The score that a few images suffice for.
SILENT = {"metrics": ("fd",), "report": lambda line: None}


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
        save_judge(tiny, "tiny")
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
    images = TrainedRun(run).sample(32, seed=2020)
    fake, real = features(judge, images), features(judge, tiny.train_images)
    untrained = build_model(CONFIG, tiny.image_shape, steps=1).sample(32, 2020, tiny.train_images)
    expected = {
        "value": frechet_distance(fake, real),
        "error": standard_error(frechet_influences(fake, *moments(real))),
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
        "floor_set": "tiny:test",
        "reference": "tiny:train",
        "reference_n": 64,
        "resize": None,
        "seed": 2020,
        "weights": "last",
        "extractor": "judge",
        "extractor_sha256": sha256("reports/judges/tiny/judge.keras"),
        "dataset_fingerprint": tiny.fingerprint,
        "warning": "32 samples where 80 are wanted: the distance is too large by a bias of the order of 1/n; "
        "compare it only with scores of the same n",
    }


def test_samples_and_features_are_computed_once(run, judge, tiny, monkeypatch):
    first = evaluate(run, **SILENT)
    for place in ("coursework.extractors.recorded.extract", "coursework.evaluation.evaluate.build_model"):
        monkeypatch.setattr(place, lambda *arguments, **options: pytest.fail("this is on disk"))
    monkeypatch.setattr(TrainedRun, "sample", lambda *arguments: pytest.fail("these samples are on disk"))
    assert evaluate(run, **SILENT) == first
    assert reference_features(judge, tiny, "test").shape == (32, 16)


def test_changed_weights_and_damaged_caches_are_computed_again(run, in_tmp):
    (first,) = evaluate(run, **SILENT)
    kept = list((in_tmp / ".cache").rglob("*.npz"))
    # Samples of the run and of the untrained model; their features, and those of both splits.
    assert len(kept) == 2 + 4
    for file in kept:
        file.write_bytes(b"damaged")
    (again,) = evaluate(run, **SILENT)
    assert again["value"] == pytest.approx(first["value"], rel=1e-6)
    generator = TrainedRun(run).generator
    kernel = generator.get_layer("to_image").kernel
    kernel.assign(kernel * 0 + 0.1)
    save_networks(run.path, {"generator": generator})
    (changed,) = evaluate(run, **SILENT)
    assert changed["value"] != pytest.approx(first["value"], rel=1e-3)
    assert changed["floor"] == first["floor"]


def test_nothing_is_kept_where_that_is_not_wanted(run, in_tmp):
    (first,) = evaluate(run, cached=False, **SILENT)
    assert not (in_tmp / ".cache").exists()
    assert evaluate(run, **SILENT) == [first]


def test_by_default_all_that_can_be_measured_is(run, in_tmp):
    lines = []
    records = evaluate(run, report=lines.append)
    assert [record["name"] for record in records] == ["fd_judge", "precision", "recall", "density", "coverage"]
    assert all(record["name"] in SCORES and record["value"] >= 0 for record in records)
    # As many real images as samples, since balls shrink as images are added.
    assert [record["reference_n"] for record in records] == [64, 32, 32, 32, 32]
    assert lines[0].startswith("not measured: fid, kid, is: no weights of Inception: name them by --inception PATH or ")
    assert lines[1] == "not measured: kd: subsets of 1,000 images need as many on both sides, found 32"
    assert lines[2] == "not measured: memorisation: a 1 % quantile needs at least 100 test images, found 32"
    assert all(line.startswith("warning: ") for line in lines[3:]) and len(lines) == 3 + 5
    assert json.loads(run.metrics_file.read_text(), parse_constant=pytest.fail) == records
    assert not run.figures.exists()


def test_what_is_named_must_be_measured(run):
    for names, message in (
        (("fd", "kid"), "kid cannot be measured: no weights of Inception: name them by --inception PATH or .*"),
        (("memorisation",), "memorisation cannot be measured: a 1 % quantile needs at least 100 test images, found 32"),
    ):
        with pytest.raises(UserError, match=message):
            evaluate(run, metrics=names, report=pytest.fail)
    assert run.read_metrics() == []


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
    (record,) = evaluate(run, samples=samples, metrics=("fd",), report=lines.append)
    assert lines == [f"warning: FD-judge (judge): {record['warning']}"]
    singular = "16 images for 16 features: the covariance is singular and the distance mostly bias"
    assert record["warning"].startswith(singular) == warned


def test_what_cannot_be_scored_is_named(run, judge):
    with pytest.raises(UserError, match="fd cannot be measured: a covariance needs at least 2 images on both sides, f"):
        evaluate(run, samples=1, **SILENT)
    run.network("generator").unlink()
    run.discard_state()
    with pytest.raises(UserError, match="run has no generator.keras: train it to its end"):
        evaluate(run, **SILENT)
    shutil.rmtree("reports/judges")
    with pytest.raises(
        UserError, match="^no judge for tiny: train one with `python -m coursework judge --dataset tiny`$"
    ):
        evaluate(run)
    with pytest.raises(UserError, match="^fd cannot be measured: no judge for tiny: train one with "):
        evaluate(run, **SILENT)
    assert run.read_metrics() == []


def test_a_judge_of_other_images_is_none(run, tiny, monkeypatch):
    arrays = 255 - tiny.train_images, tiny.train_labels, tiny.test_images, tiny.test_labels
    other = data.Dataset.from_arrays("tiny", *arrays, tiny.class_names)
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


def test_of_a_conditional_run_the_judge_says_how_often_a_sample_is_what_was_asked_for(tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(tmp_path)
    network = dataclasses.replace(CONFIG.network, discriminator_normalization="none")
    model = AdversarialConfig(name="conditional_sngan")
    train(dataclasses.replace(CONFIG, model=model, network=network), Run("run"))
    judge = save_judge(tiny, "tiny")
    record = evaluate(Run("run"), samples=20, report=lambda line: None)[-1]
    labels = np.arange(20) % len(tiny.class_names)
    images = TrainedRun(Run("run")).sample(20, 2020)
    right = extract(judge, images)["logits"].argmax(axis=1) == labels
    by_class = [right[labels == label].mean() for label in range(len(tiny.class_names))]
    assert record["name"] == "class_accuracy" and record["n"] == 20
    assert record["value"] == pytest.approx(np.mean(by_class)) and len(record["classes"]) == len(by_class)
    named = extract(judge, tiny.test_images)["logits"].argmax(axis=1)
    of_test = [(named == label)[tiny.test_labels == label].mean() for label in range(len(by_class))]
    assert record["floor"] == pytest.approx(np.mean(of_test)) and record["floor_n"] == len(tiny.test_images)
    # Too few samples for a class are told, and the other scores kept.
    lines = []
    names = {record["name"] for record in evaluate(Run("run"), samples=2, report=lines.append) if record["n"] == 2}
    assert "fd_judge" in names and "class_accuracy" not in names
    assert any(line.startswith("not measured: class accuracy: 2 samples hold none of class ") for line in lines)
