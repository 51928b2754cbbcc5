"""The appendix's part on studies of variations, each a table and a figure; any other CSV file there is a table too."""

from coursework.report.csv_tables import csv_blocks, has_columns, number_of, read_csv, scaled, with_error
from coursework.report.document import cell, name, row, strong, table
from coursework.report.study_figures import study_figures
from coursework.report.values import value_text
from coursework.util.files import read_json

FOLDER = "studies"
VARIATIONS = (
    "variation settings seeds FD-judge standard error difference standard error of the difference images "
    "processor minutes"
)


def variation_blocks(context):
    """Return a table of every CSV file among the studies, and the figures of those that `study` wrote."""
    folder = context.folder / FOLDER
    blocks = []
    for file in sorted(folder.glob("*.csv")):
        header, rows = read_csv(file)
        if rows and has_columns(header, VARIATIONS):
            blocks.append(_table(file, rows))
            blocks += study_figures(context, folder, {f"{file.stem}-curves": (file.stem, f"{file.stem}.")})
        else:
            blocks += csv_blocks(file)
    return blocks


def _table(file, rows):
    best = min((value for line in rows if (value := number_of(line[3])) is not None), default=None)
    lines = []
    for title, settings, seeds, score, error, difference, difference_error, images, minutes in rows:
        shown = with_error(score, error, 1, 2) if score else "–"
        away = f"{difference} ± {difference_error}" if difference_error else difference
        lines.append(
            row(
                cell(name(title), detail="" if settings == title else settings),
                cell(strong(shown)) if score and number_of(score) == best else shown,
                away.replace("-", "−"),
                seeds,
                scaled(images, 1, 0),
                minutes,
            )
        )
    titles = ["Variation", "FD-judge ↓", "Difference", "Seeds", "Images", "Processor minutes"]
    weights = [2, 1.2, 1.2, 0.8, 1, 1]
    return table(file.stem, titles, lines, [name(file.stem), *_words(file, rows)], weights=weights)


def _words(file, rows):
    """Return what the caption says of the configuration that is varied, as far as the study's own file tells."""
    described = file.with_suffix(".json")
    content = read_json(described, dict) if described.is_file() else {}
    config = content.get("config")
    preset = config.get("preset") if isinstance(config, dict) else None
    count = f" of {value_text(content['n'])} samples" if isinstance(content.get("n"), int) else ""
    error = " (± standard error over seeds)" if any(line[4] for line in rows) else ""
    return [": ", name(preset or "a preset"), f" varied, FD-judge{count}{error}."]
