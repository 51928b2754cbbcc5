"""Writing files so that a reader never sees half of one."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from coursework.errors import UserError


@contextlib.contextmanager
def replacing(path):
    """Yield a temporary path beside `path` with the same suffix; it replaces `path` only if the block succeeds.

    Raises `UserError` where the folder cannot be created or written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
        os.close(descriptor)
        # mkstemp makes files private; a run directory is meant to be shared like any other file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        yield temporary
        # Without the flush a power cut after the rename can leave an empty file under the final name.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write `text` to `path` as UTF-8, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path, content):
    """Write `content` to `path`, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def sha256(path):
    """Return the hexadecimal SHA-256 of the file at `path`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
