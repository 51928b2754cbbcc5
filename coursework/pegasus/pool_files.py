"""Candidates on disk: what a pool keeps, read without Keras."""

import json
from pathlib import Path

import numpy as np

from coursework.pegasus.candidates import Candidates, read_latents, write_latents
from coursework.util.arrays import LARGEST, read_npz
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text, replacing, sha256, write_text


def write_pool(folder: str | Path, key: str, candidates: Candidates) -> None:
    """Keep candidates under a key; the file with the key and the hashes comes last, so that a torn set is told."""
    folder = Path(folder)
    with replacing(folder / "images.npz") as temporary:
        np.savez_compressed(temporary, images=candidates.images)
    write_latents(folder / "latents.npz", candidates.latents)
    record = {"key": key, "seconds": candidates.seconds, "files": _hashes(folder), "origins": candidates.origins}
    write_text(folder / "pool.json", json.dumps(record, indent=1) + "\n")


def read_pool(folder: str | Path, key: str | None = None) -> Candidates | None:
    """Return the candidates kept in `folder`, None where there are none, damaged ones or those of another key.

    key: None takes any.
    """
    folder = Path(folder)
    try:
        record = parse_json(read_text(folder / "pool.json"), "pool.json")
        if key not in (None, record["key"]) or record["files"] != _hashes(folder):
            return None
        images = read_npz(folder / "images.npz", LARGEST)["images"]
        seconds = record.get("seconds")
        seconds = None if seconds is None else float(seconds)
        return Candidates(images, read_latents(folder / "latents.npz"), record["origins"], seconds)
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return None


def _hashes(folder: Path) -> dict[str, str]:
    return {name: sha256(folder / name) for name in ("images.npz", "latents.npz")}
