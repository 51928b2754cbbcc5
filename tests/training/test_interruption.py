"""Signals: the first is a wish, the second is obeyed at once, and all is as before afterwards."""

import signal
import subprocess
import sys
import threading

import pytest
from conftest import environment

from coursework.training.interruption import SIGNALS, Interruption


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


def test_a_process_that_is_asked_to_end_says_so():
    program = """
import os, signal, sys
from coursework import report
from coursework.cli.main import main
report.build = lambda *arguments, **options: os.kill(os.getpid(), signal.SIGTERM)
raise SystemExit(main(["report"]))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment())
    assert (result.returncode, result.stderr) == (2, "coursework: error: interrupted; nothing unfinished was kept\n")
