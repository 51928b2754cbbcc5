"""How long a user waits between the command and the first training step."""

import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Keras's progress bar after the first step: "1/156 ━━━━ 2:10 839ms/step".
FIRST_STEP = re.compile(rb"(?<!Epoch )\b1/\d+\x1b?[^\n]*s/step")


def seconds_to_first_step(preset="gan", dataset="sprites"):
    """Return the seconds from `python -m coursework train` to its progress bar's first step, then stop it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "coursework", "train", preset, "--dataset", dataset, "--run", f"{folder}/run"]
        ours, theirs = pty.openpty()
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        try:
            while not FIRST_STEP.search(seen):
                seen += os.read(ours, 65536)
            return time.perf_counter() - begun
        except OSError as error:
            raise RuntimeError(f"training ended before its first step: {seen.decode(errors='replace')}") from error
        finally:
            process.kill()
            process.wait()
            os.close(ours)
