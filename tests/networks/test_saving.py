"""Networks as .keras files: equal after a round trip, and refused when damaged or carrying code."""

import concurrent.futures
import json
import os
import zipfile

import keras
import numpy
import pytest
from keras import layers

from coursework.networks.saving import load_network, save_networks
from coursework.util.errors import CannotWrite, UserError

pytestmark = pytest.mark.backend


@pytest.fixture
def network():
    inputs = keras.Input((3,))
    return keras.Model(inputs, layers.Dense(2)(inputs))


def test_networks_come_back_under_their_names(tmp_path, network):
    other = keras.models.clone_model(network)
    save_networks(tmp_path / "new", {"generator": network, "encoder": other})
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["encoder.keras", "generator.keras"]
    inputs = numpy.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    for name, saved in (("generator", network), ("encoder", other)):
        loaded = load_network(tmp_path / "new" / f"{name}.keras")
        assert numpy.array_equal(loaded.predict(inputs, verbose=0), saved.predict(inputs, verbose=0))


def test_a_save_that_fails_keeps_the_file_before(tmp_path, network, monkeypatch):
    save_networks(tmp_path, {"generator": network})
    before = (tmp_path / "generator.keras").read_bytes()

    def half(file):
        file.write_bytes(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(network, "save", half)
    with pytest.raises(UserError, match=r"cannot write .*generator\.keras: No space left on device"):
        save_networks(tmp_path, {"generator": network})
    assert (tmp_path / "generator.keras").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_keeps_the_file_before(tmp_path, network, capfd):
    resource = pytest.importorskip("resource")
    save_networks(tmp_path, {"generator": network})
    before = (tmp_path / "generator.keras").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(CannotWrite, match=r"^cannot write .*generator\.keras: File too large; make room"):
            save_networks(tmp_path, {"generator": network})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "generator.keras").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1 and capfd.readouterr().err == ""


def rezip(file, change):
    """Rewrite the archive at `file` with the members that `change` returns for {name: content}."""
    with zipfile.ZipFile(file) as archive:
        members = change({name: archive.read(name) for name in archive.namelist()})
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"not an archive"),
        lambda file: file.write_bytes(file.read_bytes()[:-200]),
        lambda file: rezip(file, lambda members: {}),
        lambda file: rezip(file, lambda members: {**members, "config.json": b"{}"}),
        lambda file: rezip(file, lambda members: {**members, "model.weights.h5": b"x"}),
        lambda file: rezip(
            file, lambda members: {**members, "config.json": members["config.json"].replace(b"Dense", b"Dance")}
        ),
    ],
)
def test_damaged_files_are_named(tmp_path, network, damage):
    save_networks(tmp_path, {"generator": network})
    damage(tmp_path / "generator.keras")
    with pytest.raises(UserError) as caught:
        load_network(tmp_path / "generator.keras")
    message = str(caught.value)
    assert message.startswith(f"cannot load the network {tmp_path / 'generator.keras'}: ")
    assert "\n" not in message and len(message) < 400


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"^no file .*generator\.keras$"):
        load_network(tmp_path / "generator.keras")


def test_a_file_that_brings_code_is_refused(tmp_path):
    inputs = keras.Input((3,))
    network = keras.Model(inputs, layers.Lambda(lambda values: values + 1)(inputs))
    network.save(tmp_path / "generator.keras")
    with pytest.raises(UserError, match="^cannot load the network .*Lambda"):
        load_network(tmp_path / "generator.keras")


def foreign(file, outputs):
    """Write a network from the input of `outputs` to them whose weights are those of another, small one."""
    small = keras.Model(inputs := keras.Input((3,)), layers.Dense(2)(inputs))
    small.save(file)
    with keras.StatelessScope(initialize_variables=False):
        config = json.dumps(keras.saving.serialize_keras_object(outputs()))
    rezip(file, lambda members: {**members, "config.json": config.encode()})


def wide():
    """A network each of whose widths is allowed, and whose weights would take 17 GB."""
    return keras.Model(inputs := keras.Input((65_000,)), layers.Dense(65_000)(inputs))


def large():
    """A network without weights that makes 17 GB of one image."""
    x = inputs = keras.Input((4, 4, 1))
    for _ in range(3):
        x = layers.UpSampling2D(32)(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (wide, "it would have 4,225,065,000 parameters, more than its [0-9,]+ bytes of weights can hold"),
        (large, "a layer in it would make 17,179,869,184 numbers of one image"),
    ],
)
def test_a_small_file_cannot_ask_for_all_memory(tmp_path, build, message):
    # In a thread of its own, so that nothing of it is ever made here.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(foreign, tmp_path / "x.keras", build).result()
    assert (tmp_path / "x.keras").stat().st_size < 20_000
    with pytest.raises(UserError, match=f"^cannot load the network .*{message}$"):
        load_network(tmp_path / "x.keras")
    # What was measured is not made by whatever comes next.
    keras.Model(inputs := keras.Input((3,)), layers.Dense(2)(inputs))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_no_network(tmp_path):
    os.mkfifo(tmp_path / "x.keras")
    with pytest.raises(UserError, match=r"^no file .*x\.keras$"):
        load_network(tmp_path / "x.keras")
