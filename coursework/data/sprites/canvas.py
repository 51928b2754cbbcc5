"""Painting antialiased, lit shapes on a block of small images at once.

Only additions, products, quotients, square roots, minima and maxima touch the pixels. IEEE 754 rounds each of them in
one way, so the images are the same bytes on every machine.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

SIZE = 32
# A number, or one for each image: (n,).
Number = float | np.ndarray
Point = tuple[Number, Number]


@dataclass(frozen=True)
class Shape:
    """A shape rasterised on a block: how much of each pixel it covers, and how brightly it is lit there.

    coverage: float32 (n, 32, 32) in [0, 1].
    shade: factor of the colour, float32 that broadcasts to (n, 32, 32).
    """

    coverage: np.ndarray
    shade: np.ndarray


def per_image(values: ArrayLike) -> np.ndarray:
    """Return a number, or one for each image, as float32 that broadcasts over (n, 32, 32)."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)


def moved(point: Point, angle: Number, length: Number) -> Point:
    """Return the point at `length` from `point` in the direction `angle` (radians, anticlockwise from +x)."""
    # In float64: machines disagree about the last bit of a cosine, and the rounding to float32 hides that.
    angle = np.asarray(angle, dtype=np.float64)
    return point[0] + length * np.cos(angle), point[1] + length * np.sin(angle)


def between(start: Point, end: Point, fraction: Number) -> Point:
    """Return the point at `fraction` of the way from `start` to `end`."""
    return start[0] + fraction * (end[0] - start[0]), start[1] + fraction * (end[1] - start[1])


class Canvas:
    """A block of images and the frame its subject is drawn in.

    Shapes are given in the subject's frame: x forward, y up, lengths in the subject's own unit. `place` says where
    that frame lies in each image; until then it is the image itself, in pixels, with y up from the lower edge.

    image: float32 (n, 3, 32, 32), channels red, green, blue in [0, 1].
    """

    def __init__(self, count: int) -> None:
        self.image = np.zeros((count, 3, SIZE, SIZE), dtype=np.float32)
        centres = np.arange(SIZE, dtype=np.float32) + np.float32(0.5)
        self.x = np.broadcast_to(centres, (count, SIZE, SIZE))
        self.y = np.broadcast_to(centres[::-1, None], (count, SIZE, SIZE))
        self.pixels = np.ones((1, 1, 1), dtype=np.float32)
        self.light = tuple(per_image(value) for value in (0.0, 0.8, 0.6))
        self.ambient, self.diffuse = per_image(0.6), per_image(0.5)

    def place(self, origin: Point, scale: Number, angle: Number, facing: Number) -> None:
        """Put the subject's origin at `origin` pixels, `scale` pixels to its unit, raised by `angle`, facing ±1."""
        facing, scale = per_image(facing), per_image(scale)
        x, y = (self.x - per_image(origin[0])) * facing, self.y - per_image(origin[1])
        cosine, sine = (per_image(value) for value in moved((0, 0), angle, 1))
        self.x, self.y = (x * cosine + y * sine) / scale, (y * cosine - x * sine) / scale
        self.pixels = scale

    def illuminate(self, direction: tuple[Number, Number, Number], ambient: Number, diffuse: Number) -> None:
        """Light the subject along `direction` (x, y, z in its frame, z towards the viewer)."""
        self.light = tuple(per_image(value) for value in direction)
        self.ambient, self.diffuse = per_image(ambient), per_image(diffuse)

    def only(self, mask: np.ndarray) -> "Canvas":
        """Return a canvas of the images in `mask` with the same frame; `put` copies its images back."""
        part = copy.copy(self)
        part.image, part.x, part.y = self.image[mask], self.x[mask], self.y[mask]
        for name in ("pixels", "ambient", "diffuse"):
            setattr(part, name, _rows(getattr(self, name), mask))
        part.light = tuple(_rows(value, mask) for value in self.light)
        return part

    def put(self, mask: np.ndarray, part: "Canvas") -> None:
        """Replace the images in `mask` by those of `part`."""
        self.image[mask] = part.image

    def cone(self, start: Point, start_radius: Number, end: Point, end_radius: Number, blur: Number = 1.0) -> Shape:
        """Return a round cone, the hull of two discs, lit as a solid of revolution; `blur` is its edge in pixels."""
        ax, ay = per_image(start[0]), per_image(start[1])
        ex, ey = per_image(end[0]) - ax, per_image(end[1]) - ay
        # The small constant keeps a cone of no length, a ball, from dividing by zero.
        norm = ex * ex + ey * ey + np.float32(1e-8)
        radius, growth = per_image(start_radius), per_image(end_radius) - per_image(start_radius)
        x, y = self.x - ax, self.y - ay
        along = np.clip(x * (ex / norm) + y * (ey / norm), 0, 1)
        x -= along * ex
        y -= along * ey
        inverse = 1 / (radius + along * growth)
        x *= inverse
        y *= inverse
        square = x * x + y * y
        coverage = (1 - np.sqrt(square)) / inverse
        coverage *= self.pixels / per_image(blur)
        coverage += np.float32(0.5)
        np.clip(coverage, 0, 1, out=coverage)
        depth = np.sqrt(np.maximum(1 - square, 0))
        shade = np.maximum(x * self.light[0] + y * self.light[1] + depth * self.light[2], 0)
        shade *= self.diffuse
        shade += self.ambient
        return Shape(coverage, shade)

    def ball(self, centre: Point, radius: Number, blur: Number = 1.0) -> Shape:
        """Return a lit ball."""
        return self.cone(centre, radius, centre, radius, blur)

    def polygon(self, corners: Sequence[Point], shade: Number = 1.0) -> Shape:
        """Return an evenly lit convex polygon; its corners run anticlockwise in the subject's frame."""
        edges = []
        for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
            ax, ay = per_image(start[0]), per_image(start[1])
            ex, ey = per_image(end[0]) - ax, per_image(end[1]) - ay
            length = np.sqrt(ex * ex + ey * ey) + np.float32(1e-8)
            edges.append((self.x - ax) * (ey / length) - (self.y - ay) * (ex / length))
        return Shape(np.clip(0.5 - np.maximum.reduce(edges) * self.pixels, 0, 1), per_image(shade))

    def smudge(self, centre: Point, radii: Point) -> Shape:
        """Return a soft ellipse that fades from its centre to its rim: a shadow on the ground, a glow."""
        x = (self.x - per_image(centre[0])) / per_image(radii[0])
        y = (self.y - per_image(centre[1])) / per_image(radii[1])
        return Shape(np.maximum(1 - (x * x + y * y), 0), per_image(1.0))

    def paint(self, shape: Shape, colour: ArrayLike, opacity: Number = 1.0, within: Shape | None = None) -> None:
        """Lay `colour`, float32 (n, 3) or (3,), over the images where `shape` is, at most where `within` is."""
        coverage = shape.coverage if within is None else np.minimum(shape.coverage, within.coverage)
        coverage = coverage * per_image(opacity)
        colour = np.asarray(colour, dtype=np.float32).reshape(-1, 3)
        for channel in range(3):
            plane = self.image[:, channel]
            change = shape.shade * per_image(colour[:, channel]) - plane
            change *= coverage
            plane += change


def _rows(values, mask):
    return values[mask] if len(values) == len(mask) else values
