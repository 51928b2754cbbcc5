"""The resume state: every variable comes back exactly, and whatever is wrong with it gives one clear line."""

import os
import zipfile
from dataclasses import replace

import numpy
import pytest
from keras import ops

from coursework.config.presets import PRESETS
from coursework.models import build_model
from coursework.training.state import NAME, START, Position, has_state, load_state, save_state, states
from coursework.util.errors import UserError
from coursework.util.files import sha256

pytestmark = pytest.mark.backend


def small_model(seed=0, width=8, precision="float32"):
    gan = PRESETS["gan"]
    network = replace(gan.network, latent_size=4, generator_width=width, discriminator_width=width)
    model = replace(gan.model, ema_decay=0.9)
    return build_model(
        replace(gan, network=network, model=model, seed=seed, precision=precision), (16, 16, 3), steps=10
    )


def values(model):
    return [numpy.array(ops.convert_to_numpy(variable.value)) for variable in everything(model)]


def everything(model):
    """Return all that a state holds: what resuming needs, and the losses so far of an epoch that is half done."""
    return [*model.state_variables(), *(variable for tracker in model.metrics for variable in tracker.variables)]


def randomize(model, seed):
    """Give every variable values of its own kind that no initialisation gives."""
    generator = numpy.random.default_rng(seed)
    for variable in everything(model):
        whole = "int" in str(variable.dtype)
        shape = tuple(variable.shape)
        variable.assign(generator.integers(1, 1000, shape) if whole else generator.normal(size=shape))


@pytest.fixture(scope="module")
def models():
    """Two models of one configuration but for the seed: building them takes longer than all else here."""
    return small_model(seed=0), small_model(seed=1)


@pytest.fixture
def saved(tmp_path, models):
    """Return (folder, model, its values, another model) of a state saved after epoch 3."""
    model, other = models
    randomize(model, 0)
    randomize(other, 1)
    save_state(tmp_path / "backup", model, Position(3))
    return tmp_path / "backup", model, values(model), other


def last(folder):
    """Return the file of the furthest state."""
    return states(folder)[0][1]


def rewrite(folder, **arrays):
    """Put a state of these arrays in the place of the last one, under a name that fits its content."""
    file = last(folder)
    numpy.savez(file, **arrays)
    return file.rename(folder / f"state-3.0-{sha256(file)}.npz")


def test_every_variable_comes_back(saved):
    folder, _, expected, other = saved
    assert all(not numpy.array_equal(new, old) for new, old in zip(values(other), expected, strict=True))
    assert load_state(folder, other) == Position(3)
    for variable, old in zip(everything(other), expected, strict=True):
        found = ops.convert_to_numpy(variable.value)
        assert found.dtype == old.dtype and numpy.array_equal(found, old), variable.path


def test_the_state_holds_both_players_their_optimisers_the_average_and_the_random_state(saved):
    _, model, _, _ = saved
    kept = {id(variable) for variable in model.state_variables()}
    parts = {
        "generator": model.generator.variables,
        "discriminator": model.discriminator.variables,
        "average": model.average.network.variables,
        "random": [model.random.state],
        **{f"optimiser of the {name}": optimizer.variables for name, optimizer in model.optimizers().items()},
    }
    for name, variables in parts.items():
        assert variables and {id(variable) for variable in variables} <= kept, name
    # Adam: two moments for each trainable weight.
    assert len(model.generator_optimizer.variables) >= 2 * len(model.generator.trainable_variables)
    assert len(kept) == len(model.state_variables())


def test_half_precision_leaves_no_trace(tmp_path):
    model = small_model(precision="mixed_bfloat16")
    randomize(model, 0)
    expected = values(model)
    save_state(tmp_path, model, Position(1))
    randomize(model, 1)
    load_state(tmp_path, model)
    assert all(numpy.array_equal(new, old) for new, old in zip(values(model), expected, strict=True))


def test_the_last_state_and_the_one_before_are_kept(saved):
    folder, model, _, other = saved
    for position in (Position(4), Position(4, 20), Position(5)):
        save_state(folder, model, position)
    assert [position for position, _ in states(folder)] == [Position(5), Position(4, 20)]
    assert len(os.listdir(folder)) == 2
    # Names tell the content: whoever copies a state can check it.
    assert all(NAME.fullmatch(file.name)[3] == sha256(file) for _, file in states(folder))
    assert load_state(folder, other) == Position(5)


def test_positions_are_ordered_and_told_in_words():
    assert START < Position(0, 1) < Position(1) < Position(1, 10) < Position(2)
    assert (str(Position(4)), str(Position(4, 20))) == ("epoch 4", "step 20 of epoch 5")


def test_an_interrupted_save_leaves_the_states_before(saved, monkeypatch):
    folder, model, expected, other = saved
    for variable in everything(model):
        variable.assign(ops.zeros_like(variable))

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_state(folder, model, Position(4))
    assert len(os.listdir(folder)) == 1
    assert load_state(folder, other) == Position(3)
    assert all(numpy.array_equal(new, old) for new, old in zip(values(other), expected, strict=True))


def test_nothing_in_it_is_pickled(saved):
    folder, _, expected, _ = saved
    with zipfile.ZipFile(last(folder)) as archive:
        members = archive.namelist()
        assert len(members) == len(expected)
        for member, array in zip(sorted(members), expected, strict=True):
            with archive.open(member) as stream:
                assert numpy.array_equal(numpy.lib.format.read_array(stream, allow_pickle=False), array)


class Payload:
    """An object whose unpickling leaves a file behind."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (open, (str(self.file), "w"))


def test_a_pickled_state_is_refused_unread(saved, tmp_path):
    folder, model, _, _ = saved
    rewrite(folder, **{"0000.kernel": numpy.array([Payload(tmp_path / "ran")], dtype=object)})
    with pytest.raises(UserError, match="^cannot resume from .*it holds objects, which would have to be unpickled"):
        load_state(folder, model)
    assert not (tmp_path / "ran").exists()


def damage(file, kind):
    content = file.read_bytes()
    if kind == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif kind == "one bit":
        file.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    elif kind == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(kind)


@pytest.mark.parametrize("kind", ["cut", "one bit", "a folder", b"", b"PK"])
def test_a_damaged_state_is_told_and_the_one_before_is_used(saved, kind):
    folder, model, expected, other = saved
    for variable in everything(model):
        variable.assign(ops.zeros_like(variable))
    save_state(folder, model, Position(4))
    damage(last(folder), kind)
    lines = []
    assert load_state(folder, other, lines.append) == Position(3)
    assert all(numpy.array_equal(new, old) for new, old in zip(values(other), expected, strict=True))
    (line,) = lines
    assert line.startswith(f"{folder}: state-4.0-") and " is damaged (" in line and "\n" not in line
    assert line.endswith("): using the state before, after epoch 3")


def test_a_damaged_state_is_gone_once_training_went_on(saved):
    folder, model, _, other = saved
    save_state(folder, model, Position(4))
    damage(last(folder), "cut")
    save_state(folder, model, Position(3, 7))
    assert [position for position, _ in states(folder)] == [Position(3, 7), Position(3)]
    assert load_state(folder, other, pytest.fail) == Position(3, 7)


@pytest.mark.parametrize("kind", ["cut", "one bit", "a folder", b""])
def test_damaged_states_are_refused_and_change_nothing(saved, kind):
    folder, _, _, model = saved
    damage(last(folder), kind)
    before = values(model)
    with pytest.raises(UserError) as caught:
        load_state(folder, model)
    message = str(caught.value)
    assert message.startswith(f"cannot resume from {folder}: ") and "\n" not in message
    assert message.endswith("; remove that folder to start again")
    assert all(numpy.array_equal(new, old) for new, old in zip(values(model), before, strict=True))


def test_other_files_are_no_states(saved):
    folder, _, _, _ = saved
    for name in ("state-4.npz", "state-9.0-abc.npz", f"state-x.0-{'0' * 64}.npz", f"state-9.0-{'0' * 64}.npz.part"):
        (folder / name).touch()
    assert [position for position, _ in states(folder)] == [Position(3)]


def test_the_state_of_another_model_is_refused(saved):
    folder, model, _, _ = saved
    with pytest.raises(UserError, match=r"it is the state of another model \(\d{4}\.\w+ differs\)$"):
        load_state(folder, small_model(width=16))
    rewrite(folder, **{"0000.kernel": numpy.zeros(1)})
    with pytest.raises(UserError, match="it is the state of another model"):
        load_state(folder, model)


def test_a_state_is_there_or_not(saved, tmp_path):
    assert has_state(saved[0]) and not has_state(tmp_path / "elsewhere")
