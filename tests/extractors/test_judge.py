"""The judge's network, its features and its files."""

import json
import zipfile

import keras
import numpy as np
import pytest
from conftest import untrained_record

from coursework.data.dataset import Dataset
from coursework.extractors import judge as judges
from coursework.extractors.judge import (
    Judge,
    build,
    find_judge,
    judge_folder,
    load,
)
from coursework.extractors.recorded import class_fingerprints, extract, save
from coursework.util.errors import UserError
from coursework.util.files import sha256

CLASSES = ("bird", "deer", "horse")


def random_images(count, seed=0, shape=(16, 16, 3)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def small_dataset():
    labels = np.arange(12, dtype=np.int64) % 3
    return Dataset.from_arrays("tiny", random_images(12), labels, random_images(6, seed=1), labels[:6], CLASSES)


def small_judge(dataset, seed=0):
    return Judge(
        model=build(dataset.image_shape, len(dataset.class_names), width=4, seed=seed),
        **untrained_record(dataset, seed),
    )


@pytest.fixture
def saved(tmp_path):
    dataset = small_dataset()
    return dataset, save(small_judge(dataset), tmp_path / "tiny"), tmp_path / "tiny"


def parameter_count(width, channels, classes):
    """Count by hand: nine 3x3 convolutions without bias, four numbers a normalised channel, one dense layer."""
    convolutions = channels * width
    normalised = width
    before = width
    for after in (2 * width, 4 * width, 8 * width):
        convolutions += before * after + 2 * after * after
        normalised += 3 * after
        before = after
    return 9 * convolutions + 4 * normalised + (before + 1) * classes


@pytest.mark.parametrize(("width", "channels", "classes"), [(4, 3, 5), (8, 1, 2)])
def test_network_has_the_parameters_of_its_description(width, channels, classes):
    assert build((32, 32, channels), classes, width=width).count_params() == parameter_count(width, channels, classes)


@pytest.mark.backend
def test_logits_are_an_affine_function_of_the_features():
    model = build((16, 16, 3), 3, width=4)
    outputs = model.predict(random_images(5), verbose=0)
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(outputs["logits"], outputs["features"] @ kernel + bias, atol=1e-5)
    assert outputs["features"].shape == (5, 32)
    assert outputs["features"].min() >= 0 and outputs["features"].max() > 0


@pytest.mark.backend
def test_pixel_values_are_scaled_inside_and_may_be_floats():
    model = build((16, 16, 3), 3, width=4)
    images = random_images(3)
    rescaled = keras.Model(model.input, model.get_layer("rescale").output)(images)
    expected = (images.astype(np.float64) - 127.5) / 64
    np.testing.assert_allclose(keras.ops.convert_to_numpy(rescaled), expected, atol=1e-6)
    as_bytes, as_floats = model(images), model(images.astype(np.float32))
    for name in ("features", "logits"):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(as_bytes[name]), keras.ops.convert_to_numpy(as_floats[name])
        )


def test_weights_follow_from_the_seed_alone():
    first, again, other = (build((16, 16, 3), 3, width=4, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    # He et al. 2015: variance 2 / fan-in; nine times four inputs times eight outputs leave an error of about 8 %.
    kernel = build((16, 16, 3), 3, width=32, seed=1).get_layer("down_1").kernel
    assert np.var(keras.ops.convert_to_numpy(kernel)) == pytest.approx(2 / (9 * 32), rel=0.05)


@pytest.mark.backend
def test_mixed_precision_stays_inside_the_network():
    before = keras.config.dtype_policy().name
    mixed, exact = (build((16, 16, 3), 3, width=4, precision=name) for name in ("mixed_bfloat16", "float32"))
    assert keras.config.dtype_policy().name == before
    assert mixed.get_layer("stem").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    outputs, expected = mixed.predict(random_images(4), verbose=0), exact.predict(random_images(4), verbose=0)
    for name in ("features", "logits"):
        assert outputs[name].dtype == np.float32
        scale = np.abs(expected[name]).max()
        difference = np.abs(outputs[name] - expected[name]).max() / scale
        assert 0 < difference < 0.03


@pytest.mark.backend
def test_features_do_not_depend_on_the_batch(saved):
    _, judge, _ = saved
    images = random_images(7)
    whole, parts = extract(judge, images, batch_size=7), extract(judge, images, batch_size=3)
    assert set(whole) == {"features", "logits"}
    for name, values in whole.items():
        assert values.dtype == np.float32 and len(values) == 7
        np.testing.assert_allclose(parts[name], values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "images",
    [random_images(2).astype(np.float32), random_images(2, shape=(32, 32, 3)), random_images(0), random_images(1)[0]],
    ids=["floats", "another size", "none", "one image"],
)
def test_extract_refuses_what_the_judge_has_not_seen(saved, images):
    with pytest.raises(UserError, match=r"the judge of tiny takes uint8 images \(n, 16, 16, 3\)"):
        extract(saved[1], images)


@pytest.mark.backend
def test_a_saved_judge_comes_back_whole(saved):
    dataset, judge, folder = saved
    again = load(folder)
    record = json.loads((folder / "judge.json").read_text())
    assert record["sha256"] == again.sha256 == judge.sha256 and len(judge.sha256) == 64
    assert (again.dataset, again.class_names, again.fingerprint) == ("tiny", CLASSES, dataset.fingerprint)
    assert (again.width, again.epochs, again.seed, again.seconds, again.accuracy) == (4, 1, 0, 1.5, 0.5)
    for name, values in extract(judge, dataset.test_images).items():
        np.testing.assert_array_equal(extract(again, dataset.test_images)[name], values)


def test_load_names_what_is_missing(saved, tmp_path):
    _, _, folder = saved
    with pytest.raises(UserError, match="no judge in .*nowhere.*coursework judge"):
        load(tmp_path / "nowhere")
    (folder / "judge.keras").unlink()
    with pytest.raises(UserError, match="no file .*judge.keras: train the judge again"):
        load(folder)


def test_load_refuses_another_network_under_the_record(saved):
    dataset, _, folder = saved
    small_judge(dataset, seed=1).model.save(folder / "judge.keras")
    with pytest.raises(UserError, match="is not the network that judge.json beside it describes"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.pop("seed"), "should hold exactly"),
        (lambda record: record.update(extra=1), "should hold exactly"),
        (lambda record: record.update(accuracy="high"), "accuracy should be of type float"),
        (lambda record: record.update(class_names=["bird", "deer"]), "is not a judge of 2 classes"),
    ],
    ids=["missing key", "unknown key", "wrong type", "wrong number of classes"],
)
def test_load_refuses_a_changed_record(saved, change, message):
    _, _, folder = saved
    record = json.loads((folder / "judge.json").read_text())
    change(record)
    (folder / "judge.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=message):
        load(folder)


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_load_refuses_a_record_that_is_none(saved, text):
    _, _, folder = saved
    (folder / "judge.json").write_text(text)
    with pytest.raises(UserError, match="judge.json is not"):
        load(folder)


def replace_network(folder, path):
    """Put the file at `path` in the judge's place, with a record that vouches for it."""
    record = json.loads((folder / "judge.json").read_text())
    (folder / "judge.keras").write_bytes(path.read_bytes())
    record["sha256"] = sha256(folder / "judge.keras")
    (folder / "judge.json").write_text(json.dumps(record))


def test_load_refuses_a_damaged_or_foreign_network(saved, tmp_path):
    _, _, folder = saved
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes((folder / "judge.keras").read_bytes()[:1000])
    replace_network(folder, damaged)
    with pytest.raises(UserError, match="cannot load the network"):
        load(folder)
    foreign = tmp_path / "foreign.keras"
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(3)(inputs)).save(foreign)
    replace_network(folder, foreign)
    with pytest.raises(UserError, match="is not a judge of 3 classes"):
        load(folder)


def test_load_runs_no_code_of_the_file(saved, tmp_path):
    _, _, folder = saved
    inputs = keras.Input((16, 16, 3))
    features = keras.layers.Lambda(lambda x: x[:, 0, 0], output_shape=(3,))(inputs)
    hostile = tmp_path / "hostile.keras"
    keras.Model(inputs, {"features": features, "logits": features}).save(hostile)
    assert "__lambda__" in zipfile.ZipFile(hostile).read("config.json").decode()
    replace_network(folder, hostile)
    with pytest.raises(UserError, match="cannot load the network"):
        load(folder)


def test_class_fingerprints_follow_the_class_not_its_number():
    dataset = small_dataset()
    whole, part = class_fingerprints(dataset), class_fingerprints(dataset.only(["horse", "bird"]))
    assert list(whole) == list(CLASSES) and len(set(whole.values())) == 3
    assert part == {"horse": whole["horse"], "bird": whole["bird"]}


def test_find_judge_serves_the_images_it_was_trained_on(saved, tmp_path, monkeypatch):
    dataset, judge, folder = saved
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    assert judge_folder(dataset) == tmp_path / "tiny"
    assert find_judge(dataset).sha256 == judge.sha256
    assert find_judge(dataset.only(["horse", "bird"])).class_names == CLASSES
    changed = dataset.train_images.copy()
    changed[0, 0, 0, 0] ^= 1
    other = Dataset.from_arrays(
        "tiny", changed, dataset.train_labels, dataset.test_images, dataset.test_labels, CLASSES
    )
    assert find_judge(other) is None
    assert find_judge(other.only(["deer"])) is not None
    # Whatever the data set is called, and whatever it is tested on.
    assert find_judge(Dataset.from_arrays("elsewhere", *(dataset.split("train") * 2), CLASSES)).sha256 == judge.sha256
    # Of a judge under version control, the network may be left out.
    (folder / "judge.keras").unlink()
    assert find_judge(dataset) is None
