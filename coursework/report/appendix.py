"""What stands behind the references: strategies, the ranking, studies, and a section on every run."""

import re

from coursework.report.differences import settings_blocks
from coursework.report.document import cell, figure, heading, name, note, panel, row, table
from coursework.report.drawings import drawn_architecture, drawn_curves, training_caption
from coursework.report.peers import pair_blocks
from coursework.report.pegasus import ranking_blocks
from coursework.report.sections import SETTINGS_IN_BODY, SIDE_BY_SIDE, sample_panel, through_training
from coursework.report.strategies import strategy_blocks, truth_blocks
from coursework.report.studies import study_blocks
from coursework.report.values import value_text
from coursework.report.variations import variation_blocks

# Figures of a run in the order of the page, by the first part of their file names; those of the body are not repeated.
CAPTIONS = {
    "reconstructions": "Test images over reconstructions.",
    "interpolation": "Interpolations.",
    "arithmetic": "Arithmetic on latents.",
    "mixing": "Mixtures of two classes.",
    "memorisation": "Memorisation.",
}


def appendix_blocks(context):
    """Return the appendix, with a heading of its own for each part."""
    blocks = result_blocks(context)
    if len(context.runs) > SETTINGS_IN_BODY:
        blocks += [heading(2, "Settings of all runs"), *settings_blocks(context.runs)]
    for run in context.runs:
        blocks += run_blocks(context, run)
    return blocks


def result_blocks(context):
    """Return its parts on results that are not one run's: strategies, the ranking, studies."""
    blocks = []
    strategies = strategy_blocks(context.pegasus.comparison) if context.pegasus else []
    strategies += truth_blocks(context.folder)
    if strategies:
        blocks += [heading(2, "Pegasus strategies"), *strategies]
    ranking = ranking_blocks(context.pegasus)
    if ranking:
        blocks += [heading(2, "Pegasus ranking"), *ranking]
    pairs = pair_blocks(context.folder)
    if pairs:
        blocks += [heading(2, "Beside PyTorch"), *pairs]
    studies = variation_blocks(context)
    if studies:
        blocks += [heading(2, "Studies"), *studies]
    return blocks + study_blocks(context)


def run_blocks(context, run):
    """Return the section on a run: what it ran on, and every figure that the body does not show."""
    final = run is context.final
    blocks = [heading(2, name(run.name)), machine_table(run)]
    if not final:
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
    in_body = len(context.runs) <= SIDE_BY_SIDE
    if run.sample_files and not in_body:
        blocks.append(figure(f"{run.name}-samples", [sample_panel(context, run)], ["Samples, not selected."]))
    for kind, files in _figure_files(run, in_body, final).items():
        panels = [
            panel(image, f"{_words(file.stem)} · {run.dataset}", height=75)
            for file in files
            if (image := context.images.add(file))
        ]
        if panels:
            caption = CAPTIONS.get(kind, f"{kind.capitalize()}.")
            blocks.append(figure(f"{run.name}-{kind}", panels, [caption], columns=1 if kind == "memorisation" else 2))
    return blocks


def _figure_files(run, in_body, final):
    """Return {kind: files} of a run's PNG figures, the known kinds first; every interpolation but the body's."""
    files = sorted(run.run.figures.glob("[!.]*.png"))
    kinds = {}
    for file in files:
        kinds.setdefault(re.split("[-_]", file.stem)[0], []).append(file)
    # Drawn as vectors; and copies are looked for in the final model's samples, the others' numbers are in the table.
    for left_out in ("architecture", "curves", *(() if final else ("memorisation",))):
        kinds.pop(left_out, None)
    if in_body:
        kinds.pop("reconstructions", None)
        kinds.pop("interpolation", None)
    known = [kind for kind in CAPTIONS if kind in kinds]
    return {kind: kinds[kind] for kind in [*known, *sorted(set(kinds) - set(known))]}


def _words(stem):
    return re.sub("[-_]", " ", stem)


def machine_table(run):
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
    return table(run.name, ["Run", cell(name(run.name))], rows, align=["left", "left"], weights=[1, 4])
