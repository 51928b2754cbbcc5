"""Aeroplanes: airliners, fighters and light aircraft, in the air or on the runway.

The frame has its origin in the middle of the hull and half the hull's length as its unit; x runs to the nose. The far
wing rises behind the hull and the near one comes down before it, as seen from a little above.
"""

from dataclasses import dataclass

import numpy as np

from coursework.data.sprites import scenery
from coursework.data.sprites.canvas import SIZE, Canvas
from coursework.data.sprites.draws import Draws

HULLS = ((0.93, 0.94, 0.95), (0.80, 0.83, 0.86), (0.62, 0.66, 0.70), (0.90, 0.86, 0.74), (0.42, 0.46, 0.44))
HULL_WEIGHTS = (5, 2, 0.8, 0.7, 0.7)
LIVERIES = (
    (0.12, 0.24, 0.58),
    (0.78, 0.12, 0.14),
    (0.10, 0.46, 0.34),
    (0.94, 0.60, 0.12),
    (0.22, 0.24, 0.28),
    (0.30, 0.58, 0.82),
)
AIRLINER, FIGHTER, LIGHT = range(3)
KIND_WEIGHTS = (0.62, 0.16, 0.22)


@dataclass(frozen=True)
class Airframe:
    """What is drawn of an aircraft, one number an image.

    radius: of the hull. wing_x, wing_y: front of the wing's root. root_chord, tip_chord: its length along the hull.
    sweep: how far the tip lies behind the root. span: height of the near wing in the picture.
    fin: height of the fin's tip.
    """

    kind: np.ndarray
    radius: np.ndarray
    wing_x: np.ndarray
    wing_y: np.ndarray
    root_chord: np.ndarray
    tip_chord: np.ndarray
    sweep: np.ndarray
    span: np.ndarray
    fin: np.ndarray


def paint(canvas: Canvas, draws: Draws) -> None:
    """Paint one aeroplane in each image."""
    grounded = draws.flag("grounded", 0.25)
    _paint_scene(canvas, draws, grounded)
    _place(canvas, draws, grounded)
    frame = _draw_airframe(draws)
    hull = draws.colour("hull", HULLS, HULL_WEIGHTS, spread=0.02)
    painted = draws.flag("painted", 0.8)[:, None]
    livery = np.where(painted, draws.colour("livery", LIVERIES), hull * np.float32(0.8))
    wings = np.where(draws.flag("bright wings", 0.2)[:, None], livery, hull)

    _paint_wing(canvas, frame, wings, side=0.8, brightness=0.72)
    _paint_tail(canvas, frame, hull, livery)
    _paint_wheels(canvas, frame, grounded)
    _paint_hull(canvas, draws, frame, hull, livery)
    _paint_wing(canvas, frame, wings, side=-1.0, brightness=0.86)
    _paint_engines(canvas, draws, frame, hull, livery)


def _paint_scene(canvas, draws, grounded):
    """Paint a runway where `grounded`, and elsewhere the sky over a low horizon or none."""
    scenery.paint_sky(canvas, draws)
    height = np.where(grounded, draws.uniform("runway horizon", 9, 16), draws.uniform("horizon", -9, 6))
    scenery.paint_horizon(canvas, draws, height, draws.flag("hilly", 0.6) & (height > 0))
    land = draws.colour("land", scenery.MEADOWS + scenery.WATERS)
    near = np.where(grounded[:, None], draws.colour("tarmac", scenery.TARMACS), land)
    scenery.paint_ground(canvas, draws, height, near, roughness=0.05)


def _place(canvas, draws, grounded):
    facing = draws.sign("facing")
    scale = 14.4 * draws.uniform("scale", 0.88, 1.06)
    height = np.where(grounded, draws.uniform("taxi", 10.5, 13), draws.uniform("altitude", 13, 18))
    angle = np.where(grounded, draws.uniform("taxi angle", -0.03, 0.03), draws.uniform("climb", -0.18, 0.38))
    centre = SIZE / 2 + draws.uniform("x", -1, 1)
    shadow = canvas.smudge((centre, height - 0.36 * scale), (13, 1.8))
    canvas.paint(shadow, (0.05, 0.06, 0.08), opacity=0.7 * grounded)
    canvas.place((centre, height), scale, angle, facing)
    scenery.light(canvas, draws, facing)


def _draw_airframe(draws):
    kind = draws.index("kind", KIND_WEIGHTS)

    def choose(airliner, fighter, light):
        return np.choose(kind, (airliner, fighter, light))

    girth = draws.uniform("girth", 0.14, 0.18)
    radius = choose(girth, 0.115, girth)
    return Airframe(
        kind=kind,
        radius=radius,
        wing_x=choose(0.26, 0.18, 0.36),
        wing_y=choose(-0.35, -0.35, 0.55) * radius,
        root_chord=choose(0.44, 0.62, 0.28),
        tip_chord=choose(0.16, 0.14, 0.20),
        sweep=choose(draws.uniform("sweep", 0.36, 0.55), 0.62, 0.22),
        span=draws.uniform("span", 0.48, 0.66) * choose(1.0, 0.75, 1.0),
        fin=choose(*2 * (draws.uniform("fin", 0.40, 0.52),), 0.34),
    )


def _paint_wing(canvas, frame, colour, side, brightness):
    """Paint the far wing, up (`side` > 0), or the near one, down; `side` also scales its span."""
    front, back = frame.wing_x, frame.wing_x - frame.root_chord
    # Near the viewer the sweep looks larger.
    tip_front = front - frame.sweep * (0.8 if side > 0 else 1.0)
    tip_height = frame.wing_y + side * frame.span + (0.1 if side > 0 else 0.0)
    corners = ((back, frame.wing_y), (front, frame.wing_y), (tip_front, tip_height))
    corners = (*corners, (tip_front - frame.tip_chord, tip_height))
    canvas.paint(canvas.polygon(corners if side > 0 else corners[::-1], brightness), colour)


def _paint_tail(canvas, frame, hull, livery):
    """Paint the fin and the far tailplane."""
    canvas.paint(canvas.polygon(((-0.72, 0.05), (-0.46, 0.05), (-0.84, frame.fin), (-1.0, frame.fin)), 0.95), livery)
    canvas.paint(canvas.polygon(((-0.92, 0.06), (-0.66, 0.06), (-0.88, 0.22), (-1.0, 0.22)), 0.66), hull)


def _paint_wheels(canvas, frame, grounded):
    """Paint the undercarriage, which light aircraft keep down in flight."""
    for x, down in (
        (-0.1, grounded | (frame.kind == LIGHT)),
        (0.12, grounded),
        (0.66, grounded | (frame.kind == LIGHT)),
    ):
        canvas.paint(canvas.cone((x, -0.1), 0.02, (x, -frame.radius - 0.15), 0.05), (0.10, 0.10, 0.11), opacity=down)


def _paint_hull(canvas, draws, frame, hull, livery):
    """Paint the hull, its markings, the windows and the near tailplane."""
    fighter, radius = frame.kind == FIGHTER, frame.radius
    shoulder = np.where(fighter, 0.4, 0.72)
    body = canvas.cone((-0.5, 0.01), radius, (shoulder, 0.0), radius)
    canvas.paint(canvas.cone((-0.98, 0.06), 0.03, (-0.5, 0.01), radius), hull)
    canvas.paint(canvas.cone((shoulder - 0.1, 0.0), radius, (np.where(fighter, 0.9, 0.86), -0.02), 0.04), hull)
    canvas.paint(body, hull)
    belly = canvas.cone((-0.9, -0.14), 0.1, (0.9, -0.16), 0.1)
    canvas.paint(belly, livery, draws.flag("painted belly", 0.3), within=body)
    stripe = canvas.cone((-0.6, 0.0), 0.028, (0.7, 0.0), 0.028)
    canvas.paint(stripe, livery, draws.flag("stripe", 0.4), within=body)
    for x in np.linspace(-0.4, 0.5, 7):
        canvas.paint(canvas.ball((x, 0.06), 0.028), (0.16, 0.20, 0.28), 0.7 * (frame.kind == AIRLINER))
    glass = canvas.cone((shoulder - 0.03, 0.09), 0.05, (shoulder + 0.1, 0.06), 0.035)
    canvas.paint(glass, (0.12, 0.17, 0.25), opacity=0.9)
    canvas.paint(canvas.polygon(((-1.04, 0.0), (-1.0, -0.06), (-0.62, 0.02), (-0.70, 0.06)), 0.9), hull)


def _paint_engines(canvas, draws, frame, hull, livery):
    """Paint the near pod of airliners and the propeller of light aircraft."""
    jet = frame.kind == AIRLINER
    x, y = 0.10 - 0.25 * frame.sweep, frame.wing_y - 0.16
    pod = np.where(draws.flag("bright pods", 0.4)[:, None], livery, hull * np.float32(0.8))
    canvas.paint(canvas.cone((x - 0.08, y), 0.06, (x + 0.12, y), 0.075), pod, opacity=jet)
    canvas.paint(canvas.ball((x + 0.16, y), 0.05), (0.14, 0.14, 0.17), opacity=0.8 * jet)
    propeller = canvas.cone((0.92, 0.28), 0.03, (0.92, -0.30), 0.03)
    canvas.paint(propeller, (0.25, 0.25, 0.27), opacity=0.6 * (frame.kind == LIGHT))
