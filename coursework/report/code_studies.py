"""The appendix's parts on the codes of autoencoders: what they are worth to others, and how near the prior they are."""

from collections.abc import Callable
from typing import Any

from coursework.report.context import Context
from coursework.report.csv_tables import study_figures
from coursework.report.document import Block, Caption, cell, cite, name, row, table
from coursework.report.scores_table import OF_CODES
from coursework.report.values import number_text, percent_text, value_text
from coursework.util.files import read_json

DISTANCES = {
    "prior": "N(0, I)",
    "gaussian": "One Gaussian",
    "mixture": "Mixture",
    "reconstruction": "Codes of test images",
    "floor": "Test images",
}


def accuracy_blocks(context: Context) -> list[Block]:
    """Return the table of what codes are worth to a linear classifier and to k-means."""
    found: dict[str, list[Any]] = {}
    images, shown = {}, {run.name for run in context.runs}
    for run in context.runs:
        named = {record["name"]: record for record in run.metrics if record["name"] in OF_CODES}
        if len(named) == len(OF_CODES):
            found[run.name] = [named[each] for each in OF_CODES]
            images[run.name] = value_text(run.environment.get("images_seen"))
    file = context.folder / "codes" / "scores.json"
    for line in read_json(file, list) if file.is_file() else []:
        records = [line.get(each) for each in OF_CODES] if isinstance(line, dict) else [None]
        # The records of a run that is shown are its own; older ones of the same name are left out.
        if all(isinstance(record, dict) for record in records) and str(line.get("run")) not in shown:
            images.setdefault(str(line.get("run")), value_text(line.get("images_seen")))
            found.setdefault(str(line.get("run")), records)
    if not found:
        return []
    rows = [
        row(
            cell(name(run), detail=f"{images[run]} images" if run in images else ""),
            value_text(linear.get("code_size")),
            *_accuracy(linear),
            percent_text(linear.get("published"), "–"),
            *_accuracy(clustering),
        )
        for run, (linear, clustering) in found.items()
    ]
    counts = dict.fromkeys(value_text(linear.get("n")) for linear, _ in found.values())
    caption: Caption = [
        f"Percent of the test images ({' or '.join(counts)}) whose class a linear classifier and k-means find by their "
        "codes (± standard error over images); small: the same by the untrained network. Paper: ",
        cite("acai"),
        ", codes of equal size.",
    ]
    titles = ["Run", "Code size", "Linear, %", "Paper, %", "k-means, %"]
    return [table("codes", titles, rows, caption, weights=[2, 1, 1, 1, 1])]


def _accuracy(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cell of an accuracy, alone in a list, with its error and that of the untrained network."""
    error = f" ± {percent_text(record['error'])}" if record.get("error") is not None else ""
    return [cell(percent_text(record.get("value")), error, detail=f"untrained {percent_text(record.get('untrained'))}")]


def posterior_blocks(context: Context) -> list[Block]:
    """Return the table and the figures of codes compared with the prior."""
    folder = context.folder / "aggregate-posterior"
    file = folder / "scores.json"
    found = [each for each in read_json(file, list) if isinstance(each, dict)] if file.is_file() else []
    if not found:
        return []
    rows = [
        row(
            cell(name(str(each.get("run")))),
            cell(value_text(each.get("active")), detail=f"of {value_text(each.get('code_size'))}"),
            "–" if each.get("kl") is None else number_text(each["kl"], 1),
            cell(_thousandths(each, "mmd"), detail=f"floor {_thousandths(each, 'mmd_floor')}"),
            *(number_text(each.get(f"fd_{source}"), 2) for source in DISTANCES),
        )
        for each in found
    ]
    caption: Caption = [
        "Codes compared with N(0, I): active dimensions, KL in nats, squared MMD × 1000 (floor: N(0, I) twice), "
        f"and FD-judge of {_of_all(found, 'n')} images decoded from N(0, I), one Gaussian or a mixture of "
        f"{_of_all(found, 'components')} fitted to {_of_all(found, 'codes')} codes ",
        cite("rae"),
        f", and codes of test images. Seed {_of_all(found, 'seed', str)}.",
    ]
    titles = ["Run", "Active", "KL", "MMD² × 1000", *DISTANCES.values()]
    blocks = [table("aggregate-posterior", titles, rows, caption, weights=[1.6, 0.9, 0.7, 1.7, *[1] * len(DISTANCES)])]
    for each in found:
        words = f"Codes of {each.get('run')}, the prior, and images decoded from either."
        blocks += study_figures(
            context, folder, {f"posterior-{each.get('run')}": (str(each.get("run")).replace("/", "-"), words)}
        )
    return blocks


def _thousandths(record: dict[str, Any], key: str) -> str:
    """Return a thousandfold value with its error."""
    value, error = record.get(key), record.get(f"{key}_error")
    if not isinstance(value, float) or not isinstance(error, float):
        return "not measured"
    return f"{number_text(1000 * value, 2).replace('-', '−')} ± {number_text(1000 * error, 2)}"


def _of_all(records: list[dict[str, Any]], key: str, words: Callable[[Any], str] = value_text) -> str:
    """Return the values of a key in words, each once."""
    return " or ".join(dict.fromkeys(words(each.get(key)) for each in records))
