"""One owner at a time: a lock that the operating system itself takes back from a process that dies."""

import contextlib
import errno
import os
import socket
import time
from pathlib import Path

from coursework.util.errors import CannotWrite, UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

# Windows bars others from reading what is locked: a byte far behind the text that says who holds the lock.
LOCKED_BYTE = 2**20
# What file systems answer that know no locks; there, a run is used without one.
UNKNOWN = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextlib.contextmanager
def owned(path, what):
    """Hold the lock file `path` for the block and remove it behind it; `what` it guards is named to others.

    The file left by a process that died holds nobody up: the lock lies in the system, not in the file's being there.
    Raises `UserError` where another process, or this one, holds it already.
    """
    path = Path(path)
    file = _acquire(path, what)
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        file.flush()
        yield
    finally:
        # While it is still locked, so that nobody else's file is removed; Windows removes no open file.
        with contextlib.suppress(OSError):
            path.unlink()
        file.close()
        if fcntl is None:
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def awaited(path, what, seconds=30.0):
    """Hold the lock file `path` for the block like `owned`, waiting for up to `seconds` while another one does.

    For work of milliseconds. Raises `UserError` where it is still held then.
    """
    end = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(owned(path, what))
                break
            except CannotWrite:
                raise
            except UserError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        yield


def _acquire(path, what):
    """Return the lock file, opened and locked."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = open(path, "ab")  # noqa: SIM115  it is closed by whoever holds the lock
        except OSError as error:
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
        try:
            _lock(file)
            # Its owner before may have removed it between our opening and our locking it.
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in UNKNOWN:
                return file
            file.close()
            raise UserError(
                f"{what} is in use by {_holder(path)}: wait until that has ended, or choose another"
            ) from error
        file.close()


def _lock(file):
    """Lock an open file, or raise `OSError` at once."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        file.seek(LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)


def _holder(path):
    try:
        return path.read_bytes()[:200].decode("utf-8", "replace") or "another process"
    except OSError:
        return "another process"
