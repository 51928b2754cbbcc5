"""Horses and deer: one skeleton, two builds, five gaits.

The frame has its origin in the middle of the barrel and the height of the withers as its unit; x runs to the muzzle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coursework.data.sprites import scenery
from coursework.data.sprites.canvas import SIZE, Canvas, Number, Point, Shape, moved
from coursework.data.sprites.draws import Draws

GROUND = -0.76
# Hip or shoulder, knee or hock, hoof.
Leg = tuple[Point, Point, Point]
STANDING, WALKING, RUNNING, GRAZING, LEAPING = range(5)


@dataclass(frozen=True)
class Build:
    """Proportions of a species. Radii are given from the trunk outwards.

    hip, chest: centre (x, y) and radius of the ends of the barrel. neck_root: where the neck starts.
    neck, head, thigh, shank: length and two radii. neck_angle: of a raised head, in radians above the horizontal.
    hoof: radius. ear: length and two radii. ears: angles from the axis of the head, one for each ear seen.
    """

    hip: tuple[float, float, float]
    chest: tuple[float, float, float]
    neck_root: tuple[float, float]
    neck: tuple[float, float, float]
    neck_angle: float
    head: tuple[float, float, float]
    thigh: tuple[float, float, float]
    shank: tuple[float, float, float]
    hoof: float
    ear: tuple[float, float, float]
    ears: tuple[float, ...]


@dataclass(frozen=True)
class Pose:
    """Places of the parts of a block of animals: points (x, y) and angles, each one number for each image.

    gait: one of the constants above. neck, poll, muzzle: the ends of the neck and of the head.
    legs: near fore, far fore, near hind, far hind.
    """

    gait: np.ndarray
    neck: Point
    neck_angle: np.ndarray
    poll: Point
    head_angle: np.ndarray
    muzzle: Point
    legs: tuple[Leg, Leg, Leg, Leg]


def draw_pose(draws: Draws, build: Build, gaits: Sequence[float]) -> Pose:
    """Draw the gaits with the weights `gaits`, and the angles of every joint."""
    gait = draws.index("gait", gaits)
    stride = draws.uniform("stride", 0, 2 * np.pi)
    raised = build.neck_angle + draws.uniform("neck", -0.22, 0.22)
    neck_angle = np.select(
        [gait == GRAZING, gait == RUNNING, gait == LEAPING],
        [draws.uniform("grazing neck", -0.95, -0.75), raised - 0.28, raised - 0.1],
        raised,
    )
    nod = draws.uniform("nod", -0.2, 0.2)
    head_angle = np.where(gait == GRAZING, -1.25 + nod, neck_angle - 1.4 + nod)
    reach = np.where(gait == GRAZING, 1.18, 1.0)
    poll = moved(build.neck_root, neck_angle, build.neck[0] * reach)
    legs = tuple(
        _leg(draws, build, gait, stride, name, hind=hind, offset=offset)
        for name, hind, offset in (
            ("near fore", False, 0.0),
            ("far fore", False, np.pi),
            ("near hind", True, 0.5 * np.pi),
            ("far hind", True, 1.5 * np.pi),
        )
    )
    muzzle = moved(poll, head_angle, build.head[0])
    return Pose(gait, build.neck_root, neck_angle, poll, head_angle, muzzle, legs)


def _leg(draws, build, gait, stride, name, hind, offset):
    """Return hip, hock and hoof of a leg; angles are measured from straight down, forward positive."""
    # The hoof runs around a flattened circle: back along the ground, forward through the air.
    lift, swing = moved((0.0, 0.0), stride + offset, 1.0)
    lift = np.maximum(lift, 0)
    jitter = draws.uniform(name, -1, 1)
    forward = -1.0 if hind else 1.0
    far = 1.0 if "far" in name else 0.0
    rest = 0.07 * jitter + 0.13 * far - 0.05
    upper = np.select(
        [gait == WALKING, gait == RUNNING, gait == LEAPING],
        [
            0.36 * swing,
            forward * (0.62 + 0.3 * jitter) + 0.24 * far,
            forward * 0.35 + 0.45 * (not hind) + 0.25 * jitter,
        ],
        rest + (0.16 if hind else 0.0),
    )
    lower = np.select(
        [gait == WALKING, gait == RUNNING, gait == LEAPING],
        [upper - 0.55 * lift, upper - (0.3 if hind else 0.5 + 0.45 * jitter), -0.85 - 0.2 * jitter],
        rest * 0.5 - (0.2 if hind else 0.0),
    )
    root = (build.hip[0] - 0.02, build.hip[1] - 0.04) if hind else (build.chest[0], build.chest[1] - 0.06)
    root = (root[0] + 0.04 * far, root[1])
    knee = moved(root, upper - 0.5 * np.pi, build.thigh[0])
    return root, knee, moved(knee, lower - 0.5 * np.pi, build.shank[0])


def place(canvas: Canvas, draws: Draws, pose: Pose, scale: Number) -> None:
    """Put the animals on their ground, with their shadow, `scale` pixels to the unit on average."""
    scale = scale * draws.uniform("scale", 0.88, 1.06)
    running, leaping = pose.gait == RUNNING, pose.gait == LEAPING
    scale = scale * np.where(running | leaping, 0.9, 1.0)
    facing = draws.sign("facing")
    floor = draws.uniform("floor", 1.8, 4.5)
    flight = np.where(leaping, draws.uniform("flight", 1.0, 3.5), 0.0)
    centre = SIZE / 2 - 0.08 * scale * facing + draws.uniform("shift", -1.3, 1.3)
    angle = np.where(leaping, draws.uniform("leap", 0.0, 0.4), draws.uniform("slope", -0.06, 0.06))
    shadow = canvas.smudge((centre, floor), (0.62 * scale, 1.6))
    canvas.paint(shadow, (0.06, 0.08, 0.05), opacity=np.where(leaping, 0.35, 0.65))
    canvas.place((centre, floor + flight - GROUND * scale), scale, angle, facing)
    scenery.light(canvas, draws, facing)


def paint_leg(
    canvas: Canvas,
    build: Build,
    leg: Leg,
    colour: np.ndarray,
    lower_colour: np.ndarray,
    hoof_colour: np.ndarray,
    hind: bool,
    brightness: float = 1.0,
) -> None:
    """Paint a leg: `colour` (n, 3) above the knee, `lower_colour` below, the hoof last."""
    root, knee, hoof = leg
    wide = 1.25 if hind else 1.0
    dim = np.float32(brightness)
    canvas.paint(canvas.cone(knee, build.shank[1], hoof, build.shank[2]), lower_colour * dim)
    canvas.paint(canvas.cone(root, build.thigh[1] * wide, knee, build.thigh[2]), colour * dim)
    toe = (hoof[0] + 0.025, hoof[1])
    canvas.paint(canvas.cone(hoof, build.hoof, toe, build.hoof), hoof_colour * dim)


def paint_trunk(canvas: Canvas, build: Build, colour: np.ndarray) -> Shape:
    """Paint the barrel and return its shape, for markings that stay within it."""
    shape = canvas.cone(build.hip[:2], build.hip[2], build.chest[:2], build.chest[2])
    canvas.paint(shape, colour)
    return shape


def paint_neck(canvas: Canvas, build: Build, pose: Pose, colour: np.ndarray) -> None:
    """Paint the neck over the shoulder."""
    canvas.paint(canvas.cone(pose.neck, build.neck[1], pose.poll, build.neck[2]), colour)


def paint_head(canvas: Canvas, build: Build, pose: Pose, colour: np.ndarray, muzzle_colour: np.ndarray) -> None:
    """Paint the ears, the head over their roots, the muzzle and the eye."""
    root = moved(pose.poll, pose.head_angle + 0.6 * np.pi, 0.6 * build.head[1])
    for angle in build.ears:
        tip = moved(root, pose.head_angle + angle, build.ear[0])
        canvas.paint(canvas.cone(root, build.ear[1], tip, build.ear[2]), colour * np.float32(0.88))
    canvas.paint(canvas.cone(pose.poll, build.head[1], pose.muzzle, build.head[2]), colour)
    canvas.paint(canvas.ball(pose.muzzle, build.head[2] * 0.9), muzzle_colour, opacity=0.8)
    eye = moved(moved(pose.poll, pose.head_angle, 0.25 * build.head[0]), pose.head_angle + 0.5 * np.pi, 0.02)
    canvas.paint(canvas.ball(eye, 0.035), (0.05, 0.04, 0.04), opacity=0.75)
