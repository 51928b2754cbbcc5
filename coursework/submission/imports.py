"""What Python sources import, read from their syntax: nothing is run, and imports inside functions count too."""

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from coursework.util.errors import UserError
from coursework.util.files import read_text, require_plain

DYNAMIC = ("import_module", "__import__")
RUNNING = ("exec", "eval")


@dataclass(frozen=True)
class Source:
    """A file of Python. path: below the folder that it is imported from, with slashes; text: its content.

    Whatever needs its syntax raises `UserError` where it is no Python.
    """

    path: str
    text: str

    @property
    def is_package(self) -> bool:
        """Whether it is the file of a package itself."""
        return PurePosixPath(self.path).name == "__init__.py"

    @property
    def module(self) -> str:
        """The dotted name under which it is imported."""
        parts = PurePosixPath(self.path).with_suffix("").parts
        return ".".join(parts[:-1] if self.is_package else parts)

    @functools.cached_property
    def nodes(self) -> list[Any]:
        """Every node of its syntax."""
        try:
            return list(ast.walk(ast.parse(self.text, self.path)))
        except (SyntaxError, ValueError, RecursionError) as error:
            raise UserError(f"{self.path} is no Python: {error!s:.100}") from error

    @functools.cached_property
    def targets(self) -> list[tuple[str, int]]:
        """[(dotted name, line)] of what it imports, anywhere in it; a name may be of something inside a module.

        What `importlib.import_module` and `__import__` are given as plain text counts; for the rest see `computed`.
        """
        found = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                found += [(f"{base}.{alias.name}" if base else alias.name, node.lineno) for alias in node.names]
            elif _calls(node, DYNAMIC) and _is_plain(node):
                found.append((str(node.args[0].value), node.lineno))
        return found

    @property
    def run_texts(self) -> list[tuple[str, int]]:
        """[(text, line)] of what it runs by `exec` and `eval` and that is written out."""
        return [
            (node.args[0].value, node.lineno)
            for node in self.nodes
            if _runs(node) and _is_plain(node) and isinstance(node.args[0].value, str)
        ]

    @property
    def computed(self) -> list[int]:
        """The lines on which it imports by a name that it computes, or runs code that it computes."""
        return [node.lineno for node in self.nodes if (_calls(node, DYNAMIC) or _runs(node)) and not _is_plain(node)]

    def _base(self, node):
        """Return the dotted name that a `from` import starts at."""
        if not node.level:
            return node.module or ""
        parts = self.module.split(".")
        parts = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parts, *([node.module] if node.module else [])])


def read_package(folder: Path | str) -> dict[str, Source]:
    """Return {module: `Source`} of every file of the package in `folder`; raises `UserError` for links in it."""
    folder = Path(folder)
    require_plain(folder)
    files = {file.relative_to(folder.parent).as_posix(): file for file in sorted(folder.rglob("*.py"))}
    sources = [Source(path, read_text(file)) for path, file in files.items()]
    return {source.module: source for source in sources}


def reachable(sources: Mapping[str, Source], start: str) -> dict[str, str | None]:
    """Return {module: the module that imports it} of all in `sources` that the module `start` leads to, itself too.

    sources: {module: `Source`}. A module's packages are imported with it.
    """
    found: dict[str, str | None] = {}
    waiting: list[tuple[str, str | None]] = [(start, None)]
    while waiting:
        module, importer = waiting.pop(0)
        if module in found:
            continue
        found[module] = importer
        for name in [*(name for name, _ in sources[module].targets), module]:
            while name and name not in sources:
                name = name.rpartition(".")[0]
            while name:
                waiting.append((name, module))
                name = name.rpartition(".")[0]
    return found


def way_to(module: str, importers: Mapping[str, str | None]) -> list[str]:
    """Return the modules from the start of `reachable` to `module`."""
    way = [module]
    while (importer := importers[way[0]]) is not None:
        way.insert(0, importer)
    return way


def _calls(node, names):
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (function.id if isinstance(function, ast.Name) else getattr(function, "attr", None)) in names


def _runs(node):
    """Return whether a node runs text: as a function, not the method of something else."""
    return _calls(node, RUNNING) and isinstance(node.func, ast.Name)


def _is_plain(node):
    """Tell whether the first argument of a call is written out."""
    return bool(node.args) and isinstance(node.args[0], ast.Constant)
