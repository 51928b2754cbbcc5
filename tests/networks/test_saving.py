"""Networks as .keras files: equal after a round trip, and refused when damaged or carrying code."""

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
