"""Backgrounds: sky with clouds, ground or water, trees and hills on the horizon, foliage out of focus."""

import numpy as np

from coursework.data.sprites.canvas import SIZE, Canvas, Number, Shape, per_image
from coursework.data.sprites.draws import Draws

SKIES = ((0.36, 0.58, 0.88), (0.55, 0.74, 0.93), (0.72, 0.80, 0.88), (0.80, 0.82, 0.84), (0.42, 0.48, 0.62))
HORIZONS = ((0.78, 0.87, 0.95), (0.90, 0.92, 0.93), (0.95, 0.86, 0.74), (0.80, 0.83, 0.86), (0.97, 0.76, 0.62))
MEADOWS = ((0.42, 0.58, 0.24), (0.52, 0.62, 0.30), (0.33, 0.48, 0.20), (0.66, 0.60, 0.34), (0.74, 0.64, 0.46))
SNOW = (0.88, 0.90, 0.93)
WATERS = ((0.26, 0.44, 0.58), (0.38, 0.54, 0.62), (0.24, 0.38, 0.42), (0.50, 0.62, 0.70))
TARMACS = ((0.50, 0.50, 0.51), (0.60, 0.59, 0.57), (0.42, 0.43, 0.45), (0.45, 0.54, 0.33))
WOODS = ((0.16, 0.28, 0.14), (0.24, 0.36, 0.18), (0.30, 0.30, 0.18), (0.36, 0.42, 0.46), (0.42, 0.28, 0.14))
FOLIAGE = ((0.30, 0.44, 0.22), (0.48, 0.58, 0.32), (0.58, 0.56, 0.40), (0.40, 0.46, 0.44), (0.62, 0.66, 0.58))


def smooth_noise(draws: Draws, name: str, rows: int, columns: int) -> np.ndarray:
    """Return float32 (n, 32, 32) in [-1, 1]: `rows` by `columns` random values, interpolated smoothly."""
    values = draws.uniform(name, -1, 1, (rows, columns))
    for axis, cells in ((1, rows), (2, columns)):
        position = (np.arange(SIZE) + 0.5) * (cells - 1) / SIZE
        lower = position.astype(np.int64)
        weight = (position - lower).astype(np.float32)
        weight = weight * weight * (3 - 2 * weight)
        weight = weight.reshape((-1, 1) if axis == 1 else (1, -1))
        values = np.take(values, lower, axis) * (1 - weight) + np.take(values, lower + 1, axis) * weight
    return values


def paint_sky(canvas: Canvas, draws: Draws) -> None:
    """Fill the images with a gradient of sky and clouds."""
    top, low = draws.colour("sky", SKIES, (3, 3, 2, 1.5, 1)), draws.colour("haze", HORIZONS, (3, 3, 1, 2, 0.6))
    blend = draws.uniform("haze share", 0.2, 1.0)
    height = canvas.y / SIZE
    canvas.paint(Shape(np.ones_like(height), per_image(1)), low)
    canvas.paint(Shape(height, per_image(1)), top, opacity=1 - 0.5 * blend)
    clouds = smooth_noise(draws, "clouds", 6, 4) + 0.5 * smooth_noise(draws, "wisps", 10, 7)
    clouds = np.clip(clouds - per_image(draws.uniform("clearness", -0.3, 1.0)), 0, 1)
    canvas.paint(Shape(clouds, per_image(1)), draws.uniform("cloud brightness", 0.8, 1.0)[:, None].repeat(3, 1), 0.7)


def paint_horizon(canvas: Canvas, draws: Draws, height: Number, hills: np.ndarray) -> None:
    """Set trees or hills where `hills` (bool) on the horizon at `height` (pixels above the lower edge)."""
    profile = smooth_noise(draws, "hills", 2, 6) + 0.4 * smooth_noise(draws, "treetops", 2, 16)
    top = per_image(height) + per_image(draws.uniform("hill height", 0.5, 6.0)) * (1 + 0.6 * profile)
    colour = draws.colour("woods", WOODS)
    far = draws.uniform("distance", 0.0, 0.5)[:, None]
    colour = colour * (1 - far) + far * np.array([0.70, 0.78, 0.86], np.float32)
    shade = 1 + 0.22 * smooth_noise(draws, "leaves", 12, 12)
    canvas.paint(Shape(np.clip(top - canvas.y, 0, 1), shade), colour, opacity=hills)


def paint_ground(
    canvas: Canvas,
    draws: Draws,
    height: Number,
    near: np.ndarray,
    roughness: Number,
    name: str = "ground",
    grain: tuple[int, int] = (14, 8),
) -> None:
    """Cover the part below the horizon with the colour `near`, brighter into the distance, rough by `roughness`.

    A scene with two grounds calls them by different names.
    """
    depth = np.clip((per_image(height) - canvas.y) / (1 + per_image(np.maximum(height, 0))), 0, 1)
    texture = smooth_noise(draws, name, *grain) + 0.7 * smooth_noise(draws, f"{name} grain", 22, 18)
    shade = (1.12 - 0.2 * depth) * (1 + per_image(roughness) * texture * (0.3 + 0.7 * depth))
    canvas.paint(Shape(np.clip(per_image(height) - canvas.y + 0.5, 0, 1), shade), near)


def paint_foliage(canvas: Canvas, draws: Draws, shown: np.ndarray) -> None:
    """Fill the images where `shown` (bool) with leaves and light out of focus."""
    shade = 1 + 0.28 * smooth_noise(draws, "light spots", 5, 5) + 0.10 * smooth_noise(draws, "twigs", 10, 10)
    canvas.paint(Shape(np.ones_like(shade), shade), draws.colour("foliage", FOLIAGE), opacity=shown)


def meadow(canvas: Canvas, draws: Draws, height: Number, snow: float = 0.08) -> None:
    """Paint a field under the sky with its horizon at `height`, woods behind most of them."""
    paint_sky(canvas, draws)
    paint_horizon(canvas, draws, height, draws.flag("wooded", 0.7))
    ground = np.where(draws.flag("snow", snow)[:, None], np.array(SNOW, np.float32), draws.colour("meadow", MEADOWS))
    paint_ground(canvas, draws, height, ground, draws.uniform("roughness", 0.05, 0.16))


def light(canvas: Canvas, draws: Draws, facing: np.ndarray) -> None:
    """Light the subject, which faces `facing` (1 right, -1 left), from above and from either side."""
    # The subject's frame is mirrored with it; the sun is not.
    side = facing * draws.uniform("light side", -0.65, 0.65)
    canvas.illuminate((side, 0.72, 0.5), draws.uniform("ambient", 0.5, 0.66), draws.uniform("diffuse", 0.42, 0.62))
