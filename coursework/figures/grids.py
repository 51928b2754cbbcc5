"""Figures: image grids, labelled strips, reconstructions, training curves."""

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from coursework.figures.fonts import fallback_families, fallback_files, own_file
from coursework.figures.scores import SCORES, score
from coursework.util.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# {label: (epochs, values)} of the columns of one panel.
Panel: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray]]

# Okabe and Ito (2008): eight colours that every common colour blindness distinguishes; black first reads as text.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
NOT_PLOTTED = ("epoch", "epochs", "seconds", "time", "step", "steps", "images", "images_seen", "learning_rate", "lr")


def grid(images: np.ndarray, columns: int = 8, scale: int = 1, gap: int = 2) -> np.ndarray:
    """Return one uint8 image (height, width, channels) with `images` row by row on white.

    images: uint8 (n, h, w, c), or (n, h, w) for grey. scale: whole number of output pixels along an image pixel's
    side. gap: white output pixels around every image. An incomplete last row stays white.
    """
    images = _checked(images)
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    step_y, step_x = height * scale + gap, width * scale + gap
    sheet = np.full((rows * step_y + gap, columns * step_x + gap, channels), 255, np.uint8)
    enlarged = images.repeat(scale, axis=1).repeat(scale, axis=2)
    for index, image in enumerate(enlarged):
        top, left = gap + index // columns * step_y, gap + index % columns * step_x
        sheet[top : top + height * scale, left : left + width * scale] = image
    return sheet


def strips(
    rows: Sequence[np.ndarray] | np.ndarray,
    row_titles: Sequence[str] = (),
    column_titles: Sequence[str] = (),
    scale: int = 4,
    gap: int = 2,
) -> np.ndarray:
    """Return one uint8 image with a row of images for each entry of `rows`, all of equal count.

    rows: uint8 (rows, steps, h, w, c), or a list of (steps, h, w, c). Titles, where given, stand left of the rows
    and above the columns; a sheet with titles has three channels. `scale` is generous by default so that titles print
    sharp.
    """
    rows = [_checked(row) for row in rows]
    if len({row.shape for row in rows}) != 1:
        raise ValueError(f"rows differ in shape: {[row.shape for row in rows]}")
    for titles, count, what in ((row_titles, len(rows), "rows"), (column_titles, len(rows[0]), "columns")):
        if len(titles) not in (0, count):
            raise ValueError(f"{len(titles)} titles for {count} {what}")
    steps, height, width, _ = rows[0].shape
    sheet = grid(np.concatenate(rows), columns=steps, scale=scale, gap=gap)
    if not len(row_titles) and not len(column_titles):
        return sheet
    return _titled(sheet, row_titles, column_titles, height * scale + gap, width * scale + gap, gap)


def reconstructions(
    originals: np.ndarray, decoded: np.ndarray, columns: int = 8, scale: int = 1, gap: int = 2
) -> np.ndarray:
    """Return one uint8 image of paired rows: `columns` originals, and beneath each its reconstruction.

    originals, decoded: uint8 (n, h, w, c) of one shape. Twice the gap again separates one pair of rows from the next.
    """
    originals, decoded = _checked(originals), _checked(decoded)
    if originals.shape != decoded.shape:
        raise ValueError(f"{originals.shape} originals for {decoded.shape} reconstructions")
    parts: list[np.ndarray] = []
    for start in range(0, len(originals), columns):
        chosen = slice(start, start + columns)
        pair = strips([originals[chosen], decoded[chosen]], scale=scale, gap=gap)
        # The first pair has the full width.
        missing = parts[0].shape[1] - pair.shape[1] if parts else 0
        above = 2 * gap if parts else 0
        parts.append(np.pad(pair, ((above, 0), (0, missing), (0, 0)), constant_values=255))
    return np.concatenate(parts)


def save_png(path: Path | str, array: np.ndarray) -> None:
    """Write a uint8 image (h, w, c) or (h, w) to `path` as PNG, all or nothing."""
    array = np.asarray(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    with replacing(path) as temporary:
        Image.fromarray(array).save(temporary, format="PNG", optimize=True)


def save_grid(path: Path | str, images: np.ndarray, columns: int = 8, scale: int = 1, gap: int = 2) -> None:
    """Write the `grid` of `images` to `path` as PNG."""
    save_png(path, grid(images, columns, scale, gap))


def curves(log: dict[str, list[float]], path: Path | str, incidents: Sequence[dict[str, Any]] = ()) -> None:
    """Draw the columns of a training log over the epochs; the suffix of `path` chooses SVG, PDF or PNG.

    log: {column: list of floats}, as `Run.read_log` returns; NaN marks epochs without a value. Scores have a panel
    of their own, since their scales differ from those of losses. incidents: dicts with "epoch" and "kind"
    as in environment.json; each is a line across all panels.
    """
    panels = [(title, columns) for title, columns in _panels(log).items() if columns]
    with new_figure(path, 2.3) as figure:
        axes = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
        if not panels:
            axes[0].text(0.5, 0.5, "no finite values", ha="center", va="center", transform=axes[0].transAxes)
        for axis, (title, columns) in zip(axes, panels, strict=False):
            _draw_panel(axis, title, columns)
            _mark(axis, incidents, last=max(epochs[-1] for epochs, _ in columns.values()))


# Type and lines for print at natural size, 170 mm wide; the typeface comes with matplotlib.
STYLE: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    # Hinting moves letters to whole pixels, and words away from where they were measured.
    "text.hinting": "none",
    "pdf.fonttype": 42,
    "svg.hashsalt": "coursework",
}


@contextlib.contextmanager
def drawing_style() -> Iterator[None]:
    """Draw with `STYLE` over matplotlib's own defaults, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


@contextlib.contextmanager
def new_figure(path: Path | str, height: float, layout: Any = "constrained", dpi: int = 200) -> Iterator["Figure"]:
    """Offer a matplotlib figure as wide as a page and `height` inches high; write it to `path` after the block."""
    from matplotlib.figure import Figure

    with drawing_style():
        figure = Figure(figsize=(6.7, height), layout=layout)
        yield figure
        save_figure(figure, path, dpi)


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return an image (h, w, 1 or 3) with three channels."""
    return image if image.shape[2] == 3 else image.repeat(3, axis=2)


def save_figure(figure: "Figure", path: Path | str, dpi: int = 200) -> None:
    """Write a matplotlib figure to `path`, all or nothing, without the date: equal figures are equal files."""
    from matplotlib.text import Text

    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    # A name from somebody's data may have letters that the typeface lacks.
    for text in figure.findobj(Text):
        families = fallback_families(text.get_text())
        if families:
            text.set_fontfamily([*text.get_fontfamily(), *families])
    with replacing(path) as temporary, warnings.catch_warnings():
        # One line has named those that no font has; a box stands for each.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, dpi=dpi, metadata=undated.get(temporary.suffix))
        if temporary.suffix == ".png":
            # All opaque: the channel that says so is a tenth of the file.
            with Image.open(temporary) as image:
                opaque = image.convert("RGB")
            opaque.save(temporary)


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or not len(images):
        raise ValueError(f"expected uint8 images (n, h, w, 1 or 3), found {images.dtype} {images.shape}")
    return images


def _titled(
    sheet: np.ndarray,
    row_titles: Sequence[str],
    column_titles: Sequence[str],
    step_y: int,
    step_x: int,
    gap: int,
) -> np.ndarray:
    """Return `sheet` on a larger white one with titles in its margins, centred on the rows and columns."""
    row_font = _font(max(10, round(0.16 * step_y)), "".join([*row_titles, *column_titles]))
    # A title wider than its column would run into the next one: shrink until all fit, or nothing is left to shrink.
    column_font = row_font
    while column_font.size > 6 and any(column_font.getlength(title) > step_x - gap for title in column_titles):
        column_font = column_font.font_variant(size=column_font.size - 1)
    left = max((math.ceil(row_font.getlength(title) + row_font.size) for title in row_titles), default=0)
    top = math.ceil(1.5 * column_font.size) if len(column_titles) else 0
    page = Image.new("RGB", (left + sheet.shape[1], top + sheet.shape[0]), "white")
    page.paste(Image.fromarray(as_rgb(sheet)), (left, top))
    draw = ImageDraw.Draw(page)
    for index, title in enumerate(column_titles):
        middle = left + gap + (index + 0.5) * step_x - gap / 2
        draw.text((middle, top - 1), title, "black", column_font, anchor="md")
    for index, title in enumerate(row_titles):
        middle = top + gap + (index + 0.5) * step_y - gap / 2
        draw.text((left - row_font.size // 3, middle), title, "black", row_font, anchor="rm")
    return np.asarray(page)


def _font(size: float, text: str) -> ImageFont.FreeTypeFont:
    """Return the typeface of the other figures or, for letters that it lacks, the first of the system that has some.

    Pillow's own lacks the minus sign and arrows.
    """
    return ImageFont.truetype([*fallback_files(text), own_file()][0], size)


def _panels(log: dict[str, list[float]]) -> dict[str, Panel]:
    """Return the log's columns as {panel title: {label: (epochs, values)}}, finite values only."""
    count = max((len(values) for values in log.values()), default=0)
    epochs = np.asarray(log.get("epoch", np.arange(1, count + 1)), dtype=float)
    panels: dict[str, Panel] = {"Losses": {}, "Scores": {}}
    for name, column in log.items():
        values = np.asarray(column, dtype=float)
        finite = np.isfinite(values)
        if name.lower() in NOT_PLOTTED or not finite.any():
            continue
        panel = "Scores" if name in SCORES else "Losses"
        label = score(name).title if name in SCORES else name.replace("_", " ")
        panels[panel][label] = (epochs[: len(values)][finite], values[finite])
    # One value is no curve; it is in the tables.
    if panels["Losses"] and all(len(values) < 2 for _, values in panels["Scores"].values()):
        panels["Scores"] = {}
    return panels


def _mark(axis: "Axes", incidents: Sequence[dict[str, Any]], last: float) -> None:
    """Draw a line with its name at the epoch of each incident, up to one epoch after the `last` logged one."""
    color = "#b00020"
    for incident in incidents:
        if 0 < incident["epoch"] <= last + 1:
            axis.axvline(incident["epoch"], color=color, linewidth=0.8, linestyle=":")
            kind = str(incident.get("kind", "incident"))[:40]
            place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            style: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "top", "color": color, "fontsize": 7}
            axis.annotate(kind, (incident["epoch"], 1), xytext=(-2, -2), **place, **style)


def _draw_panel(axis: "Axes", title: str, columns: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    for index, (label, (epochs, values)) in enumerate(columns.items()):
        style = ("-", "--", ":")[index // len(PALETTE) % 3]
        sparse = title == "Scores" or len(values) < 3
        color = PALETTE[index % len(PALETTE)]
        axis.plot(epochs, values, style, color=color, linewidth=1.1, marker="o" * sparse, markersize=2.5, label=label)
    # Terms of one loss can differ by orders of magnitude; on a linear axis the smaller would be a flat line.
    medians = [np.median(values) for _, values in columns.values()]
    if all((values > 0).all() for _, values in columns.values()) and max(medians) > 20 * min(medians):
        axis.set_yscale("log")
    axis.set_title(title, loc="left")
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.grid(axis="y", color="#dddddd", linewidth=0.5)
    # Above the axes, where no line can run into it.
    outside: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2 if len(columns) > 1 else 1}
    axis.legend(**outside, frameon=False, fontsize=8, handlelength=1.4, borderaxespad=0.1, labelspacing=0.25)
