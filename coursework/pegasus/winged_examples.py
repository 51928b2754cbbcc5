"""What the judge of winged horses learns from: collages of held-out sources, and images that only resemble them."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from coursework.data.dataset import Dataset
from coursework.extractors.judge import Judge
from coursework.extractors.judge_training import shifted
from coursework.pegasus.collages.bodies import LEVEL, Body
from coursework.pegasus.collages.collage import Geometry, compose
from coursework.pegasus.collages.dataset import make_collages
from coursework.pegasus.collages.selection import FLIGHT_CLASS, Criteria, select
from coursework.pegasus.collages.wings import Wing
from coursework.pegasus.composites import TWO_PICTURES
from coursework.pegasus.composites import compose as compose_pictures
from coursework.pegasus.views import blur, spoil, to_bytes

# A test split has few sources, so the selection is looser than that of the collages that a generator learns from: on
# CIFAR-10 it finds 109 bodies instead of 64 and 46 wings instead of 20.
LOOSE = Criteria(sure=0.5, flight_share=0.25, most=1000)

# Shares of the examples. All but the first are negatives.
SHARES = {
    "collage": 0.34,
    "body": 0.10,
    "misplaced": 0.14,
    "ground": 0.03,
    "winged class": 0.08,
    "other": 0.06,
    "two pictures": 0.05,
    "faint": 0.04,
    "distorted": 0.10,
    "doubled": 0.03,
    "blurred": 0.03,
}
POSITIVE = "collage"
# Where wings do not belong. Ranges of (row, column, angle, length): the row is 0 at the back and 1 at the feet, the
# column is in lengths of the trunk from the wing's place, forwards; angle and length as in `Geometry`.
MISPLACED = {
    "floating": ((-0.5, -0.28), (-0.4, 0.4), (40, 140), (8, 13)),
    "below": ((0.4, 0.7), (-0.4, 0.4), (220, 320), (8, 14)),
    "head": ((-0.45, -0.15), (0.45, 0.75), (45, 150), (8, 14)),
    "behind": ((0.0, 0.5), (-1.1, -0.8), (-30, 60), (9, 15)),
    "before": ((0.0, 0.6), (0.7, 1.0), (110, 200), (9, 15)),
    "across": ((0.6, 1.1), (-0.5, 0.5), (50, 130), (13, 20)),
    "over the neck": ((0.0, 0.15), (0.1, 0.4), (125, 175), (10, 16)),
    "stump": ((0.0, 0.05), (-0.2, 0.1), (60, 100), (2.5, 5)),
}
# Standard deviation in pixels of the warp that every example gets at most, and of those that deform an animal.
SLIGHT_WARP, STRONG_WARP = 0.5, (1.8, 3.5)
# Points a side of the grid that a warp is smooth between.
WARP_GRID = 6
# How much of a wing is seen in negatives that have one too faint to count.
FAINT = (0.1, 0.35)


@dataclass(frozen=True)
class Sources:
    """The images of a split, uint8 (n, h, w, c), and what collages are made of.

    members: indices of the images of the class "body", of the classes with "wings", and of all "other" ones.
    """

    images: np.ndarray
    members: dict[str, np.ndarray]
    bodies: list[Body]
    wings: list[Wing]

    def parts(self, share: float) -> tuple["Sources", "Sources"]:
        """Return two sets of sources that have nothing in common; the second one has `share` of each kind."""

        def cut(values: Any, last: bool) -> Any:
            edge = max(1, len(values) - max(1, round(share * len(values))))
            return values[edge:] if last else values[:edge]

        # Both wings of a bird fall into one part.
        birds = list(dict.fromkeys(wing.index for wing in self.wings))
        found = []
        for last in (False, True):
            known = set(cut(birds, last))
            wings = [wing for wing in self.wings if wing.index in known]
            bodies = cut(self.bodies, last)
            used = {body.index for body in self.bodies} - {body.index for body in bodies}
            members = {
                name: np.array([index for index in cut(indices, last) if index not in used], np.int64)
                for name, indices in self.members.items()
            }
            # The bodies of this part are among its plain images too.
            members["body"] = np.union1d(members["body"], [body.index for body in bodies])
            found.append(Sources(self.images, members, bodies, wings))
        return found[0], found[1]


def find_sources(dataset: Dataset, split: str, body: str, wings: str, judge: Judge | None) -> Sources:
    """Return the `Sources` of a split; judge: of the data set, None to do without its opinion.

    Raises `UserError` for a missing class and too few bodies or wings.
    """
    dataset.only((body, wings))
    images, labels = dataset.split(split)
    bodies, cut = select(dataset, split, body, wings, judge, LOOSE)
    winged = [name for name in dict.fromkeys((wings, FLIGHT_CLASS)) if name in dataset.class_names]
    names = {"body": [body], "winged class": winged}
    names["other"] = [name for name in dataset.class_names if name not in (body, *winged)] or winged
    members = {
        kind: np.flatnonzero(np.isin(labels, [dataset.class_names.index(name) for name in some]))
        for kind, some in names.items()
    }
    return Sources(images, members, bodies, cut)


def examples(sources: Sources, count: int, seed: int | tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (images uint8 (n, h, w, c), truth float32 (n,), kinds (n,)) in random order; n is about `count`.

    truth: 1 for winged horses. kinds: names of `SHARES`, whose shares they have.
    """
    generator = np.random.default_rng(seed)
    images, names = [], []
    for kind, share in SHARES.items():
        number = max(1, round(share * count))
        images.append(_MAKERS[kind](sources, number, generator))
        names += [kind] * number
    kinds = np.array(names)
    order = generator.permutation(len(kinds))
    return np.concatenate(images)[order], (kinds == POSITIVE).astype(np.float32)[order], kinds[order]


def augmented(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return uint8 images shifted, slightly warped, and some of them blurred, noisy or of another tone."""
    strengths = generator.uniform(0, SLIGHT_WARP, len(images))
    return spoil(warped(shifted(images, generator), strengths, generator), generator)


def warped(images: np.ndarray, strengths: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return float32 images (n, h, w, c), pixels of each moved smoothly by `strengths` (n,) pixels on an average."""
    count, height, width, channels = images.shape
    coarse = generator.standard_normal((count, 2, WARP_GRID, WARP_GRID)) * np.asarray(strengths)[:, None, None, None]
    matrices = [_spline(side) for side in (height, width)]
    moves = np.einsum("ia,nkab,jb->nkij", matrices[0], coarse, matrices[1])
    places = [
        np.clip(np.arange(side).reshape(shape) + moves[:, axis], 0, side - 1)
        for axis, (side, shape) in enumerate(((height, (1, -1, 1)), (width, (1, 1, -1))))
    ]
    first = [
        np.minimum(np.floor(place).astype(np.int64), side - 2)
        for place, side in zip(places, (height, width), strict=True)
    ]
    parts = [(place - start)[..., None].astype(np.float32) for place, start in zip(places, first, strict=True)]
    rows, numbers = images.astype(np.float32), np.arange(count)[:, None, None]

    def at(down: int, right: int) -> np.ndarray:
        return rows[numbers, first[0] + down, first[1] + right]

    above = at(0, 0) * (1 - parts[1]) + at(0, 1) * parts[1]
    below = at(1, 0) * (1 - parts[1]) + at(1, 1) * parts[1]
    return above * (1 - parts[0]) + below * parts[0]


def _spline(side: int) -> np.ndarray:
    """Return (side, WARP_GRID): cubic interpolation from a grid of points to pixels."""
    return ndimage.zoom(np.eye(WARP_GRID), (side / WARP_GRID, 1), order=3, mode="nearest", grid_mode=True)


def _collages(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return uint8 (count, h, w, c)."""
    seed = int(generator.integers(2**31))
    made = make_collages(sources.images, sources.bodies, sources.wings, count, (seed,))
    return np.stack([image for image, *_ in made])


def _plain(kind: str) -> Callable[[Sources, int, np.random.Generator], np.ndarray]:
    """Return the maker of images as they are, of `Sources.members`."""
    return lambda sources, count, generator: sources.images[generator.choice(sources.members[kind], count)]


def _misplaced(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return bodies with wings where they do not belong, see `MISPLACED`, toned as those of collages are."""
    return np.stack([_with_odd_wing(sources, generator) for _ in range(count)])


def _without_body(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return wings on the grounds of bodies, where these are painted over with the colours about them."""
    return np.stack([_with_odd_wing(sources, generator, painted_over=True) for _ in range(count)])


def _with_odd_wing(sources: Sources, generator: np.random.Generator, painted_over: bool = False) -> np.ndarray:
    body = sources.bodies[int(generator.integers(len(sources.bodies)))]
    wing = sources.wings[int(generator.integers(len(sources.wings)))]
    image, scale = sources.images[body.index], body.mask.shape[0] / 32
    names = list(MISPLACED)
    rows, columns, angles, lengths = MISPLACED[names[int(generator.integers(len(names)))]]
    height = np.flatnonzero((body.mask > LEVEL).any(1))[-1] - body.back[0]
    if painted_over:
        image = _without_figure(image[:, ::-1] if body.flipped else image, body.mask)
        body = dataclasses.replace(body, flipped=False)
    geometry = Geometry(
        row=body.back[0] + generator.uniform(*rows) * height,
        column=body.back[1] + generator.uniform(*columns) * body.length,
        drop=0,
        angle=generator.uniform(*angles),
        length=generator.uniform(*lengths) * scale,
        stretch=float(np.clip(generator.uniform(0.5, 0.7) / wing.width, 0.65, 1.7)),
        bend=generator.uniform(0, 0.3),
        tone=generator.uniform(0.6, 1.0),
        light=generator.uniform(0.06, 0.22) if generator.random() < 0.45 else 0.0,
        far=bool(generator.random() < 0.4),
        far_turn=generator.uniform(8, 16),
        far_forward=generator.uniform(0.5, 2) * scale,
        far_light=generator.uniform(0.68, 0.85),
        mirrored=bool(generator.random() < 0.5),
    )
    return compose(image, body, wing, geometry)


def _without_figure(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a uint8 image whose figure is painted over with the mean colours of the ground near it."""
    ground = 1 - ndimage.grey_dilation(np.clip(2 * mask, 0, 1), size=3)
    total = ndimage.gaussian_filter(ground, 4.0) + 1e-4
    near = [ndimage.gaussian_filter(image[..., k] * ground, 4.0) / total for k in range(image.shape[-1])]
    return to_bytes(image * ground[..., None] + np.stack(near, axis=-1) * (1 - ground[..., None]))


def _two_pictures(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return composites of an image of the body and one of the winged classes."""
    first, second = (_plain(kind)(sources, count, generator) for kind in ("body", "winged class"))
    return to_bytes(compose_pictures(first, second, generator, TWO_PICTURES).images)


def _faint(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return collages whose wings are hardly there."""
    seed = int(generator.integers(2**31))
    pairs = []
    for image, body, _, geometry in make_collages(sources.images, sources.bodies, sources.wings, count, (seed,)):
        bare = sources.images[body.index]
        bare = bare[:, ::-1] if body.flipped else bare
        if geometry.drop:
            bare = np.concatenate([bare[: geometry.drop][::-1], bare[: -geometry.drop]])
        pairs.append((image, bare[:, ::-1] if geometry.mirrored else bare))
    images, bare = (np.stack(part).astype(np.float32) for part in zip(*pairs, strict=True))
    share = generator.uniform(*FAINT, (count, 1, 1, 1))
    return to_bytes(share * images + (1 - share) * bare)


def _distorted(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return collages so warped that neither animal nor wing keeps its shape."""
    images = _collages(sources, count, generator)
    return to_bytes(warped(images, generator.uniform(*STRONG_WARP, count), generator))


def _doubled(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return double exposures of two collages, or of a collage and a body."""
    first = _collages(sources, count, generator).astype(np.float32)
    half = count // 2
    second = np.concatenate([_collages(sources, count - half, generator), _plain("body")(sources, half, generator)])
    share = generator.uniform(0.4, 0.6, (count, 1, 1, 1))
    return to_bytes(share * first + (1 - share) * second)


def _blurred(sources: Sources, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return bodies and collages that are smoothed until little of their outline is left."""
    half = count // 2
    images = np.concatenate([_collages(sources, count - half, generator), _plain("body")(sources, half, generator)])
    images = images.astype(np.float32)
    for _ in range(12):
        images = blur(images, np.full(count, 0.33))
    return to_bytes(images)


_MAKERS = {
    "collage": _collages,
    "body": _plain("body"),
    "misplaced": _misplaced,
    "ground": _without_body,
    "winged class": _plain("winged class"),
    "other": _plain("other"),
    "two pictures": _two_pictures,
    "faint": _faint,
    "distorted": _distorted,
    "doubled": _doubled,
    "blurred": _blurred,
}
