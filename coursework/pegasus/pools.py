"""Candidates of one strategy and one run, made once and kept until something they depend on changes."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursework.arrays import LARGEST, read_npz
from coursework.errors import UserError
from coursework.files import parse_json, read_text, replacing, sha256, write_text
from coursework.pegasus.candidates import Candidates, read_latents, write_latents
from coursework.pegasus.search import SETTINGS
from coursework.pegasus.strategies import STRATEGIES
from coursework.progress import Progress
from coursework.sampling import TrainedRun

# Raised when a strategy comes to make other candidates, so that older ones are not believed.
VERSION = 1


@dataclass(frozen=True)
class Pool:
    """`count` candidates of the strategy `name` from `run` for `task`; candidate i depends on (seed, i) alone."""

    task: object
    name: str
    run: object
    count: int
    seed: int

    @property
    def title(self):
        """What the pool is called in progress, tables and file names."""
        return f"{self.name}-{self.run.name}"

    def candidates(self, folder):
        """Return the `Candidates`: those kept in `folder` if they are of an equal pool, else made anew and kept."""
        folder = Path(folder) / self.title
        key = self._key()
        found = _read(folder, key)
        if found is not None:
            return found
        with Progress(f"{self.name}, {self.run.name}", unit=None) as progress:
            made = STRATEGIES[self.name](self.task, TrainedRun(self.run), self.count, self.seed, progress.step)
        _write(folder, key, made)
        return made

    def _key(self):
        """Return the SHA-256 of all that the candidates depend on."""
        networks = sorted(self.run.path.glob("*.keras"))
        search = [self.task.witness.sha256, SETTINGS] if STRATEGIES[self.name].searches else None
        parts = [VERSION, self.name, self.run.name, self.task.dataset.fingerprint, self.task.body, self.task.wings]
        parts += [search, self.count, self.seed, [(file.name, sha256(file)) for file in networks]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _write(folder, key, candidates):
    """Keep candidates; the file with the key and the hashes comes last, so that a torn set is told by them."""
    with replacing(folder / "images.npz") as temporary:
        np.savez_compressed(temporary, images=candidates.images)
    write_latents(folder / "latents.npz", candidates.latents)
    record = {"key": key, "files": _hashes(folder), "origins": candidates.origins}
    write_text(folder / "pool.json", json.dumps(record, indent=1) + "\n")


def _read(folder, key):
    """Return the candidates kept in `folder`, None where there are none, others or damaged ones."""
    try:
        record = parse_json(read_text(folder / "pool.json"), "pool.json")
        if record["key"] != key or record["files"] != _hashes(folder):
            return None
        images = read_npz(folder / "images.npz", LARGEST)["images"]
        return Candidates(images, read_latents(folder / "latents.npz"), record["origins"])
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return None


def _hashes(folder):
    return {name: sha256(folder / name) for name in ("images.npz", "latents.npz")}
