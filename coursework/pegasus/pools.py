"""Candidates of one strategy and one run, made once and kept until something they depend on changes."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras

from coursework.pegasus.candidates import Candidates
from coursework.pegasus.pool_files import read_pool, write_pool
from coursework.pegasus.strategies import STRATEGIES, WINGED
from coursework.pegasus.task import Task
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.util.files import sha256
from coursework.util.progress import Progress

# Raised when a strategy comes to make other candidates, so that older ones are not believed.
VERSION = 2


@dataclass(frozen=True)
class Pool:
    """`count` candidates of the strategy `name` from `run` for `task`; candidate i depends on (seed, i) alone."""

    task: Task
    name: str
    run: Run
    count: int
    seed: int

    @property
    def title(self) -> str:
        """What the pool is called in progress, tables and file names."""
        return f"{self.name}-{self.run.name}"

    @property
    def winged(self) -> bool:
        """Whether its candidates are samples of a class of winged animals."""
        return STRATEGIES[self.name].kind == WINGED

    def candidates(self, folder: str | Path) -> Candidates:
        """Return the `Candidates`: those kept in `folder` if they are of an equal pool, else made anew and kept."""
        folder = Path(folder) / self.title
        key = self._key()
        found = read_pool(folder, key)
        if found is not None:
            return found
        with Progress(f"{self.name}, {self.run.name}", unit=None) as progress:
            begun = time.perf_counter()
            made = STRATEGIES[self.name](self.task, TrainedRun(self.run), self.count, self.seed, progress.step)
            made = replace(made, seconds=round(time.perf_counter() - begun, 1))
        write_pool(folder, key, made)
        return made

    def _key(self) -> str:
        """Return the SHA-256 of all that the candidates depend on."""
        networks = sorted(self.run.path.glob("*.keras"))
        # A run without networks is used from its last state, whose name holds its hash.
        unfinished = [] if networks else [sorted(file.name for file in self.run.backup.glob("state-*.npz"))]
        strategy = STRATEGIES[self.name]
        settings = asdict(self.task.sampling) if self.winged else strategy.settings
        search = [settings, self.task.witness.sha256 if strategy.asks_witness and self.task.witness else None]
        parts = [
            VERSION,
            keras.backend.backend(),
            self.name,
            self.run.name,
            self.task.dataset.fingerprint,
            self.task.body,
            self.task.wings,
        ]
        parts += [search, self.count, self.seed, [(file.name, sha256(file)) for file in networks], *unfinished]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
