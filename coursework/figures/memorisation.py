"""Figures of memorisation: the most suspicious pairs, and how near samples and test images lie to training images."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coursework.figures.grids import PALETTE, as_rgb, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 8


def suspicious_pairs(path: Path | str, samples: np.ndarray, training: np.ndarray, pairs: Sequence[Any]) -> None:
    """Draw each sample above its nearest training image, most suspicious first; the suffix of `path` sets the format.

    samples, training: uint8 images (n, h, w, c), those that the pairs' indices count. pairs: from
    `Memorisation.suspicious`. Above a pair stand the distance in grey levels, the share of real test images that lie as
    near to a training image by the ratio of the score, and how the training image was flipped or shifted.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    if not pairs:
        raise ValueError("no pairs to draw")
    rows = math.ceil(len(pairs) / COLUMNS)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    with new_figure(path, 1.95 * rows, layout) as figure:
        axes = figure.subplots(2 * rows, COLUMNS, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for number, pair in enumerate(pairs):
            row, column = divmod(number, COLUMNS)
            above, below = axes[2 * row, column], axes[2 * row + 1, column]
            above.set_title(caption(pair), loc="center", fontsize=7, linespacing=1.1, pad=2)
            for axis, image in ((above, samples[pair.sample]), (below, training[pair.training])):
                axis.imshow(as_rgb(image), interpolation="nearest")
        for row in range(rows):
            for axis, text in ((axes[2 * row, 0], "sample"), (axes[2 * row + 1, 0], "training")):
                axis.text(-0.06, 0.5, text, rotation=90, ha="right", va="center", fontsize=7, transform=axis.transAxes)


def caption(pair: Any) -> str:
    """Return two lines on a pair: distance, quantile and, where it was moved, how the sample differs."""
    # A sample that must move up and left to lie on its training image stands down and right of it; flipped before it is
    # moved, it stands left of the flipped one.
    right = pair.right if pair.flip else -pair.right
    moves = ["flipped"] * pair.flip + ["↑↓"[-pair.down > 0]] * abs(pair.down) + ["←→"[right > 0]] * abs(right)
    first = f"{pair.distance:.1f}" + (f" {' '.join(moves)}" if moves else "")
    return f"{first}\n{_percent(pair.quantile)} of test"


def distance_histograms(path: Path | str, panels: Mapping[str, Any]) -> None:
    """Draw a panel for each space: how near samples and real test examples lie to training examples.

    panels: {title: `Memorisation`}, such as {"Pixels": .., "Judge features": ..}. Along the axis runs the ratio of the
    distance to the nearest training example to the typical one; left of the dashed line lie what the score counts as
    copies.
    """
    with new_figure(path, 2.3) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, result) in zip(axes, panels.items(), strict=True):
            _histogram(axis, result)
            axis.set_title(f"{title}: {100 * result.value:.1f} ± {100 * result.error:.1f} % copies", loc="left")
        axes[0].set_ylabel("share of images")
        axes[-1].legend(frameon=False, fontsize=8, loc="upper left", handlelength=1.2)


def _histogram(axis: "Axes", result: Any) -> None:
    samples, test = result.samples.ratios, result.test.ratios
    edges = np.linspace(0.0, max(1.0, float(samples.max()), float(test.max())), 41)
    for values, label, color in ((test, "real test images", PALETTE[0]), (samples, "samples", PALETTE[1])):
        shares = np.histogram(values, edges)[0] / len(values)
        axis.stairs(shares, edges, fill=True, alpha=0.25, color=color, label="_area")
        axis.stairs(shares, edges, color=color, linewidth=1.1, label=label)
    axis.axvline(result.threshold, color="black", linestyle="--", linewidth=0.8)
    axis.set_xlim(edges[0], edges[-1])
    axis.set_xlabel("distance to the nearest by mean of the nearest 50")


def _percent(share: float) -> str:
    return "0 %" if share == 0 else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
