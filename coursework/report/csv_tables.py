"""CSV files of studies as tables of the appendix, and what their cells hold."""

import csv

from coursework.report.document import cell, name, row, table
from coursework.report.values import number_text
from coursework.util.errors import UserError

ROWS_SHOWN = 40


def read_csv(file):
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


def csv_blocks(file):
    """Return a CSV file as a table that bears its name, of its first rows where it is long; nothing where it is empty.

    Raises `UserError` where it is no text.
    """
    return csv_table(file, file.stem, [name(file.name), "."])


def csv_table(file, target, caption):
    """Return the same with another caption, which says how many rows are left out."""
    header, rows = read_csv(file)
    if not rows:
        return []
    shown = [row(*(cell(name(value)) for value in line)) for line in rows[:ROWS_SHOWN]]
    more = f" First {ROWS_SHOWN} of {len(rows):,} rows." if len(rows) > ROWS_SHOWN else ""
    titles = [cell(name(title.replace("_", " "))) for title in header]
    weights = [1.8, *[1] * (len(titles) - 1)]
    return [table(target, titles, shown, [*caption, more], weights=weights)]


def has_columns(header, expected):
    """Tell whether a header is the expected one but for the names of scores in it."""
    words = [title.removeprefix("mean_distance ").removeprefix("smoothness ") for title in header]
    return " ".join(words) == expected


def number_of(text):
    """Return the number that a cell holds, None where it holds none."""
    try:
        return float(text)
    except ValueError:
        return None


def scaled(text, factor, decimals):
    """Return the number that a cell of a CSV file holds, times `factor`; a cell without a number as it is."""
    value = number_of(text)
    return text if value is None else number_text(factor * value, decimals)


def with_error(value, error, factor, decimals):
    """Return the same of a number with its error, "undefined" where there is none."""
    spread = f" ± {scaled(error, factor, decimals)}" if error else ""
    return f"{scaled(value, factor, decimals) or 'undefined'}{spread}"
