"""Witnesses: their networks and files, what they learn from, and how far they tell true pegasi from what is none."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import untrained_witness
from keras import ops

from coursework.data import sprites
from coursework.data.dataset import Dataset
from coursework.extractors import judge as judges
from coursework.extractors.judge import Judge
from coursework.extractors.judge_training import train_judge
from coursework.extractors.recorded import extract, save
from coursework.metrics.classification import area_under_curve
from coursework.networks.backend import gradients_by_tensors
from coursework.pegasus import witness_training
from coursework.pegasus.calibration import Calibration
from coursework.pegasus.composites import compose
from coursework.pegasus.evidence import evidence
from coursework.pegasus.witness import ROLES, Witness, find_witness, load, require_witness
from coursework.pegasus.witness_batches import Examples, WitnessBatches
from coursework.pegasus.witness_network import NETWORKS, LogMeanExpPooling
from coursework.pegasus.witness_training import train_witness
from coursework.util.errors import UserError

CLASSES = ("bird", "deer", "horse")


def random_images(count, seed=0, shape=(16, 16, 3)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def tiny_dataset(count=60):
    labels = np.arange(count, dtype=np.int64) % 3
    return Dataset.from_arrays("tiny", random_images(count), labels, random_images(30, seed=1), labels[:30], CLASSES)


@pytest.mark.backend
def test_pooling_is_the_logarithm_of_a_mean():
    values = np.random.default_rng(0).normal(0, 3, (2, 3, 4, 5)).astype(np.float32)
    pooled = ops.convert_to_numpy(LogMeanExpPooling()(values))
    np.testing.assert_allclose(pooled, np.log(np.exp(values.astype(np.float64)).mean(axis=(1, 2))), rtol=1e-5)
    # One place of sixteen that is sure of a class leaves all but log 16 of its log-odds.
    sure = np.full((1, 4, 4, 1), -50, np.float32)
    sure[0, 1, 2] = 20
    np.testing.assert_allclose(ops.convert_to_numpy(LogMeanExpPooling()(sure)), [[20 - np.log(16)]], rtol=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("role", ROLES)
def test_networks_tell_presence_and_unity_and_can_be_climbed(role):
    network = NETWORKS[role]((16, 16, 3), 3, width=4)
    images = random_images(5).astype(np.float32)
    outputs = network.predict(images, verbose=0)
    assert {name: values.shape[1:] for name, values in outputs.items()} == {
        "features": (network.output["features"].shape[1],),
        "presence": (3,),
        "unity": (),
    }
    assert outputs["features"].min() >= 0
    for name in ("presence", "unity"):
        _, (gradient,) = gradients_by_tensors(lambda x, name=name: network(x)[name], [images])
        gradient = ops.convert_to_numpy(gradient)
        assert np.isfinite(gradient).all() and np.abs(gradient).reshape(5, -1).max(axis=1).min() > 0


@pytest.mark.backend
@pytest.mark.parametrize("role", ROLES)
def test_calibration_is_part_of_the_network(role):
    calibration = Calibration({"presence": ([2.0, 0.5, 1.0], [1.0, -1.0, 0.0]), "unity": ([3.0], [0.25])})
    raw, calibrated = (NETWORKS[role]((16, 16, 3), 3, width=4, calibration=c) for c in (None, calibration))
    calibrated.set_weights(raw.get_weights())
    before, after = (model.predict(random_images(4), verbose=0) for model in (raw, calibrated))
    np.testing.assert_allclose(after["presence"], before["presence"] * [2, 0.5, 1] + [1, -1, 0], atol=1e-5)
    np.testing.assert_allclose(after["unity"], before["unity"] * 3 + 0.25, atol=1e-5)
    np.testing.assert_array_equal(after["features"], before["features"])


def test_the_witnesses_have_different_architectures():
    first, second = (NETWORKS[role]((32, 32, 3), 10, width=24) for role in ROLES)
    names = [{layer.name for layer in network.layers if layer.weights} for network in (first, second)]
    assert names[0] & names[1] <= {
        "stem",
        "stem_normalization",
        "unity_evidence",
    }
    # Four bytes a number: no file is larger than 5 MB.
    assert max(first.count_params(), second.count_params()) * 4 < 4.9e6


@pytest.mark.backend
@pytest.mark.parametrize("role", ROLES)
def test_a_saved_witness_comes_back_whole(role, tmp_path):
    dataset = tiny_dataset()
    calibration = Calibration({"presence": ([2.0, 0.5, 1.0], [1.0, -1.0, 0.0]), "unity": ([3.0], [0.25])})
    witness = save(untrained_witness(dataset, role, calibration=calibration), tmp_path)
    again = load(tmp_path, role)
    record = json.loads((tmp_path / f"{role}.json").read_text())
    assert record["sha256"] == again.sha256 == witness.sha256 and len(again.sha256) == 64
    unlike = {field.name for field in dataclasses.fields(Witness)} - {"model"}
    assert all(getattr(again, name) == getattr(witness, name) for name in unlike) and again.class_names == CLASSES
    for name, values in extract(witness, dataset.test_images).items():
        np.testing.assert_array_equal(extract(again, dataset.test_images)[name], values)


def test_a_witness_is_loaded_by_whoever_only_asks_for_it(tmp_path):
    save(untrained_witness(tiny_dataset()), tmp_path)
    program = "import sys; from coursework.pegasus.witness import load; print(load(sys.argv[1]).role)"
    result = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=120)
    assert result.stdout == "witness\n", result.stderr


def test_damaged_and_foreign_files_are_refused(tmp_path):
    dataset = tiny_dataset()
    with pytest.raises(UserError, match="no second in .*: train one with `python -m coursework judge --role second`"):
        load(tmp_path, "second")
    save(untrained_witness(dataset), tmp_path)
    record = json.loads((tmp_path / "witness.json").read_text())
    for name in ("witness", "second"):
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    (tmp_path / "second.keras").write_bytes((tmp_path / "witness.keras").read_bytes())
    with pytest.raises(UserError, match="holds a witness of the role witness under the name second"):
        load(tmp_path, "second")
    (tmp_path / "witness.json").write_text(json.dumps({**record, "unity_auc": "high"}))
    with pytest.raises(UserError, match="unity_auc should be of type float"):
        load(tmp_path)
    (tmp_path / "witness.json").write_text(json.dumps({**record, "class_names": ["bird", "deer"]}))
    with pytest.raises(UserError, match="is not a witness of 2 classes"):
        load(tmp_path)
    (tmp_path / "witness.json").write_text(json.dumps(record))
    (tmp_path / "witness.keras").write_bytes(b"torn")
    with pytest.raises(UserError, match="is not the network that witness.json beside it describes"):
        load(tmp_path)


def test_a_witness_serves_the_images_it_was_trained_on(tmp_path, monkeypatch):
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    dataset = tiny_dataset()
    assert find_witness(dataset) is None
    with pytest.raises(UserError, match="no second witness of the images of tiny.*--role second --dataset tiny"):
        require_witness(dataset, "second")
    witness = save(untrained_witness(dataset), judges.judge_folder(dataset))
    assert require_witness(dataset).sha256 == find_witness(dataset.only(["horse", "bird"])).sha256 == witness.sha256
    with pytest.raises(UserError, match="the witness of tiny takes uint8 images"):
        extract(witness, random_images(2).astype(np.float32))
    other = tiny_dataset(count=30)
    assert find_witness(other) is None


def test_examples_hold_composites_and_pictures_with_what_is_there():
    dataset = tiny_dataset(count=300)
    examples = Examples(dataset.train_images, dataset.train_labels, 3)
    rows = np.arange(200)
    images, truth, weights = examples.make(rows, np.random.default_rng(0))
    assert images.shape == (200, 16, 16, 3) and images.dtype == np.uint8
    labels = dataset.train_labels[rows]
    own = truth["presence"][rows, labels]
    others = truth["presence"].sum(axis=1) - own
    # A picture shows its own class alone, wholly unless it is enlarged.
    assert (others[100:] == 0).all() and np.mean(own[100:] == 1) > 0.6 and own[100:].min() > 0.4
    # A third of half of the partners are by chance of the same class: .5 * 2 / 3 = .33 of 100 are of two classes.
    assert 19 <= (others[:100] > 0).sum() <= 48
    # One scene are single pictures and cutouts, two of seven kinds of what is not composed with itself: .24 in 100.
    assert (truth["unity"][100:] == 1).all() and 11 <= truth["unity"][:100].sum() <= 38
    assert set(truth["unity"][:100]) == {0, 1}
    # Nobody judges patches and what is joined, two other kinds.
    assert (weights["unity"][100:] == 1).all() and 11 <= (weights["unity"] == 0).sum() <= 38
    assert (truth["unity"][weights["unity"] == 0] == 0).all()
    # What is before a picture may be anything: three in ten tell nothing of presence.
    assert (weights["presence"][:100] == 1).all() and 15 <= (weights["presence"][100:] == 0).sum() <= 47


def test_batches_follow_from_seed_and_epoch():
    dataset = tiny_dataset(count=90)
    examples = Examples(dataset.train_images, dataset.train_labels, 3)
    one, two, other = (WitnessBatches(examples, 20, seed) for seed in (1, 1, 2))
    assert len(one) == 4
    np.testing.assert_array_equal(one[1][0], two[1][0])
    assert not np.array_equal(one[1][0], other[1][0]) and not np.array_equal(one[1][0], one[2][0])
    for batches in (one, two):
        batches.on_epoch_begin()
    np.testing.assert_array_equal(one[1][0], two[1][0])
    before = one[1][0]
    one.on_epoch_begin()
    assert not np.array_equal(one[1][0], before)


def small_options(**options):
    return {"epochs": 1, "width": 4, "progress": False, "report": lambda line: None, **options}


@pytest.mark.slow
def test_a_witness_is_trained_once(tmp_path):
    dataset, lines = tiny_dataset(), []
    options = small_options(judge=False, report=lines.append)
    first = train_witness(dataset, tmp_path, **options)
    assert (first.epochs, first.seed, first.width, first.judge_sha256) == (1, 0, 4, "")
    again = train_witness(dataset, tmp_path, **options)
    assert again.sha256 == first.sha256 and "already" in lines[1]
    with pytest.raises(
        UserError, match=r"another witness of .* \(seed is 0, not 3\), .* --role witness --dataset tiny --replace`"
    ):
        train_witness(dataset, tmp_path, seed=3, **options)
    other = train_witness(dataset, tmp_path, seed=3, replace=True, **options)
    assert other.sha256 != first.sha256 and load(tmp_path).sha256 == other.sha256
    second = train_witness(dataset, tmp_path, role="second", **options)
    assert second.seed == 1 and load(tmp_path, "second").sha256 == second.sha256
    assert load(tmp_path).sha256 == other.sha256
    recorded = json.loads((tmp_path / "witness.json").read_text())
    assert {name: recorded[name] for name in witness_training.measure(load(tmp_path).model, dataset)} == (
        pytest.approx(witness_training.measure(load(tmp_path).model, dataset), abs=1e-9)
    )


def test_a_witness_starts_from_the_judges_layers(tmp_path, monkeypatch):
    dataset = tiny_dataset()
    judge = save(
        Judge(
            model=judges.build(dataset.image_shape, 3, width=4, seed=9),
            accuracy=0.5,
            **{
                name: getattr(untrained_witness(dataset), name)
                for name in ("dataset", "fingerprint", "class_names", "class_fingerprints", "epochs", "seed", "seconds")
            },
            width=4,
            sha256="",
        ),
        tmp_path / "judge",
    )
    seen = {}

    def fit(network, batches, epochs, progress):
        seen.update({layer.name: layer.get_weights()[0] for layer in network.layers if layer.weights})

    monkeypatch.setattr(witness_training, "_fit", fit)
    witness = train_witness(dataset, tmp_path, **small_options(judge=judge))
    assert witness.judge_sha256 == judge.sha256
    for name in ("stem", "stem_normalization", "residual_3_2"):
        np.testing.assert_array_equal(seen[name], judge.model.get_layer(name).get_weights()[0])
    # The second witness shares nothing with the judge.
    assert train_witness(dataset, tmp_path, role="second", **small_options(judge=judge)).judge_sha256 == ""


def test_mistakes_are_named(tmp_path, monkeypatch):
    dataset = tiny_dataset()
    with pytest.raises(UserError, match='no role "third"'):
        train_witness(dataset, tmp_path, role="third")
    with pytest.raises(UserError, match="tiny has only horse"):
        train_witness(dataset.only(["horse"]), tmp_path)

    def diverge(network, batches, epochs, progress):
        network.get_layer("unity_evidence").bias.assign([np.nan])

    monkeypatch.setattr(witness_training, "_fit", diverge)
    with pytest.raises(UserError, match="diverged"):
        train_witness(dataset, tmp_path, **small_options(judge=False))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_evidence_tells_true_pegasi_from_what_is_none(tmp_path):
    dataset = sprites.load()
    options = {"progress": False, "report": lambda line: None}
    judge = train_judge(dataset, tmp_path, epochs=4, width=16, **options)
    witness = train_witness(dataset, tmp_path, judge=judge, **options)
    # Measured: .997, .977, .926 and .013.
    assert witness.accuracy > 0.97 and witness.presence_auc > 0.95 and witness.unity_auc > 0.87
    assert witness.calibration_error < 0.05
    horses, birds = (
        dataset.test_images[dataset.test_labels == dataset.class_names.index(n)] for n in ("horse", "bird")
    )
    blends = compose(horses, birds, np.random.default_rng(1), ("blend",)).images.round().astype(np.uint8)

    def found(images):
        return evidence(extract(witness, images), witness.class_names, "horse", ("bird", "airplane"))

    pegasi, plain = found(sprites.pegasi(300, 555)), found(np.concatenate([horses, birds]))
    # Measured: .959, on another seed .889; from the judge trained to its end, as in the benchmark, .974.
    assert area_under_curve(pegasi["both"], plain["both"]) > 0.85
    # Measured: .70 to .75. Two scenes are doubted more than what is strange.
    assert area_under_curve(pegasi["unity"], found(blends)["unity"]) > 0.65
