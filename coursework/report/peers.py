"""The same algorithm by another program on as many images: reports/peers/, which the benchmarks write."""

from coursework.report.csv_tables import csv_blocks, has_columns, read_csv, scaled, with_error
from coursework.report.document import cell, name, row, table
from coursework.training.run import Run

FOLDER = "peers"
PAIRS = (
    "run by seeds images processor minutes FD-judge FD-judge, standard error precision precision, standard error "
    "recall recall, standard error"
)


def read_peers(run, folder):
    """Return [(name, metrics)] of what was trained beside `run` in PyTorch, in the folder where reports are at home.

    Nothing where there is none, and where it was trained by another configuration: that is no peer.
    """
    peer = Run(folder / FOLDER / run.name)
    if not peer.config_file.is_file() or peer.read_config() != run.read_config():
        return []
    metrics = peer.read_metrics()
    return [(f"{run.name} in PyTorch", metrics)] if metrics else []


def pair_blocks(folder):
    """Return the table of runs beside their twins, each the mean of its seeds."""
    file = folder / FOLDER / "table.csv"
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
                *(with_error(*scores[place : place + 2], 1, 2 if place == 0 else 3) for place in (0, 2, 4)),
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
    caption = f"The same training by this package and by hand in PyTorch (± standard error over seeds{alone})."
    return [table("peers", titles, lines, [caption], weights=[1.3, 1, 1.3, 1.3, 1.3, 0.7, 1, 1])]
