"""The figure of an aggregate posterior: codes and N(0, I), and what a decoder makes of either."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coursework.figures.grids import PALETTE, as_rgb, grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Codes behind the histogram, and points in the plane.
SHOWN, POINTS = 20_000, 2000
COLUMNS, ROWS = 4, 6
CODES, PRIOR = PALETTE[0], PALETTE[1]


def draw_posterior(
    codes: np.ndarray, sheets: list[tuple[str, np.ndarray, float]], folder: str | Path, name: str
) -> None:
    """Draw <name>.png into `folder`: moments and marginals of codes (n, d), their plane, and decoded images below.

    sheets: [(where codes come from, uint8 images (m, h, w, c) of them, their Fréchet distance)].
    """
    codes = np.asarray(codes[np.linspace(0, len(codes) - 1, min(SHOWN, len(codes))).astype(int)], np.float64)
    with new_figure(Path(folder) / f"{name}.png", 4.9) as figure:
        above, below = np.asarray(figure.subfigures(2, 1, height_ratios=(1.0, 1.35)))
        axes = above.subplots(1, 3)
        _moments(axes[0], codes)
        _marginals(axes[1], codes)
        _plane(axes[2], codes)
        for axis, (title, images, distance) in zip(below.subplots(1, len(sheets)), sheets, strict=True):
            # Test images come class by class.
            chosen = np.linspace(0, len(images) - 1, COLUMNS * ROWS).round().astype(int)
            axis.imshow(as_rgb(grid(images[chosen], COLUMNS, gap=1)), interpolation="nearest")
            axis.set_title(f"{title}\nFD-judge {distance:.2f}", fontsize=8)
            axis.set_axis_off()


def _moments(axis: "Axes", codes: np.ndarray) -> None:
    """Draw standard deviations and means of all dimensions, in the order of the deviations."""
    deviations, means = codes.std(axis=0), codes.mean(axis=0)
    order = np.argsort(-deviations)
    places = np.arange(1, len(order) + 1)
    for value in (0.0, 1.0):
        axis.axhline(value, color=PRIOR, linewidth=0.8, linestyle="--")
    axis.plot(places, deviations[order], color=CODES, linewidth=1.1, label="standard deviation")
    axis.plot(places, means[order], "o", color=CODES, markersize=1.5, markeredgewidth=0, label="mean")
    axis.set_title("Each dimension (dashed: prior)", loc="left")
    axis.set_xlabel("dimension, by deviation")
    axis.legend(frameon=False, fontsize=7, handlelength=1.2, labelspacing=0.25)


def _marginals(axis: "Axes", codes: np.ndarray) -> None:
    """Draw the histogram of all numbers of all codes under the normal density."""
    limit = max(4.0, float(np.quantile(abs(codes), 0.999)))
    places = np.linspace(-limit, limit, 201)
    density, edges = np.histogram(codes, np.linspace(-limit, limit, 81), density=True)
    axis.stairs(density, edges, fill=True, alpha=0.25, color=CODES)
    axis.stairs(density, edges, color=CODES, linewidth=1.1, label="codes")
    normal = np.exp(-(places**2) / 2) / np.sqrt(2 * np.pi)
    axis.plot(places, normal, color=PRIOR, linewidth=1.1, linestyle="--", label="N(0, 1)")
    axis.set_title("Numbers of all codes", loc="left")
    axis.set_yticks([])
    axis.set_ylim(0, 1.3 * max(density.max(), normal.max()))
    axis.legend(frameon=False, fontsize=7, handlelength=1.6, labelspacing=0.25)


def _plane(axis: "Axes", codes: np.ndarray) -> None:
    """Draw codes along their two principal directions, over circles of one to three standard deviations of N(0, I)."""
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(codes, rowvar=False)))
    plane = codes @ vectors[:, ::-1][:, :2]
    # A code of one number has no second direction.
    plane = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))[np.linspace(0, len(codes) - 1, POINTS).astype(int)]
    axis.scatter(plane[:, 0], plane[:, 1], s=1.5, color=CODES, linewidths=0, alpha=0.5, rasterized=True)
    turn = np.linspace(0, 2 * np.pi, 181)
    for radius in (1, 2, 3):
        axis.plot(radius * np.cos(turn), radius * np.sin(turn), color=PRIOR, linewidth=0.9, linestyle="--")
    limit = 1.05 * max(3.2, float(np.quantile(abs(plane), 0.999)))
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axis.set_title("Two principal directions", loc="left")
