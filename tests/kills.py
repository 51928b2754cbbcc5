"""Trains tiny models, kills the training at random moments, resumes it, and compares with an uninterrupted one.

`python kills.py CONFIG KILLS SEED` in an empty folder prints one line of JSON. TensorFlow is imported once; every
training is a fork of that process. Moments are counted, not timed: before and after each step of writing a file, in the
middle of its content, and at each batch, so that equal seeds kill at equal places.
"""

import dataclasses
import json
import os
import random
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "training"))

import numpy
import test_training as cases

from coursework import data
from coursework.data import sprites
from coursework.data.pipeline import Batches
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.training.state import START, states
from coursework.util.files import TEMPORARY

EPOCHS = 3
# The column that differs between any two runs.
CLOCKS = "seconds"


class Moments:
    """Counts the moments of this process and kills it at the number `last`, None for never."""

    def __init__(self, last):
        self.last = last
        self.count = 0

    def pass_one(self, *_):
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function):
        """Return `function` with a moment before and one after it."""

        def call(*arguments, **options):
            self.pass_one()
            result = function(*arguments, **options)
            self.pass_one()
            return result

        return call

    def install(self):
        """Make every change of a file, and every batch, a moment."""
        write, batch = Path.write_bytes, Batches.__getitem__

        def write_in_two(path, content):
            content = bytes(content)
            write(path, content[: len(content) // 2])
            self.pass_one()
            return write(path, content)

        def batch_after(batches, index):
            self.pass_one()
            return batch(batches, index)

        Path.write_bytes, Batches.__getitem__ = write_in_two, batch_after
        os.replace, os.fsync, os.unlink = map(self.around, (os.replace, os.fsync, os.unlink))


def train_in_child(config, run, last=None):
    """Train in a fork of this process, killed at the moment `last`; return (killed or not, moments if not killed)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            moments = Moments(last)
            moments.install()
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            train(config, run, deterministic=True, report=lambda line: None)
            os.write(writing, str(moments.count).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with open(reading) as file:
        count = file.read()
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and not count:
        raise SystemExit(f"a training ended by itself with status {status}")
    return killed, int(count or 0)


def outcome(run):
    """Return {name: value} of what must be equal: the whole state, the log, the sample grids, the networks."""
    position, file = states(run.backup)[0]
    found = {"position": str(position)}
    with numpy.load(file) as content:
        found |= {f"state {name}": content[name].tobytes().hex() for name in content.files}
    found |= {f"log {name}": repr(column) for name, column in run.read_log().items() if name != CLOCKS}
    found |= {f"grid {file.name}": file.read_bytes().hex() for file in run.sample_files()}
    return found | {"networks": sorted(file.name for file in run.path.glob("*.keras"))}


def main(name, kills, seed):
    dataset = dataclasses.replace(sprites.load(train_per_class=16, test_per_class=8), name="tiny")
    data.DATASETS["tiny"] = lambda: dataset
    config = cases.longer(getattr(cases, name), EPOCHS)
    straight, killed = Run(Path("straight")), Run(Path("killed"))
    _, total = train_in_child(config, straight)
    # Early moments, so that enough training remains after each.
    generator, places, leftovers = random.Random(seed), [], 0
    while len(places) < kills:
        was_killed, _ = train_in_child(config, killed, generator.randint(1, total // 2))
        if not was_killed:
            break
        places.append(str(states(killed.backup)[0][0] if killed.backup.is_dir() and states(killed.backup) else START))
        leftovers += len(list(killed.path.rglob(f"{TEMPORARY}*")))
    train_in_child(config, killed)
    expected, found = outcome(straight), outcome(killed)
    different = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    litter = [str(file) for file in killed.path.rglob(f"{TEMPORARY}*")] + [
        file.name for file in killed.path.glob("lock")
    ]
    report = {"moments": total, "killed_after": places, "leftovers": leftovers, "litter": litter}
    print(json.dumps(report | {"compared": len(expected), "different": sorted(different)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
