"""The Pegasus of a report: the best image, the batch with the best one's place in it, scores and neighbours."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from coursework.figures.scores import score
from coursework.report.document import cell, figure, note, panel, row, table
from coursework.report.images import read_image, shrink, tile_spans
from coursework.report.strategies import read_comparison
from coursework.report.values import number_text, strategy_text, value_text
from coursework.util.files import read_json

# A batch may hold any number of images; more rows than this would be too small to see.
ROWS_SHOWN = 16
RANKED = 12
NEIGHBOURS = 5


@dataclass(frozen=True)
class Pegasus:
    """records: pegasus.json, best first. frame: the best one's place in the batch, as `panel` takes it.

    comparison: comparison.json, the table of strategies.
    """

    records: list[dict]
    best_image: dict | None = None
    batch: dict | None = None
    neighbours: dict | None = None
    frame: list[float] | None = None
    score_names: list[str] = field(default_factory=list)
    comparison: dict = field(default_factory=dict)

    @property
    def best(self):
        """The record of the best one, empty where there is none."""
        return self.records[0] if self.records else {}

    @property
    def dataset(self):
        """The data behind it, "" where that is not recorded."""
        return next((str(record["dataset_label"]) for record in self.records if record.get("dataset_label")), "")

    def mean(self, name, part="scores"):
        """Return the mean of a score over the records that have it, None where none has; `part` is its witness."""
        values = [_score(record, name, part) for record in self.records]
        values = [value for value in values if value is not None]
        return float(np.mean(values)) if values else None


def read_pegasus(folder, images):
    """Return the `Pegasus` in `folder`, None where there is no such folder.

    Shown are pegasus.png, batch.png and neighbours.png where they are there, and pegasus.json: list of {"strategy",
    "run", "seed", "rank", "scores": {name: value}, "dataset_label", "neighbours": [{"train_index", "distance"}]}, each
    of which may be missing. Raises `UserError` where that file is no list.
    """
    folder = Path(folder)
    if not folder.is_dir():
        return None
    file = folder / "pegasus.json"
    records = [record for record in (read_json(file, list) if file.is_file() else []) if isinstance(record, dict)]
    if all(isinstance(record.get("rank"), int | float) for record in records):
        records.sort(key=lambda record: record["rank"])
    best, batch = (read_image(folder / f"{name}.png") for name in ("pegasus", "batch"))
    best, batch = (None if array is None else shrink(array) for array in (best, batch))
    frame = None
    if batch is not None:
        batch = _first_rows(batch)
        frame = None if best is None else place_of(best, batch)
    return Pegasus(
        records,
        best_image=None if best is None else images.add_array(best),
        batch=None if batch is None else images.add_array(batch),
        neighbours=images.add(folder / "neighbours.png"),
        frame=frame,
        score_names=list(dict.fromkeys(name for record in records for name in scores_of(record))),
        comparison=read_comparison(folder),
    )


def _first_rows(batch):
    """Return the sheet, cut after `ROWS_SHOWN` rows."""
    rows, _ = tile_spans(batch)
    return batch[: rows[ROWS_SHOWN - 1][1] + 1] if len(rows) > ROWS_SHOWN else batch


def place_of(image, sheet):
    """Return where `image` stands on a sheet of images as [left, top, width, height] in shares; None where "
    "it does not."""
    height, width = sheet.shape[:2]
    rows, columns = tile_spans(sheet)
    for top, bottom in rows:
        for left, right in columns:
            if np.array_equal(sheet[top:bottom, left:right], image):
                return [left / width, top / height, (right - left) / width, (bottom - top) / height]
    return None


def pegasus_blocks(pegasus):
    """Return the figure of the best one and the batch, and its scores beside the batch's means."""
    if pegasus is None or (pegasus.best_image is None and pegasus.batch is None):
        return [note("No Pegasus has been generated yet: make pegasus.")]
    data = f" · {pegasus.dataset}" if pegasus.dataset else ""
    panels = [
        panel(pegasus.best_image, f"the best{data}", missing="pegasus.png is missing"),
        panel(pegasus.batch, f"the batch{data}", pegasus.frame, weight=2, missing="batch.png is missing"),
    ]
    framed = ", framed in the batch" if pegasus.frame else ""
    picked = "ranked and not picked by hand"
    if pegasus.best.get("chosen_by"):
        picked = "ranked; the best was chosen by eye"
    caption = [f"The best Pegasus{framed}, and the whole batch, {picked}."]
    blocks = [figure("pegasus", panels, caption, columns=2)]
    names = pegasus.score_names
    if names:
        best = row("Best", *(number_text(_score(pegasus.best, name)) for name in names))
        means = row(f"Mean of {len(pegasus.records):,}", *(number_text(pegasus.mean(name)) for name in names))
        header = ["", *(score(name).title for name in names)]
        rows = [best, means]
        if any(scores_of(record, "second") for record in pegasus.records):
            seconds = [number_text(_score(pegasus.best, name, "second")) for name in names]
            rows.append(row("Best, by the second witness", *seconds, ruled=True))
            seconds = [number_text(pegasus.mean(name, "second")) for name in names]
            rows.append(row("Mean, by the second witness", *seconds))
        caption = ["Scores of the best Pegasus and of the batch."]
        blocks.append(table("pegasus-scores", header, rows, caption, weights=[1.4] + [1] * len(names)))
    return blocks


def neighbour_blocks(pegasus):
    """Return the nearest training images of the best one, nothing where they have not been measured."""
    found = pegasus.best.get("neighbours") if pegasus else None
    found = [each for each in found if isinstance(each, dict)][:NEIGHBOURS] if isinstance(found, list) else []
    blocks = []
    if pegasus and pegasus.neighbours:
        panels = [panel(pegasus.neighbours, pegasus.dataset, height=60)]
        blocks.append(figure("neighbours", panels, ["The best Pegasus and its nearest training images."]))
    if found:
        header = ["Nearest training image", *(f"{number}." for number in range(1, len(found) + 1))]
        rows = [
            row("space", *(value_text(each.get("space", "not recorded")) for each in found)),
            row("index", *(value_text(each.get("train_index", "not recorded")) for each in found)),
            row("distance", *(number_text(each.get("distance")) for each in found)),
        ]
        blocks.append(table("neighbour-distances", header, rows))
    return blocks


def ranking_blocks(pegasus):
    """Return the table of the first in the ranking, with what it takes to make them again."""
    if pegasus is None or not pegasus.records:
        return []
    shown, names = pegasus.records[:RANKED], pegasus.score_names
    rows = [
        row(
            str(number),
            *(cell({"kind": "name", "text": _words(record, key)}) for key in ("strategy", "run", "seed")),
            *(number_text(_score(record, name)) for name in names),
        )
        for number, record in enumerate(shown, start=1)
    ]
    header = ["Rank", "Strategy", "Run", "Seed", *(score(name).title for name in names)]
    align = ["right", "left", "left", "right"] + ["right"] * len(names)
    # The score with the longest name stands beside the seed.
    weights = [0, 1.4, 1.8, 0.5, *[1.4, *[1] * len(names)][: len(names)]]
    caption = [f"The first {len(shown)} of {len(pegasus.records):,} in the ranking."]
    return [table("pegasus-ranking", header, rows, caption, align, weights)]


def scores_of(record, part="scores"):
    """Return {score: value} of a record by one witness, empty where it has none."""
    scores = record.get(part)
    return scores if isinstance(scores, dict) else {}


def _score(record, name, part="scores"):
    value = scores_of(record, part).get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _words(record, key):
    value = record.get(key)
    if value is None:
        return "not recorded"
    return strategy_text(value) if key == "strategy" else value_text(value)
