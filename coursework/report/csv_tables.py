"""CSV files of studies as tables of the appendix."""

import csv

from coursework.errors import UserError
from coursework.report.document import cell, name, row, table

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
