"""Progress: the content of the line, and that it does not flood a log file."""

import re
import sys

import pytest

from coursework.util import progress
from coursework.util.progress import Progress, duration, epoch_verbosity


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99.4, "99 s"), (100, "2 min"), (3599, "60 min"), (5970, "1 h 40 min"), (11_100, "3 h 5 min")],
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text


def test_the_time_left_counts_only_what_was_worked_on():
    line = Progress("inception, samples", 10_000)
    assert line.describe(0, 0.0) == "inception, samples: 0 of 10,000 images"
    assert line.describe(1000, 50.0) == "inception, samples: 1,000 of 10,000 images, 20 images/s, 8 min left"
    line.found = 900
    assert line.describe(1000, 50.0) == "inception, samples: 1,000 of 10,000 images, 2.0 images/s, 75 min left"
    assert line.describe(10_000, 91.0) == "inception, samples: 10,000 of 10,000 images, 100 images/s"
    line.found = 1000
    assert line.describe(1000, 50.0) == "inception, samples: 1,000 of 10,000 images"


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def test_a_terminal_shows_one_bar(capsys, monkeypatch, clock):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress("reading [a]", 300) as line:
        for done, seconds in ((100, 0.1), (101, 0.3), (102, 0.31), (200, 1.0), (300, 1.1)):
            clock[0] = seconds
            line.update(done)
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1
    found = re.findall(r"reading \[a\]: (\d+) of 300 images, (\d+) images/s(, \d s left)?", output.err)
    assert list(dict.fromkeys(found)) == [
        ("101", "337", ", 1 s left"),
        ("200", "200", ", 0 s left"),
        ("300", "273", ""),
    ]


def test_short_work_says_nothing(capsys, monkeypatch, clock):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("reading", 2) as line:
        line.update(1)
        line.update(2)
    assert capsys.readouterr().err == ""


def test_elsewhere_there_is_a_line_a_minute(capsys, clock):
    with Progress("reading", 100) as line:
        for done in range(1, 101):
            clock[0] = 1.3 * done
            line.update(done)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "reading: 47 of 100 images, 0.8 images/s, 69 s left",
        "reading: 94 of 100 images, 0.8 images/s, 8 s left",
    ]


def test_scores_report_steps_of_a_total_and_begin_anew(clock):
    line = Progress("kernel distance", unit=None)
    clock[0] = 10.0
    line.step(1, 100)
    assert line.describe(25, 5.0) == "kernel distance: 25 %, 15 s left"
    assert line.describe(100, 20.0) == "kernel distance: 100 %"
    assert line.started == 10.0
    clock[0] = 30.0
    line.step(50, 100)
    assert line.started == 10.0
    line.step(1, 200)
    assert (line.started, line.total) == (30.0, 200)


def test_only_a_terminal_gets_keras_bars(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert [epoch_verbosity(), epoch_verbosity(False)] == [1, 0]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert [epoch_verbosity(), epoch_verbosity(False)] == [2, 0]
