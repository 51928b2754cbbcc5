"""How scores are shown: titles, which way is better, decimals, and tables over runs. Computes no score."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

# Of a column: the score's name and its conditions, those of `CONDITIONS`.
Key: TypeAlias = tuple[Any, ...]
# A row's name and its records by column.
Row: TypeAlias = tuple[str, dict[Key, dict[str, Any]]]


@dataclass(frozen=True)
class Score:
    """Display of one score. `better` is "lower", "higher", or None where neither end is good in itself."""

    title: str
    better: str | None
    decimals: int


SCORES = {
    "fd_judge": Score("FD-judge", "lower", 2),
    "fid": Score("FID", "lower", 2),
    "kid": Score("KID", "lower", 4),
    "kd_judge": Score("KD-judge", "lower", 4),
    "is": Score("Inception Score", "higher", 2),
    "precision": Score("Precision", "higher", 3),
    "recall": Score("Recall", "higher", 3),
    "density": Score("Density", "higher", 3),
    "coverage": Score("Coverage", "higher", 3),
    "memorisation": Score("Memorisation", "lower", 3),
    "class_accuracy": Score("Class accuracy", "higher", 3),
    "linear_accuracy": Score("Linear accuracy", "higher", 3),
    "clustering_accuracy": Score("Clustering accuracy", "higher", 3),
    "mean_distance": Score("Mean distance", "lower", 5),
    "smoothness": Score("Smoothness", "lower", 3),
    "modes": Score("Modes", "higher", 1),
    "high_quality": Score("High quality", "higher", 3),
}


def score(name: str) -> Score:
    """Return the `Score` of `name`; an unknown name is shown in words, without a direction."""
    words = name.replace("_", " ")
    return SCORES.get(name, Score(words[:1].upper() + words[1:], None, 4))


def titled(name: str) -> str:
    """Return the title of `name` with an arrow towards the better end."""
    return score(name).title + {"lower": " ↓", "higher": " ↑", None: ""}[score(name).better]


def newest_score(records: Sequence[dict[str, Any]], name: str, extractor: str = "") -> dict[str, Any] | None:
    """Return the record of a score of the last weights, None where there is none.

    Of several extractors it is that of the first one, unless one is named; measured under several conditions, such as
    numbers of samples, the record is the newest, which stands last.
    """
    found = [one for one in records if one["name"] == name and (one.get("weights") or "last") == "last"]
    chosen = extractor or (found[0].get("extractor") if found else None)
    return next((one for one in reversed(found) if one.get("extractor") == chosen), None)


def extractor_text(extractor: str | None, sha256: str | None, digits: int) -> str:
    """Return an extractor as text: its name and the first `digits` of its SHA-256, either of which may be None."""
    return " ".join(part for part in (extractor, (sha256 or "")[:digits]) if part)


def format_score(name: str, value: float | None) -> str:
    """Return `value` with the decimals of `name`: "not measured" for None, "not finite" for NaN and infinities."""
    if value is None:
        return "not measured"
    if not math.isfinite(value):
        return "not finite"
    decimals = score(name).decimals
    # Adding zero takes the sign from what rounds to nothing.
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"


# Columns that every table has, filled or not: a reader should see what was left out.
EXPECTED = ("fd_judge", "fid")
CONDITIONS = (
    *("extractor", "extractor_sha256", "reference", "reference_n", "dataset_fingerprint", "n", "resize"),
    "floor_n",
)


def score_tables(
    results: Sequence[tuple[str, str, list[dict[str, Any]]]], columns_per_table: int = 6
) -> list[dict[str, Any]]:
    """Arrange scores in tables, one data set each, split where there are more columns than fit on a page.

    results: [(data set label, row name, metrics)] with metrics as `Run.read_metrics` returns them. A column holds
    scores of one name measured under the same conditions (extractor by sha256, reference, n, resize): nothing
    else may be compared. Returns JSON-ready [{"dataset", "continued", "columns": [{"title", "extractor"}],
    "rows": [{"name", "cells": [{"text", "error", "untrained", "best"}]}], "floors": [text], "notes": [[words]]}].
    """
    tables: list[dict[str, Any]] = []
    for label in dict.fromkeys(label for label, _, _ in results):
        rows = _rows([(name, metrics) for other, name, metrics in results if other == label])
        keys = sorted({key for _, cells in rows for key in cells}, key=_order)
        measured = {key[0] for key in keys}
        keys = sorted([*keys, *((name,) for name in EXPECTED if name not in measured)], key=_order)
        for start in range(0, len(keys), columns_per_table):
            part = {"dataset": label, "continued": start > 0}
            tables.append(part | _table(rows, keys[start : start + columns_per_table]))
    return tables


def _rows(results: Sequence[tuple[str, list[dict[str, Any]]]]) -> list[Row]:
    """Return [(row name, {column key: record})]; weights other than the last ones have rows of their own."""
    rows: list[Row] = []
    for name, metrics in results:
        cells: dict[str, dict[Key, dict[str, Any]]] = {}
        for record in metrics:
            weights = record.get("weights") or "last"
            key = (record["name"], *(record.get(condition) for condition in CONDITIONS))
            cells.setdefault({"last": "", "best": " (best weights)"}.get(weights, f" ({weights})"), {})[key] = record
        rows += [(name + suffix, cells[suffix]) for suffix in sorted(cells)] or [(name, {})]
    return rows


def _order(key: Key) -> tuple[int, list[str]]:
    names = list(SCORES)
    return names.index(key[0]) if key[0] in names else len(names), [str(part) for part in key]


def _table(rows: list[Row], keys: list[Key]) -> dict[str, Any]:
    columns = {key: [cells[key] for _, cells in rows if key in cells] for key in keys}
    bests = {key: _best(key[0], records) for key, records in columns.items()}
    return {
        "columns": [{"title": titled(key[0]), "extractor": _extractor(key, digits=8)} for key in keys],
        "rows": [
            {"name": name, "cells": [_cell(key[0], cells.get(key), bests[key]) for key in keys]} for name, cells in rows
        ],
        "floors": [_floor(key[0], records) for key, records in columns.items()],
        "notes": [_note(key, records) for key, records in columns.items() if records],
    }


def _extractor(key: Key, digits: int) -> str:
    _, extractor, sha256, *_ = (*key, None, None)
    return extractor_text(extractor, sha256, digits)


def _best(name: str, records: list[dict[str, Any]]) -> str | None:
    """Return the text of the best value, or None where fewer than two can be compared."""
    better = score(name).better
    values = [record.get("value") for record in records]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if better is None or len(finite) < 2:
        return None
    return format_score(name, min(finite) if better == "lower" else max(finite))


def _cell(name: str, record: dict[str, Any] | None, best: str | None) -> dict[str, Any]:
    if record is None:
        return {"text": "not measured", "error": "", "untrained": "", "best": False}
    text = format_score(name, record.get("value"))
    error, untrained = record.get("error"), record.get("untrained")
    return {
        "text": text,
        "error": "" if error is None else f"± {format_score(name, error)}",
        "untrained": "" if untrained is None else format_score(name, untrained),
        "best": text == best,
    }


def _floor(name: str, records: list[dict[str, Any]]) -> str:
    floors = [record["floor"] for record in records if record.get("floor") is not None]
    return " or ".join(dict.fromkeys(format_score(name, floor) for floor in floors)) or "not measured"


def _note(key: Key, records: list[dict[str, Any]]) -> list[str]:
    """Return how a column was measured: score, extractor, n, reference, resize, sampling seeds."""
    conditions = dict(zip(CONDITIONS, key[1:], strict=True))
    reference, reference_n = conditions["reference"], conditions["reference_n"]
    seeds = dict.fromkeys(str(record["seed"]) for record in records if record.get("seed") is not None)
    return [
        score(key[0]).title,
        _extractor(key, digits=16) or "none",
        "not recorded" if conditions["n"] is None else f"{conditions['n']:,}",
        (reference or "not recorded") + ("" if reference_n is None else f" ({reference_n:,})"),
        conditions["resize"] or "none",
        ", ".join(seeds) or "not recorded",
    ]
