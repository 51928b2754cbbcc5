"""Tables of text: as CSV files, and in aligned columns for a terminal."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from coursework.util.files import write_text


def write_csv(file: str | Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of cells to a CSV file, atomically."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(file, text.getvalue())


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return one line for each row of texts: the first column aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]).rstrip() for first, *others in rows
    ]
