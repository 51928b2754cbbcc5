"""Unpacking a zip that somebody sent, as data: no link, no name that leads elsewhere, no more than it may hold."""

import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from coursework.util.errors import UserError
from coursework.util.files import open_regular

# The package with a report and weights has about 200 files and 40 MB.
MOST_MEMBERS = 5000
LARGEST = 256 * 2**20
LONGEST_NAME = 200


def unpack(archive: Path | str, folder: Path | str) -> list[str]:
    """Write the files in the zip at `archive` into `folder`, new or empty, and return their paths in it, sorted.

    Raises `UserError` in one line, before anything is written, for a file that is no zip, a zip of more than may be
    unpacked, and one with a link, a name that leads out of `folder` or is there twice; for a damaged one while writing.
    """
    try:
        with open_regular(archive) as stream, zipfile.ZipFile(stream) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check(members)
            for member in members:
                target = Path(folder, member.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                # No more than announced is read, whatever the member unpacks to.
                with opened.open(member) as content, open(target, "xb") as file:
                    while part := content.read(2**20):
                        file.write(part)
    except UserError as error:
        raise UserError(f"cannot unpack {archive}: {error}") from error
    except Exception as error:  # Damaged archives raise a dozen kinds of errors.
        reason = " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
        raise UserError(f"cannot unpack {archive}: {reason[:160]}") from error
    return sorted(member.filename for member in members)


def _check(members: list[zipfile.ZipInfo]) -> None:
    """Raise `UserError`, with the reason alone, for members that no submission has."""
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > LARGEST:
        raise UserError(f"it holds more than {MOST_MEMBERS:,} files or unpacks to more than {LARGEST // 2**20} MB")
    seen = set()
    for member in members:
        name = member.filename
        parts = PurePosixPath(name).parts
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise UserError(f"{name[:80]!r} in it is no regular file")
        # "C:x", "a\\b" and "aux:" are names of other places under Windows.
        if (
            ".." in parts
            or "/".join(parts) != name
            or len(name) > LONGEST_NAME
            or set('\\:\0<>|"?*') & set(name)
            or PureWindowsPath(name).drive
        ):
            raise UserError(f"{name[:80]!r} in it is no name of a file in a folder")
        if name.casefold() in seen:
            raise UserError(f"{name[:80]!r} is in it twice")
        seen.add(name.casefold())
