"""Deer: slender, big-eared, with a white tail; most with antlers, some spotted."""

import numpy as np

from coursework.data.sprites import quadruped, scenery
from coursework.data.sprites.canvas import Canvas, moved
from coursework.data.sprites.draws import Draws

BUILD = quadruped.Build(
    hip=(-0.27, 0.03, 0.185),
    chest=(0.25, 0.0, 0.185),
    neck_root=(0.27, 0.08),
    neck=(0.46, 0.145, 0.075),
    neck_angle=1.0,
    head=(0.24, 0.085, 0.046),
    thigh=(0.36, 0.095, 0.042),
    shank=(0.35, 0.037, 0.030),
    hoof=0.034,
    ear=(0.18, 0.042, 0.028),
    ears=(1.95, 2.70),
)
GAIT_WEIGHTS = (0.42, 0.28, 0.10, 0.08, 0.12)
COATS = ((0.62, 0.40, 0.22), (0.72, 0.48, 0.26), (0.52, 0.42, 0.32), (0.46, 0.32, 0.20), (0.70, 0.56, 0.40))
ANTLERS = ((0.55, 0.44, 0.32), (0.80, 0.72, 0.58), (0.34, 0.26, 0.19))
PALE = np.array([0.93, 0.90, 0.84], np.float32)
SPOTS = ((-0.30, 0.12), (-0.16, 0.05), (-0.03, 0.12), (0.10, 0.05), (0.20, 0.12), (-0.27, -0.03))


def paint(canvas: Canvas, draws: Draws) -> None:
    """Paint one deer in each image."""
    pose = quadruped.draw_pose(draws, BUILD, GAIT_WEIGHTS)
    scenery.meadow(canvas, draws, draws.uniform("horizon", 7, 24), snow=0.12)
    scenery.paint_foliage(canvas, draws, draws.flag("forest", 0.25))
    quadruped.place(canvas, draws, pose, scale=15.7)

    coat = draws.colour("coat", COATS)
    legs = coat * np.float32(0.85)
    hoof = np.full_like(coat, 0.12)
    antlered = draws.flag("antlered", 0.7)
    antler = draws.colour("antler", ANTLERS)
    span = draws.uniform("antler span", 0.85, 1.15)

    near_fore, far_fore, near_hind, far_hind = pose.legs
    _paint_antler(canvas, pose, antler * np.float32(0.75), antlered, span, lean=-0.45)
    for leg, hind in ((far_fore, False), (far_hind, True)):
        quadruped.paint_leg(canvas, BUILD, leg, legs, legs, hoof, hind, brightness=0.66)
    trunk = quadruped.paint_trunk(canvas, BUILD, coat)
    belly = canvas.cone((-0.24, -0.16), 0.06, (0.20, -0.18), 0.06, blur=2.0)
    canvas.paint(belly, PALE, opacity=draws.uniform("belly", 0.3, 0.8), within=trunk)
    for leg, hind in ((near_hind, True), (near_fore, False)):
        quadruped.paint_leg(canvas, BUILD, leg, coat, legs, hoof, hind)
    _paint_rump(canvas, draws)
    _paint_spots(canvas, draws, trunk)
    quadruped.paint_neck(canvas, BUILD, pose, coat)
    quadruped.paint_head(canvas, BUILD, pose, coat, np.full_like(coat, 0.1))
    _paint_antler(canvas, pose, antler, antlered, span, lean=0.0)


def _paint_rump(canvas, draws):
    """Paint the white patch under the tail and the short tail."""
    root = (BUILD.hip[0] - 0.13, BUILD.hip[1] + 0.06)
    canvas.paint(canvas.ball((root[0] - 0.01, root[1] - 0.06), 0.07), PALE, opacity=0.85)
    tip = moved(root, draws.uniform("tail", 2.5, 4.2), 0.13)
    canvas.paint(canvas.cone(root, 0.04, tip, 0.03), PALE)


def _paint_spots(canvas, draws, trunk):
    """Paint rows of pale spots on the back of some."""
    spotted = draws.flag("spotted", 0.35) * 0.75
    for spot in SPOTS:
        canvas.paint(canvas.ball(spot, 0.03), PALE, spotted, within=trunk)


def _paint_antler(canvas, pose, colour, shown, span, lean):
    """Paint a beam that sweeps back and then up, with tines on its front."""
    root = moved(pose.poll, pose.head_angle + 0.62 * np.pi, 0.06)
    bearing = pose.head_angle + 0.72 * np.pi + lean
    bend = moved(root, bearing + 0.35, 0.22 * span)
    tip = moved(bend, bearing - 0.35, 0.26 * span)
    canvas.paint(canvas.cone(root, 0.034, bend, 0.032), colour, shown)
    canvas.paint(canvas.cone(bend, 0.032, tip, 0.022), colour, shown)
    for start, length in ((bend, 0.17), (moved(root, bearing + 0.35, 0.1), 0.14)):
        canvas.paint(canvas.cone(start, 0.028, moved(start, bearing - 0.95, length * span), 0.02), colour, shown)
