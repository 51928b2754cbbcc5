"""A program that somebody sent: what it sees of this machine, what it can take of it, and that nothing of it stays."""

import os
import re
import socket
import time

import pytest

from coursework.submission import isolation
from coursework.submission.isolation import network_is_forbidden, run_isolated

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the limits are those of POSIX")


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a program in an empty folder and returns how it ended."""
    folder = tmp_path / "place" / "unpacked"
    folder.mkdir(parents=True)

    def run(program, seconds=60):
        (folder / "program.py").write_text(program)
        return run_isolated(["program.py"], folder, seconds)

    return run


def test_how_it_ended_is_told_by_its_last_line(run):
    ended = run("import sys; print('out'); print('last words', file=sys.stderr); sys.exit(3)")
    assert (ended.code, ended.why) == (3, "last words")
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").code == 137
    assert run("").why == "it ended with code 0 and said nothing"


def test_of_the_environment_it_sees_what_is_listed_alone(run, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LANG", "C")
    ended = run("import os, sys; print(*sorted(os.environ), os.environ['HOME'], file=sys.stderr)")
    *names, home = ended.why.split()
    own = {"HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "PYTHONDONTWRITEBYTECODE", "PYTHONUSERBASE"}
    # Python itself sets the locale's.
    assert {"PATH", "LANG"} <= set(names) <= {*isolation.VARIABLES, *own, "LC_CTYPE"}
    assert home.endswith("/place/home") and "hunter2" not in ended.why


def is_alive(file, seconds=5):
    """Return whether the file still grows, after a while in which its writer may be seen to end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        before = file.stat().st_size
        time.sleep(0.3)
        if file.stat().st_size == before:
            return False
    return True


CHILD = "import time\nwhile True: open('alive', 'a').write('x'); time.sleep(0.05)"


@pytest.mark.parametrize("rest", ["while True: pass", "sys.exit(0)"])
@pytest.mark.parametrize("session", [False, True])
def test_no_process_of_it_outlives_it(run, tmp_path, rest, session):
    """Neither at the time-out nor after a regular end."""
    if session and not network_is_forbidden():
        pytest.skip("this system keeps no processes together that leave their group")
    program = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {CHILD!r}], start_new_session={session})
while not os.path.exists("alive"): time.sleep(0.02)
{rest}
"""
    started = time.monotonic()
    ended = run(program, seconds=5)
    assert (ended.why == "it did not end within 0.0833 minutes") is (rest != "sys.exit(0)")
    assert time.monotonic() - started < 30
    assert not is_alive(tmp_path / "place/unpacked/alive")


def test_output_memory_and_files_are_limited(run, monkeypatch, tmp_path):
    monkeypatch.setattr(isolation, "LARGEST_FILE", 10**6)
    monkeypatch.setattr(isolation, "LARGEST_MEMORY", 3 * 10**8)
    assert run("import sys\nfor _ in range(3000): sys.stdout.write(10**6 * 'x')").code == 0
    ended = run("import sys\nfor _ in range(3000): sys.stderr.write(10**6 * 'x')")
    assert ended.code and (tmp_path / "place/errors.txt").stat().st_size <= 10**6
    assert run("open('large', 'wb').write(bytes(2 * 10**6))").why == "OSError: [Errno 27] File too large"
    assert run("bytes(10**9)").why == "MemoryError"
    monkeypatch.setattr(isolation, "LARGEST_TOTAL", 10**6)
    endless = "i = 0\nwhile True:\n    open(str(i), 'wb').write(bytes({size})); i += 1"
    assert run(endless.format(size=10**5)).why == "it wrote more than 1 MB"
    monkeypatch.setattr(isolation, "MOST_FILES", 100)
    monkeypatch.setattr(isolation, "LARGEST_TOTAL", 10**12)
    assert run(endless.format(size=0)).why == "it wrote more than 100 files"


@pytest.mark.skipif(not network_is_forbidden(), reason="this system forbids no program the network")
def test_the_network_is_out_of_reach(run):
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = run(f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)")
    assert ended.code and re.search("unreachable|refused|timed out", ended.why)


def test_without_the_means_it_runs_all_the_same(run, monkeypatch):
    monkeypatch.setattr(isolation, "network_is_forbidden", lambda: False)
    assert run("import sys; sys.exit('here')").why == "here"
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    assert not network_is_forbidden.__wrapped__()
