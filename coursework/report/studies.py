"""The appendix's parts on studies: lines and rings. Those on codes of autoencoders are in code_studies.py."""

from pathlib import Path

from coursework.data.mixtures import MIXTURES
from coursework.report.code_studies import accuracy_blocks, posterior_blocks
from coursework.report.context import Context
from coursework.report.csv_tables import (
    csv_blocks,
    csv_table,
    has_columns,
    number_of,
    read_csv,
    scaled,
    study_figures,
    with_error,
)
from coursework.report.document import Block, Caption, cell, cite, name, row, table
from coursework.util.files import read_json

LINES = "model images mean spread seeds published mean spread seeds published"
RINGS = "mixture setting steps seeds modes modes, standard error high quality high quality, standard error complete"
# Of the paper of Berthelot et al.
PAPER_IMAGES = 2**24


def study_blocks(context: Context) -> dict[str, list[Block]]:
    """Return {title: blocks} of the parts; one without results has no blocks."""
    return {
        "The lines task": _lines(context),
        "Rings and a grid": _rings(context, context.folder / "rings", "rings"),
        "A lesson on the ring": _lesson(context),
        "What codes are worth": accuracy_blocks(context),
        "Codes and the prior": posterior_blocks(context),
    }


def _lines(context: Context) -> list[Block]:
    folder = context.folder / "lines"
    header, rows = read_csv(folder / "table.csv")
    blocks = csv_blocks(folder / "table.csv")
    if has_columns(header, LINES):
        shown = [
            row(
                cell(name(model.removeprefix("lines-"))),
                with_error(distance, error, 1e3, 2),
                scaled(paper_distance, 1e3, 2),
                with_error(smoothness, smoothness_error, 1, 2),
                scaled(paper_smoothness, 1, 2),
            )
            for model, _, distance, error, _, paper_distance, smoothness, smoothness_error, _, paper_smoothness in rows
        ]
        caption: Caption = [
            f"Lines: interpolations after {_range(rows, 1)} images of training, {_seeds(rows, 4)} (± standard "
            "deviation over seeds), and the paper's ",
            cite("acai"),
            f" after {PAPER_IMAGES:,}. Lower is better.{_other_settings(folder)}",
        ]
        titles = ["Model", "Mean distance × 1000", "Paper", "Smoothness", "Paper"]
        blocks = [table("lines", titles, shown, caption)]
    captions = {
        "lines-interpolations": ("interpolations", "Interpolations between the same two test lines."),
        "lines-curves": ("curves", "Scores of interpolations over images seen."),
    }
    return blocks + study_figures(context, folder, captions)


def _other_settings(folder: Path) -> str:
    """Return a sentence on what a study of lines does otherwise than the paper, nothing where it does all alike."""
    file = folder / "scores.json"
    content = read_json(file, dict) if file.is_file() else {}
    settings = content.get("settings")
    others = [str(setting) for setting in settings] if isinstance(settings, list) else []
    if content.get("precision", "float32") != "float32":
        others.append(str(content["precision"]))
    return f" Otherwise than in the paper: {', '.join(others)}." if others else ""


def _rings(context: Context, folder: Path, target: str, explained: bool = True) -> list[Block]:
    """Return a table for each mixture, published rows beneath ours, and the figures of a study.

    explained: say in the first caption what the columns mean.
    """
    header, rows = read_csv(folder / "table.csv")
    blocks = csv_blocks(folder / "table.csv")
    if has_columns(header, RINGS):
        names = list(dict.fromkeys(line[0] for line in rows))
        blocks = [
            _mixture_table(
                mixture, [line for line in rows if line[0] == mixture], target, explained and mixture == names[0]
            )
            for mixture in names
        ]
    captions = {
        f"{target}-samples": ("samples", "Samples of the first seed; below each panel modes and high-quality share."),
        f"{target}-curves": ("curves", "Both scores through training, means over seeds."),
    }
    return blocks + study_figures(context, folder, captions)


def _mixture_table(mixture: str, rows: list[list[str]], target: str, explained: bool) -> Block:
    # A published row has no steps.
    ours = [line for line in rows if line[2]]
    lines = [
        row(
            cell(name(setting.removeprefix("rings-"))),
            with_error(modes, modes_error, 1, 2),
            with_error(quality, quality_error, 100, 1),
            f"{complete} of {seeds}",
            scaled(steps, 1, 0),
        )
        for _, setting, steps, seeds, modes, modes_error, quality, quality_error, complete in ours
    ]
    for number, line in enumerate(line for line in rows if not line[2]):
        cells = scaled(line[4], 1, 1), scaled(line[6], 100, 1)
        lines.append(row(cell(name(line[1])), *cells, "", "", ruled=number == 0))
    count = f" of {len(MIXTURES[mixture]().modes)} modes" if mixture in MIXTURES else ""
    error = " (± standard error)" if any(line[5] for line in ours) else ""
    words = f"{count}: {_seeds(ours, 3)}{error}."
    if explained:
        words += " Complete are runs with every mode and over 95 % of samples of high quality."
        words += " Beneath the line: as published." if len(lines) > len(ours) else ""
    caption: Caption = [name(mixture.replace("-", " ").capitalize()), words]
    titles = ["Setting", "Modes", "High quality, %", "Complete", "Steps"]
    return table(f"{target}-{mixture}", titles, lines, caption, weights=[2, 1, 1, 1, 1])


def _lesson(context: Context) -> list[Block]:
    folder = context.folder / "rings" / "lesson"
    shares = "Shares of normal latents that become the rarest mode, the commonest, and none."
    by_hand = "A generator that solves the ring by construction, and one that begins at random."
    plane = {"lesson-plane": ("latents", "The latent plane, coloured by the mode that each becomes; pale: none.")}
    samples = {"lesson-samples": ("handcrafted", "Samples of both after training.")}
    return [
        *csv_table(folder / "latents.csv", "lesson-latents", [shares]),
        *study_figures(context, folder, plane),
        *_rings(context, folder / "networks", "lesson-networks", not (folder.parent / "table.csv").is_file()),
        *csv_table(folder / "handcrafted.csv", "lesson-handcrafted", [by_hand]),
        *study_figures(context, folder, samples),
    ]


def _range(rows: list[list[str]], column: int) -> str:
    """Return the least and the greatest number of a column in words: "10", "1 to 10"."""
    values = sorted({value for line in rows if (value := number_of(line[column])) is not None})
    return " to ".join(dict.fromkeys(f"{value:,.0f}" for value in (values[:1] + values[-1:])))


def _seeds(rows: list[list[str]], column: int) -> str:
    words = _range(rows, column)
    return f"{words} {'seed' if words == '1' else 'seeds'}"
