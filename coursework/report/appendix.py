"""The appendix, a document of its own: comparisons, strategies, the ranking, studies, and a section on every run."""

import re
from pathlib import Path

from coursework.report.context import Context, ReportedRun
from coursework.report.differences import settings_blocks
from coursework.report.document import Block, Caption, cell, figure, heading, name, note, panel, row, table
from coursework.report.drawings import drawn_architecture, drawn_curves, training_caption
from coursework.report.pegasus import ranking_blocks, strategy_blocks, truth_blocks
from coursework.report.scores_table import score_blocks
from coursework.report.sections import body_images, sample_panel, through_training
from coursework.report.studies import study_blocks
from coursework.report.values import value_text
from coursework.report.variations import pair_blocks, variation_blocks

# Figures of a run in the order of the page, by the first part of their file names; those of the report are not
# repeated.
CAPTIONS = {
    "reconstructions": "Test images over reconstructions.",
    "interpolation": "Interpolations.",
    "arithmetic": "Arithmetic on latents.",
    "mixing": "Mixtures of two classes.",
    "memorisation": "Memorisation.",
}


def appendix_blocks(context: Context) -> list[Block]:
    """Return the appendix, with a heading of its own for each part."""
    blocks = []
    if len(context.runs) > 1 or context.final.peers:
        scores = [each | {"target": "comparison"} if "target" in each else each for each in score_blocks(context.runs)]
        blocks += [heading(1, "All models"), *scores]
    blocks += result_blocks(context)
    if len(context.runs) > 1:
        settings = [each | {"target": f"all-{each['target']}"} for each in settings_blocks(context.runs)]
        blocks += [heading(1, "Settings of all models"), *settings]
    for run in context.runs:
        blocks += run_blocks(context, run)
    return blocks


def result_blocks(context: Context) -> list[Block]:
    """Return its parts on results that are not one run's: strategies, the ranking, studies."""
    parts = {
        "Pegasus strategies": [
            *(strategy_blocks(context.pegasus.comparison) if context.pegasus else []),
            *truth_blocks(context.folder),
        ],
        "Pegasus ranking": ranking_blocks(context.pegasus),
        "Comparison with PyTorch": pair_blocks(context.folder),
        "Studies": variation_blocks(context),
        **study_blocks(context),
    }
    return [block for title, blocks in parts.items() if blocks for block in (heading(1, title), *blocks)]


def run_blocks(context: Context, run: ReportedRun) -> list[Block]:
    """Return the section on a run: what it ran on, and every figure that the report does not show."""
    blocks = [heading(1, name(run.name)), machine_table(run)]
    if run is not context.final:
        architecture = context.images.add(drawn_architecture(run.run))
        curves = context.images.add(drawn_curves(run.run))
        if curves:
            caption = training_caption(run.run, "Training.")
            blocks.append(figure(f"{run.name}-training", [panel(curves, run.name)], [caption]))
        else:
            blocks.append(note("No epoch has been logged yet."))
        blocks += through_training(context, run, f"{run.name}-through-training", "Through training.", rows=1)
        if architecture:
            blocks.append(figure(f"{run.name}-architecture", [panel(architecture, run.name)], ["Architecture."]))
        if run.sample_files:
            blocks.append(figure(f"{run.name}-samples", [sample_panel(context, run)], ["Samples, not selected."]))
    for kind, files in _figure_files(run, run is context.final).items():
        panels = [
            panel(image, f"{_words(file.stem)} · {run.dataset}", height=75)
            for file in files
            if (image := context.images.add(file))
        ]
        if panels:
            caption = CAPTIONS.get(kind, f"{kind.capitalize()}.")
            blocks.append(figure(f"{run.name}-{kind}", panels, [caption], columns=1 if kind == "memorisation" else 2))
    return blocks


def _figure_files(run: ReportedRun, final: bool) -> dict[str, list[Path]]:
    """Return {kind: files} of a run's PNG figures, the known kinds first; of the final run those not in the report."""
    shown = body_images(run) if final else ()
    kinds: dict[str, list[Path]] = {}
    for file in sorted(run.run.figures.glob("[!.]*.png")):
        if file not in shown:
            kinds.setdefault(re.split("[-_]", file.stem)[0], []).append(file)
    # Drawn as vectors; and copies are looked for in the final model's samples, the others' numbers are in the table.
    for left_out in ("architecture", "curves", *(() if final else ("memorisation",))):
        kinds.pop(left_out, None)
    known = [kind for kind in CAPTIONS if kind in kinds]
    return {kind: kinds[kind] for kind in [*known, *sorted(set(kinds) - set(known))]}


def _words(stem: str) -> str:
    return re.sub("[-_]", " ", stem)


def machine_table(run: ReportedRun) -> Block:
    """Return the table of what a run ran on."""
    environment = run.environment
    backend = " ".join(str(environment[key]) for key in ("backend", "backend_version") if environment.get(key))
    facts = {
        "status": run.status,
        "data": run.dataset,
        "data fingerprint": (environment.get("dataset_fingerprint") or "")[:16],
        "machine": environment.get("machine"),
        "device": environment.get("device"),
        "package": environment.get("package"),
        "commit": environment.get("commit"),
        "Python": environment.get("python"),
        "Keras": environment.get("keras"),
        "backend": backend,
    }
    rows = [row(key, cell(name(value_text(value)))) for key, value in facts.items() if value]
    caption: Caption = ["The training of ", name(run.name), "."]
    return table(run.name, ["Fact", "Value"], rows, caption, align=["left", "left"], weights=[1, 4])
