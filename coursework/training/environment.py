"""What the outcome of a run depends on besides its configuration: software, machine, commit."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import keras
import numpy

import coursework


def describe_environment() -> dict:
    """Return versions, backend, device and commit as a dict for environment.json."""
    backend = keras.backend.backend()
    return {
        "package": coursework.__version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": backend,
        "backend_version": _backend_version(backend),
        "numpy": numpy.__version__,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores, {_processor()}",
        "device": _device(backend),
        "commit": _commit(),
    }


def environment_differences(before: dict, after: dict) -> dict[str, list]:
    """Return {name: [old, new]} of what differs between two records of `describe_environment` and is in both."""
    names = [name for name in after if name in before]
    return {name: [before[name], after[name]] for name in names if before[name] != after[name]}


def _backend_version(backend):
    return sys.modules[backend].__version__


def _device(backend):
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    devices = keras.distribution.list_devices("gpu")
    return ", ".join(devices) if devices else "CPU"


def _processor():
    """Return the name of the processor; on Linux only /proc has it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def _commit():
    """Return the commit of the checkout that the package runs from, with "+" where it has changes, or None."""
    file = Path(__file__).resolve()
    folder = file.parents[1]
    try:
        # A copy installed inside some other checkout is not that checkout's code.
        _git(folder, "ls-files", "--error-unmatch", str(file))
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", str(folder))
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changed else "")


def _git(folder, *arguments):
    # The code of this checkout is running already, so that git may read it where it belongs to another user too.
    command = ["git", "-c", f"safe.directory={folder.parent}", "-C", folder, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return result.stdout.strip()
