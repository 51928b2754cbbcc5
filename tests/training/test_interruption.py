"""Signals: the first is a wish, the second is obeyed at once, and all is as before afterwards."""

import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import environment

from coursework.cli import main as cli
from coursework.training.interruption import SIGNALS, Interruption
from coursework.util.errors import UserError


@pytest.fixture(autouse=True)
def usual_handlers():
    """Begin with the handlers that Python starts with: a shell in the background has SIGINT ignored."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted_and_the_second_obeyed(number):
    before = [signal.getsignal(other) for other in SIGNALS]
    with Interruption() as interruption:
        assert not interruption.requested
        signal.raise_signal(number)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert [signal.getsignal(other) for other in SIGNALS] == before


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGHUP)
        assert not interruption.requested


def test_another_thread_leaves_signals_alone():
    found = []

    def work():
        with Interruption():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_a_request_to_end_leaves_any_verb_in_order(in_tmp, refused, monkeypatch):
    from coursework.util.files import replacing

    def write_half(*arguments):
        with replacing(in_tmp / "file.txt") as temporary:
            temporary.write_text("half")
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("coursework.training.run.Run.existing", write_half)
    assert refused("sample", "run") == "interrupted; nothing unfinished was kept"
    assert list(in_tmp.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


class Destroyed:
    """Asks its own process to end when it is let go of, where Python lets no exception pass."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)
        # The handler runs between two of Python's own steps: here.
        sum(range(10))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers of this kind")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_request_that_is_lost_in_a_destructor_is_made_once_more(number, in_tmp, refused, monkeypatch):
    seconds = []

    def build(*arguments, **options):
        started = time.perf_counter()
        Destroyed(number)
        try:
            # Nothing has come of it so far.
            time.sleep(60)
        finally:
            seconds.append(time.perf_counter() - started)

    monkeypatch.setattr(cli, "AGAIN", 0.3)
    monkeypatch.setattr("coursework.report.build", build)
    before = signal.getsignal(signal.SIGALRM)
    assert refused("report", "--output", "x.pdf").startswith("interrupted; ")
    assert 0.25 < seconds[0] < 30
    # Afterwards nothing is left of it.
    assert signal.getsignal(signal.SIGALRM) == before and signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers of this kind")
def test_it_is_made_once_more_and_then_left_alone(in_tmp, refused, monkeypatch):
    interruptions = []

    def build(*arguments, **options):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            try:
                time.sleep(max(0.0, end - time.monotonic()))
            except KeyboardInterrupt:
                interruptions.append(time.monotonic())
        raise UserError("cleaned up")

    monkeypatch.setattr(cli, "AGAIN", 0.1)
    monkeypatch.setattr("coursework.report.build", build)
    assert refused("report", "--output", "x.pdf") == "cleaned up"
    assert len(interruptions) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers of this kind")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_is_lost_before_training_ends_it_in_order(in_tmp, refused, monkeypatch):
    found = []

    def build(*arguments, **options):
        Destroyed(signal.SIGTERM)
        with Interruption() as interruption:
            while not interruption.requested:
                time.sleep(0.01)
            found.append(interruption.requested)
        raise UserError("in order")

    monkeypatch.setattr(cli, "AGAIN", 0.3)
    monkeypatch.setattr("coursework.report.build", build)
    assert refused("report", "--output", "x.pdf") == "in order"
    assert found == [True]


def test_a_process_that_is_asked_to_end_says_so():
    program = """
import os, signal, sys
from coursework import report
from coursework.cli import main as cli
report.build = lambda *arguments, **options: os.kill(os.getpid(), signal.SIGTERM)
raise SystemExit(cli.main(["report"]))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment())
    assert (result.returncode, result.stderr) == (2, "coursework: error: interrupted; nothing unfinished was kept\n")
