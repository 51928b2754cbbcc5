"""Writing files so that a reader never sees half of one, and reading those that anybody may have written."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path

from coursework.util.errors import CannotWrite, UserError

# How the temporary files of `replacing` begin: what a killed process leaves behind is known by it.
TEMPORARY = ".coursework-"
# Bytes; the longest text of this package's own has some hundred kilobytes.
LARGEST_TEXT = 64 * 2**20
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def expanded(path):
    """Return the `Path` of a path that may begin with ~; raises `UserError` for the home of nobody, such as ~nobody."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{path}: there is no such home folder") from error


@contextlib.contextmanager
def replacing(path):
    """Yield a temporary path beside `path` with the same suffix; it replaces `path` only if the block succeeds.

    Raises `CannotWrite` where the folder cannot be created or written, and where the disk is full.
    """
    path = Path(path)
    # Named before it is made, so that an interruption at any moment finds it to be removed.
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}{path.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        open(temporary, "xb").close()
        yield temporary
        # Without the flush a power cut after the rename can leave an empty file under the final name.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def replacing_folder(path):
    """Yield a temporary folder beside `path`; it takes the place of `path`, absent or empty, if the block succeeds.

    Raises `CannotWrite` like `replacing`, and where `path` holds anything.
    """
    path = Path(path)
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        # Windows renames nothing to what is there.
        if path.is_dir():
            path.rmdir()
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _cannot_write(path, error):
    hint = "; make room on the disk and try again" if error.errno in FULL else ""
    return CannotWrite(f"cannot write {path}: {error.strerror or error}{hint}")


def _flush_folder(folder):
    """Bring the folder's list of names to the disk too, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(folder):
    """Remove what killed processes left unfinished in `folder` and below; nobody else may be writing there."""
    for entry in list(Path(folder).rglob(f"{TEMPORARY}*")):
        with contextlib.suppress(OSError):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


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


def read_text(path, largest=LARGEST_TEXT):
    """Return the UTF-8 text of the file at `path`.

    Raises `UserError` where it cannot be read, is no regular file, is longer than `largest` bytes or is not UTF-8.
    """
    path = Path(path)
    try:
        # Opening a named pipe would wait for whoever writes to it.
        if path.exists() and not path.is_file():
            raise UserError(f"cannot read {path}: it is not a regular file")
        with open(path, "rb") as file:
            content = file.read(largest + 1)
        if len(content) > largest:
            raise UserError(f"cannot read {path}: it is larger than {largest / 2**20:.0f} MB")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {path}: it is not UTF-8 text") from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def parse_json(text, source):
    """Return the content of JSON text; raises `UserError`, which begins with `source`, for anything else."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{source} is not valid JSON: {error}") from error
    except RecursionError as error:
        raise UserError(f"{source} is not valid JSON: it is nested too deep") from error


def read_json(path, kind):
    """Return the JSON in `path`; raises `UserError` where it cannot be read or is not a `kind`."""
    content = parse_json(read_text(path), path)
    if not isinstance(content, kind):
        raise UserError(f"{path} should hold a JSON {'list' if kind is list else 'object'}")
    return content
