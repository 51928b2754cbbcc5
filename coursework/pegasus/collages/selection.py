"""Which bodies and wings of a split are used for collages."""

from dataclasses import dataclass

import numpy as np

from coursework.data import Dataset
from coursework.extractors.judge import Judge
from coursework.extractors.recorded import extract
from coursework.pegasus.collages.bodies import Body, find_body
from coursework.pegasus.collages.outlines import opponent, outlines
from coursework.pegasus.collages.wings import Wing, find_wings
from coursework.util.errors import UserError

# A bird in flight is one that the judge finds much like an aeroplane: so many of a class, at most, pass for that. The
# more restless the ground about it, the surer that has to be: logits for each unit beyond a plain one's unevenness.
FLIGHT_CLASS = "airplane"
PLAIN = 0.08
PLAIN_PRICE = 15.0
MOST_UNEVEN = 0.2
# Collages repeat themselves where fewer are found.
FEWEST_BODIES, FEWEST_WINGS = 8, 5


@dataclass(frozen=True)
class Criteria:
    """How strict the selection is.

    sure: belief from which on the judge is sure of a body. clear: how plain the ground is where the wing will stand: a
    rider stands out from it. flight_share: of the wings' class that passes for birds in flight. most: images of either
    class that are outlined.
    """

    sure: float = 0.9
    clear: float = 0.10
    flight_share: float = 0.06
    most: int = 2500


STRICT = Criteria()


def select(
    dataset: Dataset, split: str, body: str, wings: str, judge: Judge | None = None, criteria: Criteria = STRICT
) -> tuple[list[Body], list[Wing]]:
    """Return (bodies, wings) of a split; their indices are those of images in the split.

    judge: of the data set, None to do without its opinion. Raises `UserError` where too few are found.
    """
    images, labels = dataset.split(split)
    found_bodies = _bodies(images, np.flatnonzero(labels == dataset.class_names.index(body)), judge, body, criteria)
    found_wings = _wings(images, np.flatnonzero(labels == dataset.class_names.index(wings)), judge, wings, criteria)
    for found, fewest, what, name in (
        (found_bodies, FEWEST_BODIES, "bodies", body),
        (found_wings, FEWEST_WINGS, "wings", wings),
    ):
        if len(found) < fewest:
            raise UserError(
                f"{dataset.name}:{split} has {len(found)} usable {what} among its images of {name}, "
                f"and collages need {fewest}: give another class or more images"
            )
    return found_bodies, found_wings


def unevenness(images: np.ndarray) -> np.ndarray:
    """Return (n,): how far the ring about uint8 images is from one colour that changes evenly across."""
    colours = opponent(images)
    height, width = colours.shape[1:3]
    rows, columns = np.mgrid[:height, :width]
    rows, columns = (rows + 0.5) / height, (columns + 0.5) / width
    ring = np.minimum(np.minimum(rows, 1 - rows), np.minimum(columns, 1 - columns)) < 3 / 32
    base = np.stack([np.ones(ring.sum()), rows[ring], columns[ring]], axis=1).astype(np.float32)
    values = colours[:, ring]
    rest = values - base @ (np.linalg.pinv(base) @ values)
    return np.sqrt((rest**2).mean(1).sum(-1))


def _bodies(images: np.ndarray, indices: np.ndarray, judge: Judge | None, name: str, criteria: Criteria) -> list[Body]:
    if judge is not None:
        logits = extract(judge, images[indices])["logits"].astype(np.float64)
        belief = np.exp(logits - logits.max(1, keepdims=True))
        belief = (belief / belief.sum(1, keepdims=True))[:, judge.class_names.index(name)]
        indices = indices[belief > criteria.sure]
    indices = indices[: criteria.most]
    found = [find_body(int(index), mask) for index, mask in zip(indices, outlines(images[indices]), strict=True)]
    return [
        body for body in found if isinstance(body, Body) and _restlessness(images[body.index], body) < criteria.clear
    ]


def _restlessness(image: np.ndarray, body: Body) -> float:
    """Return how far colours above the back differ from left to right."""
    colours = opponent(image)
    if body.flipped:
        colours = colours[:, ::-1]
    scale = image.shape[0] / 32
    row, column = int(body.back[0]), int(body.back[1])
    box = colours[
        max(0, row - round(9 * scale)) : max(1, row - round(scale)),
        max(0, column - round(7 * scale)) : column + round(3 * scale),
    ]
    return float(np.sqrt(((box - box.mean(1, keepdims=True)) ** 2).sum(-1).mean()))


def _wings(images: np.ndarray, indices: np.ndarray, judge: Judge | None, name: str, criteria: Criteria) -> list[Wing]:
    uneven = unevenness(images[indices])
    usable = uneven < MOST_UNEVEN
    if judge is not None and FLIGHT_CLASS in judge.class_names:
        logits = extract(judge, images[indices])["logits"]
        flight = logits[:, judge.class_names.index(FLIGHT_CLASS)] - logits[:, judge.class_names.index(name)]
        flight -= PLAIN_PRICE * np.maximum(uneven - PLAIN, 0)
        usable &= flight >= np.quantile(flight, 1 - criteria.flight_share)
    indices = indices[usable][: criteria.most]
    masks = outlines(images[indices])
    return [
        wing for index, mask in zip(indices, masks, strict=True) for wing in find_wings(int(index), images[index], mask)
    ]
