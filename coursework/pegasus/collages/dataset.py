"""A data set folder of real classes and of collages, and the record of how each collage was made."""

import csv
import dataclasses
import json

import numpy as np
from PIL import Image

from coursework.extractors.judge import find_judge
from coursework.pegasus.collages.bodies import main_part
from coursework.pegasus.collages.collage import compose, draw_geometry
from coursework.pegasus.collages.selection import select
from coursework.util.errors import UserError
from coursework.util.files import replacing_folder
from coursework.util.progress import Progress

CLASS = "pegasus"
RECORD_FILE = "collages.csv"
SETTINGS_FILE = "collages.json"
SPLITS = ("train", "test")
# Test collages for each training collage.
TEST_SHARE = 0.2
# Draws of a pair before it counts as one without room.
TRIES = 50


def write_collages(dataset, folder, body, wings, others, count, seed, report=print):
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
        _write_record(temporary / RECORD_FILE, rows)
        settings = {
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint,
            "judge": None if judge is None else judge.sha256,
            "classes": [*classes, CLASS],
            "body": body,
            "wings": wings,
            "seed": seed,
            "collages": counts,
            "bodies": {split: len(found[split][0]) for split in SPLITS},
            "wings_cut": {split: len(found[split][1]) for split in SPLITS},
        }
        (temporary / SETTINGS_FILE).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    report(
        f"{folder}: {counts['train']:,} collages of {len(found['train'][0])} bodies and {len(found['train'][1])} wings "
        f"for training, {counts['test']:,} of {len(found['test'][0])} and {len(found['test'][1])} for testing"
    )


def make_collages(images, bodies, wings, count, seed):
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


def _room(body):
    """Return by how many pixels the image may be moved down: its feet stay in, and no head is mirrored at the top."""
    rows = np.flatnonzero(main_part(body.mask).any(1))
    return int(np.clip(min(body.mask.shape[0] - 1 - rows[-1], rows[0] - 2), 0, body.mask.shape[0] // 10))


def _write_real(dataset, split, classes, folder):
    images, labels = dataset.split(split)
    for name in classes:
        target = folder / split / name
        target.mkdir(parents=True)
        for index in np.flatnonzero(labels == dataset.class_names.index(name)):
            Image.fromarray(images[index]).save(target / f"{index:05}.png")


def _write_split(dataset, split, bodies, wings, count, seed, folder):
    """Write the collages of a split and return their rows of the record."""
    images, _ = dataset.split(split)
    target = folder / split / CLASS
    target.mkdir(parents=True)
    rows = []
    with Progress(f"collages, {split}", count) as progress:
        made = make_collages(images, bodies, wings, count, (seed, SPLITS.index(split)))
        for number, (image, body, wing, geometry) in enumerate(made):
            name = f"{number:05}.png"
            Image.fromarray(image).save(target / name)
            sources = {"file": f"{split}/{CLASS}/{name}", "body": body.index, "wing": wing.index, "lobe": wing.number}
            rows.append({**sources, **dataclasses.asdict(geometry)})
            progress.update(number + 1)
    return rows


def _write_record(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
