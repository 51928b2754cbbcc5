"""Downloads one large file: with progress, and resumed where it was interrupted, also by another process's end."""

import contextlib
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path

from coursework.util.errors import UserError
from coursework.util.progress import Progress

# Seconds without a sign of life: short enough to say soon that there is no network.
TIMEOUT = 8
# Connections in a row that brought nothing new.
LARGEST_FAILURES = 3
PAUSE = 1
CHUNK = 256 * 1024
MEGABYTE = 10**6


def download(url, part, largest):
    """Fetch `url` into the file `part`, after what is there already, and return when it is complete.

    The server's mark of the version (its ETag or date) is kept beside it in `part`.version: another version starts from
    the beginning, as does a server that sends no ranges. largest: in bytes. Raises `UserError` in one line where the
    server cannot be reached or refuses, where more arrives than `largest`, and where the file cannot be written; what
    was fetched stays for the next try.
    """
    part = Path(part)
    failures, progressed = 0, False
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        while True:
            before = _size(part)
            try:
                if _fetch(url, part, largest):
                    return
                reason = "the connection was closed early"
            except _Interrupted as error:
                reason = str(error)
            gained = _size(part) > before
            progressed |= gained
            failures = 0 if gained else failures + 1
            # Where nothing came at all there is no network, and trying again would only make the user wait.
            if not progressed or failures >= LARGEST_FAILURES:
                kept = _size(part) // MEGABYTE
                raise _failure(url, f"{reason}; {kept} MB are kept for the next try" if kept else reason)
            time.sleep(PAUSE)
    except OSError as error:
        raise UserError(f"cannot write {part}: {error.strerror or error}") from error


def discard(part):
    """Remove `part` and what is beside it."""
    for file in (Path(part), _version_file(part)):
        with contextlib.suppress(OSError):
            file.unlink()


class _Interrupted(Exception):
    """The network failed, which may be different a moment later."""


def _fetch(url, part, largest):
    """Fetch what is missing over one connection and tell whether that completed the file."""
    start, version = _size(part), _read_version(part)
    headers = {"User-Agent": "coursework", "Accept-Encoding": "identity"}
    if start and version:
        # Where the file has changed, the server answers with all of it instead of a rest that does not fit.
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    else:
        start = 0
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise _failure(url, f"the server answered {error.code} {error.reason}") from error
        # Nothing lies behind what is there: it is complete, or of no use.
        if error.headers.get("Content-Range") == f"bytes */{start}":
            return True
        discard(part)
        return _fetch(url, part, largest)
    except (OSError, http.client.HTTPException) as error:
        raise _interrupted(error) from error
    except ValueError as error:
        raise _failure(url, error) from error
    with response:
        if response.status != 206:
            start = 0
            # In this order, so that never a part is believed to be of another version than it is.
            discard(part)
            _write_version(part, response.headers)
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            discard(part)
            return _fetch(url, part, largest)
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        with open(part, "ab" if start else "wb") as file:
            received = _copy(response, file, start, total, largest, url)
    if received > largest or (total or 0) > largest:
        discard(part)
        raise _failure(url, f"it is larger than {largest // MEGABYTE} MB, so it is another file")
    return total is None or received == total


def _copy(response, file, received, total, largest, url):
    """Append the response's body to `file` and return the file's size: at most a chunk above `largest`."""
    title = f"downloading {url.rpartition('/')[2]}"
    with Progress(title, (total or largest) // MEGABYTE, "MB") as progress:
        progress.update(received // MEGABYTE, found=received // MEGABYTE)
        while (total or received) <= largest:
            try:
                chunk = response.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _interrupted(error) from error
            if not chunk:
                return received
            file.write(chunk)
            received += len(chunk)
            progress.update(received // MEGABYTE)
    return received


def _size(part):
    return part.stat().st_size if part.is_file() else 0


def _version_file(part):
    return Path(f"{part}.version")


def _read_version(part):
    try:
        return _version_file(part).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _write_version(part, headers):
    """Keep what identifies the version on the server; a weak ETag does not promise equal bytes."""
    tag = headers.get("ETag", "")
    version = tag if tag.startswith('"') else headers.get("Last-Modified", "")
    _version_file(part).write_text(version.encode("ascii", "ignore").decode(), encoding="ascii")


def _interrupted(error):
    reason = getattr(error, "reason", error)
    return _Interrupted(getattr(reason, "strerror", None) or str(reason) or type(error).__name__)


def _failure(url, reason):
    return UserError(f"cannot download {url}: {reason}")
