"""What every study writes and shows: progress with the time elapsed, scores.json, table.csv."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

from coursework.training.run import Report
from coursework.util.files import write_text
from coursework.util.tables import cell, write_csv


def timed(report: Report) -> Report:
    """Return a function that passes a line of text to `report` with the seconds since this call in front of it."""
    started = time.perf_counter()
    return lambda text: report(f"[{time.perf_counter() - started:5.0f} s] {text}")


def write_study(folder: str | Path, content: object, rows: Iterable[Iterable[object]], name: str | None = None) -> None:
    """Write the results of a study to `folder`: `content` as scores.json, rows of values as table.csv.

    name: of both files, in place of scores and table. Floats in the table have six significant digits, None is empty.
    """
    write_text(Path(folder) / f"{name or 'scores'}.json", json.dumps(content, indent=1) + "\n")
    write_csv(Path(folder) / f"{name or 'table'}.csv", [[cell(value) for value in row] for row in rows])
