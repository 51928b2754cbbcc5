"""Arrays that took long to compute, kept in a folder of the user under a hash of what they depend on.

The folder is $COURSEWORK_CACHE, else coursework/ inside $XDG_CACHE_HOME or ~/.cache. Where it cannot be written, a
folder of the user's inside the system's temporary one receives what is new. All of it may be removed at any time: it is
then computed again.
"""

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
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
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursework"
    except RuntimeError:
        # Neither HOME nor an entry in the password file, as for a numeric user in a container.
        return temporary_cache()


def temporary_cache() -> Path:
    """Return the folder that receives what the cache's own folder cannot; it need not exist."""
    return Path(tempfile.gettempdir()) / f"coursework-cache-{os.getuid() if hasattr(os, 'getuid') else 'own'}"


def read_arrays(file: Path) -> dict[str, np.ndarray] | None:
    """Return {name: array} of a cached file, None if it is missing or damaged; marks it as the last one used."""
    for place in _places(file):
        try:
            arrays = read_npz(place)
        except (UserError, OSError):
            continue
        # Somebody else's cache may be readable alone.
        with contextlib.suppress(OSError):
            os.utime(place)
        return arrays
    return None


def write_arrays(file: Path, arrays: Mapping[str, np.ndarray]) -> bool:
    """Write {name: array} atomically and return whether that was possible: a full disk is no reason to stop.

    Where the cache cannot be written, the temporary one is used; one line says so, once.
    """
    for place in _places(file):
        try:
            with replacing(place) as temporary:
                np.savez(temporary, **arrays)  # type: ignore[arg-type]  # no array is named allow_pickle
        except UserError:
            if len(_places(file)) > 1:
                _warn(cache_folder())
            continue
        return True
    return False


def _places(file: Path) -> list[Path]:
    """Return where a file of the cache may lie: in its own folder, then in the temporary one."""
    own, other = cache_folder(), temporary_cache()
    if not file.is_relative_to(own) or own == other:
        return [file]
    # A folder that another user has made under that name may hold anything.
    if other.exists() and hasattr(os, "getuid") and other.stat().st_uid != os.getuid():
        return [file]
    return [file, other / file.relative_to(own)]


@functools.cache
def _warn(folder: Path) -> None:
    """Say on standard error, once for each folder, that it cannot be written."""
    print(
        f"warning: cannot write the cache {folder}: using {temporary_cache()}; COURSEWORK_CACHE names another folder",
        file=sys.stderr,
    )


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
    for file in (file for place in _places(folder) for file in place.rglob("*.npz")):
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
