"""The figures of the rings study: samples over the modes, and both scores over steps."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coursework.config.presets_rings import LESSON, RINGS
from coursework.data.mixtures import MIXTURES, Mixture
from coursework.figures.grids import PALETTE, new_figure
from coursework.metrics.mixtures import RADIUS, mode_coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Names that fit into one line below a figure.
LEGEND_COLUMNS = 8


def in_order(settings: Iterable[str]) -> list[str]:
    """Return the names of settings, each once, those of presets first and in their order."""
    presets = [preset.preset for preset in (*RINGS, *LESSON)]
    return sorted(dict.fromkeys(settings), key=lambda name: presets.index(name) if name in presets else len(presets))


def draw_samples(samples: dict[tuple[str, str], np.ndarray], path: Path) -> None:
    """Draw samples over the modes they should cover: a row for each mixture, a column for each setting.

    samples: {(setting, mixture): (n, 2)}. Modes are circles of three standard deviations, of the ring too small to see
    but as crosses; below each panel stand modes and high-quality share of the samples shown. What lies outside the
    panel is left out.
    """
    settings, mixtures = in_order(name for name, _ in samples), list(dict.fromkeys(mixture for _, mixture in samples))
    with new_figure(path, 0.45 + 1.2 * len(mixtures) * min(1.5, 6 / len(settings)), dpi=300) as figure:
        axes = figure.subplots(len(mixtures), len(settings), squeeze=False)
        for row, mixture in zip(axes, mixtures, strict=True):
            for axis, setting in zip(row, settings, strict=True):
                if (setting, mixture) in samples:
                    draw_points(axis, samples[setting, mixture], MIXTURES[mixture]())
                else:
                    axis.set_axis_off()
        for axis, setting in zip(axes[0], settings, strict=True):
            axis.set_title(setting.removeprefix("rings-"), fontsize=8)


def draw_points(axis: "Axes", points: np.ndarray, mixture: Mixture) -> None:
    """Draw points over the modes of a mixture, with their scores beneath."""
    from matplotlib.collections import EllipseCollection

    limit = 1.25 * float(np.abs(mixture.modes).max())
    width = 2 * RADIUS * mixture.std
    place: dict[str, Any] = {"units": "xy", "offsets": mixture.modes, "offset_transform": axis.transData}
    rings = EllipseCollection(width, width, 0, facecolors="none", edgecolors=PALETTE[1], linewidths=0.4, **place)
    x, y = mixture.modes.T
    axis.scatter(x, y, s=14, marker="+", color=PALETTE[1], linewidths=0.4, zorder=1)
    axis.add_collection(rings)
    axis.scatter(
        points[:, 0], points[:, 1], s=0.5, color=PALETTE[0], linewidths=0, alpha=0.5, rasterized=True, zorder=2
    )
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    scores = mode_coverage(np.nan_to_num(points, nan=1e9, posinf=1e9, neginf=-1e9), mixture.modes, mixture.std)
    text = f"{scores['modes']}/{len(mixture.modes)}, {100 * scores['high_quality']:.0f} %"
    axis.set_xlabel(text, fontsize=7.5, labelpad=2)


def draw_curves(curves: list[dict], path: Path) -> None:
    """Draw both scores over steps, means over seeds: a column for each mixture, a line for each setting.

    curves: as in scores.json.
    """
    from matplotlib.ticker import MaxNLocator

    mixtures = list(dict.fromkeys(curve["mixture"] for curve in curves))
    settings = in_order(curve["preset"] for curve in curves)
    with new_figure(path, 3.6) as figure:
        axes = figure.subplots(2, len(mixtures), squeeze=False, sharex=True)
        for curve in curves:
            column, index = mixtures.index(curve["mixture"]), settings.index(curve["preset"])
            style: dict[str, Any] = {
                "color": PALETTE[index % len(PALETTE)],
                "linestyle": ("-", "--", ":")[index // len(PALETTE) % 3],
                "linewidth": 1.1,
                "label": settings[index][len("rings-") :],
            }
            steps = np.asarray(curve["steps"]) / 1000
            axes[0, column].plot(steps, curve["modes"], **style)
            axes[1, column].plot(steps, 100 * np.asarray(curve["high_quality"]), **style)
        for column, mixture in enumerate(mixtures):
            count = len(MIXTURES[mixture]().modes)
            axes[0, column].set_title(f"{mixture}: modes of {count}", loc="left")
            axes[0, column].set_ylim(0, 1.05 * count)
            axes[0, column].yaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes[1, column].set_title("high quality, %", loc="left")
            axes[1, column].set_ylim(0, 103)
            axes[1, column].set_xlabel("thousand steps")
        for axis in axes.flat:
            axis.grid(axis="y", color="#dddddd", linewidth=0.5)
        # A setting trained for two numbers of steps has two lines of one colour; it may lack one of the mixtures.
        lines = {line.get_label(): line for axis in axes[0] for line in axis.get_lines()}
        columns = math.ceil(len(lines) / math.ceil(len(lines) / LEGEND_COLUMNS))
        handles, labels = list(lines.values()), [str(label) for label in lines]
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, handlelength=1.2)
