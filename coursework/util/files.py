"""Atomic writing of files, and reading of untrusted ones: regular files only, no pipe is waited for."""

import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from coursework.util.errors import CannotWrite, UserError

# Prefix of the temporary files of `replacing`, by which the leftovers of a killed process are found.
TEMPORARY = ".coursework-"
# Bytes; the longest text that this package writes has a few hundred kilobytes.
LARGEST_TEXT = 64 * 2**20
# Seconds after which any temporary file counts as left over.
STALE = 24 * 3600
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def expanded(path: str | Path) -> Path:
    """Return the `Path` of a path that may begin with ~; raises `UserError` for the home of an unknown user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{path}: there is no such home folder") from error


def open_regular(path: str | os.PathLike[str], follow_links: bool = True, writable: bool = False) -> BinaryIO:
    """Open the existing file at `path` for reading; `writable` for changing it too. Nothing is created or truncated.

    Raises `UserError`, without waiting for anyone, for a pipe, a device or a folder, and for a link unless links are to
    be followed; and what `open` raises otherwise.
    """
    flags = (os.O_RDWR if writable else os.O_RDONLY) | getattr(os, "O_BINARY", 0)
    # Opening a named pipe would wait for the other end.
    flags |= getattr(os, "O_NONBLOCK", 0) | (0 if follow_links else getattr(os, "O_NOFOLLOW", 0))
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP and os.path.islink(path):
            raise UserError(f"{path} is a link, not a regular file") from error
        raise
    file = open(descriptor, "rb+" if writable else "rb")  # noqa: SIM115  the caller closes it
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise UserError(f"{path} is not a regular file")
    return file


def require_plain(folder: str | Path) -> None:
    """Raise `UserError` where `folder`, if it is there, holds anything but regular files and folders of such.

    What may come from other people is checked before it is used: links, which git and tar carry, would lead reads,
    writes and locks out of the folder. The folder itself may be a link: that is the user's own.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        # Another process may be writing there.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_file(follow_symlinks=False) and os.path.lexists(entry.path):
                    what = "a link" if entry.is_symlink() else "no regular file"
                    raise UserError(f"{entry.path} is {what}: {folder} may hold files and folders alone; remove it")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` with the same suffix; it replaces `path` only if the block succeeds.

    A link stays, and the file that it leads to is replaced. A device or a pipe stays too: it receives the content.
    Raises `CannotWrite` if the folder cannot be created or written, and if the disk is full.
    """
    path = Path(path)
    # A rename would put a file where the device or the link was.
    stream = path.exists() and not path.is_file() and not path.is_dir()
    target = Path(os.path.realpath(path)) if path.is_symlink() and not stream else path
    folder = Path(tempfile.gettempdir()) if stream else target.parent
    # Named before it is created, so that an interruption at any moment removes it.
    temporary = folder / _temporary_name(path.suffix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        open(temporary, "xb").close()
        yield temporary
        if stream:
            with open(temporary, "rb") as content, open(path, "wb") as file:
                shutil.copyfileobj(content, file)
            return
        # Without the flush a power cut after the rename can leave an empty file under the final name.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _flush_folder(folder)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path`, absent or empty, if the block succeeds.

    Raises `CannotWrite` like `replacing`, and if `path` holds anything.
    """
    path = Path(path)
    temporary = path.parent / _temporary_name()
    try:
        temporary.mkdir(parents=True)
        yield temporary
        # Windows does not rename to an existing folder.
        if path.is_dir():
            path.rmdir()
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _cannot_write(path: Path, error: OSError) -> CannotWrite:
    hint = "; make room on the disk and try again" if error.errno in FULL else ""
    return CannotWrite(f"cannot write {path}: {error.strerror or error}{hint}")


def _flush_folder(folder: Path) -> None:
    """Flush the folder's list of names to the disk too, if the system can open a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _temporary_name(suffix: str = "") -> str:
    """Return a new name that says which process of which machine writes the file."""
    return f"{TEMPORARY}{_machine()}-{os.getpid()}-{secrets.token_hex(8)}{suffix}"


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def remove_leftovers(folder: str | Path) -> None:
    """Remove temporary files of killed processes in `folder` and below, and none of another one that still writes.

    This process must not be writing there.
    """
    for entry in list(Path(folder).rglob(f"{TEMPORARY}*")):
        with contextlib.suppress(OSError):
            if not _may_be_written(entry):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _may_be_written(entry: Path) -> bool:
    """Return whether the process that a temporary file is named after may still be writing it."""
    match = re.match(rf"{re.escape(TEMPORARY)}([0-9a-f]{{8}})-(\d{{1,9}})-", entry.name)
    if not match:
        return False
    if time.time() - entry.lstat().st_mtime > STALE:
        return False
    # In a container every process may have the same number: this one's files there are those of an earlier one.
    if int(match[2]) == os.getpid():
        return False
    # No process can be asked for on another machine; on Windows asking for one would end it.
    if match[1] != _machine() or os.name == "nt":
        return True
    try:
        os.kill(int(match[2]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write `content` to `path`, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def sha256(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 of the file at `path`; raises `UserError` where it is no regular file."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # BinaryIO's stub lacks readinto


def read_bytes(path: str | Path, largest: int) -> bytes:
    """Return the bytes of the file at `path`; raises `UserError` above `largest` of them, read no further, and else."""
    try:
        with open_regular(path) as file:
            content = file.read(largest + 1)
    except UserError as error:
        raise UserError(f"cannot read {path}: it is not a regular file") from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > largest:
        raise UserError(f"cannot read {path}: it is larger than {largest / 2**20:.0f} MB")
    return content


def read_text(path: str | Path, largest: int = LARGEST_TEXT) -> str:
    """Return the UTF-8 text of the file at `path`, without the byte order mark that some editors put before it.

    Raises `UserError` if it cannot be read, is no regular file, is longer than `largest` bytes or is not UTF-8.
    """
    path = Path(path)
    try:
        return read_bytes(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {path}: it is not UTF-8 text") from error


def parse_json(text: str | bytes, source: str | Path) -> Any:
    """Return the content of JSON text; raises `UserError`, which begins with `source`, for anything else."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{source} is not valid JSON: {error}") from error
    except RecursionError as error:
        raise UserError(f"{source} is not valid JSON: it is nested too deep") from error


def read_json(path: str | Path, kind: type) -> Any:
    """Return the JSON in `path`; raises `UserError` if it cannot be read or is not a `kind`."""
    content = parse_json(read_text(path), path)
    if not isinstance(content, kind):
        raise UserError(f"{path} should hold a JSON {'list' if kind is list else 'object'}")
    return content
