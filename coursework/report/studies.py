"""The appendix's parts on the small worlds of lines and rings, and on what the codes of autoencoders are worth."""

from coursework.data.mixtures import MIXTURES
from coursework.files import read_json
from coursework.report.csv_tables import csv_blocks, csv_table, read_csv
from coursework.report.document import cell, cite, figure, heading, name, panel, row, table
from coursework.report.scores_table import OF_CODES
from coursework.report.values import number_text, value_text

LINES = "model images mean spread seeds published mean spread seeds published"
RINGS = "mixture setting steps seeds modes error high quality error complete"
# Of the paper of Berthelot et al., and of each of ours.
PAPER_IMAGES = 2**24
DISTANCES = {
    "prior": "N(0, I)",
    "gaussian": "One Gaussian",
    "mixture": "Mixture",
    "reconstruction": "Codes of test images",
    "floor": "Test images",
}


def study_blocks(context):
    """Return the parts that there is something to show of, each with a heading."""
    parts = {
        "The lines task": _lines(context),
        "Rings and a grid": _rings(context, context.folder / "rings", "rings"),
        "A lesson on the ring": _lesson(context),
        "What codes are worth": _accuracies(context),
        "Codes and the prior": _posteriors(context),
    }
    return [block for title, blocks in parts.items() if blocks for block in (heading(2, title), *blocks)]


def _lines(context):
    folder = context.folder / "lines"
    header, rows = read_csv(folder / "table.csv")
    blocks = csv_blocks(folder / "table.csv")
    if _is(header, LINES):
        shown = [
            row(
                cell(name(model.removeprefix("lines-"))),
                _with_error(distance, error, 1e3, 2),
                _scaled(paper_distance, 1e3, 2),
                _with_error(smoothness, smoothness_error, 1, 2),
                _scaled(paper_smoothness, 1, 2),
            )
            for model, _, distance, error, _, paper_distance, smoothness, smoothness_error, _, paper_smoothness in rows
        ]
        caption = [
            f"Lines: interpolations after {_range(rows, 1)} images of training, {_seeds(rows, 4)} (± standard "
            "deviation over seeds), and the paper's ",
            cite("acai"),
            f" after {PAPER_IMAGES:,}. Lower is better.",
        ]
        titles = ["Model", "Mean distance × 1000", "Paper", "Smoothness", "Paper"]
        blocks = [table("lines", titles, shown, caption)]
    captions = {
        "lines-interpolations": ("interpolations", "Interpolations between the same two test lines."),
        "lines-curves": ("curves", "Scores of interpolations over images seen."),
    }
    return blocks + _figures(context, folder, captions)


def _rings(context, folder, target):
    """Return a table for each mixture, published rows beneath ours, and the figures of a study."""
    header, rows = read_csv(folder / "table.csv")
    blocks = csv_blocks(folder / "table.csv")
    if _is(header, RINGS):
        names = list(dict.fromkeys(line[0] for line in rows))
        blocks = [
            _mixture_table(
                mixture, [line for line in rows if line[0] == mixture], target, explained=mixture == names[0]
            )
            for mixture in names
        ]
    captions = {
        f"{target}-samples": ("samples", "Samples of the first seed; below each panel modes and high-quality share."),
        f"{target}-curves": ("curves", "Both scores through training, means over seeds."),
    }
    return blocks + _figures(context, folder, captions)


def _mixture_table(mixture, rows, target, explained):
    # A published row has no steps.
    ours = [line for line in rows if line[2]]
    lines = [
        row(
            cell(name(setting.removeprefix("rings-"))),
            _with_error(modes, modes_error, 1, 2),
            _with_error(quality, quality_error, 100, 1),
            f"{complete} of {seeds}",
            _scaled(steps, 1, 0),
        )
        for _, setting, steps, seeds, modes, modes_error, quality, quality_error, complete in ours
    ]
    for number, line in enumerate(line for line in rows if not line[2]):
        cells = _scaled(line[4], 1, 1), _scaled(line[6], 100, 1)
        lines.append(row(cell(name(line[1])), *cells, "", "", ruled=number == 0))
    count = f" of {len(MIXTURES[mixture]().modes)} modes" if mixture in MIXTURES else ""
    error = " (± standard error)" if any(line[5] for line in ours) else ""
    words = f"{count}: {_seeds(ours, 3)}{error}."
    if explained:
        words += " Complete are runs with every mode and over 95 % of samples of high quality."
        words += " Beneath the line: as published." if len(lines) > len(ours) else ""
    caption = [name(mixture.replace("-", " ").capitalize()), words]
    titles = ["Setting", "Modes", "High quality, %", "Complete", "Steps"]
    return table(f"{target}-{mixture}", titles, lines, caption, weights=[2, 1, 1, 1, 1])


def _lesson(context):
    folder = context.folder / "rings" / "lesson"
    shares = "Share of normal latents that become points of the rarest and of the commonest mode, and of none."
    by_hand = "A generator that solves the ring by construction, one of its size that begins at random, and training."
    plane = {"lesson-plane": ("latents", "The plane of latents, coloured by the mode that each becomes; pale: none.")}
    samples = {"lesson-samples": ("handcrafted", "Samples of both after training.")}
    return [
        *csv_table(folder / "latents.csv", "lesson-latents", [shares]),
        *_figures(context, folder, plane),
        *_rings(context, folder / "networks", "lesson-networks"),
        *csv_table(folder / "handcrafted.csv", "lesson-handcrafted", [by_hand]),
        *_figures(context, folder, samples),
    ]


def _accuracies(context):
    """Return the table of what codes are worth to a linear classifier and to k-means."""
    found = {}
    for run in context.runs:
        records = {record["name"]: record for record in run.metrics if record["name"] in OF_CODES}
        if len(records) == len(OF_CODES):
            found[run.name] = [records[each] for each in OF_CODES]
    if not found:
        return []
    rows = [
        row(
            cell(name(run)),
            value_text(linear.get("code_size")),
            *_accuracy(linear),
            _percent(linear.get("published"), "–"),
            *_accuracy(clustering),
        )
        for run, (linear, clustering) in found.items()
    ]
    counts = dict.fromkeys(value_text(linear.get("n")) for linear, _ in found.values())
    caption = [
        f"Percent of {' or '.join(counts)} test images whose class a linear classifier and k-means find by their codes "
        "(± standard error), small: by those of the untrained network; paper: ",
        cite("acai"),
        ", codes as large.",
    ]
    titles = ["Run", "Numbers", "Linear", "Paper", "k-means"]
    return [table("codes", titles, rows, caption, weights=[2, 1, 1, 1, 1])]


def _accuracy(record):
    """Return the cell of an accuracy, alone in a list, with its error and that of the untrained network."""
    error = f" ± {_percent(record['error'])}" if record.get("error") is not None else ""
    return [cell(_percent(record.get("value")), error, detail=f"untrained {_percent(record.get('untrained'))}")]


def _posteriors(context):
    """Return the table and the figures of codes beside the prior."""
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
            cell(_thousandths(each, "mmd"), detail=f"prior {_thousandths(each, 'mmd_floor')}"),
            *(number_text(each.get(f"fd_{source}"), 2) for source in DISTANCES),
        )
        for each in found
    ]
    caption = [
        "Codes beside N(0, I): active dimensions, KL in nats, squared MMD × 1000 (small: of two sets from N(0, I)), "
        f"and FD-judge of {_of_all(found, 'n')} images decoded from N(0, I), one Gaussian or a mixture of "
        f"{_of_all(found, 'components')} fitted to {_of_all(found, 'codes')} codes ",
        cite("rae"),
        f", and codes of test images. Seed {_of_all(found, 'seed', str)}.",
    ]
    titles = ["Run", "Active", "KL", "MMD² × 1000", *DISTANCES.values()]
    blocks = [table("aggregate-posterior", titles, rows, caption, weights=[1.6, 0.9, 0.7, 1.7, *[1] * len(DISTANCES)])]
    for each in found:
        words = f"Codes of {each.get('run')} and the prior: their spread, and images decoded from either."
        blocks += _figures(context, folder, {f"posterior-{each.get('run')}": (str(each.get("run")), words)})
    return blocks


def _thousandths(record, key):
    """Return a thousandfold value with its error."""
    value, error = record.get(key), record.get(f"{key}_error")
    if not isinstance(value, float) or not isinstance(error, float):
        return "not measured"
    return f"{number_text(1000 * value, 2)} ± {number_text(1000 * error, 2)}"


def _of_all(records, key, words=value_text):
    """Return the values of a key in words, each once."""
    return " or ".join(dict.fromkeys(words(each.get(key)) for each in records))


def _figures(context, folder, captions):
    """Return the figures of {target: (stem of a PNG file in `folder`, caption)} that are there."""
    blocks = []
    for target, (stem, words) in captions.items():
        image = context.images.add(folder / f"{stem}.png")
        if image:
            blocks.append(figure(target, [panel(image, height=150)], [words]))
    return blocks


def _is(header, expected):
    """Tell whether a header is the expected one but for the names of scores in it."""
    words = [title.removeprefix("mean_distance ").removeprefix("smoothness ") for title in header]
    return " ".join(words) == expected


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None


def _scaled(text, factor, decimals):
    """Return the number that a cell of a CSV file holds, times `factor`; a cell without a number as it is."""
    value = _number(text)
    return text if value is None else number_text(factor * value, decimals)


def _with_error(value, error, factor, decimals):
    spread = f" ± {_scaled(error, factor, decimals)}" if error else ""
    return f"{_scaled(value, factor, decimals) or 'undefined'}{spread}"


def _percent(value, missing="not measured"):
    return number_text(100 * value, 1) if isinstance(value, float) else missing


def _range(rows, column):
    """Return the least and the greatest number of a column in words: "10", "1 to 10"."""
    values = sorted({value for line in rows if (value := _number(line[column])) is not None})
    return " to ".join(dict.fromkeys(f"{value:,.0f}" for value in (values[:1] + values[-1:])))


def _seeds(rows, column):
    words = _range(rows, column)
    return f"{words} {'seed' if words == '1' else 'seeds'}"
