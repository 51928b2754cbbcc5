"""Scores as lines of text: one score in a sentence, many as a table for a terminal."""

from collections.abc import Sequence
from typing import Any

from coursework.figures.scores import extractor_text, format_score, score, titled


def describe_score(record: dict[str, Any]) -> str:
    """Return one line of text for a record of metrics.json."""
    name = record["name"]
    others = [
        f"{words} {format_score(name, record[key])}"
        for key, words in (("floor", "real images"), ("untrained", "untrained"))
        if record.get(key) is not None
    ]
    seed = "" if record.get("seed") is None else f", seed {record['seed']}"
    conditions = f"n {record['n']}, against {record['reference']} n {record['reference_n']}{seed}"
    parts = (conditions, ", ".join(others), _extractor(record, digits=12))
    return f"{score(name).title} {_value(record)} ({'; '.join(part for part in parts if part)})"


def _extractor(record: dict[str, Any], digits: int = 8) -> str:
    return extractor_text(record.get("extractor"), record.get("extractor_sha256"), digits)


def score_lines(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines of a table of records, one each: value, error, floor, sizes and extractor."""
    rows = [("score", "value", "real images", "n", "reference n", "extractor")]
    for record in records:
        name, floor = record["name"], record.get("floor")
        real = "" if floor is None else format_score(name, floor)
        sizes = f"{record['n']:,}", f"{record['reference_n']:,}"
        rows.append((titled(name), _value(record), real, *sizes, _extractor(record)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    # Numbers stand to the right, so that their digits line up.
    lines = [
        "  ".join(
            text.rjust(width) if column in (2, 3, 4) else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [line.rstrip() for line in lines] + _floor_lines(records)


def _floor_lines(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line for each set of real images that floors were measured with."""
    floors: dict[tuple[str, int], list[int]] = {}
    for record in records:
        if record.get("floor_set"):
            floors.setdefault((record["floor_set"], record["floor_n"]), []).append(record["n"])
    fewer = ": fewer than were scored, so that their distances hold more bias"
    return [
        f"real images: {name}, n {count:,}{fewer if count < min(scored) else ''}"
        for (name, count), scored in floors.items()
    ]


def _value(record: dict[str, Any]) -> str:
    error = record.get("error")
    text = format_score(record["name"], record["value"])
    return text if error is None else f"{text} ± {format_score(record['name'], error)}"
