"""Drawing of network descriptions (see `coursework.figures.architecture.describe`); needs no Keras."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from coursework.figures.grids import STYLE, drawing_style, save_figure
from coursework.figures.layout import place, skip_tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A block of `architecture.describe`, and what the legend says: (colour, swatch width, words, advance to the next).
Block: TypeAlias = dict[str, Any]
Entry: TypeAlias = tuple[str, float, str, float]
Point: TypeAlias = tuple[float, float]
# Millimetres on paper, and points for type.
LINE = 3.1
PADDING = 1.2
GAP = 3.4
MERGE_HEIGHT = 4.4
LANE_GAP = 4.5
PLAYER_GAP = 9.0
HEADER = 9.0
LEGEND = 7.0
TYPE = 7.5
SMALL_TYPE = 6.8
POINT = 25.4 / 72

COLORS = {
    "input": "#f2f2f2",
    "convolution": "#cfe3f3",
    "transposed": "#cdeade",
    "dense": "#fbe6bd",
    "merge": "#ffffff",
    "other": "#e6e6e6",
}
LEGEND_WORDS = {kind: kind for kind in ("convolution", "transposed", "dense", "other")}
LEGEND_WORDS["transposed"] = "transposed convolution"
SPECTRAL = "#d55e00"
SPECTRAL_WIDTH = 1.2
GREY = "#5a5a5a"


def render(descriptions: dict[str, Any], path: Path | str, dpi: int = 200) -> None:
    """Draw networks side by side; the suffix of `path` chooses PNG (at `dpi`), PDF or SVG.

    descriptions: {name: description as `architecture.describe` returns it}. A box holds layers in the
    order of computation, its output shape and its number of parameters; an orange edge marks spectral
    normalisation; side arrows are skip connections.
    """
    from matplotlib.figure import Figure

    with drawing_style():
        players = [_Player(name, description) for name, description in descriptions.items()]
        legend = _legend_entries(descriptions)
        columns = sum(player.width for player in players) + PLAYER_GAP * (len(players) - 1)
        width = 2 + max(columns, sum(advance for *_, advance in legend))
        height = HEADER + max(player.height for player in players) + LEGEND + 2
        figure = Figure(figsize=(width / 25.4, height / 25.4))
        axis = figure.add_axes((0, 0, 1, 1))
        axis.set_xlim(-1, width - 1)
        axis.set_ylim(-height + 1, 1)
        axis.set_axis_off()
        left = 0.0
        for player in players:
            player.draw(axis, left)
            left += player.width + PLAYER_GAP
        _draw_legend(axis, legend, -height + 1 + LEGEND / 2)
        save_figure(figure, path, dpi)


class _Player:
    """One network's column: geometry from its description, in millimetres, y downwards negative."""

    def __init__(self, name: str, description: dict[str, Any]) -> None:
        self.name, self.description = name, description
        self.blocks = description["blocks"]
        self.places = place(self.blocks)
        self.tracks = skip_tracks(self.blocks, self.places)
        lanes = 1 + max(lane for _, lane in self.places)
        widths = [0.0] * lanes
        heights = [0.0] * (1 + max(rank for rank, _ in self.places))
        for block, (rank, lane) in zip(self.blocks, self.places, strict=True):
            widths[lane] = max(widths[lane], _block_width(block))
            heights[rank] = max(heights[rank], _block_height(block))
        self.margin = 2.2 * (1 + max(self.tracks.values())) + 1.2 if self.tracks else 0.0
        self.lane_left = [self.margin + sum(widths[:lane]) + LANE_GAP * lane for lane in range(lanes)]
        self.lane_width = widths
        self.rank_top = [-HEADER - sum(heights[:rank]) - GAP * rank for rank in range(len(heights))]
        self.rank_height = heights
        self.height = sum(heights) + GAP * (len(heights) - 1)
        self.width = max(self.lane_left[-1] + widths[-1], *(_text_width(line, TYPE + 1.5) for line in self._header()))

    def _header(self) -> tuple[str, str]:
        count, trainable = self.description["parameters"], self.description["trainable"]
        part = f", {trainable:,} trainable" if 0 < trainable < count else ""
        return _capital(self.name.replace("_", " ")), f"{count:,} parameters{part}"

    def _box(self, index: int) -> tuple[float, float, float, float]:
        """Return (left, right, bottom, top) of a block."""
        rank, lane = self.places[index]
        height = _block_height(self.blocks[index])
        top = self.rank_top[rank] - (self.rank_height[rank] - height) / 2
        return self.lane_left[lane], self.lane_left[lane] + self.lane_width[lane], top - height, top

    def draw(self, axis: "Axes", left: float) -> None:
        """Draw the column with its left edge at `left`."""
        title, count = self._header()
        axis.text(left + self.margin, -1.5, title, fontsize=TYPE + 2, fontweight="bold", va="center")
        axis.text(left + self.margin, -5.3, count, fontsize=TYPE, color=GREY, va="center")
        for target, block in enumerate(self.blocks):
            for source in block["inputs"]:
                corners = self._route(source, target)
                _draw_arrow(axis, [(left + x, y) for x, y in corners])
        for index, block in enumerate(self.blocks):
            box_left, right, bottom, top = self._box(index)
            _draw_block(axis, block, left + box_left, left + right, bottom, top)

    def _route(self, source: int, target: int) -> list[Point]:
        """Return the corners of the arrow from one block to another, in the column's own coordinates."""
        left, right, bottom, _ = self._box(source)
        # Below the tallest box of the row, which a line to another lane may have to pass.
        turn = self.rank_top[self.places[source][0]] - self.rank_height[self.places[source][0]] - GAP * 0.35
        to_left, to_right, to_bottom, to_top = self._box(target)
        lane, to_lane = self.places[source][1], self.places[target][1]
        middle, to_middle = (left + right) / 2, (to_left + to_right) / 2
        to_height = (to_bottom + to_top) / 2
        entry = MERGE_HEIGHT / 2 if self.blocks[target]["kind"] == "merge" else (to_right - to_left) / 2
        if (source, target) in self.tracks:
            x = to_left - 2.2 * (1 + self.tracks[source, target])
            return [(middle, bottom), (middle, turn), (x, turn), (x, to_height), (to_middle - entry, to_height)]
        if lane == to_lane:
            return [(middle, bottom), (middle, to_top)]
        if lane < to_lane:
            return [(middle, bottom), (middle, turn), (to_middle, turn), (to_middle, to_top)]
        return [(middle, bottom), (middle, to_height), (to_middle + entry, to_height)]


def _block_rows(block: Block) -> list[tuple[str, bool, str]]:
    """Return [(words, bold, right-hand words)] of a box, top to bottom: shape first, parameters beneath."""
    rows = [(", ".join(block["before"]), False)] if block["before"] else []
    rows.append((block["title"], block["kind"] in ("convolution", "transposed", "dense")))
    if block["after"]:
        rows.append((", ".join(block["after"]), False))
    right = ["×".join("?" if size is None else str(size) for size in block["shape"])]
    if block["parameters"]:
        right.append(f"{block['parameters']:,}")
    rows += [("", False)] * (len(right) - len(rows))
    right += [""] * (len(rows) - len(right))
    return [(_capital(words), bold, aside) for (words, bold), aside in zip(rows, right, strict=True)]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _block_height(block: Block) -> float:
    return MERGE_HEIGHT if block["kind"] == "merge" else LINE * len(_block_rows(block)) + 2 * PADDING


def _block_width(block: Block) -> float:
    rows = _block_rows(block)
    widest = max(_text_width(words, TYPE, bold) + 3 + _text_width(right, SMALL_TYPE) for words, bold, right in rows)
    return widest + 2 * PADDING + SPECTRAL_WIDTH


@functools.cache
def _text_width(words: str, size: float, bold: bool = False) -> float:
    """Return the width of `words` in millimetres."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not words:
        return 0.0
    font = FontProperties(family=STYLE["font.family"], weight="bold" if bold else "normal")
    return TextPath((0, 0), words, size=size, prop=font).get_extents().width * POINT


def _draw_block(axis: "Axes", block: Block, left: float, right: float, bottom: float, top: float) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

    middle = (left + right) / 2, (bottom + top) / 2
    shape = _block_rows(block)[0][2]
    if block["kind"] == "merge":
        axis.add_patch(Circle(middle, MERGE_HEIGHT / 2, facecolor="white", edgecolor="black", linewidth=0.6))
        sign = {"add": "+", "subtract": "−", "multiply": "×"}.get(block["title"], "")
        axis.text(*middle, sign, fontsize=TYPE + 2, ha="center", va="center_baseline")
        words = shape if sign else f"{_capital(block['title'])}, {shape}"
        x, y = middle[0] + MERGE_HEIGHT / 2 + 1, middle[1] - 2.1
        axis.text(x, y, words, fontsize=SMALL_TYPE, color=GREY, va="center")
        return
    width, height = right - left, top - bottom
    style: dict[str, Any] = {"facecolor": COLORS[block["kind"]], "edgecolor": "#444444", "linewidth": 0.5}
    box = FancyBboxPatch((left, bottom), width, height, "round,pad=0,rounding_size=0.8", **style)
    axis.add_patch(box)
    if block["spectral"]:
        style = {"facecolor": SPECTRAL, "edgecolor": "none", "clip_path": box}
        axis.add_patch(Rectangle((left, bottom), SPECTRAL_WIDTH, height, **style))
    for index, (words, bold, aside) in enumerate(_block_rows(block)):
        y = top - PADDING - LINE * (index + 0.5)
        weight = "bold" if bold else "normal"
        axis.text(left + PADDING + SPECTRAL_WIDTH, y, words, fontsize=TYPE, fontweight=weight, va="center_baseline")
        color = "black" if index == 0 else GREY
        axis.text(right - PADDING, y, aside, fontsize=SMALL_TYPE, color=color, ha="right", va="center_baseline")


def _draw_arrow(axis: "Axes", corners: Sequence[Point]) -> None:
    *lines, _ = corners
    axis.plot(*zip(*lines, strict=True), color="black", linewidth=0.6, solid_joinstyle="round")
    style: dict[str, Any] = {"arrowstyle": "-|>,head_width=0.13,head_length=0.26", "linewidth": 0.6, "color": "black"}
    axis.annotate("", corners[-1], corners[-2], arrowprops=style | {"shrinkA": 0, "shrinkB": 0})


def _legend_entries(descriptions: dict[str, Any]) -> list[Entry]:
    """Return the entries for what the diagram shows."""
    blocks = [block for description in descriptions.values() for block in description["blocks"]]
    kinds = {block["kind"] for block in blocks}
    entries = [(COLORS[kind], 3.0, words) for kind, words in LEGEND_WORDS.items() if kind in kinds]
    if any(block["spectral"] for block in blocks):
        entries.append((SPECTRAL, SPECTRAL_WIDTH, "spectrally normalised"))
    return [(color, width, words, width + _text_width(words, SMALL_TYPE) + 5) for color, width, words in entries]


def _draw_legend(axis: "Axes", entries: list[Entry], y: float) -> None:
    from matplotlib.patches import Rectangle

    x = 0.0
    for color, width, words, advance in entries:
        axis.add_patch(Rectangle((x, y - 1.3), width, 2.6, facecolor=color, edgecolor="#444444", linewidth=0.4))
        axis.text(x + width + 1, y, words, fontsize=SMALL_TYPE, va="center_baseline")
        x += advance
