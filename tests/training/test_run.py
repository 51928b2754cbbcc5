"""The run directory: where it lies, and what it makes of damaged contents."""

import dataclasses
import math
import os
import subprocess
import sys

import pytest
from conftest import environment

from coursework.config.presets import PRESETS
from coursework.training.run import Run
from coursework.util.errors import UserError


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    run.write_config(PRESETS["vae"])
    return run


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("cifar10", "vae-cifar10-s7"),
        ("data/animals", "vae-animals-s7"),
        ("data/animals/", "vae-animals-s7"),
        ("data/../animals", "vae-animals-s7"),
        (".", "vae-here-s7"),
    ],
)
def test_the_default_place_tells_preset_data_set_and_seed(in_tmp, monkeypatch, dataset, name):
    (in_tmp / "here").mkdir()
    monkeypatch.chdir(in_tmp / "here")
    run = Run.of(dataclasses.replace(PRESETS["vae"], dataset=dataset, seed=7))
    assert (str(run.path), run.name) == (f"reports/runs/{name}", name)


def test_existing_runs_are_found_by_path_and_by_name(in_tmp):
    run = Run.of(PRESETS["gan"])
    run.write_config(PRESETS["gan"])
    Run("elsewhere").write_config(PRESETS["vae"])
    assert Run.existing("gan-cifar10-s0").path == Run.existing(run.path).path == run.path
    assert Run.existing("elsewhere").read_config() == PRESETS["vae"]
    assert [found.name for found in Run.all()] == ["gan-cifar10-s0"]
    with pytest.raises(UserError, match="^no run at gan-cifar10-s1: train one with"):
        Run.existing("gan-cifar10-s1")


def test_names_inside_a_run():
    run = Run("r")
    properties = {
        name: str(getattr(run, name))
        for name, value in vars(Run).items()
        if isinstance(value, property) and name not in ("path", "name", "label")
    }
    assert properties == {
        "config_file": "r/config.json",
        "environment_file": "r/environment.json",
        "log_file": "r/log.csv",
        "metrics_file": "r/metrics.json",
        "backup": "r/backup",
        "best": "r/best",
        "lock_file": "r/lock",
        "samples": "r/samples",
        "figures": "r/figures",
        "code_statistics": "r/codes.npz",
    }
    assert str(run.network("encoder")) == "r/encoder.keras"


def test_records_survive_the_round_trip(run):
    assert run.read_config() == PRESETS["vae"]
    assert (run.read_environment(), run.read_metrics(), run.read_log(), run.read_best_score()) == ({}, [], {}, {})
    assert not run.is_finished()
    run.write_environment({"finished": True, "seconds": 1.5})
    run.write_metrics([{"name": "fd_judge", "value": 0.1 + 0.2}])
    run.write_best_score("fd_judge", 1 / 3, 4, "ab")
    assert run.is_finished() and run.read_environment()["seconds"] == 1.5
    assert run.read_metrics() == [{"name": "fd_judge", "value": 0.1 + 0.2}]
    assert run.read_best_score() == {"name": "fd_judge", "value": 1 / 3, "epoch": 4, "extractor_sha256": "ab"}
    run.write_environment({"finished": False})
    assert not run.is_finished()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"3"])
@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("config.json", Run.read_config),
        ("environment.json", Run.read_environment),
        ("metrics.json", Run.read_metrics),
        ("best/score.json", Run.read_best_score),
    ],
)
def test_damaged_records_are_named(run, file, read, content):
    (run.path / "best").mkdir()
    (run.path / file).write_bytes(content)
    with pytest.raises(UserError) as caught:
        read(run)
    assert str(run.path / file) in str(caught.value)


def test_a_record_of_the_other_kind_is_refused(run):
    run.metrics_file.write_text("{}")
    run.environment_file.write_text("[]")
    with pytest.raises(UserError, match="metrics.json should hold a JSON list"):
        run.read_metrics()
    with pytest.raises(UserError, match="environment.json should hold a JSON object"):
        run.read_environment()


def test_the_log_is_read_as_columns(run):
    run.log_file.write_text("epoch,loss,fd_judge\n1,0.5,\n2,nan,7\n3,-1e-3\n")
    log = run.read_log()
    assert list(log) == ["epoch", "loss", "fd_judge"]
    assert log["epoch"] == [1.0, 2.0, 3.0]
    assert log["loss"] == pytest.approx([0.5, math.nan, -0.001], nan_ok=True)
    assert log["fd_judge"] == pytest.approx([math.nan, 7.0, math.nan], nan_ok=True)
    run.log_file.write_text("epoch,loss\n")
    assert run.read_log() == {}


@pytest.mark.parametrize("content", [b"epoch,loss\n1,high\n", b"epoch,loss\n1,2,3\n", b"\xff\n\xff\n", b"loss\n1\n"])
def test_damaged_logs_are_named(run, content):
    run.log_file.write_bytes(content)
    with pytest.raises(UserError, match=r"log\.csv is not a log of this package"):
        run.read_log()


def test_sample_grids_come_in_the_order_of_their_epochs(run):
    run.samples.mkdir()
    for name in ("0002.png", "0010.png", "10000.png", "9999.png", "notes.png", "0001.txt"):
        (run.samples / name).touch()
    assert [file.name for file in run.sample_files()] == ["0002.png", "0010.png", "9999.png", "10000.png"]


def test_the_resume_state_can_be_discarded(run):
    run.discard_state()
    run.backup.mkdir()
    (run.backup / "state.json").touch()
    run.discard_state()
    assert not run.backup.exists() and run.config_file.is_file()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"value": 1.0}]', 'every score should be an object with a "name"'),
        ("[7]", "every score should be an object"),
        ('[{"name": 3, "value": 1.0}]', "every score should be an object"),
        ('[{"name": "fid", "value": "<b>1</b>"}]', "the value of fid should be a number"),
    ],
)
def test_scores_of_another_kind_are_refused(tmp_path, text, message):
    run = Run(tmp_path)
    run.metrics_file.write_text(text)
    with pytest.raises(UserError, match=message):
        run.read_metrics()


ADD = """
import sys
from coursework.training.run import Run
for number in range(20):
    Run(sys.argv[1]).add_metrics([{"name": sys.argv[2], "seed": number, "value": 1.0}], ("name", "seed"))
"""


def test_processes_that_add_scores_at_the_same_time_lose_none(tmp_path):
    Run(tmp_path).add_metrics([{"name": "a", "seed": 3, "value": 0.5}], ("name", "seed"))
    added = [subprocess.Popen([sys.executable, "-c", ADD, tmp_path, name], env=environment()) for name in "abc"]
    assert [process.wait(120) for process in added] == [0, 0, 0]
    found = sorted((record["name"], record["seed"], record["value"]) for record in Run(tmp_path).read_metrics())
    # The first record gave way to the one of the same name and seed.
    assert found == [(name, number, 1.0) for name in "abc" for number in range(20)]
    assert not list(tmp_path.glob("*.lock"))


LINKED = ("lock", "metrics.lock", "best", "samples", "backup", "figures", "generator.keras", "figures/curves.png")


@pytest.mark.parametrize("place", [*LINKED, "backup/state-1.0-" + 64 * "0" + ".npz"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_run_that_leads_elsewhere_is_refused_untouched(tmp_path, place, kind):
    folder, other = tmp_path / "run", tmp_path / "other"
    Run(folder).write_config(PRESETS["gan"])
    other.mkdir()
    (other / "file").write_text("of somebody else")
    (folder / place).parent.mkdir(exist_ok=True)
    os.mkfifo(folder / place) if kind == "pipe" else (folder / place).symlink_to(other)
    for open_run in (Run, Run.existing):
        with pytest.raises(UserError, match=f"{place} is (a link|no regular file): .* remove it$"):
            open_run(folder)
    with pytest.raises(UserError, match=" remove it$"):
        Run.all(tmp_path)
    assert [file.name for file in other.iterdir()] == ["file"]
