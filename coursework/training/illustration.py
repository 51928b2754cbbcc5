"""The figures of one trained run: architecture, curves, reconstructions, interpolations, arithmetic, class mixtures."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coursework.data.dataset import Dataset
from coursework.figures import architecture, diagram
from coursework.figures.grids import curves, reconstructions, save_png, strips
from coursework.models.base import spread
from coursework.networks.latents import interpolate
from coursework.training.run import Report, Run
from coursework.training.run_data import load_data
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError
from coursework.util.files import write_text

STEPS = 8
ROWS = 6
# Images of each class behind a class's mean code.
CLASS_SAMPLE = 500
# "horse - deer + bird": what the first has over the second, given to the third's place.
ARITHMETIC = ("horse", "deer", "bird")

# Pairs each image with one from the other half of the split, so of another class where it is sorted by class.
_PARTNERS = np.arange(2 * ROWS).reshape(2, ROWS).T.ravel()


def illustrate(run: Run, seed: int = 0, report: Report = print) -> list[Path]:
    """Write every figure that the run's model allows into figures/, and return the files.

    All have interpolations and the architecture; an autoencoder also reconstructions and, where the data set has
    the classes of `ARITHMETIC`, latent arithmetic; a conditional model mixtures of classes.
    """
    trained = TrainedRun(run)
    dataset = load_data(run, report)
    written = [_architecture(trained), _curves(run)]
    if trained.has("encoder"):
        images = spread(dataset.test_images, 16)
        written.append(run.figures / "reconstructions.png")
        save_png(written[-1], reconstructions(images, trained.decode(trained.encode(images)), scale=3))
        ends = trained.encode(spread(dataset.test_images, 2 * ROWS)[_PARTNERS])
        written.append(_arithmetic(trained, dataset))
    else:
        ends = trained.latents(2 * ROWS, seed)
    labels = trained.labels(ROWS)
    classes, titles = (None, ()) if labels is None else (labels.repeat(STEPS), [dataset.class_names[i] for i in labels])
    for spherical, name in ((False, "interpolation-linear"), (True, "interpolation-spherical")):
        paths = [interpolate(first, last, STEPS, spherical) for first, last in zip(ends[::2], ends[1::2], strict=True)]
        decoded = trained.decode(np.concatenate(paths), classes=classes).reshape(ROWS, STEPS, *dataset.image_shape)
        written.append(run.figures / f"{name}.png")
        save_png(written[-1], strips(decoded, row_titles=titles, scale=3))
    if trained.conditional:
        written.append(_mixing(trained, dataset, seed))
    written = [file for file in written if file is not None]
    report(f"{run.path}: {', '.join(file.name for file in written)}")
    return written


def arithmetic(
    trained: TrainedRun, dataset: Dataset, count: int = 8, classes: Sequence[str] = ARITHMETIC
) -> list[tuple[str, np.ndarray]]:
    """Return [(title, images (count, h, w, c))] of images of the first class minus the second plus the third.

    Codes are added image by image: code(image) + mean(third) - mean(second). Raises `UserError` where the data set
    lacks a class.
    """
    means = {}
    for name in classes:
        if name not in dataset.class_names:
            raise UserError(f"data set {dataset.name} has no class {name}")
        chosen = dataset.train_images[dataset.train_labels == dataset.class_names.index(name)][:CLASS_SAMPLE]
        means[name] = trained.encode(chosen).mean(axis=0)
    first, second, third = classes
    images = dataset.test_images[dataset.test_labels == dataset.class_names.index(first)][:count]
    codes = trained.encode(images)
    mixed = codes - means[second] + means[third]
    return [
        (first, images),
        ("reconstruction", trained.decode(codes)),
        (f"- {second} + {third}", trained.decode(mixed)),
    ]


def _arithmetic(trained, dataset):
    if not set(ARITHMETIC) <= set(dataset.class_names):
        return None
    titles, rows = zip(*arithmetic(trained, dataset), strict=True)
    file = trained.run.figures / "arithmetic.png"
    save_png(file, strips(list(rows), row_titles=titles, scale=3))
    return file


def _mixing(trained, dataset, seed):
    """Draw a row for each class, up to `ROWS`: one latent while its class turns into the next one."""
    names, one_hot = dataset.class_names, np.eye(len(dataset.class_names))
    rows = range(min(ROWS, len(names)))
    ends = [(row, (row + 1) % len(names)) for row in rows]
    classes = np.concatenate([interpolate(one_hot[first], one_hot[last], STEPS) for first, last in ends])
    images = trained.decode(trained.latents(len(rows), seed).repeat(STEPS, axis=0), classes=classes)
    file = trained.run.figures / "mixing.png"
    titles = [f"{names[first]} → {names[last]}" for first, last in ends]
    save_png(file, strips(images.reshape(len(rows), STEPS, *dataset.image_shape), row_titles=titles, scale=3))
    return file


def _architecture(trained):
    roles = ("encoder", "generator", "discriminator")
    descriptions = {role: architecture.describe(trained.network(role)) for role in roles if trained.has(role)}
    file = trained.run.figures / "architecture.png"
    diagram.render(descriptions, file)
    # The report draws its own diagram from this, in vectors and without Keras.
    write_text(file.with_suffix(".json"), json.dumps(descriptions, indent=1) + "\n")
    return file


def _curves(run):
    log = run.read_log()
    if not log:
        return None
    file = run.figures / "curves.png"
    curves(log, file, run.read_environment().get("incidents", ()))
    return file
