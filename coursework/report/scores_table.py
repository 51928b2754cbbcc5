"""The tables of scores: of the final model with its floors, and of all runs, with how each column was measured."""

from typing import Any

from coursework.figures.scores import EXPECTED, SCORES, extractor_text, format_score, score_tables, titled
from coursework.report.context import ReportedRun
from coursework.report.document import Block, Caption, cell, emph, name, note, row, strong, table
from coursework.report.values import value_text

NOT_MEASURED = "not measured"
# Of scores in a table, so that a value and its error stand in one line.
COLUMNS = 5
# Scores of codes, not of images: they have a table of their own.
OF_CODES = ("linear_accuracy", "clustering_accuracy")


def score_blocks(runs: list[ReportedRun]) -> list[Block]:
    """Return a table of scores for each data set, or several where the columns do not fit on a page.

    Some classes of a data set are another one: nothing measured on them compares with what the whole gives. A run's
    peers stand beneath it.
    """
    blocks = []
    results = [
        (run.data, name, [record for record in metrics if record["name"] not in OF_CODES])
        for run in runs
        for name, metrics in ((run.name, run.metrics), *run.peers)
    ]
    for content in score_tables(results, COLUMNS):
        blocks.append(_table(content))
    return blocks or [note("No score has been measured yet.")]


def final_score_blocks(run: ReportedRun) -> list[Block]:
    """Return the table of one run's scores by its last weights, a row each, with the floor by real test images."""
    records = [
        each for each in run.metrics if each["name"] not in OF_CODES and (each.get("weights") or "last") == "last"
    ]
    if not records:
        return [note("No score has been measured yet.")]
    measured = {record["name"] for record in records}
    records += [{"name": each} for each in EXPECTED if each not in measured]
    order = list(SCORES)
    records.sort(key=lambda record: order.index(record["name"]) if record["name"] in order else len(order))
    rows = []
    for record in records:
        value, error, floor, untrained = (record.get(key) for key in ("value", "error", "floor", "untrained"))
        cells = [cell(titled(record["name"])), cell(format_score(record["name"], value), muted=value is None)]
        if error is not None:
            cells[1] = cell(strong(cells[1]["content"][0]["text"]), f" ± {format_score(record['name'], error)}")
        cells += [cell("" if number is None else format_score(record["name"], number)) for number in (floor, untrained)]
        extractor = extractor_text(record.get("extractor"), record.get("extractor_sha256"), 8)
        reference = f"{record['reference']} ({value_text(record.get('reference_n'))})" if "reference" in record else ""
        rows.append(row(*cells, value_text(record["n"]) if "n" in record else "", reference, extractor))
    seeds = dict.fromkeys(str(record["seed"]) for record in records if record.get("seed") is not None)
    seed = f", seed {', '.join(seeds)}" if seeds else ""
    caption: Caption = [f"Scores of the final model (± standard error{seed}) and of real test images, the floor."]
    titles = ["Score", "Final model", "Test images", "Untrained", "n", "Against (n)", "Extractor"]
    align = ["left", *["right"] * 4, "left", "left"]
    return [table("scores", titles, rows, caption, align, [1.3, 1.3, 0.9, 0.8, 0.6, 1.6, 1.1])]


def _table(content: dict[str, Any]) -> Block:
    columns = content["columns"]
    header: Caption = ["Run", *(cell(strong(column["title"]), detail=column["extractor"]) for column in columns)]
    # Where all are equal none is the best.
    equal = [len({line["cells"][index]["text"] for line in content["rows"]}) == 1 for index in range(len(header) - 1)]
    rows = [
        row(cell(name(line["name"])), *(_cell(each, same) for each, same in zip(line["cells"], equal, strict=True)))
        for line in content["rows"]
    ]
    floors = [cell(emph(floor), muted=floor == NOT_MEASURED) for floor in content["floors"]]
    rows.append(row(cell(emph("Real test images")), *floors, ruled=True))
    if content["continued"]:
        caption = [f"Scores on {content['dataset']}, continued."]
    else:
        caption = [
            f"Scores on {content['dataset']} (± standard error). Arrows point to the better side, the best is bold; "
            "real test images give the floor."
        ]
    count = len(content["columns"])
    notes = None
    if content["notes"]:
        titles = ["Score", "Extractor", "n", "Reference (n)", "Resize", "Sampling seed"]
        lines = [row(*(cell(name(words)) for words in line)) for line in content["notes"]]
        notes = table("", titles, lines, align=["left"] * 6, weights=[0, 1, 0, 0, 0, 0])
    align = ["left"] + ["center"] * count
    return table("scores", header, rows, caption, align, [1.5] + [1] * count, notes)


def _cell(content: dict[str, Any], same: bool) -> dict[str, Any]:
    if content["text"] == NOT_MEASURED:
        return cell(NOT_MEASURED, muted=True)
    value = strong(content["text"]) if content["best"] and not same else content["text"]
    error = f" {content['error']}" if content["error"] else ""
    return cell(value, error, detail=f"untrained {content['untrained']}" if content["untrained"] else "")
