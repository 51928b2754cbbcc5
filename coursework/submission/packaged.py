"""What belongs to the package, by its own metadata: setup.cfg in a checkout, the list of installed files elsewhere."""

import configparser
import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

from coursework.submission.material import PACKAGE
from coursework.util.files import require_plain

NAME = PACKAGE.name
# Of a checkout; an installed package has none.
SETUP = PACKAGE.parent / "setup.cfg"
# Of the metadata too.
NOTICES = ("LICENSE", "DATA.md")
# What pip made of a requirement, such as "h5py>=3.11.0; extra == \"x\"": its name.
REQUIRED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def data_files(package: Path | str = PACKAGE) -> tuple[dict[str, Path], list[str]]:
    """Return ({path in the zip: file}, extras) of the files in the folder `package` that are no Python.

    Those that the metadata list, and the paths of all others, which are handed to nobody. Hidden files are ignored.
    Raises `UserError` where the folder holds a link.
    """
    package = Path(package)
    require_plain(package)
    patterns = _patterns()
    listed: dict[str, Path] = {}
    extras: list[str] = []
    for file in sorted(package.rglob("*")):
        path = file.relative_to(package.parent)
        if not file.is_file() or file.suffix == ".py" or any(part.startswith((".", "__")) for part in path.parts[1:]):
            continue
        if any(len(pattern.parts) == len(path.parts) and path.match(str(pattern)) for pattern in patterns):
            listed[path.as_posix()] = file
        else:
            extras.append(path.as_posix())
    return listed, extras


def notices() -> dict[str, bytes]:
    """Return {file name: content} of the licence and of the note on the data."""
    if SETUP.is_file():
        return {name: (SETUP.parent / name).read_bytes() for name in NOTICES}
    files = [path for path in metadata.files(NAME) or () if path.parts[0] != NAME and path.name in NOTICES]
    return {path.name: Path(str(path.locate())).read_bytes() for path in files}


def exact_versions(requirements: Iterable[str]) -> str:
    """Return the text of a constraints file: the installed version of all that requirements lead to, sorted.

    What they name for other systems, and extras, are left out, as far as they are not installed.
    """
    waiting, found = [*_names(requirements)], {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.version(name)
            waiting.extend(_names(metadata.requires(name) or ()))
        except metadata.PackageNotFoundError:
            continue
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def _names(requirements: Iterable[str]) -> Iterator[str]:
    """Yield the normalised names of requirements, without those of extras."""
    for line in requirements:
        match = REQUIRED.match(line)
        if match and not re.search(r"\bextra\b", line.partition(";")[2]):
            yield re.sub(r"[-_.]+", "-", match[0]).lower()


def _patterns() -> list[PurePosixPath]:
    """Return the patterns, or the paths, of the package's data files, beginning with the name of the package."""
    if SETUP.is_file():
        listed = _setup()["options.package_data"].items()
        return [PurePosixPath(*room.split("."), pattern) for room, lines in listed for pattern in lines.split()]
    return [PurePosixPath(path) for path in metadata.files(NAME) or () if path.parts[0] == NAME]


def _setup() -> configparser.ConfigParser:
    setup = configparser.ConfigParser()
    setup.read(SETUP, encoding="utf-8")
    return setup
