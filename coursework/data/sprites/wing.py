"""Feathered wings, of birds and of winged horses."""

from dataclasses import dataclass

import numpy as np

from coursework.data.sprites.canvas import Canvas, Number, Point, between, moved

FEATHERS = 7


@dataclass(frozen=True)
class Wing:
    """One wing in the subject's frame; every number is one, or one for each image.

    root: where it grows. arm: angle and length of its leading edge up to the wrist.
    inner, outer: angle and length of the feather nearest the body and of the one at the wrist; those between turn
    evenly from one to the other. width: radius of a feather at its base.
    """

    root: Point
    arm: tuple[Number, Number]
    inner: tuple[Number, Number]
    outer: tuple[Number, Number]
    width: float


def paint_wing(canvas: Canvas, wing: Wing, colour: np.ndarray, tip_colour: np.ndarray, brightness: float = 1.0) -> None:
    """Paint `wing`, feathers from `colour` at the body to `tip_colour` (n, 3) at the tip, then its arm over them."""
    wrist = moved(wing.root, *wing.arm)
    for feather in range(FEATHERS):
        fraction = feather / (FEATHERS - 1)
        start = between(wing.root, wrist, 0.1 + 0.9 * fraction)
        angle = wing.inner[0] + fraction * (wing.outer[0] - wing.inner[0])
        length = wing.inner[1] + fraction * (wing.outer[1] - wing.inner[1])
        shade = brightness * (1.0 if feather % 2 else 0.86)
        blend = np.float32(fraction * fraction)
        shape = canvas.cone(start, wing.width, moved(start, angle, length), 0.6 * wing.width)
        canvas.paint(shape, ((1 - blend) * colour + blend * tip_colour) * np.float32(shade))
    canvas.paint(canvas.cone(wing.root, 1.25 * wing.width, wrist, 0.95 * wing.width), colour * np.float32(brightness))
