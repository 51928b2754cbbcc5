"""Tables of text: cells from numbers, CSV files, and aligned columns for a terminal."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from coursework.util.files import write_text

# How text begins that a spreadsheet takes for a formula (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t")


def cell(value: object, form: str = ".6g") -> str:
    """Return a value as text: a float in the format `form`, nothing for None."""
    if value is None:
        return ""
    return f"{value:{form}}" if isinstance(value, float) else str(value)


def with_error(value: float | None, error: float | None, digits: int, factor: float = 1.0, missing: str = "") -> str:
    """Return "value ± error", both times `factor`, with so many digits; without an error the value alone.

    missing: what stands for a value of None.
    """
    if value is None:
        return missing
    text = f"{factor * value:.{digits}f}"
    return text if error is None else f"{text} ± {factor * error:.{digits}f}"


def write_csv(file: str | Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write rows of cells to a CSV file, atomically; no text becomes a formula in a spreadsheet."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_as_text(cell) for cell in row] for row in rows)
    write_text(file, text.getvalue())


def _as_text(value: Any) -> Any:
    """Return a cell with an apostrophe before text that a spreadsheet would run; numbers, with errors too, stay."""
    if not isinstance(value, str):
        return value
    # Python's writer would not quote it, and readers end the row there.
    value = value.replace("\r", " ")
    if not value.startswith(FORMULA):
        return value
    try:
        for part in value.removesuffix("%").split("±"):
            float(part)
    except ValueError:
        return f"'{value}"
    return value


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return one line for each row of texts: the first column aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]).rstrip() for first, *others in rows
    ]
