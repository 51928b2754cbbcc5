"""What stands at the places of a report's text: {{architecture}}, {{method}}, {{scores}} and so on.

All of it is about the final model and its Pegasus; the other models are in the appendix.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from coursework.report.context import Context, ReportedRun
from coursework.report.differences import settings_blocks
from coursework.report.document import Block, cite, figure, note, panel, paragraph
from coursework.report.drawings import drawn_architecture, drawn_curves, training_caption
from coursework.report.images import first_rows
from coursework.report.method import method_blocks
from coursework.report.pegasus import collage_blocks, neighbour_blocks, pegasus_blocks
from coursework.report.scores_table import final_score_blocks

Item = TypeVar("Item")
THROUGH_TRAINING = 4
ROWS_SHOWN = 4
# A GAN's latents are Gaussian or uniform; straight lines between them leave where they lie.
INTERPOLATIONS = ("interpolation-spherical", "interpolation-linear")


def architecture(context: Context) -> list[Block]:
    """The diagram of the final model."""
    image = context.images.add(drawn_architecture(context.final.run))
    if image is None:
        return [note(f"No diagram of {context.final.name} yet: make figures.")]
    return [
        figure("architecture", [panel(image, context.final.name, height=120)], ["Architecture of the final model."])
    ]


def method(context: Context) -> list[Block]:
    """What the final model minimises."""
    return method_blocks(context.final.config)


def data(context: Context) -> list[Block]:
    """The data, and the judge that scores."""
    final = context.final
    sizes = [record.get("reference_n") or 0 for record in final.metrics if record["name"] == "fd_judge"]
    size = f", {max(sizes):,} training images" if sizes and all(sizes) else ""
    known = cite("cifar10") if final.config.dataset == "cifar10" else None
    scored_by = {record.get("extractor_sha256") for record in final.metrics if record["name"] == "fd_judge"}
    judges = [
        f" FD-judge compares features of a classifier that is trained on the training split alone and names "
        f"{100 * judge['accuracy']:.1f} % of the test images correctly."
        for sha256, judge in context.judges.items()
        if sha256 in scored_by and isinstance(judge.get("accuracy"), int | float)
    ]
    return [paragraph(f"Data: {final.data}", " " if known else "", known, f"{size}.", *judges[:1])]


def settings(context: Context) -> list[Block]:
    """The settings of the final model, and what its training took."""
    return settings_blocks([context.final])


def training(context: Context) -> list[Block]:
    """The final model's curves, and its sample grids through training."""
    final = context.final
    curves = context.images.add(drawn_curves(final.run))
    blocks = [note(f"No epoch of {final.name} has been logged yet.")]
    if curves:
        caption = training_caption(final.run, "Training of the final model.")
        blocks = [figure("training", [panel(curves, final.name)], [caption])]
    return blocks + through_training(context, final, "through-training", "Samples through training, equal latents.")


def through_training(context: Context, run: ReportedRun, target: str, caption: str, rows: int = 2) -> list[Block]:
    """Return the figure of the first rows of a run's sample grids, from the first to the last, or nothing."""
    files = run.sample_files
    if len(files) < 2:
        return []
    panels = [
        panel(image, f"epoch {epoch_of(file)}", height=60)
        for file in spread(files, THROUGH_TRAINING)
        if (image := context.images.add(file, lambda sheet: first_rows(sheet, rows)))
    ]
    return [figure(target, panels, [caption], columns=3 if len(panels) == 3 else 2)] if len(panels) > 1 else []


def samples(context: Context) -> list[Block]:
    """The last sample grid of the final model."""
    if not context.final.sample_files:
        return [note("No sample grid has been written yet.")]
    caption = ["Samples of the final model, not selected."]
    return [figure("samples", [sample_panel(context, context.final)], caption)]


def sample_panel(context: Context, run: ReportedRun) -> dict[str, Any]:
    """Return the panel of a run's last sample grid, which says what is on it."""
    file = run.sample_files[-1]
    label = f"{run.name}, epoch {epoch_of(file)}: {_grid_words(run)} · {run.dataset}"
    return panel(context.images.add(file), label, height=70, missing=f"{file.name} is broken")


def _grid_words(run: ReportedRun) -> str:
    if not run.is_autoencoder:
        return "a row a class" if run.config.model.name == "conditional_sngan" else "samples"
    if run.config.model.name in ("vae", "aae"):
        return "test images over reconstructions twice, then samples"
    return "test images at both ends, interpolations between"


def reconstructions(context: Context) -> list[Block]:
    """Test images and their reconstructions by the final model."""
    return _of_final(context, "reconstructions", _reconstructions(context.final), "Test images over reconstructions.")


def interpolations(context: Context) -> list[Block]:
    """Interpolations of the final model: straight between codes, on the sphere between Gaussian latents."""
    return _of_final(context, "interpolations", _interpolations(context.final), "Interpolations.")


def body_images(run: ReportedRun) -> list[Path]:
    """Return the PNG figures of the final run that the report shows."""
    return [*_reconstructions(run), *_interpolations(run)]


def _reconstructions(run: ReportedRun) -> list[Path]:
    return [file for file in [run.run.figures / "reconstructions.png"] if file.is_file()]


def _interpolations(run: ReportedRun) -> list[Path]:
    stems = INTERPOLATIONS[::-1] if run.is_autoencoder else INTERPOLATIONS
    return [file for stem in stems if (file := run.run.figures / f"{stem}.png").is_file()][:1]


def _of_final(context: Context, target: str, files: list[Path], caption: str) -> list[Block]:
    """Return a figure of the first rows of the images in `files`, at most one, that can be read."""
    for file in files:
        image = context.images.add(file, lambda sheet: first_rows(sheet, ROWS_SHOWN))
        if image:
            kind = file.stem.partition("-")[2]
            label = f"{context.final.name}{', ' + kind if kind else ''} · {context.final.dataset}"
            return [figure(target, [panel(image, label, height=50)], [caption])]
    return []


def scores(context: Context) -> list[Block]:
    """The final model's scores with their floors."""
    return final_score_blocks(context.final)


def pegasus(context: Context) -> list[Block]:
    """The Pegasus, its batch and its scores, and how its class was learned."""
    return [*pegasus_blocks(context.pegasus), *collage_blocks(context.pegasus)]


def neighbours(context: Context) -> list[Block]:
    """The best one's nearest neighbours."""
    return neighbour_blocks(context.pegasus)


def epoch_of(file: Path) -> str:
    """Return the epoch in the name of a sample grid."""
    return file.stem.lstrip("0") or "0"


def spread(items: Sequence[Item], count: int) -> Sequence[Item]:
    """Return at most `count` of `items`, evenly spread from the first to the last."""
    if len(items) <= count:
        return items
    return [items[round(index * (len(items) - 1) / (count - 1))] for index in range(count)]


# In the order in which they follow the text where it has no place for them, under these headings.
PLACES: dict[str, tuple[Callable[[Context], list[Block]], str]] = {
    "pegasus": (pegasus, "Pegasus"),
    "architecture": (architecture, "Architecture"),
    "method": (method, "Method"),
    "data": (data, "Data and settings"),
    "settings": (settings, "Data and settings"),
    "scores": (scores, "Results"),
    "training": (training, "Results"),
    "samples": (samples, "Results"),
    "reconstructions": (reconstructions, "Results"),
    "interpolations": (interpolations, "Results"),
    "neighbours": (neighbours, "Nearest neighbours"),
}
