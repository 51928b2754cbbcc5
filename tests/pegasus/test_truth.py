"""The judge of truth: what it learns from, and how often it is right about pegasi that it has never seen."""

import json

import numpy as np
import pytest

from coursework.data import sprites
from coursework.pegasus import truth as truths
from coursework.pegasus.composites import TWO_PICTURES
from coursework.pegasus.truth import HELD_OUT_SEED, TRAINING_SEED, negatives, train_truth, truth_dataset
from coursework.util.errors import UserError


def test_it_learns_the_classes_pegasi_and_what_is_neither():
    dataset = sprites.load(train_per_class=40, test_per_class=20)
    known = truth_dataset(dataset)
    assert known.class_names == (*dataset.class_names, "pegasus", "neither")
    # For forty of a class sixty pegasi, sixteen negatives of six kinds each, and eight of two more.
    kinds = len(TWO_PICTURES) + 2
    assert np.bincount(known.train_labels).tolist() == [40, 40, 40, 40, 60, 16 * kinds]
    assert np.bincount(known.test_labels).tolist() == [20, 20, 20, 20, 30, 8 * kinds]
    again = truth_dataset(dataset)
    assert again.fingerprint == known.fingerprint
    # Most pegasi are shown as clear as they are, and those that are tested are others.
    trained = {image.tobytes() for image in known.train_images[known.train_labels == 4]}
    clear = [image.tobytes() in trained for image in sprites.pegasi(60, TRAINING_SEED)]
    assert 0.4 < np.mean(clear) < 0.8
    assert not trained & {image.tobytes() for image in sprites.pegasi(30, HELD_OUT_SEED)}


def test_negatives_follow_from_the_seed_and_hide_nothing_clear():
    dataset = sprites.load(train_per_class=20, test_per_class=20)
    found, again, other = (negatives(dataset, "test", seed) for seed in (1, 1, 2))
    assert set(found) == {
        *dataset.class_names,
        *(f"horse {kind}" for kind in TWO_PICTURES),
        "pegasus blend",
        "blurred",
        "noisy",
    }
    for kind, images in found.items():
        assert images.dtype == np.uint8 and len(images) > 0
        np.testing.assert_array_equal(images, again[kind])
        assert kind in dataset.class_names or not np.array_equal(images, other[kind])
    # Blurred beyond recognition: neighbouring pixels hardly differ. Noisy: they differ more than in any picture.
    step = {kind: np.abs(np.diff(images.astype(float), axis=1)).mean() for kind, images in found.items()}
    assert step["blurred"] < 0.5 * step["horse"] and step["noisy"] > 4 * step["horse"]


def test_other_data_sets_are_refused(tmp_path, small_dataset):
    with pytest.raises(UserError, match="drawn horses alone"):
        train_truth(small_dataset.only(["bird", "deer"]), tmp_path)


@pytest.mark.slow
def test_it_knows_pegasi_from_what_is_none(tmp_path, monkeypatch):
    dataset = sprites.load(train_per_class=1500, test_per_class=200)
    truth = train_truth(dataset, tmp_path, progress=False, report=lambda line: None)
    record = json.loads((tmp_path / "truth.json").read_text())
    assert record["true_positive_rate"] == truth.true_positive_rate
    assert record["false_positive_rates"] == truth.false_positive_rates
    assert truth.true_positive_rate > 0.9 and truth.false_positive_rates["all"] < 0.05
    # On seeds of nobody else's it holds as well.
    assert np.mean(truth.pegasus(sprites.pegasi(300, 31)) >= truths.THRESHOLD) > 0.9
    assert np.mean(truth.pegasus(sprites.render("horse", 300, 32)) >= truths.THRESHOLD) < 0.05
    again = train_truth(dataset, tmp_path, progress=False, report=lambda line: None)
    assert again.sha256 == truth.sha256
