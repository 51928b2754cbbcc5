"""Inception's benchmark measures equal things: the same weights on all sides, features that agree, ratios as stated."""

import importlib.util

import numpy
import pytest
from conftest import save_judge

from benchmarks import inception as benchmark
from benchmarks.inception import check_features, effect_of_bfloat16, rows
from benchmarks.synthetic_inception import synthetic_tensors
from coursework.extractors.inception.architecture import tensor_shapes
from coursework.extractors.recorded import extract
from coursework.metrics import frechet_distance


class FakeWorker:
    """A side whose features are the mean of each image's rows, times a factor."""

    def __init__(self, side, folder, factor=1.0):
        self.side, self.folder, self.factor = side, folder, factor

    def ask(self, command):
        _, name = command.split()
        images = numpy.load(self.folder / f"{name}.npy").astype("float64")
        numpy.save(self.folder / f"{name}-{self.side}.npy", self.factor * images.mean(axis=(1, 3)) / 100)


def test_synthetic_weights_keep_the_scale_of_maps():
    tensors = synthetic_tensors()
    assert {name: array.shape for name, array in tensors.items()} == tensor_shapes()
    assert {array.dtype for array in tensors.values()} == {numpy.dtype("float32")}
    kernel = tensors["mixed_2/tower/conv_1/conv2d_params"]
    # He et al. 2015: variance 2 / (5 * 5 * 48), here of 76,800 numbers.
    assert kernel.std() == pytest.approx((2 / 1200) ** 0.5, rel=0.01)
    assert tensors["conv/batchnorm/gamma"].mean() == pytest.approx(1, abs=0.06)
    assert 1 <= tensors["conv/batchnorm/moving_variance"].min() < tensors["conv/batchnorm/moving_variance"].max() < 1.2
    assert not numpy.array_equal(tensors["conv/batchnorm/beta"], tensors["conv/batchnorm/moving_mean"])


def test_features_must_agree(tmp_path):
    numpy.save(tmp_path / "check.npy", numpy.full((4, 32, 32, 3), 200, "uint8"))
    workers = [FakeWorker("torch-fidelity", tmp_path), FakeWorker("float32", tmp_path, 1 + 2e-5)]
    assert check_features(workers, tmp_path) == pytest.approx({"torch-fidelity": 0, "float32": 4e-5})
    # What is too much for float32 may pass in bfloat16.
    workers[1:] = [FakeWorker("mixed_bfloat16", tmp_path, 1 + 2e-3)]
    assert check_features(workers, tmp_path)["mixed_bfloat16"] == pytest.approx(4e-3)
    for factor in (1 + 2e-3, float("nan")):
        workers[1:] = [FakeWorker("float32", tmp_path, factor)]
        with pytest.raises(RuntimeError, match="features of float32 differ from those of torch-fidelity"):
            check_features(workers, tmp_path)


def test_the_effect_of_bfloat16_is_a_change_of_the_distance(in_tmp, tmp_path, monkeypatch, small_dataset):
    monkeypatch.setattr(benchmark, "load_dataset", lambda name: small_dataset)
    workers = [FakeWorker("float32", tmp_path), FakeWorker("mixed_bfloat16", tmp_path, 1.1)]
    effect = effect_of_bfloat16([*workers, FakeWorker("torch-fidelity", tmp_path)], tmp_path, 24)
    # A Fréchet distance grows with the square of the features.
    assert effect["relative_change"] == pytest.approx(0.21, rel=1e-6)
    sets = [numpy.load(tmp_path / f"{name}-float32.npy") for name in ("sprites", "cifar10")]
    assert [len(features) for features in sets] == [24, 24]
    assert effect["distance"]["float32"] == pytest.approx(frechet_distance(*sets), rel=1e-12)
    assert effect["same_images"] == pytest.approx(frechet_distance(sets[1], 1.1 * sets[1]), rel=1e-9)
    assert effect["judge"] is None


def test_the_effect_on_the_judge_is_that_of_its_convolutions(in_tmp, monkeypatch, small_dataset):
    monkeypatch.setattr(benchmark, "load_dataset", lambda name: small_dataset)
    judge = save_judge(small_dataset, small_dataset.name, width=4)
    fake, real = small_dataset.train_images[:40], small_dataset.test_images
    effect = benchmark.effect_on_judge(fake, real)
    expected = frechet_distance(*(extract(judge, images)["features"] for images in (fake, real)))
    assert effect["distance"]["float32"] == pytest.approx(expected, rel=1e-6)
    # Eight bits of a number are rounded, a thousand numbers averaged.
    assert 0 < abs(effect["relative_change"]) < 0.05 and effect["judge_sha256"] == judge.sha256


def test_the_table_sets_every_side_beside_torch_fidelity():
    rates = [("float32", 16, 18.0, [17.0, 19.0]), ("torch-fidelity", 8, 7.5, [7.0, 8.0])]
    rates += [("torch-fidelity", 64, 6.0, [5.0, 6.5])]
    keys = ("side", "batch_size", "images_per_second", "spread")
    result = {
        "rates": [dict(zip(keys, values, strict=True)) for values in rates],
        "differences": {"float32": 1.2e-6, "torch-fidelity": 0.0},
    }
    assert rows(result)[1:] == [
        ["float32", "16", "18.0", "17.0", "19.0", "3.00", "2.40", "1e-06"],
        ["torch-fidelity", "8", "7.5", "7.0", "8.0", "1.25", "1.00", "0e+00"],
        ["torch-fidelity", "64", "6.0", "5.0", "6.5", "1.00", "0.80", "0e+00"],
    ]


@pytest.mark.slow
def test_both_sides_compute_equal_features(monkeypatch):
    monkeypatch.setattr(benchmark, "DEFAULT_BATCH_SIZE", 2)
    # Not importorskip: it cannot be imported before the benchmark has put stand-ins for torchvision.
    if not all(importlib.util.find_spec(name) for name in ("torch", "torch_fidelity")):
        pytest.skip("needs PyTorch and torch-fidelity: pip install --no-deps torch-fidelity")
    result = benchmark.measure(
        ("float32", "torch-fidelity"), threads=1, repeats=1, batch_sizes=(2,), seconds=0.1, count=0
    )
    assert 0 < result["differences"]["float32"] < 1e-5
    sizes = [(rate["side"], rate["batch_size"]) for rate in result["rates"]]
    assert sizes == [("float32", 2), ("torch-fidelity", 2)]
    assert all(0 < rate["images_per_second"] < 1e4 for rate in result["rates"])
