"""The scripts behind committed files: weights in float16, and images compressed as JPEG."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmarks import jpeg_shift
from benchmarks.half_weights import halve
from benchmarks.jpeg_shift import compressed, moved
from coursework.networks.saving import load_network
from coursework.util.arrays import read_npz
from coursework.util.errors import UserError


def saved(file, scale=1.0):
    inputs = keras.Input((3,))
    network = keras.Model(inputs, keras.layers.Dense(500, name="dense")(inputs))
    kernel = np.random.default_rng(0).normal(0, scale, (3, 500)).astype(np.float32)
    network.layers[1].set_weights([kernel, np.zeros(500, np.float32)])
    network.save(file)
    return kernel


def test_half_of_the_bytes_and_eleven_bits_of_each_weight(tmp_path):
    kernel = saved(tmp_path / "whole.keras")
    halve(tmp_path / "whole.keras", tmp_path / "half.keras")
    halve(tmp_path / "whole.keras", tmp_path / "again.keras")
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("whole", "half")]
    assert sizes[0] - sizes[1] == pytest.approx(2 * 2000, abs=1500)
    found = load_network(tmp_path / "half.keras").layers[1].get_weights()[0]
    assert found.dtype == np.float32 and not np.array_equal(found, kernel)
    np.testing.assert_allclose(found, kernel, rtol=2**-11, atol=2**-24)
    assert (tmp_path / "half.keras").read_bytes() == (tmp_path / "again.keras").read_bytes()


def test_weights_that_do_not_fit_are_refused(tmp_path):
    saved(tmp_path / "whole.keras", scale=1e6)
    with pytest.raises(UserError, match="does not fit into float16"):
        halve(tmp_path / "whole.keras", tmp_path / "half.keras")
    assert not (tmp_path / "half.keras").exists()


def test_missing_or_damaged_weights_are_reported_in_one_line(tmp_path):
    source, target = tmp_path / "whole.keras", tmp_path / "half.keras"
    with pytest.raises(UserError, match="whole.keras: train the run, or name the folder where it was trained$"):
        halve(source, target)
    source.write_bytes(b"no archive")
    with pytest.raises(UserError, match="whole.keras cannot be read: File is not a zip file$"):
        halve(source, target)
    assert not target.exists()


def test_images_of_both_kinds_are_written(tmp_path, monkeypatch):
    """Whatever the files are called."""
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    monkeypatch.setattr(jpeg_shift, "load_dataset", lambda name: SimpleNamespace(test_images=images))
    files = [tmp_path / "moved", tmp_path / "compressed.npz"]
    monkeypatch.setattr("sys.argv", ["jpeg_shift", *map(str, files)])
    jpeg_shift.main()
    assert sorted(tmp_path.iterdir()) == sorted(files)
    for file, expected in zip(files, (moved(images), compressed(moved(images))), strict=True):
        np.testing.assert_array_equal(read_npz(file)["images"], expected)


def test_images_are_moved_and_compressed():
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    there = moved(images)
    assert there.shape == images.shape
    np.testing.assert_array_equal(there[:, 3:, 3:], images[:, :-3, :-3])
    np.testing.assert_array_equal(there[:, 0, 5], images[:, 0, 2])
    grey = np.full((1, 32, 32, 3), 128, np.uint8)
    np.testing.assert_array_equal(compressed(grey), grey)
    # Noise loses most of its colour at half the resolution.
    assert 20 < np.abs(compressed(images).astype(int) - images).mean() < 70
