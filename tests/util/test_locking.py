"""One owner at a time: who comes second is told by whom, and what a dead process leaves holds nobody up."""

import signal
import subprocess
import sys
import time

import pytest
from conftest import environment

from coursework.util.errors import CannotWrite, UserError
from coursework.util.locking import awaited, owned

HOLD = """
import sys, time
from coursework.util.locking import owned
with owned(sys.argv[1], "the run"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Return the lock file, and another process that holds it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout.readline() == "held\n"
    yield tmp_path / "lock", process
    process.kill()
    process.communicate()


def test_the_second_is_told_who_is_first(holder):
    file, process = holder
    with pytest.raises(UserError) as caught, owned(file, "the run reports/runs/x"):
        pytest.fail("both own it")
    assert str(caught.value).startswith(f"the run reports/runs/x is in use by process {process.pid} on ")
    assert "\n" not in str(caught.value)
    assert process.poll() is None and file.is_file()


def test_a_killed_owner_leaves_a_lock_that_holds_nobody_up(holder):
    file, process = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert str(process.pid) in file.read_text()
    with owned(file, "the run"):
        assert str(process.pid) not in file.read_text()
    assert not file.exists()


def test_it_is_free_again_after_the_block_also_after_a_fault(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), owned(tmp_path / "new" / "lock", "it"):
            raise ZeroDivisionError
    assert list((tmp_path / "new").iterdir()) == []


def test_one_process_owns_it_once(tmp_path):
    file = tmp_path / "lock"
    with owned(file, "it"), pytest.raises(UserError, match="^it is in use by process"), owned(file, "it"):
        pytest.fail("owned twice")


def test_a_lock_of_an_owner_that_is_just_leaving_is_taken_anew(tmp_path, monkeypatch):
    """Between opening and locking, the owner before may remove the file: a lock on a nameless file guards nothing."""
    from coursework.util import locking

    lock, removed = locking._lock, []

    def removed_before(file):
        if not removed:
            removed.append((tmp_path / "lock").unlink())
        lock(file)

    monkeypatch.setattr(locking, "_lock", removed_before)
    with owned(tmp_path / "lock", "it"):
        assert removed and (tmp_path / "lock").is_file()


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    from coursework.util import locking

    def unknown(file):
        raise OSError(locking.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", unknown)
    with owned(tmp_path / "lock", "it"):
        assert (tmp_path / "lock").is_file()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"^cannot write .*file/lock: "), owned(tmp_path / "file" / "lock", "it"):
        pytest.fail("owned")


def test_who_waits_gets_it_when_it_is_free_and_is_told_when_it_is_not(holder):
    file, process = holder
    started = time.monotonic()
    with pytest.raises(UserError, match=f"the run is in use by process {process.pid}"), awaited(file, "the run", 0.2):
        pass
    assert 0.2 <= time.monotonic() - started < 10
    process.kill()
    with awaited(file, "the run", 30):
        assert file.is_file()
    assert not file.exists()
