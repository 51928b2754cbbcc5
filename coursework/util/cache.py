"""Arrays that took long to compute, kept in a folder of the user under a hash of what they depend on.

The folder is $COURSEWORK_CACHE, else coursework/ inside $XDG_CACHE_HOME or ~/.cache. All of it may be removed at any
time: it is then computed again.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import expanded, replacing

# Features of Inception take 0.7 GB for the 60,000 images of CIFAR-10 and 0.12 GB for the samples of a run.
LARGEST_TOTAL = 4 * 2**30


def cache_folder() -> Path:
    """Return the folder of the cache; it need not exist."""
    own = os.environ.get("COURSEWORK_CACHE")
    if own:
        return expanded(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursework"


def read_arrays(file: Path) -> dict[str, np.ndarray] | None:
    """Return {name: array} of a cached file, None if it is missing or damaged; marks it as the last one used."""
    try:
        arrays = read_npz(file)
        os.utime(file)
    except (UserError, OSError):
        return None
    return arrays


def write_arrays(file: Path, arrays: Mapping[str, np.ndarray]) -> bool:
    """Write {name: array} atomically and return whether that was possible: a full disk is no reason to stop."""
    try:
        with replacing(file) as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]  # no array is named allow_pickle
    except UserError:
        return False
    return True


def kept_arrays(
    kind: str, key: tuple[Any, ...], compute: Callable[[], dict[str, np.ndarray]], cached: bool = True
) -> dict[str, np.ndarray]:
    """Return {name: array} kept under an equal key, else what `compute()` returns, and keep it.

    kind: folder in the cache. key: everything that the arrays depend on. cached: False neither reads nor keeps them.
    """
    folder = cache_folder() / kind
    file = folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:40]}.npz"
    arrays = read_arrays(file) if cached else None
    if arrays is None:
        arrays = compute()
        if cached and write_arrays(file, arrays):
            prune(folder)
    return arrays


def prune(folder: Path, largest_total: int | None = None) -> None:
    """Remove the least recently used files until those in `folder` take at most `largest_total` bytes."""
    largest_total = LARGEST_TOTAL if largest_total is None else largest_total
    found = []
    for file in Path(folder).rglob("*.npz"):
        # Another process may remove it at the same time.
        with contextlib.suppress(OSError):
            status = file.stat()
            found.append((status.st_mtime_ns, status.st_size, file))
    total = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if total <= largest_total:
            return
        with contextlib.suppress(OSError):
            file.unlink()
        total -= size
