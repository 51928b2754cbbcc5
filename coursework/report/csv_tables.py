"""CSV files of studies as tables of the appendix, the values of their cells, and the figures of studies."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from coursework.report.context import Context
from coursework.report.document import Block, Words, cell, figure, name, panel, row, table
from coursework.report.values import number_text
from coursework.util.errors import UserError

ROWS_SHOWN = 40


def read_csv(file: Path) -> tuple[list[str], list[list[str]]]:
    """Return (header, rows) of a CSV file, every row as long as the header; ([], []) where there is no file.

    Raises `UserError` where it is no text.
    """
    if not file.is_file():
        return [], []
    try:
        with open(file, newline="", encoding="utf-8") as stream:
            header, *rows = [line for line in csv.reader(stream) if any(line)] or [[]]
    except (ValueError, csv.Error) as error:
        raise UserError(f"{file} is not a CSV file: {error}") from error
    return header, [[*line, *[""] * len(header)][: len(header)] for line in rows]


def csv_blocks(file: Path) -> list[Block]:
    """Return a CSV file as a table that bears its name, of its first rows where it is long; nothing where it is empty.

    Raises `UserError` where it is no text.
    """
    return csv_table(file, file.stem, [name(file.name), "."])


def csv_table(file: Path, target: str, caption: Sequence[Words]) -> list[Block]:
    """Return the same with another caption, which says how many rows are left out."""
    header, rows = read_csv(file)
    if not rows:
        return []
    shown = [row(*(cell(name(value)) for value in line)) for line in rows[:ROWS_SHOWN]]
    more = f" First {ROWS_SHOWN} of {len(rows):,} rows." if len(rows) > ROWS_SHOWN else ""
    titles = [cell(name(title.replace("_", " "))) for title in header]
    weights = [1.8, *[1] * (len(titles) - 1)]
    return [table(target, titles, shown, [*caption, more], weights=weights)]


def has_columns(header: Sequence[str], expected: str) -> bool:
    """Tell whether a header is the expected one but for the names of scores in it."""
    words = [title.removeprefix("mean_distance ").removeprefix("smoothness ") for title in header]
    return " ".join(words) == expected


def number_of(text: str) -> float | None:
    """Return the number that a cell holds, None where it holds none."""
    try:
        return float(text)
    except ValueError:
        return None


def scaled(text: str, factor: float, decimals: int) -> str:
    """Return the number that a cell of a CSV file holds, times `factor`; a cell without a number as it is."""
    value = number_of(text)
    return text if value is None else number_text(factor * value, decimals)


def with_error(value: str, error: str, factor: float, decimals: int) -> str:
    """Return the same of a number with its error, "undefined" where there is none."""
    spread = f" ± {scaled(error, factor, decimals)}" if error else ""
    return f"{scaled(value, factor, decimals) or 'undefined'}{spread}"


def study_figures(context: Context, folder: Path, captions: Mapping[str, tuple[str, str]]) -> list[Block]:
    """Return the figures of {target: (stem of a PNG file in `folder`, caption)} that are there."""
    blocks = []
    for target, (stem, words) in captions.items():
        image = context.images.add(folder / f"{stem}.png")
        if image:
            blocks.append(figure(target, [panel(image, height=150)], [words]))
    return blocks
