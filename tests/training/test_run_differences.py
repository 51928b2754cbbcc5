"""What two runs' records tell of their differences."""

import dataclasses

import pytest

from coursework.cli import main as cli
from coursework.config.presets import PRESETS
from coursework.training.run import Run
from coursework.training.run_differences import log_differences, run_differences, setting_differences

ENVIRONMENT = {"keras": "3.15.1", "commit": None, "class_names": ["a", "b"], "seconds": 1.0, "finished": True}


@pytest.fixture
def runs(in_tmp):
    """Return two equal runs."""
    found = []
    for name in ("first", "second"):
        run = Run(in_tmp / name)
        run.write_config(PRESETS["gan"])
        run.write_environment(ENVIRONMENT)
        run.log_file.write_text("epoch,loss,seconds\n1,0.5,1\n2,,1\n")
        found.append(run)
    return found


def test_settings_by_their_dotted_names():
    gan = PRESETS["gan"]
    other = gan.with_setting("generator_optimizer.rate", "0.5").with_setting("seed", "3")
    rate = gan.model.generator_optimizer.rate
    assert setting_differences(gan, gan) == []
    assert setting_differences(gan, other) == [("model.generator_optimizer.rate", rate, 0.5), ("seed", 0, 3)]
    assert [name for name, _, _ in setting_differences(gan, PRESETS["vae"])][:3] == ["preset", "model", "network"]


def test_logs_by_the_first_epoch_that_differs():
    log = {"epoch": [1.0, 2.0, 3.0], "loss": [0.5, float("nan"), 0.25], "seconds": [1.0, 1.0, 1.0]}
    assert log_differences(log, {**log, "seconds": [9.0, 9.0, 9.0]}) == []
    assert log_differences(log, {**log, "loss": [0.5, float("nan"), 0.5]}) == [
        "log: the same up to epoch 2, then loss of epoch 3 is 0.25 | 0.5"
    ]
    assert log_differences(log, {name: column[:2] for name, column in log.items()}) == [
        "log: 3 | 2 epochs, the same as far as both go"
    ]
    assert log_differences({}, {}) == []


def test_equal_runs_and_what_does_not_count(runs):
    first, second = runs
    second.write_environment(ENVIRONMENT | {"seconds": 99.0, "finished": False})
    assert run_differences(first, second) == []


def test_every_difference_has_a_line(runs, capfd):
    first, second = runs
    second.write_config(dataclasses.replace(PRESETS["gan"], batch_size=16))
    second.write_environment(ENVIRONMENT | {"keras": "4.0", "class_names": ["a", "c"], "device": "GPU"})
    second.log_file.write_text("epoch,loss,seconds\n1,0.75,1\n")
    batch_size = PRESETS["gan"].batch_size
    assert run_differences(first, second) == [
        f"setting batch_size: {batch_size} | 16",
        "class names: a, b | a, c",
        "device: not told | GPU",
        "keras: 3.15.1 | 4.0",
        "log: the same up to epoch 0, then loss of epoch 1 is 0.5 | 0.75",
    ]
    assert cli.main(["compare", "first", "second"]) == 0
    assert capfd.readouterr().out.splitlines() == run_differences(first, second)
    assert cli.main(["compare", "first", "first"]) == 0
    assert capfd.readouterr().out == "the records of first and first are equal\n"
