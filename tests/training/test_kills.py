"""Killed at any moment and started again, a training ends where the uninterrupted one does, bit by bit."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from conftest import environment

KILLS = 4


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow alone promises equal bits")
@pytest.mark.parametrize("name", ["GAN_CONFIG", "SNGAN_CONFIG", "CONDITIONAL_CONFIG", "VAE_CONFIG", "ACAI_CONFIG"])
def test_killed_at_random_moments_a_run_ends_as_if_nothing_had_been(name, in_tmp):
    script = Path(__file__).parents[1] / "kills.py"
    result = subprocess.run(
        [sys.executable, str(script), name, str(KILLS), "0"],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=in_tmp,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["moments"] > 50 and found["compared"] > 20
    assert len(found["killed_after"]) >= 1
    assert (found["different"], found["litter"]) == ([], [])
