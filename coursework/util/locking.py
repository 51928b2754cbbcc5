"""One owner at a time: a lock file that names its owner, and that the operating system frees when its owner dies."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from coursework.util.errors import CannotWrite, UserError

# Errors of file systems without locks, where a run is used without one.
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
# Seconds to wait by default: the owner before removes the file just before it frees the lock.
GRACE = 0.2


@contextlib.contextmanager
def owned(path: str | Path, what: str, seconds: float = GRACE) -> Iterator[None]:
    """Hold the lock file `path` during the block and remove it afterwards.

    what: the thing that it guards, for the message. seconds: how long to wait for another owner. Raises `UserError` if
    another process, or this one, still holds it then, and `CannotWrite` if the file cannot be created.
    """
    # Imported here: only the verbs that write lock anything, and `--help` should be fast.
    from filelock import FileLock, Timeout

    path = Path(path)
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds, poll_interval=0.02)
    except Timeout as error:
        raise UserError(f"{what} is in use by {_owner(path)}: wait until that has ended, or choose another") from error
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
    try:
        with contextlib.suppress(OSError):
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        # While it is still locked, so that the file of the next owner is never removed. Windows removes no open file;
        # there `release` does it.
        with contextlib.suppress(OSError):
            path.unlink()
        lock.release()


def _owner(path: Path) -> str:
    """Return who holds a lock file; Windows lets no one read it while it is locked."""
    try:
        return path.read_bytes()[:200].decode("utf-8", "replace") or "another process"
    except OSError:
        return "another process"
