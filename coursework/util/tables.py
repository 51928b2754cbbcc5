"""Tables of text: as CSV files, and in aligned columns for a terminal."""

import csv
import io

from coursework.util.files import write_text


def write_csv(file, rows):
    """Write rows of cells to a CSV file, all or nothing."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(file, text.getvalue())


def aligned(rows):
    """Return the lines of rows of texts, all of equal length: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]).rstrip() for first, *others in rows
    ]
