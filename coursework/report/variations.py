"""The appendix's parts on trainings compared: studies of variations, other CSV files of studies, twins in PyTorch."""

from pathlib import Path
from typing import Any

from coursework.figures.scores import format_score
from coursework.report.context import Context
from coursework.report.csv_tables import (
    csv_blocks,
    csv_table,
    has_columns,
    number_of,
    read_csv,
    scaled,
    study_figures,
    with_error,
)
from coursework.report.document import Block, Words, cell, name, row, strong, table
from coursework.report.values import number_text, value_text
from coursework.training.run import Run
from coursework.util.files import read_json

FOLDER, PEERS = "studies", "peers"
VARIATIONS = (
    "variation settings seeds FD-judge standard error difference standard error of the difference images "
    "processor minutes"
)
PAIRS = (
    "run by seeds images processor minutes FD-judge FD-judge, standard error precision precision, standard error "
    "recall recall, standard error"
)


def variation_blocks(context: Context) -> list[Block]:
    """Return a table of every CSV file among the studies, and the figures of those that `study` wrote."""
    folder = context.folder / FOLDER
    blocks = []
    for file in sorted(folder.glob("*.csv")):
        header, rows = read_csv(file)
        if rows and has_columns(header, VARIATIONS):
            blocks.append(_table(file, rows))
            blocks += study_figures(context, folder, {f"{file.stem}-curves": (file.stem, f"{file.stem}.")})
        else:
            caption = _description(file).get("caption")
            blocks += csv_table(file, file.stem, [caption]) if isinstance(caption, str) else csv_blocks(file)
    return blocks


def _description(file: Path) -> dict[str, Any]:
    """Return the content of the JSON file that describes a CSV file, empty where there is none."""
    described = file.with_suffix(".json")
    return read_json(described, dict) if described.is_file() else {}


def _table(file: Path, rows: list[list[str]]) -> Block:
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
    weights = [2.0, 1.2, 1.2, 0.8, 1, 1]
    description = _description(file)
    most = description.get("minutes")
    if isinstance(most, int | float):
        titles.append(f"FD-judge by {most / 2:g} min")
        weights.append(1.2)
        halfway = _scores_by(description, most / 2)
        for line, (title, *_) in zip(lines, rows, strict=True):
            line["cells"].append(cell(number_text(halfway[title], 2) if title in halfway else "–"))
    return table(file.stem, titles, lines, [name(file.stem), *_words(description, rows)], weights=weights)


def _scores_by(description: dict[str, Any], minutes: float) -> dict[str, float]:
    """Return {variation: mean over seeds of the last score in training by then}, where every seed had one."""
    found = {}
    try:
        for each in description["rows"]:
            curves = [zip(run["curve"]["minutes"], run["curve"]["values"], strict=True) for run in each["runs"]]
            values = [[value for time, value in curve if time <= minutes][-1:] for curve in curves]
            if values and all(values):
                found[each["variation"]] = sum(value for (value,) in values) / len(values)
    except (KeyError, TypeError, ValueError):
        # The file has another form.
        return {}
    return found


def _words(description: dict[str, Any], rows: list[list[str]]) -> list[Words]:
    """Return the words of the caption on the configuration that is varied, from the study's JSON file."""
    config = description.get("config")
    preset = config.get("preset") if isinstance(config, dict) else None
    count = f" of {value_text(description['n'])} samples" if isinstance(description.get("n"), int) else ""
    judge = f" by judge {str(description['extractor_sha256'])[:8]}" if "extractor_sha256" in description else ""
    minutes = description.get("minutes")
    budget = f", {minutes:g} processor minutes each" if isinstance(minutes, int | float) else ""
    error = " (± standard error over seeds)" if any(line[4] for line in rows) else ""
    return [": ", name(preset or "a preset"), f" varied, FD-judge{count}{judge}{budget}{error}."]


def pair_blocks(folder: Path) -> list[Block]:
    """Return the table of runs and their twins in PyTorch, each the mean of its seeds."""
    file = folder / PEERS / "table.csv"
    header, rows = read_csv(file)
    if not rows or not has_columns(header, PAIRS):
        return csv_blocks(file)
    lines, before = [], None
    for title, by, seeds, images, minutes, *scores in rows:
        # A run's name stands once, above its twin's.
        lines.append(
            row(
                cell(name("" if title == before else title)),
                by,
                *(with_error(scores[place], scores[place + 1], 1, 2 if place == 0 else 3) for place in (0, 2, 4)),
                seeds,
                scaled(images, 1, 0),
                minutes,
                ruled=before is not None and title != before,
            )
        )
        before = title
    titles = ["Run", "By", "FD-judge ↓", "Precision ↑", "Recall ↑", "Seeds", "Images", "Processor minutes"]
    # Of a single seed the table holds the error over its samples.
    alone = " or, of one, over its samples" if any(line[2] == "1" for line in rows) else ""
    caption = (
        f"The same training by this package and by hand in PyTorch (± standard error over seeds{alone})."
        f"{_conditions(folder / PEERS)}"
    )
    return [table("peers", titles, lines, [caption], weights=[1.3, 1, 1.3, 1.3, 1.3, 0.7, 1, 1])]


def _conditions(folder: Path) -> str:
    """Return a sentence on how FD-judge was measured, nothing where the twins' records disagree."""
    files = sorted(folder.glob("*/metrics.json"))
    found = [record for file in files for record in Run(file.parent).read_metrics() if record["name"] == "fd_judge"]
    told = {
        f" FD-judge of {value_text(record.get('n'))} samples by judge {str(record.get('extractor_sha256'))[:8]} "
        f"against {record.get('reference')} ({value_text(record.get('reference_n'))}); floor "
        f"{format_score('fd_judge', record.get('floor'))}."
        for record in found
    }
    return told.pop() if len(told) == 1 else ""
