"""What the benchmarks share: processes that take turns, kept results, tables."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from coursework.util.errors import UserError

ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """One side of a comparison in its own process; `module` lists its commands."""

    def __init__(self, side: str, *arguments: object, module: str = "benchmarks.worker") -> None:
        self.side = side
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, side, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._answer()

    def ask(self, command: str) -> Any:
        """Send one command and return its answer."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> Any:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the {self.side} worker ended with code {self.process.wait()}")
        return json.loads(line)


def machine(*packages: str) -> dict[str, str]:
    """Return what results depend on: machine, Python, commit, and the versions of the backends and of `packages`."""
    from importlib.metadata import version

    from coursework.training.environment import describe_environment

    environment = describe_environment()
    kept = {name: environment[name] for name in ("machine", "python", "commit")}
    return {**kept, **{name: version(name) for name in ("keras", "tensorflow", "torch", *packages)}}


def read_results(file: Path, module: str) -> Any:
    """Return the content of a file that the benchmark `module` wrote; raises `UserError` if there is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"no results in {file}: measure with `python -m {module}` ({error})") from error


def earlier(file: Path, results: dict, module: str) -> dict | None:
    """Return the results in `file`, to be extended, or None if machine, versions or settings differ."""
    try:
        before = read_results(file, module)
        same = {**before["machine"], "commit": None} == {**results["machine"], "commit": None}
        return {**before, "machine": results["machine"]} if same and before["settings"] == results["settings"] else None
    except (UserError, KeyError, TypeError):
        return None


def table(rows: list[list[str]]) -> str:
    """Return rows as aligned lines: the first two columns to the left, the others to the right."""
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    aligned = (
        (text.ljust(width) if column < 2 else text.rjust(width))
        for line in rows
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    )
    return "\n".join("  ".join(cells) for cells in zip(*[aligned] * len(widths), strict=True))
