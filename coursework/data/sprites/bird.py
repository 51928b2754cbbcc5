"""Birds: on the wing, on a branch or the ground, wading, swimming.

The frame has its origin in the body, whose length is about half a unit; x runs to the beak.
"""

import numpy as np

from coursework.data.sprites import scenery
from coursework.data.sprites.canvas import SIZE, Canvas, moved
from coursework.data.sprites.draws import Draws
from coursework.data.sprites.wing import Wing, paint_wing

# One kind a row: back and wings, breast, how common.
KINDS = (
    ((0.30, 0.24, 0.20), (0.84, 0.74, 0.60), 1.4),
    ((0.24, 0.40, 0.66), (0.90, 0.52, 0.24), 1.0),
    ((0.14, 0.14, 0.17), (0.70, 0.70, 0.70), 1.2),
    ((0.72, 0.16, 0.12), (0.86, 0.30, 0.20), 0.8),
    ((0.52, 0.53, 0.56), (0.90, 0.90, 0.90), 1.2),
    ((0.90, 0.74, 0.18), (0.96, 0.86, 0.44), 0.7),
    ((0.92, 0.92, 0.92), (0.96, 0.95, 0.93), 1.2),
    ((0.30, 0.46, 0.26), (0.80, 0.82, 0.50), 0.6),
)
BEAKS = ((0.95, 0.62, 0.12), (0.20, 0.18, 0.16), (0.90, 0.40, 0.15), (0.85, 0.78, 0.55))
BARKS = ((0.34, 0.24, 0.16), (0.46, 0.40, 0.34), (0.24, 0.20, 0.17))
FLYING_SHARE = 0.42
SONGBIRD, WADER, SWIMMER = range(3)
HABIT_WEIGHTS = (0.62, 0.18, 0.20)


def paint(canvas: Canvas, draws: Draws) -> None:
    """Paint one bird in each image."""
    flying = draws.flag("flying", FLYING_SHARE)
    for name, mask, painter in (("flying", flying, _paint_flying), ("resting", ~flying, _paint_resting)):
        part = canvas.only(mask)
        painter(part, draws.only(mask, name))
        canvas.put(mask, part)


def _draw_colours(draws):
    """Return the colours of the back, the breast and the beak."""
    backs, breasts, weights = zip(*KINDS, strict=True)
    kind = draws.index("plumage", weights)
    tint = draws.uniform("tint", -0.05, 0.05, (3,))
    back = np.clip(np.float32(backs)[kind] + tint, 0, 1)
    breast = np.clip(np.float32(breasts)[kind] + tint, 0, 1)
    breast = np.where(draws.flag("plain", 0.3)[:, None], back * np.float32(1.05), breast)
    return back, breast, draws.colour("beak", BEAKS)


def _place(canvas, draws, scale, centre, angle):
    facing = draws.sign("facing")
    canvas.place(centre, scale * draws.uniform("scale", 0.88, 1.08), angle, facing)
    scenery.light(canvas, draws, facing)


def _paint_head(canvas, centre, radius, colour, beak_colour, beak_length):
    """Paint the beak, the head over its root, and the eye."""
    tip = (centre[0] + radius + beak_length, centre[1] - 0.07)
    root = (centre[0] + 0.6 * radius, centre[1] - 0.02)
    canvas.paint(canvas.cone(root, 0.42 * radius, tip, 0.02), beak_colour)
    canvas.paint(canvas.ball(centre, radius), colour)
    eye = (centre[0] + 0.38 * radius, centre[1] + 0.22 * radius)
    canvas.paint(canvas.ball(eye, 0.045), (0.04, 0.03, 0.03), opacity=0.9)


def _paint_flying(canvas, draws):
    """Paint birds in the air with both wings up, or banked so that the near one points down."""
    scenery.paint_sky(canvas, draws)
    horizon = draws.uniform("horizon", -6, 8)
    scenery.paint_horizon(canvas, draws, horizon, draws.flag("wooded", 0.5) & (horizon > 1))
    land, sea = draws.colour("meadow", scenery.MEADOWS), draws.colour("water", scenery.WATERS)
    surface = np.where(draws.flag("sea", 0.5)[:, None], sea, land)
    scenery.paint_ground(canvas, draws, horizon, surface, draws.uniform("roughness", 0.03, 0.12))

    back, breast, beak = _draw_colours(draws)
    banked = draws.flag("banked", 0.4)
    height = np.where(banked, 15.5, 12.5) + draws.uniform("y", -1.5, 1.5)
    centre = (SIZE / 2 + draws.uniform("x", -1.5, 1.5), height)
    _place(canvas, draws, np.where(banked, 14.4, 15.6), centre, draws.uniform("climb", -0.2, 0.35))
    beat, size = draws.uniform("beat", -0.3, 0.3), draws.uniform("wing size", 0.9, 1.1)

    def wing(root, lean, side):
        return Wing(
            root=root,
            arm=(side * (1.75 + beat + lean), 0.42 * size),
            inner=(side * (2.85 + 0.4 * beat), 0.34 * size),
            outer=(side * (2.15 + beat + lean), 0.58 * size),
            width=0.09,
        )

    tip = np.where(draws.flag("dark tips", 0.4)[:, None], np.float32(0.14), back * np.float32(0.85))
    paint_wing(canvas, wing((0.16, 0.06), np.where(banked, 0.1, -0.55), 1.0), back, tip, brightness=0.72)
    for end, shade in ((-0.12, 0.95), (0.08, 0.95), (-0.02, 0.85)):
        canvas.paint(canvas.cone((-0.32, 0.02), 0.07, (-0.74, end), 0.045), back * np.float32(shade))
    canvas.paint(canvas.cone((-0.34, 0.02), 0.10, (0.26, 0.02), 0.165), breast)
    canvas.paint(canvas.cone((-0.36, 0.07), 0.05, (0.30, 0.10), 0.10), back)
    neck = draws.uniform("neck", 0.0, 0.14)
    head = (0.46 + neck, 0.10 + 0.3 * neck)
    canvas.paint(canvas.cone((0.26, 0.05), 0.12, head, 0.09), breast)
    _paint_head(canvas, head, 0.125, back, beak, draws.uniform("beak length", 0.10, 0.22))
    paint_wing(canvas, wing((0.08, 0.04), 0.05, np.where(banked, -1.0, 1.0)), back, tip)


def _paint_resting(canvas, draws):
    """Paint songbirds on a branch or the ground, long-legged waders, and swimmers."""
    habit = draws.index("habit", HABIT_WEIGHTS)

    def choose(songbird, wader, swimmer):
        return np.choose(habit, (songbird, wader, swimmer))

    branch = (habit == SONGBIRD) & draws.flag("branch", 0.65)
    _paint_perch_scene(canvas, draws, habit, branch)
    leg, size, scale = choose(0.20, 0.52, 0.0), choose(1.0, 0.82, 1.0), choose(17.0, 15.0, 16.5)
    feet = choose(5.0, 3.0, 9.0) + draws.uniform("y", -1, 1.5)
    centre = (SIZE / 2 + draws.uniform("x", -1.3, 1.3), feet + (leg + 0.24 * size) * scale)
    canvas.paint(canvas.smudge((centre[0], feet), (11, 1.6)), (0.06, 0.08, 0.06), opacity=0.5 * ~branch)
    _paint_branch(canvas, draws, feet, branch)
    _place(canvas, draws, scale, centre, 0.0)

    back, breast, beak = _draw_colours(draws)
    for x in (-0.09, 0.07):
        foot = (x + 0.05, -(leg + 0.24 * size))
        canvas.paint(canvas.cone((x, -0.1), 0.035, foot, 0.028), beak * np.float32(0.75), opacity=habit != SWIMMER)
    # The body's axis: a songbird sits upright, a swimmer lies level.
    axis = choose(draws.uniform("upright", 0.15, 0.75), 0.2, 0.05)
    rump, shoulder = moved((0.0, 0.0), axis + np.pi, 0.30 * size), moved((0.0, 0.0), axis, 0.20 * size)
    tail = moved(rump, axis + np.pi, choose(draws.uniform("tail", 0.35, 0.6), 0.22, 0.22))
    canvas.paint(canvas.cone(rump, 0.09, tail, 0.055), back * np.float32(0.8))
    canvas.paint(canvas.cone(rump, 0.15 * size, shoulder, 0.27 * size), breast)

    throat = moved(shoulder, axis, 0.06)
    head = (throat[0] + choose(0.10, 0.14, 0.10), throat[1] + choose(0.22, 0.50, 0.34))
    canvas.paint(canvas.cone(throat, 0.15, head, choose(0.17, 0.075, 0.11)), breast)
    hood = np.where(draws.flag("hood", 0.7)[:, None], back, breast)
    length = choose(draws.uniform("beak length", 0.10, 0.2), 0.36, 0.17)
    _paint_head(canvas, head, choose(0.19, 0.115, 0.15), hood, beak, length)

    elbow = moved(shoulder, axis + 2.0, 0.05 * size)
    canvas.paint(canvas.cone(elbow, 0.17 * size, moved(rump, axis + np.pi, 0.22), 0.03), back)
    bar = canvas.cone(moved(elbow, axis - 1.9, 0.05), 0.03, moved(rump, axis - 1.2, 0.06), 0.03)
    canvas.paint(bar, breast, opacity=0.8 * draws.flag("wing bar", 0.5))


def _paint_perch_scene(canvas, draws, habit, branch):
    """Paint a field, water for swimmers and many waders, leaves behind a branch."""
    horizon = draws.uniform("horizon", 8, 24)
    scenery.meadow(canvas, draws, horizon)
    wet = (habit == SWIMMER) | ((habit == WADER) & draws.flag("wet", 0.6))
    shore = np.where(draws.flag("open water", 0.5), SIZE + 8.0, np.maximum(horizon, 13))
    # A level below the lower edge leaves the field dry.
    level = np.where(wet, shore, -3.0)
    water = draws.colour("water", scenery.WATERS)
    scenery.paint_ground(canvas, draws, level, water, roughness=0.08, name="waves", grain=(18, 4))
    scenery.paint_foliage(canvas, draws, branch | (draws.flag("blurred", 0.3) & ~wet))


def _paint_branch(canvas, draws, height, shown):
    """Paint a branch across the images where `shown`, under the feet at `height` pixels."""
    slant, width = draws.uniform("slant", -3, 3), draws.uniform("branch width", 0.8, 1.8)
    left, right = (-2, height - width - slant), (SIZE + 2, height - width + slant)
    canvas.paint(canvas.cone(left, width, right, width), draws.colour("bark", BARKS), opacity=shown)
