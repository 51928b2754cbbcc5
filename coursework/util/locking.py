"""One owner at a time: a lock file that names its owner, and that the operating system frees when its owner dies."""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from coursework.util.errors import CannotWrite, UserError
from coursework.util.files import open_regular

# How every lock of this package begins; nothing else is overwritten or removed.
OWNER = b"process "
# Errors of file systems without locks, where a run is used without one after a warning.
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
# Seconds to wait by default: the owner before removes the file just before it frees the lock.
GRACE = 0.2


@contextlib.contextmanager
def owned(path: str | Path, what: str, seconds: float = GRACE) -> Iterator[None]:
    """Hold the lock file `path` during the block and remove it afterwards.

    what: the thing that it guards, for the message. seconds: how long to wait for another owner. Raises `UserError` if
    another process, or this one, still holds it then, and where `path` is no lock of this package; `CannotWrite` if the
    file cannot be created or locked. A file system without locks is used without one, after a warning.
    """
    # Imported here: only the verbs that write lock anything, and `--help` should be fast.
    from filelock import FileLock, Timeout

    path = Path(path)
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_lock(path)
        lock.acquire(timeout=seconds, poll_interval=0.02)
    except Timeout as error:
        raise UserError(f"{what} is in use by {_owner(path)}: wait until that has ended, or choose another") from error
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
        print(
            f"warning: the file system of {path} has no locks ({error.strerror or error}): let no other process use "
            f"{what} meanwhile",
            file=sys.stderr,
        )
        # It guards nothing, and still says who is there.
        with contextlib.suppress(OSError):
            path.touch()
    try:
        _write_owner(path)
        yield
    finally:
        # While it is still locked, so that the file of the next owner is never removed. Windows removes no open file;
        # there `release` does it.
        with contextlib.suppress(OSError):
            path.unlink()
        lock.release()


def _require_lock(path: Path) -> None:
    """Raise `UserError` where `path` is there and no lock of this package: a link, a pipe, a file of other content."""
    try:
        with open_regular(path, follow_links=False) as file:
            start = file.read(len(OWNER))
    except FileNotFoundError:
        return
    except PermissionError:
        # Windows lets no one read a file that is locked.
        return
    if start and start != OWNER:
        raise UserError(f"{path} is no lock of this package: remove it, if it is not needed")


def _write_owner(path: Path) -> None:
    """Write who holds the lock, where the file system has let it be created."""
    with contextlib.suppress(OSError), open_regular(path, follow_links=False, writable=True) as file:
        file.truncate()
        file.write(OWNER + f"{os.getpid()} on {socket.gethostname()}".encode())


def _owner(path: Path) -> str:
    """Return who holds a lock file; Windows lets no one read it while it is locked."""
    try:
        with open_regular(path, follow_links=False) as file:
            return file.read(200).decode("utf-8", "replace") or "another process"
    except (OSError, UserError):
        return "another process"
