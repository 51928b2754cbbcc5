"""Horses, and the same horses with wings."""

import numpy as np

from coursework.data.sprites import quadruped, scenery
from coursework.data.sprites.canvas import Canvas, between, moved
from coursework.data.sprites.draws import Draws
from coursework.data.sprites.wing import Wing, paint_wing

BUILD = quadruped.Build(
    hip=(-0.29, 0.02, 0.215),
    chest=(0.29, 0.0, 0.225),
    neck_root=(0.31, 0.10),
    neck=(0.50, 0.18, 0.095),
    neck_angle=0.88,
    head=(0.29, 0.10, 0.062),
    thigh=(0.35, 0.115, 0.055),
    shank=(0.33, 0.052, 0.040),
    hoof=0.052,
    ear=(0.13, 0.045, 0.02),
    ears=(2.26,),
)
GAIT_WEIGHTS = (0.30, 0.25, 0.15, 0.14, 0.16)
# One kind a row: coat, mane and tail, how common.
COATS = (
    ((0.46, 0.26, 0.13), (0.08, 0.06, 0.05), 0.26),
    ((0.60, 0.34, 0.16), (0.50, 0.28, 0.13), 0.20),
    ((0.16, 0.13, 0.12), (0.06, 0.05, 0.05), 0.10),
    ((0.90, 0.88, 0.85), (0.84, 0.82, 0.78), 0.18),
    ((0.80, 0.62, 0.36), (0.95, 0.90, 0.78), 0.10),
    ((0.62, 0.61, 0.60), (0.30, 0.30, 0.31), 0.08),
    ((0.32, 0.20, 0.14), (0.90, 0.82, 0.64), 0.08),
)
BAY = 0
WHITE = np.array([0.93, 0.91, 0.88], np.float32)
PLUMAGES = ((0.96, 0.96, 0.97), (0.86, 0.80, 0.66), (0.66, 0.52, 0.36), (0.36, 0.36, 0.42))


def paint(canvas: Canvas, draws: Draws) -> None:
    """Paint one horse in each image."""
    _paint(canvas, draws, winged=False)


def paint_winged(canvas: Canvas, draws: Draws) -> None:
    """Paint one winged horse in each image: the horse that `paint` would paint, and a pair of wings."""
    _paint(canvas, draws, winged=True)


def _paint(canvas, draws, winged):
    pose = quadruped.draw_pose(draws, BUILD, GAIT_WEIGHTS)
    # Under a leaping horse the horizon is low: it is seen against the sky.
    leaping = pose.gait == quadruped.LEAPING
    horizon = np.where(leaping, draws.uniform("low horizon", 4, 9), draws.uniform("horizon", 7, 21))
    scenery.meadow(canvas, draws, horizon, snow=0.04)
    quadruped.place(canvas, draws, pose, scale=16.2)

    coat, mane, lower_leg = _draw_colours(draws)
    hoof = np.full_like(coat, 0.13)
    near_fore, far_fore, near_hind, far_hind = pose.legs
    if winged:
        near_wing, far_wing = _draw_wings(draws)
        plumage, tip = _draw_plumage(draws, np.maximum(coat, mane))
        paint_wing(canvas, far_wing, plumage, tip, brightness=0.74)
    for leg, hind in ((far_fore, False), (far_hind, True)):
        quadruped.paint_leg(canvas, BUILD, leg, coat, lower_leg, hoof, hind, brightness=0.66)
    _paint_tail(canvas, draws, pose, mane)
    trunk = quadruped.paint_trunk(canvas, BUILD, coat)
    for leg, hind in ((near_hind, True), (near_fore, False)):
        quadruped.paint_leg(canvas, BUILD, leg, coat, lower_leg, hoof, hind)
    _paint_patch(canvas, draws, trunk)
    quadruped.paint_neck(canvas, BUILD, pose, coat)
    quadruped.paint_head(canvas, BUILD, pose, coat, coat * np.float32(0.6))
    blaze = canvas.cone(between(pose.poll, pose.muzzle, 0.2), 0.03, between(pose.poll, pose.muzzle, 0.9), 0.02)
    canvas.paint(blaze, WHITE, opacity=draws.flag("blaze", 0.25))
    _paint_mane(canvas, draws, pose, mane)
    if winged:
        paint_wing(canvas, near_wing, plumage, tip)


def _draw_colours(draws):
    """Return the colours of the coat, of mane and tail, and of the lower legs."""
    coats, manes, weights = zip(*COATS, strict=True)
    kind = draws.index("coat", weights)
    tint = draws.uniform("tint", -0.04, 0.04, (3,)) + draws.uniform("brightness", -0.06, 0.06)[:, None]
    coat = np.clip(np.float32(coats)[kind] + tint, 0, 1)
    mane = np.clip(np.float32(manes)[kind] + tint, 0, 1)
    dark_legs = (draws.flag("dark legs", 0.4) & (kind == BAY))[:, None]
    socks = draws.flag("socks", 0.3)[:, None]
    return coat, mane, np.where(dark_legs, mane, np.where(socks, WHITE, coat))


def _paint_patch(canvas, draws, trunk):
    """Paint the white patch of a pinto across the back of some."""
    low = (draws.uniform("patch", -0.3, 0.1), draws.uniform("patch height", -0.12, 0.05))
    size = draws.uniform("patch size", 0.10, 0.16)
    canvas.paint(canvas.cone((low[0], 0.18), size, low, 0.8 * size), WHITE, draws.flag("pinto", 0.12), within=trunk)


def _paint_tail(canvas, draws, pose, colour):
    """Paint a long tail of hair, streaming behind a horse that runs."""
    moving = (pose.gait == quadruped.RUNNING) | (pose.gait == quadruped.LEAPING)
    root = (BUILD.hip[0] - 0.17, BUILD.hip[1] + 0.09)
    angle = np.where(moving, np.pi + 0.25, np.pi + 0.85) + draws.uniform("tail", -0.2, 0.2)
    middle = moved(root, angle, 0.2)
    end = moved(middle, angle + 0.55, draws.uniform("tail length", 0.30, 0.42))
    canvas.paint(canvas.cone(root, 0.045, middle, 0.075), colour)
    canvas.paint(canvas.cone(middle, 0.075, end, 0.03), colour)


def _paint_mane(canvas, draws, pose, colour):
    """Paint the crest, locks that fall over the near side of the neck, and the forelock."""
    wind = draws.uniform("wind", -0.2, 0.5)
    for fraction in (0.15, 0.42, 0.69, 0.95):
        point = between(pose.neck, pose.poll, fraction)
        width = BUILD.neck[1] + fraction * (BUILD.neck[2] - BUILD.neck[1])
        crest = moved(point, pose.neck_angle + 0.5 * np.pi, 0.8 * width)
        lock = moved(crest, pose.neck_angle + np.pi - 0.35 + wind, 0.17)
        canvas.paint(canvas.cone(crest, 0.058, lock, 0.03), colour)
    crown = moved(pose.poll, pose.head_angle + 0.5 * np.pi, 0.07)
    canvas.paint(canvas.cone(crown, 0.045, moved(crown, pose.head_angle, 0.09), 0.02), colour)


def _draw_plumage(draws, accent):
    """Return the colours of the wings and of their tips, which `accent` (n, 3) tints in some."""
    white = draws.flag("white wings", 0.55)[:, None]
    plumage = np.where(white, np.float32(PLUMAGES[0]), draws.colour("plumage", PLUMAGES))
    return plumage, np.where(draws.flag("tipped", 0.22)[:, None], accent * np.float32(0.9), plumage)


def _draw_wings(draws):
    """Return the near and the far wing, raised, spread or half folded."""
    posture = draws.index("wing posture", (0.45, 0.35, 0.20))
    size = draws.uniform("wing size", 0.92, 1.08)
    beat = draws.uniform("wing beat", -0.15, 0.15)

    def choose(raised, spread, folded):
        return np.choose(posture, (raised, spread, folded))

    def wing(root, lean):
        return Wing(
            root=root,
            arm=(choose(1.88, 2.20, 2.0) + beat + lean, choose(0.40, 0.40, 0.22) * size),
            inner=(choose(3.02, 3.14, 3.25) + 0.5 * (beat + lean), choose(0.36, 0.38, 0.50) * size),
            outer=(choose(2.18, 2.50, 2.90) + beat + lean, choose(0.44, 0.52, 0.66) * size),
            width=0.085,
        )

    return wing((0.16, 0.12), 0.0), wing((0.24, 0.14), choose(-0.45, -0.45, -0.3))
