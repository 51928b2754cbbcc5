"""Pictures that are two: blends, patches, pastes, halves; made of any labelled images, with what is seen of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from coursework.pegasus.views import View

KINDS = ("blend", "patch", "paste", "beside", "joined", "cutout")
# Those that are made of two scenes; what is cut out along its outline brings none with it.
TWO_PICTURES = KINDS[:5]
# A subject is present from the second share of it that is seen on, absent up to the first; between, in proportion.
PRESENT = (0.1, 0.35)


@dataclass(frozen=True)
class Composites:
    """n composites of two images each, a first and a second one.

    images: float32 (n, h, w, c) in [0, 255]. masks: (n, h, w), how much of the second image a pixel shows.
    shares: (n, 2), how much of the subject of either is seen (see `View.share`). kinds: (n,), indices into `KINDS`.
    """

    images: np.ndarray
    masks: np.ndarray
    shares: np.ndarray
    kinds: np.ndarray

    def presence(self, labels: np.ndarray, class_count: int) -> np.ndarray:
        """Return float32 (n, class_count) in [0, 1]: is something of a class there? labels: (n, 2) of both images."""
        found = np.zeros((len(labels), class_count), dtype=np.float32)
        for which in range(2):
            np.maximum.at(found, (np.arange(len(labels)), labels[:, which]), visible(self.shares[:, which]))
        return found


def visible(shares: np.ndarray) -> np.ndarray:
    """Return (n,) in [0, 1], how far subjects count as present of which `shares` (n,) are seen, see `PRESENT`."""
    return np.clip((shares - PRESENT[0]) / (PRESENT[1] - PRESENT[0]), 0.0, 1.0)


def compose(
    first: np.ndarray, second: np.ndarray, generator: np.random.Generator, kinds: Sequence[str] = KINDS
) -> "Composites":
    """Return `Composites` of images (n, h, w, c), each of a kind drawn from `kinds`.

    blend: both at once, like a double exposure. patch: a soft ellipse or rectangle shows the second in its place
    (CutMix, Yun et al. 2019, with soft edges). paste: the second shrunk, cut out and put somewhere over the first.
    beside: both shrunk and put side by side, or one above the other. joined: half of one and half of the other, cut
    along a line. cutout: a part of the second, cut out along its outline (`foreground`), somewhere over the first.
    """
    count, height, width, _ = first.shape
    drawn = generator.integers(len(kinds), size=count)
    images = np.empty(first.shape, dtype=np.float32)
    masks = np.empty((count, height, width), dtype=np.float32)
    shares = np.empty((count, 2), dtype=np.float32)
    for number, kind in enumerate(kinds):
        rows = np.flatnonzero(drawn == number)
        if not len(rows):
            continue
        one, two, mask = _ARRANGEMENTS[kind](len(rows), height, width, generator)
        below, above = one.show(first[rows]), two.show(second[rows])
        seen = mask
        if kind == "cutout":
            mask = mask * two.show(foreground(second[rows])[..., None])[..., 0]
        above = _toned(above, below, mask, generator)
        images[rows] = (1 - mask[..., None]) * below + mask[..., None] * above
        masks[rows] = mask
        shares[rows] = np.stack([one.share(1 - mask), two.share(seen)], axis=1)
    return Composites(images, masks, shares, np.array([KINDS.index(kind) for kind in kinds])[drawn])


def foreground(images: np.ndarray) -> np.ndarray:
    """Return masks (n, h, w) in [0, 1] of what differs in colour from all along an image's edges: roughly its subject.

    The distance of a pixel's colour to the nearest of every second one on the edges, in units of the largest such
    distances of the image; from .3 of them on a pixel begins to belong to the subject, from .6 on it does wholly.
    """
    values = images.astype(np.float32)
    edges = np.concatenate([values[:, 0, ::2], values[:, -1, ::2], values[:, ::2, 0], values[:, ::2, -1]], axis=1)
    squared = np.full(images.shape[:3], np.inf, np.float32)
    for index in range(edges.shape[1]):
        np.minimum(squared, np.square(values - edges[:, None, None, index]).sum(axis=3), out=squared)
    distance = np.sqrt(squared)
    largest = np.quantile(distance, 0.95, axis=(1, 2), keepdims=True)
    return np.clip((distance / np.maximum(largest, 1) - 0.3) / 0.3, 0, 1)


def _toned(above: np.ndarray, below: np.ndarray, mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return `above` with its mean colour drawn towards that of what it hides: in a third not at all, never wholly."""
    weight = mask[..., None] / np.maximum(mask.sum(axis=(1, 2)), 1e-6)[:, None, None, None]
    difference = ((below - above) * weight).sum(axis=(1, 2), keepdims=True)
    strength = np.maximum(0.0, generator.uniform(-0.5, 1, len(above)))
    return np.clip(above + strength.astype(np.float32)[:, None, None, None] * difference, 0, 255)


# Views of the first and of the second image, and where the second one shows.
Layout: TypeAlias = tuple[View, View, np.ndarray]


def _blend(count: int, height: int, width: int, generator: np.random.Generator) -> Layout:
    share = generator.uniform(0.3, 0.7, (count, 1, 1))
    moved = generator.uniform(-1 / 8, 1 / 8, (count, 2)) * (height, width)
    mask = np.broadcast_to(share, (count, height, width)).astype(np.float32)
    return View.whole(count, height, width), View(height, width, np.ones(count), moved), mask


def _patch(count: int, height: int, width: int, generator: np.random.Generator) -> Layout:
    centre = generator.uniform(-0.3, 0.3, (count, 2)) * (height, width)
    radii = generator.uniform(0.2, 0.42, (count, 2)) * (height, width)
    whole = View.whole(count, height, width)
    return whole, whole, _spot(height, width, centre, radii, generator)


def _paste(count: int, height: int, width: int, generator: np.random.Generator) -> Layout:
    scale = generator.uniform(0.45, 0.75, count)
    sides = np.array([height, width])
    offset = generator.uniform(-0.5, 0.5, (count, 2)) * (1 - scale)[:, None] * sides
    radii = 0.5 * scale[:, None] * sides * generator.uniform(0.7, 1.0, (count, 2))
    mask = _spot(height, width, offset, radii, generator)
    return View.whole(count, height, width), View(height, width, scale, offset), mask


def _beside(count: int, height: int, width: int, generator: np.random.Generator) -> Layout:
    axis = generator.integers(2, size=count)
    sign = generator.choice([-1.0, 1.0], count)
    unit = np.stack([axis == 0, axis == 1], axis=1) * sign[:, None]
    scales = generator.uniform(0.6, 0.9, (2, count))
    distance = generator.uniform(0.2, 0.26, (2, count, 1)) * (height, width)
    views = [
        View(height, width, scale, side * unit * by) for scale, side, by in zip(scales, (-1, 1), distance, strict=True)
    ]
    return views[0], views[1], _half(height, width, unit, np.zeros(count), generator)


def _cutout(count: int, height: int, width: int, generator: np.random.Generator) -> Layout:
    scale = generator.uniform(0.7, 1.1, count)
    offset = generator.uniform(-0.2, 0.2, (count, 2)) * (height, width)
    # The part is chosen where the second image is.
    centre = offset + generator.uniform(-0.25, 0.25, (count, 2)) * scale[:, None] * (height, width)
    radii = generator.uniform(0.15, 0.4, (count, 2)) * (height, width)
    mask = _spot(height, width, centre, radii, generator)
    return View.whole(count, height, width), View(height, width, scale, offset), mask


def _joined(count: int, height: int, width: int, generator: np.random.Generator) -> Layout:
    angle = generator.uniform(0, 2 * np.pi, count)
    # Half of the cuts are level or upright: what is below or beside of one goes on as the other.
    angle = np.where(generator.random(count) < 0.5, np.round(angle / (np.pi / 2)) * (np.pi / 2), angle)
    unit = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    whole = View.whole(count, height, width)
    return whole, whole, _half(height, width, unit, generator.uniform(-0.15, 0.15, count), generator)


def _spot(height: int, width: int, centre: Any, radii: Any, generator: np.random.Generator) -> np.ndarray:
    """Return masks (n, h, w) of ellipses and rectangles with edges from hard to soft."""
    rows = np.abs(_places(height) - centre[:, :1])[:, :, None] / radii[:, :1, None]
    columns = np.abs(_places(width) - centre[:, 1:])[:, None, :] / radii[:, 1:, None]
    round_ones = (generator.random(len(centre)) < 0.7)[:, None, None]
    distance = np.where(round_ones, np.hypot(rows, columns), np.maximum(rows, columns))
    softness = generator.uniform(0.05, 0.6, (len(centre), 1, 1))
    return np.clip((1 - distance) / softness + 0.5, 0, 1).astype(np.float32)


def _half(height: int, width: int, unit: Any, position: Any, generator: np.random.Generator) -> np.ndarray:
    """Return masks (n, h, w) of what lies beyond a line across `unit` (n, 2) at `position` (n,), in sides."""
    along = unit[:, :1, None] * _places(height)[:, None] / height + unit[:, 1:, None] * _places(width) / width
    softness = generator.uniform(0.02, 0.25, (len(unit), 1, 1))
    return np.clip((along - position[:, None, None]) / softness + 0.5, 0, 1).astype(np.float32)


def _places(side: int) -> np.ndarray:
    """Return (side,) the distances of pixels from the middle."""
    return np.arange(side) - (side - 1) / 2


_ARRANGEMENTS = {
    "blend": _blend,
    "patch": _patch,
    "paste": _paste,
    "beside": _beside,
    "joined": _joined,
    "cutout": _cutout,
}
