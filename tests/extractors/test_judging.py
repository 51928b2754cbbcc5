"""Training the judge: schedule, augmentation, and a data set that it must learn."""

import json
import os

import numpy as np
import pytest

from coursework.data.dataset import Dataset
from coursework.extractors import judge as judges
from coursework.extractors import judge_training as judging
from coursework.extractors.judge import load
from coursework.extractors.judge_training import AugmentedBatches, learning_rate, shifted, train_judge
from coursework.extractors.recorded import class_fingerprints, extract
from coursework.util.errors import UserError
from coursework.util.files import sha256


def stripes(count, seed):
    """Horizontal or vertical stripes of random colour, period and phase under noise: (images, labels)."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 2
    period = generator.uniform(4, 8, (count, 1, 1))
    phase = generator.uniform(0, 2 * np.pi, (count, 1, 1))
    rows, columns = np.mgrid[:16, :16]
    along = np.where(labels[:, None, None] == 0, rows, columns)
    wave = np.sin(2 * np.pi * along / period + phase)[..., None] * generator.uniform(40, 90, (count, 1, 1, 3))
    noise = generator.normal(0, 25, (count, 16, 16, 3))
    return np.clip(128 + wave + noise, 0, 255).astype(np.uint8), labels


def striped_dataset(name="stripes", count=256):
    return Dataset.from_arrays(name, *stripes(count, 0), *stripes(400, 1), ("horizontal", "vertical"))


def test_rate_rises_to_its_peak_and_falls_to_zero():
    schedule = learning_rate(100)
    rates = np.array([float(schedule(step)) for step in range(101)])
    assert rates[0] == 0 and rates.argmax() == 20
    assert rates[20] == pytest.approx(judging.PEAK_RATE, rel=1e-6)
    assert rates[10] == pytest.approx(judging.PEAK_RATE / 2, rel=1e-6)
    # Half of the way down in time is half of the way down in rate, by the cosine's symmetry.
    assert rates[60] == pytest.approx(judging.PEAK_RATE / 2, rel=1e-5)
    assert rates[100] == pytest.approx(0, abs=1e-8)


def test_shifts_are_crops_of_the_mirrored_image():
    images = np.random.default_rng(0).integers(0, 256, (400, 16, 16, 2), dtype=np.uint8)
    moved = shifted(images, np.random.default_rng(1))
    found = np.zeros((5, 5), dtype=int)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    for before, after in zip(padded, moved, strict=True):
        places = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if np.array_equal(before[row : row + 16, column : column + 16], after)
        ]
        assert len(places) == 1
        found[places[0]] += 1
    # 400 draws of 25 equally likely places: 16 each, standard deviation 3.9.
    assert found.min() >= 2 and found.max() <= 34


def test_batches_keep_images_with_their_labels_and_change_between_epochs():
    images = np.repeat(np.arange(50, dtype=np.uint8), 8 * 8 * 3).reshape(50, 8, 8, 3)
    batches = AugmentedBatches(images, np.arange(50) % 5, 5, batch_size=20, seed=3)
    assert len(batches) == 2
    first, one_hot = batches[0]
    assert first.dtype == np.uint8 and first.shape == (20, 8, 8, 3) and one_hot.dtype == np.float32
    # Constant images survive every shift.
    assert np.array_equal(first.min(axis=(1, 2, 3)), first.max(axis=(1, 2, 3)))
    numbers = first[:, 0, 0, 0].astype(int)
    assert len(set(numbers)) == 20
    assert np.array_equal(one_hot.argmax(axis=1), numbers % 5) and np.array_equal(one_hot.sum(axis=1), np.ones(20))
    np.testing.assert_array_equal(batches[0][0], first)
    batches.on_epoch_begin()
    np.testing.assert_array_equal(batches[0][0], first)
    batches.on_epoch_begin()
    assert not np.array_equal(batches[0][0], first)


@pytest.mark.backend
def test_judge_learns_what_tells_the_classes_apart(tmp_path, capsys):
    dataset, lines = striped_dataset(count=1024), []
    judge = train_judge(dataset, tmp_path, epochs=10, width=4, progress=False, report=lines.append)
    assert capsys.readouterr().out == ""
    # Guessing is right in half of the cases.
    assert judge.accuracy >= 0.9
    logits = extract(judge, dataset.test_images)["logits"]
    assert judge.accuracy == np.mean(logits.argmax(axis=1) == dataset.test_labels)
    assert {weight.dtype for weight in judge.model.weights} == {"float32"}
    record = json.loads((tmp_path / "judge.json").read_text())
    assert record["sha256"] == load(tmp_path).sha256 == sha256(tmp_path / "judge.keras")
    assert record["fingerprint"] == dataset.fingerprint and record["class_names"] == ["horizontal", "vertical"]
    assert record["class_fingerprints"] == class_fingerprints(dataset)
    assert (record["width"], record["epochs"], record["seed"], record["accuracy"]) == (4, 10, 0, judge.accuracy)
    assert len(lines) == 1 and f"{judge.accuracy:.1%} of the test images" in lines[0]


def count_fits(monkeypatch):
    """Replace the training by one that only counts, and return the count's list."""
    seeds = []

    def fit(dataset, batch_size, epochs, seed, width, progress):
        seeds.append(seed)
        return judging.build(dataset.image_shape, len(dataset.class_names), width, seed)

    monkeypatch.setattr(judging, "_fit", fit)
    return seeds


def test_a_judge_is_trained_once(tmp_path, monkeypatch):
    fits, lines, dataset = count_fits(monkeypatch), [], striped_dataset()
    options = {"epochs": 1, "width": 4, "progress": False, "report": lines.append}
    first = train_judge(dataset, tmp_path, **options)
    again = train_judge(dataset, tmp_path, **options)
    assert fits == [0] and again.sha256 == first.sha256 and "already" in lines[1]
    with pytest.raises(
        UserError,
        match=r"another judge of stripes \(seed is 0, not 1\), .*coursework judge --dataset stripes --replace`",
    ):
        train_judge(dataset, tmp_path, seed=1, **options)
    assert fits == [0] and load(tmp_path).sha256 == first.sha256
    train_judge(dataset, tmp_path, seed=1, replace=True, **options)
    train_judge(dataset.only(["vertical", "horizontal"]), tmp_path, seed=1, replace=True, **options)
    assert fits == [0, 1, 1]
    (tmp_path / "judge.keras").write_bytes(b"torn")
    repaired = train_judge(dataset, tmp_path, seed=1, **options)
    assert fits == [0, 1, 1, 1] and load(tmp_path).sha256 == repaired.sha256


def test_default_place_and_epochs(tmp_path, monkeypatch):
    count_fits(monkeypatch)
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    # 256 training images make one batch, so that the fewest updates set the epochs.
    judge = train_judge(striped_dataset("a"), width=4, progress=False, report=lambda line: None)
    assert judge.epochs == judging.FEWEST_UPDATES and load(tmp_path / "a").epochs == judge.epochs


def test_user_errors(tmp_path, monkeypatch):
    dataset = striped_dataset()
    with pytest.raises(UserError, match="stripes has only vertical"):
        train_judge(dataset.only(["vertical"]), tmp_path)

    def diverged(dataset, batch_size, epochs, seed, width, progress):
        model = judging.build(dataset.image_shape, 2, width)
        model.get_layer("logits").bias.assign([np.nan, 0.0])
        return model

    monkeypatch.setattr(judging, "_fit", diverged)
    with pytest.raises(UserError, match="diverged"):
        train_judge(dataset, tmp_path, epochs=1, width=4, progress=False)
    assert not list(tmp_path.iterdir())


def test_bfloat16_only_where_the_processor_has_it(monkeypatch):
    flags = {"text": "flags : avx2 avx512f avx512_bf16"}
    monkeypatch.setattr(judging.Path, "read_text", lambda path, encoding: flags["text"])
    assert judging.fastest_precision(32) == "mixed_bfloat16" and judging.fastest_precision(16) == "float32"
    flags["text"] = "flags : avx2 avx512f"
    assert judging.fastest_precision(32) == "float32"


@pytest.mark.slow
@pytest.mark.backend
def test_judge_of_the_sprites_is_right_in_more_than_95_of_100(tmp_path):
    from coursework.data import sprites

    judge = train_judge(sprites.load(), tmp_path, epochs=4, width=16, progress=False)
    assert judge.accuracy > 0.95


@pytest.mark.skipif(not os.environ.get("COURSEWORK_DATA"), reason="needs real images: set COURSEWORK_DATA")
@pytest.mark.slow
def test_judge_of_real_images_has_its_recorded_accuracy():
    from coursework.data import load_dataset

    dataset = load_dataset("cifar10")
    judge = judges.find_judge(dataset)
    if judge is None:
        pytest.skip("no judge of these images in reports/judges/cifar10")
    logits = extract(judge, dataset.test_images)["logits"]
    accuracy = np.mean(logits.argmax(axis=1) == dataset.test_labels)
    assert accuracy == pytest.approx(judge.accuracy, abs=2e-3) and accuracy > 0.85
