"""Locks: the message names the owner, the next owner gets a free lock, and a dead process blocks nobody."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import environment

from coursework.util.errors import CannotWrite, UserError
from coursework.util.locking import owned

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


def test_the_message_names_the_owner(holder):
    file, process = holder
    with pytest.raises(UserError) as caught, owned(file, "the run reports/runs/x"):
        pytest.fail("both own it")
    assert str(caught.value).startswith(f"the run reports/runs/x is in use by process {process.pid} on ")
    assert "\n" not in str(caught.value)
    assert process.poll() is None and file.is_file()


def test_a_killed_owner_blocks_nobody(holder):
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


MANY = """
import sys, time
from pathlib import Path
from coursework.util.locking import owned
counter = Path(sys.argv[1], "counter")
for _ in range(60):
    with owned(Path(sys.argv[1], "lock"), "it", 60):
        number = int(counter.read_text())
        counter.write_text(str(number + 1))
"""


def test_of_many_that_wait_one_owns_it_at_a_time(tmp_path):
    """An owner removes its file before it frees the lock: a lock on a removed file would guard nothing."""
    (tmp_path / "counter").write_text("0")
    waiting = [
        subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path)], env=environment(), stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [process.communicate()[1] for process in waiting] == [b""] * 3
    assert (tmp_path / "counter").read_text() == "180" and not (tmp_path / "lock").exists()


@pytest.mark.parametrize("code", ["ENOLCK", "EOPNOTSUPP"])
def test_a_file_system_without_locks_is_used_without_after_a_warning(tmp_path, monkeypatch, code, capsys):
    def unsupported(*arguments, **options):
        raise OSError(getattr(errno, code), "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", unsupported)
    with owned(tmp_path / "lock", "it"):
        assert (tmp_path / "lock").is_file()
    assert not (tmp_path / "lock").exists()
    assert capsys.readouterr().err.splitlines() == [
        f"warning: the file system of {tmp_path / 'lock'} has no locks (No locks available): "
        "let no other process use it meanwhile"
    ]


def test_an_error_of_the_disk_is_named_as_one(tmp_path, monkeypatch):
    def broken(*arguments, **options):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("filelock.FileLock.acquire", broken)
    with pytest.raises(CannotWrite, match=r"^cannot write .*lock: Input/output error$"), owned(tmp_path / "lock", "it"):
        pytest.fail("owned")


@pytest.mark.parametrize("how", ["link", "dangling", "hard link", "text"])
def test_nothing_is_overwritten_that_is_no_lock(tmp_path, how):
    """Links travel in archives: a lock that leads elsewhere would empty the file there."""
    diary, lock = tmp_path / "diary.txt", tmp_path / "run" / "lock"
    diary.write_text("dear diary")
    lock.parent.mkdir()
    if how == "text":
        lock.write_text("dear diary")
    elif how == "hard link":
        os.link(diary, lock)
    else:
        lock.symlink_to(diary if how == "link" else tmp_path / "new.txt")
    with pytest.raises(UserError, match=r"lock is (a link|no lock of this package)"), owned(lock, "it"):
        pytest.fail("owned")
    assert diary.read_text() == "dear diary" and os.path.lexists(lock)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["diary.txt", "run"]
    if how == "text":
        assert lock.read_text() == "dear diary"


def test_a_pipe_in_the_place_of_a_lock_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(UserError, match="lock is not a regular file$"), owned(tmp_path / "lock", "it"):
        pytest.fail("owned")
    assert (tmp_path / "lock").is_fifo()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"^cannot write .*file/lock: "), owned(tmp_path / "file" / "lock", "it"):
        pytest.fail("owned")


def test_waiting_ends_when_the_lock_is_free_or_the_time_is_over(holder):
    file, process = holder
    started = time.monotonic()
    with pytest.raises(UserError, match=f"the run is in use by process {process.pid}"), owned(file, "the run", 0.5):
        pass
    assert 0.5 <= time.monotonic() - started < 10
    process.kill()
    with owned(file, "the run", 30):
        assert file.is_file()
    assert not file.exists()
