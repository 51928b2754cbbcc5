"""What a run records of its surroundings, and the quiet start of Keras."""

import platform
import re
import shutil
import subprocess
import sys

import keras
import numpy
import pytest

import coursework
from coursework.training import environment


def test_versions_and_device():
    record = environment.describe_environment()
    assert record["package"] == coursework.__version__
    assert (record["python"], record["keras"], record["numpy"]) == (
        platform.python_version(),
        keras.__version__,
        numpy.__version__,
    )
    backend = keras.backend.backend()
    assert record["backend"] == backend and record["backend_version"] == sys.modules[backend].__version__
    assert platform.machine() in record["machine"] and "CPU cores" in record["machine"]
    assert record["device"]
    assert record["commit"] is None or re.fullmatch(r"[0-9a-f]{12}\+?", record["commit"])


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_the_commit_is_that_of_the_package_s_own_checkout(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    file = tmp_path / "coursework" / "training" / "environment.py"
    file.parent.mkdir(parents=True)
    file.write_text("1\n")
    monkeypatch.setattr(environment, "__file__", str(file))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = [environment.describe_environment()["commit"]]
    git("init")
    (tmp_path / "other").touch()
    git("add", "other")
    git("commit", "-m", "another project's")
    found.append(environment.describe_environment()["commit"])
    git("add", ".")
    git("commit", "-m", "ours")
    found.append(environment.describe_environment()["commit"])
    file.write_text("2\n")
    found.append(environment.describe_environment()["commit"])
    commit = git("rev-parse", "HEAD")[:12]
    assert found == [None, None, commit, commit + "+"]


def test_a_quiet_start_drops_chatter_and_keeps_what_follows():
    program = """
import os, sys
from coursework.util.quiet import silence
silence()
assert "keras" in sys.modules
os.write(2, b"written afterwards\\n")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "written afterwards\n")
