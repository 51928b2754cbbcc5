"""Arrays that took long to compute, kept in one folder of the user's and found again by what they were computed from.

The folder is $COURSEWORK_CACHE, else coursework/ inside $XDG_CACHE_HOME or ~/.cache. Everything in it may be removed at
any time: it costs the next start some time, nothing else.
"""

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np

from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import expanded, replacing

# Features of Inception take 0.7 GB for the 60,000 images of CIFAR-10 and 0.12 GB for the samples of a run.
LARGEST_TOTAL = 4 * 2**30


def cache_folder():
    """Return the folder of everything that is cached; it need not exist yet."""
    own = os.environ.get("COURSEWORK_CACHE")
    if own:
        return expanded(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursework"


def read_arrays(file):
    """Return {name: array} of a cached file, None where it is missing or damaged; reading makes it the youngest."""
    try:
        arrays = read_npz(file)
        os.utime(file)
    except (UserError, OSError):
        return None
    return arrays


def write_arrays(file, arrays):
    """Keep {name: array}, all or nothing, and tell whether that was possible: a full disk is no reason to stop."""
    try:
        with replacing(file) as temporary:
            np.savez(temporary, **arrays)
    except UserError:
        return False
    return True


def kept_arrays(kind, key, compute, cached=True):
    """Return {name: array}: what an earlier call with an equal key kept, else what `compute()` returns, kept then.

    kind: folder of the cache. key: parts that the arrays depend on, and nothing else. cached: False keeps and reads
    nothing.
    """
    folder = cache_folder() / kind
    file = folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:40]}.npz"
    arrays = read_arrays(file) if cached else None
    if arrays is None:
        arrays = compute()
        if cached and write_arrays(file, arrays):
            prune(folder)
    return arrays


def prune(folder, largest_total=None):
    """Remove the files that were longest not read until those in `folder` take at most `largest_total` bytes."""
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
