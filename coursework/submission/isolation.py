"""Running a program that somebody sent: few variables, bounded time, memory and files, no network where possible.

It is no sandbox: the program runs as the user, and can read and change what the user can.
"""

import contextlib
import functools
import os
import shutil
import signal
import site
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# All that is passed on of the environment: what finds libraries and the processor's or graphics card's settings.
VARIABLES = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"),
    *("KERAS_BACKEND", "TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS"),
)
# Bytes of memory that a process of the program may ask for, and of a file, and of all its files; numbers of files.
LARGEST_MEMORY = 8 * 2**30
LARGEST_FILE = 256 * 2**20
LARGEST_TOTAL = 2**30
MOST_FILES = 20_000
MOST_OPEN = 1024
# Seconds between two looks at what the program has written.
INTERVAL = 0.2
# Its last lines are all that is shown.
LAST_WORDS = 4096
# Sets the limits and runs the program, which would miss signals as the first process of its own system of processes.
LAUNCHER = """
import os, resource, sys
for name, value in zip(("DATA", "FSIZE", "NOFILE", "CORE"), map(int, sys.argv[1:5])):
    kind = getattr(resource, "RLIMIT_" + name)
    most = resource.getrlimit(kind)[1]
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))
code = os.spawnv(os.P_WAIT, sys.executable, [sys.executable, *sys.argv[5:]])
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True)
class Ended:
    """How a program ended. code: its exit code, 128 and more for a signal; why: its last line, or what it exceeded."""

    code: int
    why: str


def run_isolated(arguments: Sequence[str], folder: Path, seconds: float) -> Ended:
    """Run Python with `arguments` in `folder` and return how it ended, together with every process that it started.

    Its home and its temporary files lie beside `folder`; standard output is thrown away. What the system can limit is
    limited (`network_is_forbidden` says whether that is the network too); the rest is looked at while it runs.
    """
    place = folder.parent
    for name in ("home", "temporary"):
        (place / name).mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    environment |= {"HOME": str(place / "home"), "USERPROFILE": str(place / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {name: str(place / "temporary") for name in ("TMPDIR", "TEMP", "TMP")}
    if site.ENABLE_USER_SITE:
        environment["PYTHONUSERBASE"] = site.getuserbase()
    command = [sys.executable, *arguments]
    if os.name != "nt":
        limits = (LARGEST_MEMORY, LARGEST_FILE, MOST_OPEN, 0)
        command = [sys.executable, "-I", "-c", LAUNCHER, *map(str, limits), *arguments]
    if network_is_forbidden():
        command = [*_unshare(), *command]
    errors = place / "errors.txt"
    with open(errors, "wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stream,
            # A group of its own, by which all are ended.
            start_new_session=True,
        )
        try:
            exceeded = _watch(process, place, time.monotonic() + seconds, seconds)
        finally:
            _end(process)
    lines = [line for line in _tail(errors).splitlines() if line.strip()]
    said = lines[-1][:300] if lines else f"it ended with code {process.returncode} and said nothing"
    return Ended(process.returncode, exceeded or said)


@functools.cache
def network_is_forbidden() -> bool:
    """Return whether the system lets a program be run without a network: Linux with user namespaces does."""
    if not shutil.which("unshare"):
        return False
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return not subprocess.run([*_unshare(), "true"], capture_output=True, timeout=10).returncode
    return False


def _unshare() -> list[str]:
    """Return the command before a command without network, with whose end all processes below it end too."""
    return ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"]


def _watch(process: subprocess.Popen, place: Path, until: float, seconds: float) -> str:
    """Return "" once the process has ended, or what it exceeds."""
    while process.poll() is None:
        if time.monotonic() > until:
            return f"it did not end within {seconds / 60:.3g} minutes"
        size, count = _written(place)
        if size > LARGEST_TOTAL:
            return f"it wrote more than {LARGEST_TOTAL / 2**20:.0f} MB"
        if count > MOST_FILES:
            return f"it wrote more than {MOST_FILES:,} files"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(INTERVAL)
    return ""


def _written(place: Path) -> tuple[int, int]:
    """Return (bytes, number) of the files below a folder, at most one above `MOST_FILES`."""
    size = count = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_size
            count += 1
            if count > MOST_FILES:
                return size, count
    return size, count


def _end(process: subprocess.Popen) -> None:
    """End a process and all of its group, ended already or not."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _tail(file: Path) -> str:
    with open(file, "rb") as stream:
        stream.seek(max(0, os.path.getsize(file) - LAST_WORDS))
        return stream.read(LAST_WORDS).decode("utf-8", "replace")
