"""What codes are worth: values that can be worked out."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from coursework import data
from coursework.config.presets import AUTOENCODERS, PRESETS
from coursework.data import sprites
from coursework.metrics.codes import clustering_accuracy, linear_accuracy, matched_accuracy, whitening
from coursework.models import build_model
from coursework.studies.downstream import NAMES, PUBLISHED, keep, measure_codes, table, train_autoencoders
from coursework.training.run import Run
from coursework.training.task import save_trained
from coursework.util.errors import UserError

pytest.importorskip("sklearn")


@pytest.fixture
def random():
    return np.random.default_rng(5)


def test_clusters_are_paired_with_labels_as_well_as_can_be():
    # Cluster 2 is label 0 throughout; of 0 and 1 the better pairing has 2 + 1 right.
    clusters = [2, 2, 2, 0, 0, 0, 1, 1]
    labels = [0, 0, 0, 1, 1, 2, 2, 1]
    assert matched_accuracy(clusters, labels) == pytest.approx(6 / 8)
    # The largest entry of each row would pair both clusters with label 0.
    assert matched_accuracy([0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 0, 0, 0, 1]) == pytest.approx(4 / 7)
    assert matched_accuracy([0, 1, 2, 3], [0, 0, 0, 0]) == 0.25


def test_whitened_codes_are_uncorrelated_and_flat_directions_are_left_out(random):
    codes = random.normal(size=(500, 3)) @ np.array([[3.0, 1.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.0]]) + [5, -2, 1]
    mean, matrix = whitening(codes)
    assert mean == pytest.approx(codes.mean(axis=0)) and matrix.shape == (3, 2)
    white = (codes - mean) @ matrix
    assert white.T @ white / 500 == pytest.approx(np.eye(2), abs=1e-9)


def test_a_linear_classifier_finds_what_is_linear_and_nothing_else(random):
    labels = random.integers(0, 3, 600)
    corners = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 900.0]])
    codes = (corners[labels] + random.normal(size=(600, 2)))[:, None]
    assert linear_accuracy(codes[:300], labels[:300], codes[300:], labels[300:]) == 1.0
    # Exclusive or: no line does better than three of its four corners.
    corner = random.integers(0, 4, 4000)
    points = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])[corner] + 0.01 * random.normal(size=(4000, 2))
    accuracy = linear_accuracy(points[:2000], corner[:2000] // 2, points[2000:], corner[2000:] // 2)
    assert 0.2 < accuracy < 0.78


def test_clustering_finds_separate_classes_whatever_their_scale(random):
    labels = random.integers(0, 4, 800)
    # Whitening makes the second direction, a thousandth as wide, count as much as the first.
    codes = np.array([[0, 0], [8, 0], [0, 0.008], [8, 0.008]])[labels] + random.normal(size=(800, 2)) * [0.5, 0.0005]
    assert clustering_accuracy(codes[:400], codes[400:], labels[400:]) == 1.0
    noise = random.normal(size=(800, 2))
    assert 0.25 <= clustering_accuracy(noise[:400], noise[400:], labels[400:]) < 0.4
    assert clustering_accuracy(noise[:400], noise[400:], labels[400:], seed=3) == pytest.approx(
        clustering_accuracy(noise[:400], noise[400:], labels[400:], seed=3)
    )


@pytest.fixture
def run(in_tmp, monkeypatch):
    """An untrained ACAI of sprites, written as `train` would leave it."""
    dataset = sprites.load(train_per_class=40, test_per_class=25)
    monkeypatch.setitem(data.DATASETS, "sprites", lambda: dataset)
    network = dataclasses.replace(PRESETS["acai"].network, depth=4, latent_channels=2)
    config = dataclasses.replace(PRESETS["acai"], dataset="sprites", network=network)
    run = Run("acai")
    run.write_config(config)
    run.write_environment({"class_names": list(dataset.class_names)})
    save_trained(run.path, build_model(config, dataset.image_shape, 1, 4), dataset)
    return run


def test_both_accuracies_are_recorded_with_those_of_the_untrained_network(run):
    run.write_metrics([{"name": "fd_judge", "value": 1.0}])
    row = measure_codes(run, report=lambda line: None)
    first, *records = run.read_metrics()
    assert first["name"] == "fd_judge" and [each["name"] for each in records] == list(NAMES)
    assert row["run"] == "acai" and row["code_size"] == 4 * 4 * 2 and row["published"] is None
    for record in records:
        assert row[record["name"]] == record
        # The network has not been trained: it is the one from before training.
        assert record["value"] == record["untrained"] and 0.25 <= record["value"] < 0.9
        assert record["error"] == pytest.approx((record["value"] * (1 - record["value"]) / 100) ** 0.5)
        assert (record["n"], record["reference_n"]) == (100, 160)
    # Measured again they take the place of the first.
    measure_codes(run, report=lambda line: None)
    assert len(run.read_metrics()) == 3
    assert "acai" in table([row])[1] and f"{100 * row['linear_accuracy']['value']:.1f} ±" in table([row])[1]


def test_accuracies_of_other_runs_are_kept(run, in_tmp):
    row = measure_codes(run, report=lambda line: None)
    other = {**row, "run": "other", "published": 0.5}
    assert keep([other], in_tmp) == [other]
    assert keep([row], in_tmp) == [other, row]
    again = {**row, "images_seen": 64}
    # What is no row of this measurement does not come along.
    broken = [7, {"run": "x"}, {**row, "run": "odd", "linear_accuracy": {"value": "high"}}]
    (in_tmp / "scores.json").write_text(json.dumps([*broken, other, row]))
    assert keep([again], in_tmp) == [other, again] == json.loads((in_tmp / "scores.json").read_text())
    header, first, second = csv.reader((in_tmp / "table.csv").read_text().splitlines())
    assert header[:4] == ["run", "data set", "images seen", "numbers in a code"] and len(set(header)) == 11
    assert (first[0], first[10]) == ("other", "0.5") and second[:4] == ["acai", "sprites", "64", "32"]
    assert float(second[4]) == pytest.approx(row["linear_accuracy"]["value"], rel=1e-5)
    assert float(second[9]) == pytest.approx(row["clustering_accuracy"]["untrained"], rel=1e-5)


def test_the_seven_are_trained_alike(run, in_tmp):
    presets = [
        dataclasses.replace(config, batch_size=32, score_every=0) for config in (AUTOENCODERS[0], AUTOENCODERS[6])
    ]
    settings = [("depth", "2"), ("latent_channels", "2"), ("critic_optimizer.rate", "1e-3")]
    printed = []
    runs = train_autoencoders("sprites", 1, 3, settings, in_tmp / "codes", presets, printed.append)
    assert [each.name for each in runs] == ["autoencoder-sprites-s3", "acai-sprites-s3"]
    plain, acai = (each.read_config() for each in runs)
    assert plain.network == acai.network and (plain.network.depth, plain.seed, plain.epochs) == (2, 3, 1)
    assert (acai.model.critic_optimizer.rate, acai.model.optimizer.rate) == (1e-3, 1e-4)
    assert all(each.read_environment()["images_seen"] == 160 for each in runs)
    # What is finished is left as it is.
    before = [each.network("encoder").stat().st_mtime_ns for each in runs]
    train_autoencoders("sprites", 1, 3, settings, in_tmp / "codes", presets, printed.append)
    assert [each.network("encoder").stat().st_mtime_ns for each in runs] == before


def test_codes_that_cannot_be_clustered_are_refused(random):
    with pytest.raises(UserError, match="all training codes are the same"):
        clustering_accuracy(np.ones((20, 3)), np.ones((8, 3)), [0, 1] * 4)
    with pytest.raises(UserError, match="3 training codes are too few for 4 clusters"):
        clustering_accuracy(random.normal(size=(3, 2)), random.normal(size=(8, 2)), [0, 1] * 4, count=4)


def test_the_label_of_a_run_names_its_folder():
    labels = {path: Run(path).label for path in ("reports/runs/a", "reports/codes/runs/a", "a", "/x/y/runs/a")}
    assert list(labels.values()) == ["a", "codes/a", "a", "y/a"]


def test_published_accuracies_are_those_of_the_paper():
    assert PUBLISHED[256]["acai"] == 0.5277 and PUBLISHED[1024]["acai"] == 0.6399
    assert PUBLISHED[256]["denoising_autoencoder"] == 0.5378 and PUBLISHED[1024]["vqvae"] == 0.1622


def test_a_run_without_codes_is_refused(run):
    run.write_config(PRESETS["gan"])
    with pytest.raises(UserError, match="is of a model without codes: gan is no autoencoder"):
        measure_codes(run, report=lambda line: None)
