"""Pairs of training images, one with the body and one with wings, and their codes."""

from dataclasses import dataclass

import numpy as np

from coursework.pegasus.decoding import encode
from coursework.pegasus.draws import draw_wings
from coursework.pegasus.task import Task
from coursework.training.sampling import TrainedRun


@dataclass(frozen=True)
class Pairs:
    """bodies, wings: indices (n,) of training images; kinds: n class names of the winged ones."""

    bodies: np.ndarray
    wings: np.ndarray
    kinds: list[str]


def draw_pairs(task: Task, generators: list[np.random.Generator]) -> Pairs:
    """Return a pair for each generator, wings of all the task's classes with equal chance."""
    kinds = draw_wings(task, generators)
    bodies = [task.choose(task.body, 1, generator)[0] for generator in generators]
    wings = [task.choose(kind, 1, generator)[0] for kind, generator in zip(kinds, generators, strict=True)]
    return Pairs(np.array(bodies), np.array(wings), kinds)


def codes_of(task: Task, trained: TrainedRun, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes (n, ...) of the bodies' images, and of the winged ones'."""
    images = task.dataset.train_images
    return encode(trained, images[pairs.bodies]), encode(trained, images[pairs.wings])


def pair_notes(task: Task, pairs: Pairs) -> list[dict]:
    """Return what origins tell of each pair: {"body": {...}, "wings": {...}}."""
    return [
        {
            "body": {"class": task.body, "train_index": int(body)},
            "wings": {"class": kind, "train_index": int(wing)},
        }
        for body, wing, kind in zip(pairs.bodies, pairs.wings, pairs.kinds, strict=True)
    ]
