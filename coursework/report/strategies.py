"""The tables of strategies: how each one's batch scores, by the witness that searched and by one that did not."""

from coursework.files import read_json
from coursework.report.document import cell, name, row, table
from coursework.report.values import number_text, strategy_text, value_text
from coursework.scores import score

WITNESSES = {"witness": "the witness that searches and ranks", "second": "a second witness, used for nothing else"}


def read_comparison(folder):
    """Return comparison.json of a Pegasus folder: {"candidates", "rows", ...}, empty where there is none."""
    file = folder / "comparison.json"
    return read_json(file, dict) if file.is_file() else {}


def strategy_blocks(comparison):
    """Return a table for each witness: a row a strategy and run, the chosen batch and real images last."""
    rows = comparison.get("rows")
    rows = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
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
        caption = [f"Batches of each strategy, by {words}."]
        blocks.append(table(f"strategies-{witness}", header, lines, caption, align, [1.6, 1.8] + [1] * len(scores)))
    return blocks


def _means(each, witness):
    """Return the means of a row's batch, or of all where it has none, {score: mean}."""
    found = each.get("batch") or each.get("all") or {}
    found = found.get(witness) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
