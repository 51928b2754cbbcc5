"""A data set folder of real classes and of collages, how each was made, and the collages behind a run."""

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from coursework.data import Dataset, load_dataset
from coursework.evaluation.sources import ImageSet
from coursework.extractors.judge import find_judge
from coursework.pegasus.collages.bodies import Body, main_part
from coursework.pegasus.collages.collage import Geometry, compose, draw_geometry
from coursework.pegasus.collages.record import (
    CLASS,
    RECORD_FILE,
    SETTINGS_FILE,
    SPLITS,
    Counts,
    Settings,
    collage_file,
    settings_of,
)
from coursework.pegasus.collages.selection import select
from coursework.pegasus.collages.wings import Wing
from coursework.training.run import Report, Run
from coursework.util.errors import UserError
from coursework.util.files import expanded, replacing_folder
from coursework.util.progress import Progress
from coursework.util.tables import write_csv

# Test collages for each training collage.
TEST_SHARE = 0.2
# Draws of a pair before it counts as one without room.
TRIES = 50


def write_collages(
    dataset: Dataset,
    folder: Path,
    body: str,
    wings: str,
    others: Sequence[str],
    count: int,
    seed: int,
    report: Report = print,
) -> None:
    """Write real images and collages of `dataset` into `folder`, in the layout train/<class>/*, test/<class>/*.

    body, wings: classes of the sources. others: further classes whose real images are written. count: training
    collages; a fifth as many are made of test images. Training collages have sources of the training split alone,
    test collages of the test split. collages.csv tells the sources and the geometry of each, collages.json what the
    folder was made from. Raises `UserError` where the folder holds something or sources are too few.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is there already: remove it, or write elsewhere by --output")
    classes = tuple(dict.fromkeys((body, wings, *others)))
    dataset.only(classes)
    if CLASS in classes:
        raise UserError(f"{dataset.name} has a class {CLASS} of its own: collages would be mixed with it")
    judge = find_judge(dataset)
    found = {split: select(dataset, split, body, wings, judge) for split in SPLITS}
    counts = {"train": count, "test": max(1, round(TEST_SHARE * count))}
    rows = []
    with replacing_folder(folder) as temporary:
        for split in SPLITS:
            _write_real(dataset, split, classes, temporary)
            rows += _write_split(dataset, split, *found[split], counts[split], seed, temporary)
        write_csv(temporary / RECORD_FILE, [rows[0].keys(), *(row.values() for row in rows)])
        Settings(
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            judge=None if judge is None else judge.sha256,
            classes=(*classes, CLASS),
            body=body,
            wings=wings,
            seed=seed,
            collages=Counts(**counts),
            bodies=Counts(**{split: len(found[split][0]) for split in SPLITS}),
            wings_cut=Counts(**{split: len(found[split][1]) for split in SPLITS}),
        ).write(temporary)
    report(
        f"{folder}: {counts['train']:,} collages of {len(found['train'][0])} bodies and {len(found['train'][1])} wings "
        f"for training, {counts['test']:,} of {len(found['test'][0])} and {len(found['test'][1])} for testing"
    )


def make_collages(
    images: np.ndarray, bodies: Sequence[Body], wings: Sequence[Wing], count: int, seed: tuple[int, ...]
) -> Iterator[tuple[np.ndarray, Body, Wing, Geometry]]:
    """Yield (image, body, wing, geometry) of `count` collages; the i-th depends on seed, i and sources alone.

    images: of the split that bodies and wings were found in. seed: a tuple of whole numbers.
    """
    rooms = [_room(body) for body in bodies]
    for number in range(count):
        generator = np.random.default_rng((*seed, number))
        for _ in range(TRIES):
            chosen = int(generator.integers(len(bodies)))
            body, wing = bodies[chosen], wings[int(generator.integers(len(wings)))]
            geometry = draw_geometry(body, wing, rooms[chosen], generator)
            if geometry is not None:
                yield compose(images[body.index], body, wing, geometry), body, wing, geometry
                break
        else:
            raise UserError("bodies leave no room for wings above them: give images with more ground about them")


def _room(body: Body) -> int:
    """Return by how many pixels the image may be moved down: its feet stay in, and no head is mirrored at the top."""
    rows = np.flatnonzero(main_part(body.mask).any(1))
    return int(np.clip(min(body.mask.shape[0] - 1 - rows[-1], rows[0] - 2), 0, body.mask.shape[0] // 10))


def _write_real(dataset: Dataset, split: str, classes: Sequence[str], folder: Path) -> None:
    images, labels = dataset.split(split)
    for name in classes:
        target = folder / split / name
        target.mkdir(parents=True)
        for index in np.flatnonzero(labels == dataset.class_names.index(name)):
            Image.fromarray(images[index]).save(target / f"{index:05}.png")


def _write_split(
    dataset: Dataset, split: str, bodies: Sequence[Body], wings: Sequence[Wing], count: int, seed: int, folder: Path
) -> list[dict[str, Any]]:
    """Write the collages of a split and return their rows of the record."""
    images, _ = dataset.split(split)
    (folder / split / CLASS).mkdir(parents=True)
    rows = []
    with Progress(f"collages, {split}", count) as progress:
        made = make_collages(images, bodies, wings, count, (seed, SPLITS.index(split)))
        for number, (image, body, wing, geometry) in enumerate(made):
            name = collage_file(split, number)
            Image.fromarray(image).save(folder / name)
            sources = {"file": name, "body": body.index, "wing": wing.index, "lobe": wing.number}
            rows.append({**sources, **dataclasses.asdict(geometry)})
            progress.update(number + 1)
    return rows


@dataclass(frozen=True)
class Collages:
    """Collages of a run, in their order. sources: (index of the body, index of the wings' bird) of training collages.

    Indices are those of training images of the data set that `settings` name.
    """

    settings: Settings
    train: ImageSet
    test: ImageSet
    sources: list[tuple[int, int]]

    def describe(self, index: int) -> dict[str, Any]:
        """Return the name and the sources of a training collage, ready for JSON."""
        body, wing = self.sources[index]
        return {
            "file": collage_file("train", index),
            "body": {"class": self.settings.body, "train_index": body},
            "wings": {"class": self.settings.wings, "train_index": wing},
        }


def collages_of(run: Run, dataset: Dataset) -> Collages:
    """Return the `Collages` that a run was trained on: those in its data set folder or, if it is gone, made again.

    dataset: the one that the collages come from. Raises `UserError` where they cannot be made again.
    """
    settings = settings_of(run)
    folder = expanded(run.read_config().dataset)
    if settings is None:
        raise UserError(f"{run.path} was trained on no collages: train one with `make train-pegasus`")
    if not (folder / SETTINGS_FILE).is_file():
        return _made_again(settings, dataset, run)
    settings.write(run.path)
    found = load_dataset(folder)
    parts = []
    for split in SPLITS:
        images, labels = found.split(split)
        parts.append(ImageSet(f"collages:{split}", images[labels == found.class_names.index(CLASS)]))
    try:
        with open(folder / RECORD_FILE, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["file"].startswith("train/")]
        sources = [(int(row["body"]), int(row["wing"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"cannot read {folder / RECORD_FILE}: remove {folder} and write it again ({error})") from error
    if len(sources) != len(parts[0].images):
        raise UserError(f"{folder} holds other collages than {RECORD_FILE} lists: remove it and write it again")
    train, test = parts
    return Collages(settings, train, test, sources)


def _made_again(settings: Settings, dataset: Dataset, run: Run) -> Collages:
    """Return the collages of `settings`, made again from `dataset`."""
    gone = f"the collages of {run.path} are gone ({run.read_config().dataset})"
    if settings.fingerprint != dataset.fingerprint:
        raise UserError(f"{gone}, and {dataset.name} is not the data set that they were made from")
    judge = find_judge(dataset)
    if settings.judge != (judge.sha256 if judge else None):
        raise UserError(f"{gone}, and the judge that selected their sources is not the one of {dataset.name}")
    parts, sources = [], []
    for number, split in enumerate(SPLITS):
        bodies, wings = select(dataset, split, settings.body, settings.wings, judge)
        if (len(bodies), len(wings)) != (getattr(settings.bodies, split), getattr(settings.wings_cut, split)):
            raise UserError(f"{gone}, and another number of sources is found now: train the run again")
        images, _ = dataset.split(split)
        count = getattr(settings.collages, split)
        made = list(make_collages(images, bodies, wings, count, (settings.seed, number)))
        parts.append(ImageSet(f"collages:{split}", np.stack([image for image, *_ in made])))
        sources.append([(body.index, wing.index) for _, body, wing, _ in made])
    train, test = parts
    return Collages(settings, train, test, sources[0])
