"""The rules that the images and what makes them must keep: each returns its breaches, a line each."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from coursework.data.cifar10 import CLASS_NAMES
from coursework.pegasus.batch_files import BEST, LATENTS, RECORDS, SHEET
from coursework.pegasus.collages.record import CLASS, settings_of
from coursework.submission.imports import Source, reachable, way_to
from coursework.submission.material import SIDE, Material
from coursework.submission.pretrained import findings
from coursework.training.run import Run
from coursework.util.files import sha256

COUNT = 64
DATASET = "cifar10"
# Bytes of all weights together.
LARGEST = 20_000_000


def best_image(material: Material) -> Iterator[str]:
    """There is a best image of 32x32 pixels, and it is the first of the batch, as its record says."""
    best, file = material.best, material.pegasus / BEST
    if best is None:
        if not file.is_file():
            yield f"no best image {file}: make pegasus"
    elif best.shape != (SIDE, SIDE, 3):
        yield f"the best image is of {best.shape[1]}x{best.shape[0]} pixels, not {SIDE}x{SIDE}: make pegasus"
    elif material.images is not None and len(material.images) and not np.array_equal(best, material.images[0]):
        yield f"the best image is not the first of {SHEET}, which its record in {RECORDS} describes: make pegasus"


def count_of_images(material: Material) -> Iterator[str]:
    """The batch holds exactly 64 images, with a record and latents for each."""
    if material.sheet is None:
        if not (material.pegasus / SHEET).is_file():
            yield f"no batch {material.pegasus / SHEET}: make pegasus"
    elif material.images is None:
        yield f"{material.pegasus / SHEET} is no sheet of {SIDE}x{SIDE} images: make pegasus"
    for what, found in ((SHEET, material.images), (RECORDS, material.records), (LATENTS, material.latents)):
        if found is not None and len(found) != COUNT:
            yield f"{what} is of {len(found)} images, not of exactly {COUNT}: make pegasus, with --count {COUNT}"


def only_cifar10(material: Material) -> Iterator[str]:
    """The runs behind the batch and the report, and the ranking, have seen CIFAR-10 alone."""
    for run in {run.name: run for run in [*material.generators.values(), *material.runs]}.values():
        config, made = run.read_config(), run.name in material.generators
        collages = settings_of(run)
        source = collages.dataset if collages else config.dataset
        todo = "make pegasus with runs of cifar10" if made else "leave it out: make report and submission RUNS=..."
        if source != DATASET:
            yield f"{run.name} was trained on {source:.80}, not on {DATASET}: {todo}"
        own = {CLASS} if collages else set()
        unknown = sorted({*run.read_environment().get("class_names", ()), *config.classes} - {*CLASS_NAMES, *own})
        if unknown and source == DATASET:
            yield f"{run.name} was trained on {unknown[0]:.60}, which is no class of CIFAR-10: {todo}"
    for label in dict.fromkeys(str(record.get("dataset_label")) for record in material.records or ()):
        if not label.startswith("CIFAR-10"):
            yield f"images of the batch were chosen with {label:.60}, not with CIFAR-10: make pegasus"
    ranked_by = material.comparison.get("dataset_fingerprint")
    for name, run in material.generators.items():
        collages = settings_of(run)
        trained_on = collages.fingerprint if collages else run.read_environment().get("dataset_fingerprint")
        # A selection of classes is another set of images; the whole is compared.
        if not run.read_config().classes and None not in (ranked_by, trained_on) and ranked_by != trained_on:
            yield f"{name} was trained on other images than the batch was chosen with: make pegasus, or train it again"


def nothing_pretrained(material: Material, entry: Source) -> Iterator[str]:
    """No source that pegasus.py imports speaks of pretrained weights: a reminder, no proof. entry: its `Source`."""
    if not material.sources:
        return
    sources = {**material.sources, entry.module: entry}
    importers = reachable(sources, entry.module)
    for module in importers:
        source = sources[module]
        for line, what in findings(source)[:3]:
            way = " imports ".join(sources[name].path for name in way_to(module, importers))
            yield f"a sign of pretrained weights: {source.path} line {line} {what}; remove it ({way})"


def unchecked(material: Material, entry: Source) -> list[str]:
    """Return a line for each source that pegasus.py imports and that imports or runs what it computes."""
    sources = {**material.sources, entry.module: entry}
    reached = [sources[module] for module in reachable(sources, entry.module)] if material.sources else []
    return [
        f"{source.path} line {source.computed[0]} imports or runs what it computes: nobody has looked for pretrained "
        "weights there"
        for source in reached
        if source.computed
    ]


def weights_of(material: Material) -> dict[str, Path]:
    """Return {path in the zip: file} of the weights that remake the batch."""
    found = {}
    for record in material.records or ():
        name, weights = record["origin"]["run"], record["origin"]["weights"]
        if name in material.generators:
            run = material.generators[name]
            folder = run.best if weights == "best" else run.path
            file = Run(folder).network("generator")
            found[f"runs/{name}/{file.relative_to(run.path).as_posix()}"] = file
    return found


def weights(material: Material) -> Iterator[str]:
    """The weights are there, are those that made the batch, and are 20 MB or less."""
    files = weights_of(material)
    recorded = material.comparison.get("weights")
    recorded = recorded if isinstance(recorded, dict) else {}
    for file in files.values():
        name = file.parent.name
        if not file.is_file():
            yield f"no weights {file}: train the run, or copy them there from where it was trained"
        elif name in recorded and sha256(file) != recorded[name]:
            yield f"{file} is not what the batch was made from, {name} has changed since: make pegasus"
    sizes = {file: file.stat().st_size for file in files.values() if file.is_file()}
    if sum(sizes.values()) > LARGEST:
        largest = max(sizes, key=lambda file: sizes[file])
        yield (
            f"the weights are {sum(sizes.values()) / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f} MB: make pegasus "
            f"RUNS=... of fewer runs; the largest is {largest} with {sizes[largest] / 1e6:.1f} MB"
        )


RULES = (best_image, count_of_images, only_cifar10, weights)
