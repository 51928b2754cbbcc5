"""The Pegasus of a report: the best image, the batch with the best one's place in it, scores and neighbours."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from coursework.figures.scores import score
from coursework.report.document import Block, cell, figure, name, note, panel, row, table
from coursework.report.images import Images, first_rows, read_image, shrink, tile_spans
from coursework.report.values import number_text, percent_text, strategy_text, value_text
from coursework.util.files import read_json


@dataclass(frozen=True)
class Space:
    """Where distances are measured, and in what unit."""

    title: str
    unit: str
    decimals: int


SPACES = {
    "pixels": Space("pixels", "grey levels of 255, root mean square", 1),
    "features": Space("features of the judge", "Euclidean", 2),
}
WITNESSES = {
    "witness": "the witness that searches",
    "second": "a second witness, used for nothing else",
    "winged": "the judge of winged horses, which ranks samples of a winged class and takes part in no search",
}
# A batch may hold any number of images; more rows than this would be too small to see.
ROWS_SHOWN = 16
RANKED = 12
NEIGHBOURS = 5


@dataclass(frozen=True)
class Pegasus:
    """records: pegasus.json, best first. frame: the best one's place in the batch, as `panel` takes it.

    comparison: comparison.json, the table of strategies. panel: panel.json, what people said of the images.
    """

    records: list[dict]
    best_image: dict | None = None
    batch: dict | None = None
    neighbours: dict | None = None
    collages: dict | None = None
    frame: list[float] | None = None
    score_names: list[str] = field(default_factory=list)
    comparison: dict = field(default_factory=dict)
    panel: dict = field(default_factory=dict)

    @property
    def best(self) -> dict[str, Any]:
        """The record of the best one, empty where there is none."""
        return self.records[0] if self.records else {}

    @property
    def dataset(self) -> str:
        """The data behind it, "" where that is not recorded."""
        return next((str(record["dataset_label"]) for record in self.records if record.get("dataset_label")), "")

    def mean(self, name: str, part: str = "scores") -> float | None:
        """Return the mean of a score over the records that have it, None where none has; `part` is its witness."""
        values = [value for record in self.records if (value := _score(record, name, part)) is not None]
        return float(np.mean(values)) if values else None


def read_pegasus(folder: Path | str, images: Images) -> Pegasus | None:
    """Return the `Pegasus` in `folder`, None where there is no such folder.

    Shown are pegasus.png, batch.png, neighbours.png and collages.png where they are there, and pegasus.json: list of
    {"strategy", "run", "seed", "rank", "scores": {name: value}, "dataset_label", "neighbours": [{"train_index",
    "distance"}]}, each of which may be missing. Raises `UserError` where that file is no list.
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
        batch = first_rows(batch, ROWS_SHOWN)
        frame = None if best is None else place_of(best, batch)
    return Pegasus(
        records,
        best_image=None if best is None else images.add_array(best),
        batch=None if batch is None else images.add_array(batch),
        neighbours=images.add(folder / "neighbours.png"),
        collages=images.add(folder / "collages.png"),
        frame=frame,
        score_names=list(dict.fromkeys(name for record in records for name in scores_of(record))),
        comparison=_read_object(folder / "comparison.json"),
        panel=_read_object(folder / "panel.json"),
    )


def place_of(image: np.ndarray, sheet: np.ndarray) -> list[float] | None:
    """Return where `image` stands on a sheet of images as [left, top, width, height] in shares, None if nowhere."""
    height, width = sheet.shape[:2]
    rows, columns = tile_spans(sheet)
    for top, bottom in rows:
        for left, right in columns:
            if np.array_equal(sheet[top:bottom, left:right], image):
                return [left / width, top / height, (right - left) / width, (bottom - top) / height]
    return None


def pegasus_blocks(pegasus: Pegasus | None) -> list[Block]:
    """Return the figure of the best one and the batch, and the table of its scores and the batch's means."""
    if pegasus is None or (pegasus.best_image is None and pegasus.batch is None):
        return [note("No Pegasus has been generated yet: make pegasus.")]
    data = f" · {pegasus.dataset}" if pegasus.dataset else ""
    panels = [
        panel(pegasus.best_image, f"the best{data}", missing="pegasus.png is missing"),
        panel(pegasus.batch, f"the batch{data}", pegasus.frame, weight=2, missing="batch.png is missing"),
    ]
    framed = ", framed in the batch" if pegasus.frame else ""
    picked = "The best was chosen by eye." if pegasus.best.get("chosen_by") else "Nothing was picked by hand."
    caption = [f"The best Pegasus{framed}, and the batch. {picked}{_diversity_text(pegasus.comparison)}"]
    blocks = [figure("pegasus", panels, caption, columns=2)]
    names = pegasus.score_names
    if names:
        witnesses = {"scores": "ranks", "second": "independent"}
        if not any(scores_of(record, "second") for record in pegasus.records):
            del witnesses["second"]
        rows: list[dict[str, Any]] = []
        for part, witness in witnesses.items():
            best = (number_text(_score(pegasus.best, name, part)) for name in names)
            means = (number_text(pegasus.mean(name, part)) for name in names)
            rows.append(row("best", witness, *best, ruled=bool(rows)))
            rows.append(row(f"mean of {len(pegasus.records):,}", witness, *means))
        header = ["Images", "Witness", *(score(name).title for name in names)]
        align = ["left", "left"] + ["right"] * len(names)
        caption = ["Scores of the Pegasus, 0 to 1, by each witness."]
        blocks.append(table("pegasus-scores", header, rows, caption, align))
    return [*blocks, *_panel_blocks(pegasus.panel)]


def _diversity_text(comparison: dict[str, Any]) -> str:
    """Return how far the images of the batch differ, "" where that is not recorded."""
    found = comparison.get("diversity")
    if not isinstance(found, dict):
        return ""
    parts = " and ".join(f"{number_text(found.get(space), 2)} ({space})" for space in ("features", "pixels"))
    return f" Its diversity is {parts}, 1 being that of real images."


def _panel_blocks(content: dict[str, Any]) -> list[Block]:
    """Return the table of what people said who saw the images blind, nothing where nobody was asked."""
    rows = [
        row(
            cell(name(value_text(each.get("source", "not recorded")))),
            value_text(each.get("images", "–")),
            *(words for question in ("winged", "real") for words in _rating_texts(each.get(question))),
        )
        for each in _objects(content.get("sources"))
    ]
    if not rows:
        return []
    header = ["Source", "Images", "Winged horse", "Best", "5 or more, %", "Looks real", "Best", "5 or more, %"]
    people = content.get("people")
    asked = f"{people} people" if isinstance(people, int) and people > 1 else "one person"
    caption = [
        f"Images rated blind by {asked}, from 0 to 10: mean ± standard error, the best one, and the share of 5 or more."
    ]
    return [table("panel", header, rows, caption, ["left"] + ["right"] * 7, [1.6, 0.7, 1.1, 0.6, 0.9, 1.1, 0.6, 0.9])]


def _rating_texts(found: Any) -> list[str]:
    """Return mean and error, best mean, and share of images with a high mean, of one question."""
    found = found if isinstance(found, dict) else {}
    best = found.get("best")
    error = found.get("standard_error")
    mean = number_text(found.get("mean"), 1) + (f" ± {number_text(error, 1)}" if error is not None else "")
    highest = number_text(best.get("mean") if isinstance(best, dict) else None, 1)
    return [mean, highest, percent_text(found.get("at_least_5"))]


def collage_blocks(pegasus: Pegasus | None) -> list[Block]:
    """Return the figure of how a class of winged horses was learned, nothing where none was."""
    if pegasus is None or pegasus.collages is None:
        return []
    caption = (
        "How the class was learned: a program sets a wing from one training image on the body in another; a GAN "
        "learns such collages and is sampled."
    )
    return [figure("collages", [panel(pegasus.collages, pegasus.dataset, height=70)], [caption])]


def neighbour_blocks(pegasus: Pegasus | None) -> list[Block]:
    """Return the nearest training images of the best one, nothing where they have not been measured."""
    found = pegasus.best.get("neighbours") if pegasus else None
    found = [each for each in found if isinstance(each, dict)][:NEIGHBOURS] if isinstance(found, list) else []
    blocks = []
    if pegasus and pegasus.neighbours:
        panels = [panel(pegasus.neighbours, pegasus.dataset, height=60)]
        nearest = "training images and collage" if pegasus.best.get("collage") else "training images"
        blocks.append(figure("neighbours", panels, [f"The best Pegasus and its nearest {nearest}."]))
    if found:
        header = ["Nearest by", "Distance", "Unit", "Index in the training set"]
        rows = [
            row(
                space.title if space else value_text(each.get("space", "not recorded")),
                number_text(each.get("distance"), space.decimals if space else 3),
                space.unit if space else "not recorded",
                value_text(each.get("train_index", "not recorded")),
            )
            for each in found
            for space in [SPACES.get(str(each.get("space")))]
        ]
        caption = ["Distances of the best Pegasus from training images."]
        align = ["left", "right", "left", "right"]
        blocks.append(table("neighbour-distances", header, rows, caption, align, [1.4, 1, 2, 1.4]))
    return blocks


def ranking_blocks(pegasus: Pegasus | None) -> list[Block]:
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
    # The first score has the longest name.
    weights = [0, 1.4, 1.8, 0.5, *[1.4, *[1] * len(names)][: len(names)]]
    caption = [f"The first {len(shown)} of {len(pegasus.records):,} in the ranking."]
    ranking = table("pegasus-ranking", header, rows, caption, align, weights)
    return [ranking, *_memory_blocks(pegasus.records), *_class_blocks(pegasus.comparison)]


def _memory_blocks(records: list[dict[str, Any]]) -> list[Block]:
    """Return how near the batch lies to what its generator learned from, nothing where it learned no collages."""
    near: dict[str, list[dict[str, Any]]] = {"training images": [], "collages": []}
    for record in records:
        near["training images"] += [
            each for each in _objects(record.get("neighbours")) if each.get("space") == "pixels"
        ]
        near["collages"] += _objects([record.get("collage")])
    if not near["collages"]:
        return []
    rows = []
    for what, some in near.items():
        found = [distance for each in some if isinstance(distance := each.get("distance"), int | float)]
        numbers = (min(found), float(np.median(found)), max(found)) if found else (None, None, None)
        rows.append(row(what, *(number_text(number, 1) for number in numbers)))
    unit = SPACES["pixels"].unit
    caption = [
        f"Distance of each image of the batch from the nearest it was learned from, also mirrored or moved: {unit}."
    ]
    return [table("memory", ["Nearest of", "Least", "Median", "Largest"], rows, caption, ["left"] + ["right"] * 3)]


def _class_blocks(comparison: dict[str, Any]) -> list[Block]:
    """Return the distances of learned classes of winged horses from held-out collages, nothing without any."""
    found = comparison.get("class_distances")
    rows = [
        row(
            cell(name(run)),
            *(number_text(record.get(key), 2) for key in ("value", "floor")),
            *(value_text(record.get(key, "–")) for key in ("n", "reference_n")),
        )
        for run, record in (found.items() if isinstance(found, dict) else ())
        if isinstance(record, dict)
    ]
    if not rows:
        return []
    header = ["Run", "Its class", "Training collages", "n", "Held-out collages"]
    caption = (
        "FD-judge of samples of the learned class, and of as many training collages (the floor), against collages of "
        "the test split. The generator has seen none of their sources, the judge no collage."
    )
    return [table("class-distance", header, rows, [caption], ["left"] + ["right"] * 4)]


def scores_of(record: dict[str, Any], part: str = "scores") -> dict[str, Any]:
    """Return {score: value} of a record by one witness, empty where it has none."""
    scores = record.get(part)
    return scores if isinstance(scores, dict) else {}


def _score(record: dict[str, Any], name: str, part: str = "scores") -> float | None:
    value = scores_of(record, part).get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _words(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if value is None:
        return "not recorded"
    return strategy_text(value) if key == "strategy" else value_text(value)


def _read_object(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file, empty where there is none."""
    return read_json(file, dict) if file.is_file() else {}


def strategy_blocks(comparison: dict[str, Any]) -> list[Block]:
    """Return a table for each witness: a row a strategy and run, the chosen batch and real images last."""
    rows = _rows(comparison)
    blocks = []
    for witness, words in WITNESSES.items():
        means = [_means(each, witness) for each in rows]
        scores = list(dict.fromkeys(key for found in means for key in found))
        if not scores:
            continue
        lines = [
            row(
                cell(name(strategy_text(each.get("name", "not recorded")))),
                cell(name(value_text(each["run"]) if each.get("run") else "–")),
                *(number_text(found[key]) if key in found else "–" for key in scores),
            )
            for each, found in zip(rows, means, strict=True)
        ]
        header = ["Strategy", "Run", *(score(key).title for key in scores)]
        align = ["left", "left"] + ["right"] * len(scores)
        counts = [each["candidates"] for each in rows if isinstance(each.get("candidates"), int)]
        candidates = f"; {value_text(max(counts))} candidates for each" if counts else ""
        caption = [f"Means over the batch of 64 of each strategy, by {words}{candidates}."]
        blocks.append(table(f"strategies-{witness}", header, lines, caption, align, [1.6, 1.8] + [1] * len(scores)))
    return blocks


def _rows(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a table as it was kept, without what is none."""
    return _objects(content.get("rows"))


def _objects(found: Any) -> list[dict[str, Any]]:
    """Return the objects of a list that was read, none where it is no list."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _means(each: dict[str, Any], witness: str) -> dict[str, Any]:
    """Return the means of a row's batch, or of all where it has none, {score: mean}."""
    found = each.get("batch") or each.get("all") or {}
    found = found.get(witness) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def truth_blocks(folder: Path) -> list[Block]:
    """Return the table of strategies where the truth is known: pegasus-benchmark/table.json, nothing without it.

    The best by the highest ranked stand first; small beneath, how far the judge of truth can be trusted.
    """
    file = folder / "pegasus-benchmark" / "table.json"
    content = read_json(file, dict) if file.is_file() else {}
    rows = _rows(content)
    if not rows:
        return []
    shares = ("share", "share_top", "share_batch")
    lines = [
        row(
            cell(name(strategy_text(each.get("strategy", "not recorded")))),
            cell(name(value_text(each.get("run", "not recorded")))),
            *(percent_text(each.get(key)) for key in shares),
            number_text(each.get("frechet"), 2),
        )
        for each in sorted(rows, key=lambda each: -_number(each.get("share_top")))
    ]
    bounds = [number_text(content.get(key), 2) for key in ("floor", "ceiling")]
    rates = content.get("false_positive_rates")
    called = {"true ones": content.get("true_positive_rate"), **(rates if isinstance(rates, dict) else {})}
    facts = {
        "Calls pegasi, % of": ", ".join(f"{value_text(kind)} {percent_text(rate)}" for kind, rate in called.items()),
        "Fréchet distance": ", ".join(
            f"{kind} {each}" for kind, each in zip(("other true ones", "horses"), bounds, strict=True)
        ),
    }
    winged = content.get("winged_judge")
    if isinstance(winged, dict):
        areas = (("true pegasi", "truth_auc", "truth_robust_auc"), ("collages", "auc", "robust_auc"))
        facts["Judge of winged horses"] = "area under the curve of " + ", of ".join(
            f"{kind} {number_text(winged.get(plain), 3)} ({number_text(winged.get(attacked), 3)} under attack)"
            for kind, plain, attacked in areas
        )
    notes = table("", ["The judge of truth", ""], [row(*fact) for fact in facts.items()], (), ["left"] * 2, [0, 1])
    header = ["Strategy", "Run", "Pegasi, %", "Of the 64 ranked highest, %", "Of the batch, %", "Fréchet distance"]
    align = ["left", "left"] + ["right"] * 4
    counts = dict.fromkeys(value_text(each["candidates"]) for each in rows if isinstance(each.get("candidates"), int))
    drawn = f", {' or '.join(counts)} candidates each" if counts else ""
    seed = f", seed {content['seed']}" if isinstance(content.get("seed"), int) else ""
    caption = [f"Strategies on sprites, by a judge that has seen true winged horses{drawn}{seed}."]
    return [table("truth", header, lines, caption, align, [1.6, 1.8, 1, 1, 1, 1], notes)]


def _number(value: Any) -> float:
    return value if isinstance(value, float) else 0.0
