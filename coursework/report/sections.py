"""What stands at the places of a report's text: {{architecture}}, {{method}}, {{scores}} and so on."""

from coursework.report.differences import settings_blocks
from coursework.report.document import cite, figure, note, panel, paragraph
from coursework.report.drawings import drawn_architecture, drawn_curves, training_caption
from coursework.report.images import first_rows
from coursework.report.method import method_blocks
from coursework.report.pegasus import neighbour_blocks, pegasus_blocks
from coursework.report.scores_table import score_blocks

# More runs than this are shown in the appendix; side by side they would be too small to see.
SIDE_BY_SIDE = 4
THROUGH_TRAINING = 5
# Beyond so many runs the tables of their settings would fill the body.
SETTINGS_IN_BODY = 8


def architecture(context):
    """The diagram of the final model."""
    image = context.images.add(drawn_architecture(context.final.run))
    if image is None:
        return [note(f"No diagram of {context.final.name} yet: make figures.")]
    caption = ["Architecture of the final model: layers, output shapes and parameters."]
    return [figure("architecture", [panel(image, context.final.name)], caption)]


def method(context):
    """What each kind of model minimises, the final one's first."""
    blocks, seen = [], []
    for run in [context.final, *context.runs]:
        kind = (run.config.model.name, getattr(run.config.model, "loss", None))
        if kind not in seen:
            seen.append(kind)
            blocks += method_blocks(run.config)
    return blocks


def data(context):
    """The data, and how it is scored."""
    names = list(dict.fromkeys(run.dataset for run in context.runs))
    sizes = {
        record.get("reference_n") for run in context.runs for record in run.metrics if record["name"] == "fd_judge"
    }
    size = f", {max(sizes):,} training images" if sizes and None not in sizes else ""
    known = cite("cifar10") if any(run.config.dataset == "cifar10" for run in context.runs) else ""
    judges = [
        f" The judge, a classifier trained on the training split alone, names {100 * judge['accuracy']:.1f} % of the "
        f"{judge.get('dataset', 'data set')} test images rightly; its features give FD-judge."
        for judge in context.judges.values()
        if isinstance(judge.get("accuracy"), int | float)
    ]
    return [paragraph(f"Data: {', '.join(names)}", " " if known else "", known, f"{size}.", *judges)]


def settings(context):
    """Every setting: those that differ and those in common; of very many runs the final model's alone."""
    return settings_blocks(context.runs if len(context.runs) <= SETTINGS_IN_BODY else [context.final])


def training(context):
    """The final model's curves, and its sample grids through training."""
    final = context.final
    curves = context.images.add(drawn_curves(final.run))
    blocks = [note(f"No epoch of {final.name} has been logged yet.")]
    if curves:
        caption = training_caption(final.run, "Training of the final model.")
        blocks = [figure("training", [panel(curves, final.name)], [caption])]
    return blocks + through_training(context, final, "through-training", "Through training: equal latents or images.")


def through_training(context, run, target, caption, rows=2):
    """Return the figure of the first rows of a run's sample grids, from the first to the last, or nothing."""
    files = run.sample_files
    if len(files) < 2:
        return []
    chosen = spread(files, THROUGH_TRAINING)
    panels = [
        panel(image, f"epoch {epoch_of(file)}", height=60)
        for file in chosen
        if (image := context.images.add(file, lambda sheet: first_rows(sheet, rows)))
    ]
    return [figure(target, panels, [caption], columns=2)] if len(panels) > 1 else []


def samples(context):
    """The last sample grids of all runs side by side."""
    if len(context.runs) > SIDE_BY_SIDE:
        return []
    panels = [sample_panel(context, run) for run in context.runs if run.sample_files]
    if not panels:
        return [note("No sample grid has been written yet.")]
    return [figure("samples", panels, ["Last sample grids, not selected."], columns=2)]


def sample_panel(context, run):
    """Return the panel of a run's last sample grid, which says what is on it."""
    file = run.sample_files[-1]
    label = f"{run.name}, epoch {epoch_of(file)}: {_grid_words(run)} · {run.dataset}"
    return panel(context.images.add(file), label, height=70, missing=f"{file.name} is broken")


def _grid_words(run):
    if not run.is_autoencoder:
        return "a row a class" if run.config.model.name == "conditional_sngan" else "samples"
    if run.config.model.name in ("vae", "aae"):
        return "test images over reconstructions twice, then samples"
    return "test images at both ends, interpolations between"


def reconstructions(context):
    """Test images and their reconstructions by the autoencoders."""
    caption = ["Test images over their reconstructions."]
    return _of_all(context, "reconstructions", ["reconstructions"], caption)


def interpolations(context):
    """Interpolations of all runs: straight between codes, on the sphere between Gaussian latents."""
    return _of_all(context, "interpolations", ["interpolation-spherical", "interpolation-linear"], ["Interpolations."])


def _of_all(context, target, stems, caption):
    """Return a figure with one image of each run: the first of its figures `stems` that is there."""
    if len(context.runs) > SIDE_BY_SIDE:
        return []
    panels = []
    for run in context.runs:
        files = [run.run.figures / f"{stem}.png" for stem in (stems[::-1] if run.is_autoencoder else stems)]
        found = [file for file in files if file.is_file()]
        image = context.images.add(found[0], lambda sheet: first_rows(sheet, 4)) if found else None
        if image:
            kind = found[0].stem.partition("-")[2]
            panels.append(panel(image, f"{run.name}{', ' + kind if kind else ''} · {run.dataset}", height=70))
    return [figure(target, panels, caption, columns=2)] if panels else []


def scores(context):
    """The tables of scores."""
    return score_blocks(context.runs)


def pegasus(context):
    """The Pegasus and its scores."""
    return pegasus_blocks(context.pegasus)


def neighbours(context):
    """The best one's nearest neighbours."""
    return neighbour_blocks(context.pegasus)


def epoch_of(file):
    """Return the epoch in the name of a sample grid."""
    return file.stem.lstrip("0") or "0"


def spread(items, count):
    """Return at most `count` of `items`, evenly spread from the first to the last."""
    if len(items) <= count:
        return items
    return [items[round(index * (len(items) - 1) / (count - 1))] for index in range(count)]


# In the order in which they follow the text where it has no place for them, under these headings.
PLACES = {
    "architecture": (architecture, "Architecture"),
    "method": (method, "Method"),
    "data": (data, "Data"),
    "settings": (settings, "Settings"),
    "training": (training, "Training"),
    "samples": (samples, "Samples"),
    "reconstructions": (reconstructions, "Samples"),
    "interpolations": (interpolations, "Samples"),
    "scores": (scores, "Scores"),
    "pegasus": (pegasus, "Pegasus"),
    "neighbours": (neighbours, "Pegasus"),
}
