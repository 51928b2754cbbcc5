"""Figures of the batch: the best one with its nearest neighbours, and how a winged class came about."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coursework.figures.grids import as_rgb, drawing_style, save_figure, save_png, strips

SPACES = {"pixels": "nearest training image", "features": "nearest in features"}
# Collages that are shown with their sources.
SHOWN = 3


def draw_best(
    path: Path,
    image: np.ndarray,
    record: dict,
    training_images: dict[int, np.ndarray],
    collage: np.ndarray | None = None,
) -> None:
    """Draw `image` (uint8 (h, w, c)) beside the training images that its record names as sources and neighbours.

    record: as the gallery takes it. training_images: {train_index: uint8 (h, w, c)}. collage: the nearest one, which
    the record names too.
    """
    from matplotlib.figure import Figure

    panels = [("the best", image)]
    panels += [
        (
            f"{SPACES.get(found['space'], found['space'])}\n{found['distance']:.3g} away",
            training_images[found["train_index"]],
        )
        for found in record["neighbours"]
    ]
    if collage is not None:
        panels.append((f"nearest collage\n{record['collage']['distance']:.3g} away", collage))
    panels += [
        (f"made from: {part['class']}", training_images[part["train_index"]])
        for part in record["origin"].values()
        if isinstance(part, dict) and part.get("train_index") in training_images
    ]
    with drawing_style():
        figure = Figure(figsize=(1.7 * len(panels), 2.1), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, shown) in zip(axes, panels, strict=True):
            axis.imshow(as_rgb(shown), interpolation="nearest")
            axis.set_title(title, fontsize=8.5)
            axis.set_axis_off()
        save_figure(figure, path)


def draw_collages(
    path: Path,
    images: np.ndarray,
    records: Sequence[dict],
    training_images: dict[int, np.ndarray],
    collages: Sequence[np.ndarray],
) -> None:
    """Draw the sources of the collages nearest to the first images, these collages, and the images.

    images: uint8 (n, h, w, c); records: theirs, each with a "collage"; collages: the n nearest ones.
    """
    shown: dict[str, list[np.ndarray]] = {}
    for image, record, collage in zip(images, records, collages, strict=True):
        found = record["collage"]
        sources = [training_images[found[part]["train_index"]] for part in ("body", "wings")]
        shown.setdefault(found["file"], [*sources, collage, image])
    first = records[0]["collage"]
    titles = [first["body"]["class"], first["wings"]["class"], "collage", "sample"]
    save_png(path, strips([np.stack(row) for row in list(shown.values())[:SHOWN]], column_titles=titles))
