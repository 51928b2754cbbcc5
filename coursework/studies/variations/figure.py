"""The figure of a study: what each variation reached, seed by seed, and the way there."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from coursework.figures.grids import PALETTE, new_figure

STYLES = ("-", "--", ":")


def draw_study(study: dict, path: Path, curve_count: int) -> None:
    """Draw a study as `run_study` returns it: scores at the end on the left, curves, where there are any, on the right.

    curve_count: samples that a score on the right is of: fewer than on the left, which gives larger ones.
    Small dots are seeds, large ones their mean with its standard error. Rows have the colours of their curves: means
    over the seeds that have a score at that epoch, or where rows have equal time, each seed's over its minutes.
    """
    from matplotlib.ticker import MaxNLocator

    rows = study["rows"]
    with new_figure(path, max(2.3, 0.6 + 0.24 * len(rows))) as figure:
        drawn = any(len(run["curve"]["values"]) > 1 for row in rows for run in row["runs"])
        left, *right = np.atleast_1d(figure.subplots(1, 1 + drawn))
        for place, row in enumerate(rows):
            color, style = PALETTE[place % len(PALETTE)], STYLES[place // len(PALETTE) % len(STYLES)]
            values = [run["value"] for run in row["runs"] if run["value"] is not None]
            left.plot(values, [place] * len(values), "o", color=color, markersize=2.5, alpha=0.5)
            if row["mean"] is not None:
                left.errorbar(row["mean"], place, xerr=row["error"] or 0, fmt="o", color=color, markersize=4, capsize=2)
            for axes, (places, scores) in product(right, _curves(study, row)):
                axes.plot(places, scores, style, color=color, linewidth=1.1, marker="o", markersize=2.5)
        left.set_yticks(range(len(rows)), [row["variation"] for row in rows])
        left.invert_yaxis()
        left.set_title(f"FD-judge at the end (n {study['n']:,})", loc="left")
        left.grid(axis="x", color="#dddddd", linewidth=0.5)
        for axes in right:
            axes.set_title(f"FD-judge in training (n {curve_count:,})", loc="left")
            axes.set_xlabel("minutes of processor time" if study["minutes"] else "epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(axis="y", color="#dddddd", linewidth=0.5)


def _curves(study: dict, row: dict) -> list[tuple[Any, list[float]]]:
    """Return [(places, scores)] of the curves of a row."""
    curves = [run["curve"] for run in row["runs"] if run["curve"]["values"]]
    if study["minutes"]:
        return [(curve["minutes"], curve["values"]) for curve in curves]
    found: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in zip(curve["epochs"], curve["values"], strict=True):
            found.setdefault(epoch, []).append(value)
    return [(sorted(found), [float(np.mean(found[epoch])) for epoch in sorted(found)])] if found else []
