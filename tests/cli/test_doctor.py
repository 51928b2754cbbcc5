"""`coursework doctor`: a line for each thing, a remedy below each that is wrong, exit code 1 then."""

import dataclasses
import sys
import tempfile
import time
import types

import pytest
from conftest import save_judge

from coursework.cli import doctor
from coursework.cli import main as cli
from coursework.config.presets import PRESETS
from coursework.training.run import Run


@pytest.fixture
def examined(in_tmp, monkeypatch, capsys):
    """Return a function that runs `doctor`, without Keras by default, and returns its exit code and its lines."""
    monkeypatch.setattr(tempfile, "tempdir", str(in_tmp))

    def run(keras=False):
        patched = doctor.LOOKS if keras else {name: look for name, look in doctor.LOOKS.items() if name != "Keras"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(doctor, "LOOKS", patched)
            code = cli.main(["doctor"])
        return code, capsys.readouterr().out.splitlines()

    return run


def line_of(lines, name):
    """Return the one line of a name, and the remedy below it or None."""
    found = [index for index, line in enumerate(lines) if line[6:].startswith(f"{name} ")]
    assert len(found) == 1, lines
    below = lines[found[0] + 1].strip()
    return lines[found[0]], below.removeprefix("-> ") if below.startswith("-> ") else None


def test_all_is_well(examined, in_tmp):
    pytest.importorskip("tensorflow_datasets")
    started = time.perf_counter()
    code, lines = examined(keras=True)
    assert code == 0 and lines[0].startswith("coursework ") and lines[-1] == "all is well"
    assert all(line.startswith("ok    ") for line in lines[1:-1])
    assert {line[6:17].strip() for line in lines[1:-1]} >= {
        "Python",
        "Keras",
        "device",
        "data",
        "cache",
        "fonts",
        "output",
    }
    assert f"{in_tmp / '.cache'}, 0 MB" in line_of(lines, "cache")[0]
    assert time.perf_counter() - started < 60 and all(len(line) < 200 for line in lines)


def test_runs_judges_and_their_data_are_listed(examined, small_dataset):
    save_judge(small_dataset, "sprites")
    preset = PRESETS["gan"]
    Run("reports/runs/here").write_config(dataclasses.replace(preset, dataset="sprites"))
    Run("reports/runs/here").write_environment({"dataset_fingerprint": "0123456789abcdef"})
    code, lines = examined()
    assert code == 0
    assert "ok    data       sprites, of reports/runs/here, 0123456789ab" in lines
    mark = small_dataset.fingerprint[:12]
    assert f"ok    judges     judge in reports/judges/sprites, of sprites, {mark}" in lines
    Run("reports/runs/gone").write_config(dataclasses.replace(preset, dataset="data/pics"))
    code, lines = examined()
    place = lines.index("WRONG data       data/pics, of reports/runs/gone: not there")
    remedy = "-> python -m coursework figures reports/runs/gone --dataset, with its new folder"
    assert code == 1 and lines[place + 1].strip() == remedy and lines[-1] == "1 wrong"


@pytest.mark.parametrize(
    ("name", "variable", "value", "text", "remedy"),
    [
        (
            "data",
            "COURSEWORK_DATA",
            "{}/none",
            "COURSEWORK_DATA names {}/none, which has no folder cifar10",
            "put cifar",
        ),
        (
            "cache",
            "COURSEWORK_CACHE",
            "{}/file/cache",
            "{}/file/cache, 0 MB: Not a directory",
            "set COURSEWORK_CACHE to",
        ),
    ],
)
def test_each_thing_that_is_wrong_has_a_remedy(examined, in_tmp, monkeypatch, name, variable, value, text, remedy):
    (in_tmp / "file").touch()
    monkeypatch.setenv(variable, value.format(in_tmp))
    code, lines = examined()
    found, below = line_of(lines, name)
    assert code == 1 and lines[-1] == "1 wrong"
    assert found == f"WRONG {name:11}{text.format(in_tmp)}" and below.startswith(remedy)


def test_a_backend_that_is_missing_and_a_library_that_is_broken(examined, monkeypatch):
    def broken(arguments):
        yield doctor.Finding("fonts", "one was found")
        raise RuntimeError("two heads")

    monkeypatch.setattr(doctor, "LOOKS", {**doctor.LOOKS, "fonts": broken})
    code, lines = examined()
    assert code == 1 and "ok    fonts      one was found" in lines
    assert "WRONG fonts      RuntimeError: two heads" in lines


def test_letters_of_the_author_that_no_font_has(examined, in_tmp, monkeypatch):
    from coursework.figures import fonts

    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [])
    fonts._found.cache_clear()
    (in_tmp / "reports").mkdir()
    (in_tmp / "reports" / "report.toml").write_bytes(b"\xef\xbb\xbf" + 'author = "王小明"\n'.encode())
    code, lines = examined()
    fonts._found.cache_clear()
    found, below = line_of(lines, "fonts")
    assert code == 1 and found == "WRONG fonts      0 of the system; none has 小 明 王"
    assert below == "install Noto Sans for that script"


def test_what_cannot_be_printed_is_no_fault(examined, monkeypatch):
    monkeypatch.setattr(sys, "stdout", types.SimpleNamespace(encoding="ascii"))
    findings = list(doctor._output(None))
    assert [finding.remedy for finding in findings] == [None] and "PYTHONUTF8=1" in findings[0].text
