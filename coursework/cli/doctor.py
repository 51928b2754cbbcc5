"""The verb `doctor`: what one is asked when asking for help, and what to do about each thing that is wrong."""

import argparse
import importlib.metadata
import importlib.util
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coursework import __version__
from coursework.cli.parsing import Verbs, add_verb, import_keras
from coursework.util.errors import UserError

OLDEST_PYTHON = (3, 11)
# Bytes that should be free: features and networks of a few runs.
LEAST_FREE = 2**30


@dataclass(frozen=True)
class Finding:
    """A line of the list. remedy: what to do, None where all is well."""

    name: str
    text: str
    remedy: str | None = None

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [f"{'ok' if self.remedy is None else 'WRONG':6}{self.name:11}{self.text}"]
        return lines if self.remedy is None else [*lines, f"{'':6}{'':11}-> {self.remedy}"]


def add_doctor(verbs: Verbs) -> None:
    """Add the verb `doctor`."""
    add_verb(verbs, "doctor", _doctor, "Show versions, devices, data, fonts and folders, and what is wrong with them.")


def _doctor(arguments: argparse.Namespace) -> int:
    wrong = 0
    print(f"coursework {__version__}")
    for name, look in LOOKS.items():
        for finding in _guarded(name, look, arguments):
            print("\n".join(finding.lines()), flush=True)
            wrong += finding.remedy is not None
    print(f"{wrong} wrong" if wrong else "all is well")
    return 1 if wrong else 0


def _guarded(
    name: str, look: Callable[[argparse.Namespace], Iterator[Finding]], arguments: argparse.Namespace
) -> Iterator[Finding]:
    """Yield what `look` finds; what stops it is a finding too."""
    try:
        yield from look(arguments)
    except UserError as error:
        # Its line ends with what to do.
        problem, _, remedy = str(error).partition(": ")
        yield Finding(name, problem, remedy or "see above")
    except Exception as error:  # A library that is broken may raise anything, and the other lines are still wanted.
        yield Finding(name, f"{type(error).__name__}: {error}", "reinstall the library that failed")


def _python(_: argparse.Namespace) -> Iterator[Finding]:
    found = f"{platform.python_version()} in {sys.prefix}, {platform.system()} {platform.machine()}"
    old = sys.version_info < OLDEST_PYTHON
    yield Finding("Python", found, f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer" if old else None)


def _packages(_: argparse.Namespace) -> Iterator[Finding]:
    try:
        required = importlib.metadata.requires("coursework") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("packages", "coursework itself runs from its folder, not installed")
        return
    names = [re.split(r"[^\w.-]", line)[0] for line in required if "extra ==" not in line]
    missing = [name for name in names if not list(importlib.metadata.distributions(name=name))]
    if missing:
        yield Finding("packages", f"missing: {', '.join(missing)}", f"python -m pip install {' '.join(missing)}")
    else:
        yield Finding("packages", f"all {len(names)} that are required")


def _keras(arguments: argparse.Namespace) -> Iterator[Finding]:
    import_keras(arguments)

    from coursework.training.environment import describe_environment

    found = describe_environment()
    versions = f"{found['keras']} on {found['backend']} {found['backend_version']}, NumPy {found['numpy']}"
    yield Finding("Keras", versions + (f", commit {found['commit']}" if found["commit"] else ""))
    yield Finding("device", f"{found['device']}; {found['machine']}")


def _data(_: argparse.Namespace) -> Iterator[Finding]:
    from coursework.data import cifar10, has_name, load_dataset
    from coursework.training.run import Run
    from coursework.util.files import expanded

    local = cifar10.local_copy()
    if local:
        yield Finding("data", f"{cifar10.label()} in {local}, {load_dataset('cifar10').fingerprint[:12]}")
    elif importlib.util.find_spec("tensorflow_datasets"):
        yield Finding("data", "CIFAR-10 comes through tensorflow-datasets: COURSEWORK_DATA names no copy")
    else:
        remedy = 'pip install -e ".[data]", or set COURSEWORK_DATA to a folder that holds cifar10/'
        yield Finding("data", "CIFAR-10 cannot be had: tensorflow-datasets is not installed", remedy)
    own: dict[str, list[Run]] = {}
    for run in Run.all():
        own.setdefault(run.read_config().dataset, []).append(run)
    for place, runs in own.items():
        text = f"{place}, of {len(runs)} runs" if len(runs) > 1 else f"{place}, of {runs[0].path}"
        fingerprint = str(runs[0].read_environment().get("dataset_fingerprint", "not recorded"))[:12]
        there = has_name(place) or expanded(place).is_dir()
        remedy = f"python -m coursework figures {runs[0].path} --dataset, with its new folder"
        yield Finding("data", f"{text}, {fingerprint}" if there else f"{text}: not there", None if there else remedy)


def _judges(_: argparse.Namespace) -> Iterator[Finding]:
    from coursework.util.files import read_json

    for file in sorted(Path("reports/judges").glob("*/*.json")):
        record = read_json(file, dict)
        trained = file.with_suffix(".keras").is_file()
        text = f"{file.stem} in {file.parent}, of {record.get('dataset')}, {str(record.get('fingerprint'))[:12]}"
        yield Finding("judges", text if trained else f"{text}; its network is not there, only its record")


def _cache(_: argparse.Namespace) -> Iterator[Finding]:
    from coursework.util.cache import cache_folder, temporary_cache

    own, other = cache_folder(), temporary_cache()
    size = sum(file.stat().st_size for folder in {own, other} for file in folder.rglob("*.npz"))
    text = f"{own}, {size / 2**20:,.0f} MB"
    problem = _unwritable(own)
    remedy = f"set COURSEWORK_CACHE to another folder; until then {other} is used" if problem else None
    yield Finding("cache", f"{text}: {problem}" if problem else text, remedy)


def _fonts(_: argparse.Namespace) -> Iterator[Finding]:
    from matplotlib.font_manager import findSystemFonts

    from coursework.figures.fonts import lacking, missing_letters
    from coursework.report.settings import read_settings

    settings = read_settings(Path("reports/report.toml"))
    shown = " ".join((settings.title, settings.author, settings.course))
    missing = missing_letters(shown)
    text = f"{len(findSystemFonts())} of the system"
    if missing:
        yield Finding("fonts", f"{text}; none has {' '.join(missing)}", "install Noto Sans for that script")
    else:
        yield Finding("fonts", f"{text}, with the letters of the title page" if lacking(shown) else text)


def _output(_: argparse.Namespace) -> Iterator[Finding]:
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    try:
        "↓±→猫".encode(encoding)
        yield Finding("output", encoding)
    except (LookupError, UnicodeEncodeError):
        yield Finding("output", f"{encoding}: other signs are printed as escapes; PYTHONUTF8=1 shows them")


def _folders(_: argparse.Namespace) -> Iterator[Finding]:
    for name, folder in (("results", Path("reports")), ("temporary", Path(tempfile.gettempdir()))):
        problem = _unwritable(folder)
        free = shutil.disk_usage(_there(folder)).free
        text = f"{folder.absolute()}, {free / 2**30:.1f} GB free"
        if problem:
            yield Finding(name, f"{text}: {problem}", f"make {folder} writable, or work in another folder")
        else:
            yield Finding(name, text, "make room on the disk" if free < LEAST_FREE else None)


def _there(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def _unwritable(folder: Path) -> str | None:
    """Return why no file can be written to a folder, or to where it will be; None if one can."""
    try:
        with tempfile.TemporaryFile(dir=_there(folder)):
            return None
    except OSError as error:
        return error.strerror or str(error)


LOOKS = {
    "Python": _python,
    "packages": _packages,
    "Keras": _keras,
    "data": _data,
    "judges": _judges,
    "cache": _cache,
    "fonts": _fonts,
    "output": _output,
    "folders": _folders,
}
