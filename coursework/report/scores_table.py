"""The tables of scores, with how each column was measured."""

from coursework.figures.scores import score_tables
from coursework.report.document import cell, emph, name, note, row, strong, table

NOT_MEASURED = "not measured"
# Of scores in a table, so that a value and its error stand in one line.
COLUMNS = 5
# Of codes and not of images: they have a table of their own, beside published ones.
OF_CODES = ("linear_accuracy", "clustering_accuracy")


def score_blocks(runs):
    """Return a table of scores for each data set, or several where the columns do not fit beside each other.

    Some classes of a data set are another one: nothing measured on them compares with what the whole gives. A run's
    peers stand beneath it.
    """
    blocks = []
    results = [
        (_dataset(run), name, [record for record in metrics if record["name"] not in OF_CODES])
        for run in runs
        for name, metrics in ((run.name, run.metrics), *run.peers)
    ]
    for content in score_tables(results, COLUMNS):
        blocks.append(_table(content))
    return blocks or [note("No score has been measured yet.")]


def _dataset(run):
    classes = run.config.classes
    return f"{run.dataset}, only {', '.join(classes)}" if classes else run.dataset


def _table(content):
    header = ["Run", *(cell(strong(column["title"]), detail=column["extractor"]) for column in content["columns"])]
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


def _cell(content, same):
    if content["text"] == NOT_MEASURED:
        return cell(NOT_MEASURED, muted=True)
    value = strong(content["text"]) if content["best"] and not same else content["text"]
    error = f" {content['error']}" if content["error"] else ""
    return cell(value, error, detail=f"untrained {content['untrained']}" if content["untrained"] else "")
