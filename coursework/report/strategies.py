"""The tables of strategies: each one's batch by the witness that searched and by one that did not, and by the truth."""

from coursework.figures.scores import score
from coursework.report.document import cell, name, row, table
from coursework.report.values import number_text, percent_text, strategy_text, value_text
from coursework.util.files import read_json

WITNESSES = {"witness": "the witness that searches and ranks", "second": "a second witness, used for nothing else"}


def read_comparison(folder):
    """Return comparison.json of a Pegasus folder: {"candidates", "rows", ...}, empty where there is none."""
    file = folder / "comparison.json"
    return read_json(file, dict) if file.is_file() else {}


def strategy_blocks(comparison):
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
        caption = [f"Batches of each strategy, by {words}."]
        blocks.append(table(f"strategies-{witness}", header, lines, caption, align, [1.6, 1.8] + [1] * len(scores)))
    return blocks


def _rows(content):
    """Return the rows of a table as it was kept, without what is none."""
    rows = content.get("rows")
    return [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []


def _means(each, witness):
    """Return the means of a row's batch, or of all where it has none, {score: mean}."""
    found = each.get("batch") or each.get("all") or {}
    found = found.get(witness) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def truth_blocks(folder):
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
    notes = table("", ["The judge of truth", ""], [row(*fact) for fact in facts.items()], (), ["left"] * 2, [0, 1])
    header = ["Strategy", "Run", "Pegasi, %", "Of the first 64, %", "Of the batch, %", "Fréchet distance"]
    align = ["left", "left"] + ["right"] * 4
    caption = ["Strategies on sprites, by a judge of truth."]
    return [table("truth", header, lines, caption, align, [1.6, 1.8, 1, 1, 1, 1], notes)]


def _number(value):
    return value if isinstance(value, float) else 0.0
