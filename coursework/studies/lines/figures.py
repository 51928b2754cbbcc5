"""The figures of the lines study: interpolations as in figure 3 of the ACAI paper, and scores over images seen."""

from pathlib import Path

import numpy as np

from coursework.data.lines import angles_of, draw_lines
from coursework.figures.grids import PALETTE, new_figure, save_png, strips
from coursework.figures.scores import score
from coursework.models.base import to_uint8

PUBLISHED_IMAGES = 2**24


def draw_interpolations(rows: list[tuple[str, np.ndarray]], path: Path, seed: int) -> None:
    """Write a sheet with one interpolation a row, the true lines first; all go between the same two test lines.

    rows: [(title, images (pairs, steps, size, size, 1) in [-1, 1])] of `interpolate_lines` with `seed`. The pair shown
    is the one whose lines stand most nearly at a right angle: a rule, not a choice.
    """
    pairs, steps = rows[0][1].shape[:2]
    angles = angles_of("test", 2 * pairs, seed)
    turns = (angles[pairs:] - angles[:pairs] + np.pi) % (2 * np.pi) - np.pi
    pair = int(abs(abs(turns) - np.pi / 2).argmin())
    truth = draw_lines(angles[pair] + turns[pair] * np.linspace(0.0, 1.0, steps))
    titles = ["lines", *(title for title, _ in rows)]
    sheets = [to_uint8(images) for images in (truth, *(images[pair] for _, images in rows))]
    save_png(path, strips(sheets, row_titles=titles, scale=2))


def draw_curves(records: list[dict], published: dict, path: Path) -> None:
    """Draw both scores over images seen, one line a model (the mean over seeds), with the paper's values as rings.

    records: as in scores.json. published: {preset: {score: value}}.
    """
    with new_figure(path, 2.9) as figure:
        axes = figure.subplots(1, 2)
        presets = list(dict.fromkeys(record["preset"] for record in records))
        for axis, name in zip(axes, ("mean_distance", "smoothness"), strict=True):
            for preset, color in zip(presets, PALETTE, strict=False):
                images, values = _means(records, preset, name)
                label = preset.removeprefix("lines-")
                axis.plot(images, values, color=color, linewidth=1.1, marker="o", markersize=2.5, label=label)
                axis.plot(PUBLISHED_IMAGES, published[preset][name], "o", markersize=4.5, mfc="none", color=color)
            axis.set_xscale("log", base=2)
            if name == "mean_distance":
                axis.set_yscale("log")
            else:
                axis.set_ylim(0, 1)
            axis.set_xlabel("images seen")
            axis.set_title(f"{score(name).title} (rings: the paper's)", loc="left")
            axis.grid(axis="y", color="#dddddd", linewidth=0.5)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, handlelength=1.2)


def _means(records: list[dict], preset: str, name: str) -> tuple[list[int], list[float]]:
    """Return numbers of images and the mean of a score over the seeds that have it."""
    found: dict[int, list[float]] = {}
    for record in records:
        if record["preset"] == preset and record[name] is not None:
            found.setdefault(record["images"], []).append(record[name])
    return sorted(found), [float(np.mean(found[images])) for images in sorted(found)]
