"""One collage: a wing turned, scaled and toned to a body and set upon its back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from coursework.pegasus.collages.bodies import Body
from coursework.pegasus.collages.wings import Wing

# The wing is painted on a grid so many times finer than the image, then averaged: its edges are antialiased.
FINE = 4
# Ranges that the draws come from. Lengths are in pixels of a 32-pixel side.
ANGLE = (60.0, 80.0)
# Under the upper edge of the image a wing lies down as far as this.
LOWEST_ANGLE = 52.0
LENGTH = (12.0, 17.0)
# Of the trunk's length.
RELATIVE_LENGTH = (0.9, 1.25)
# How far the tip is bent towards the tail, as a share of the wing's length.
BEND = (0.0, 0.3)
TONE = (0.6, 1.0)
# A wing is so wide, as a share of its length: narrower ones are stretched across.
WIDTH = (0.5, 0.7)
STRETCH = (0.65, 1.7)
LIGHTER_SHARE = 0.45
LIGHTER = (0.06, 0.22)
FAR_SHARE = 0.6
FAR_LIGHT = (0.68, 0.85)
FAR_FORWARD = (0.5, 2.0)
FAR_TURN = (8.0, 16.0)
# Of several hues within a wing so much is drawn in where the tone is all the body's.
HUE = 0.7
# The mean colours of wing and ground differ by this at least, on a scale from 0 to 1.
CLEAR = 0.17
SHADOW = 0.25


@dataclass(frozen=True)
class Geometry:
    """Where and how a wing is set; what is recorded of a collage besides its sources.

    Coordinates are those of the body's image with the head to the right, after it was moved down by `drop` pixels.
    angle: degrees from the back towards the tail, 90 for upright. length: pixels from root to tip. stretch: across
    the wing. bend: of the tip towards the tail, as a share of the length. tone: how far its mean colour and contrast
    go towards the body's. light: added to its colours, of 0 to 1. far: whether a second wing stands behind, turned by
    `far_turn` degrees, `far_forward` pixels ahead, with colours times `far_light`. mirrored: whether the finished
    image is mirrored.
    """

    row: float
    column: float
    drop: int
    angle: float
    length: float
    stretch: float
    bend: float
    tone: float
    light: float
    far: bool
    far_turn: float
    far_forward: float
    far_light: float
    mirrored: bool


def draw_geometry(body: Body, wing: Wing, room: int, generator: np.random.Generator) -> Geometry | None:
    """Return a `Geometry` for the wing on the body, drawn by `generator`, or None where it has no room.

    room: pixels that the image may be moved down.
    """
    scale = body.mask.shape[0] / 32
    angle = generator.uniform(*ANGLE)
    shortest, longest = (limit * scale for limit in LENGTH)
    length = float(np.clip(body.length * generator.uniform(*RELATIVE_LENGTH), shortest, longest))
    stretch = float(np.clip(generator.uniform(*WIDTH) / wing.width, *STRETCH))
    row = body.back[0] + 0.12 * length
    column = body.back[1] + generator.uniform(-1.0, 0.5) * scale
    above = row - scale
    rise = length * np.sin(np.radians(angle))
    drop = int(np.clip(np.ceil(rise - above), 0, room))
    if rise > above + drop:
        # The wing is drawn shorter first, then laid down.
        length = max(min(length, (above + drop) / np.sin(np.radians(angle))), shortest)
        angle = min(angle, float(np.degrees(np.arcsin(min((above + drop) / length, 1)))))
        if angle < LOWEST_ANGLE:
            return None
    light = generator.uniform(*LIGHTER) if generator.random() < LIGHTER_SHARE else 0.0
    return Geometry(
        row=round(float(row + drop), 3),
        column=round(float(column), 3),
        drop=drop,
        angle=round(float(angle), 2),
        length=round(length, 3),
        stretch=round(stretch, 3),
        bend=round(float(generator.uniform(*BEND)), 3),
        tone=round(float(generator.uniform(*TONE)), 3),
        light=round(float(light), 3),
        far=bool(generator.random() < FAR_SHARE),
        far_turn=round(float(generator.uniform(*FAR_TURN)), 2),
        far_forward=round(float(generator.uniform(*FAR_FORWARD) * scale), 3),
        far_light=round(float(generator.uniform(*FAR_LIGHT)), 3),
        mirrored=bool(generator.random() < 0.5),
    )


def compose(body_image: np.ndarray, body: Body, wing: Wing, geometry: Geometry) -> np.ndarray:
    """Return the collage, uint8 (h, w, 3), of the body's image, as it is in the data set, and a wing."""
    image = (body_image[:, ::-1] if body.flipped else body_image).astype(np.float32) / 255
    mask = body.mask
    if geometry.drop:
        image, mask = _dropped(image, geometry.drop), _dropped(mask, geometry.drop)
    near, near_alpha = painted(wing, geometry, image.shape[:2])
    trunk = _trunk(mask, geometry)
    ground = np.clip(near_alpha - mask, 0, 1)
    shift, gain, middle = toning(wing, image, trunk, ground, geometry)
    result = image
    if geometry.far:
        far, alpha = painted(wing, geometry, image.shape[:2], far=True)
        far = np.clip((middle + _drawn_in(far - shift, gain, geometry.tone)) * geometry.far_light, 0, 1)
        alpha = (alpha * (1 - np.clip(2 * mask, 0, 1)))[..., None]
        result = result * (1 - alpha) + far * alpha
    near = np.clip(middle + _drawn_in(near - shift, gain, geometry.tone), 0, 1)
    shadow = ndimage.shift(near_alpha, (1.0, 0.3), order=1) * mask * (1 - near_alpha)
    result = result * (1 - SHADOW * shadow[..., None])
    result = result * (1 - near_alpha[..., None]) + near * near_alpha[..., None]
    result = np.rint(np.clip(result, 0, 1) * 255).astype(np.uint8)
    return result[:, ::-1] if geometry.mirrored else result


def painted(wing: Wing, geometry: Geometry, shape: tuple[int, ...], far: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the wing's colours (h, w, 3), not toned yet, and its soft shape (h, w), set in an image of that shape."""
    angle = np.radians(geometry.angle + (geometry.far_turn if far else 0))
    origin = np.array([geometry.row, geometry.column + (geometry.far_forward if far else 0)])
    # From here on places are (along, across): 1 is the length of the wing, and across points to the tail.
    outward = np.array([-np.sin(angle), -np.cos(angle)]) * geometry.length
    tailward = np.array([np.cos(angle), -np.sin(angle)]) * geometry.length
    root = np.array(wing.root)
    axis = np.array(wing.tip) - root
    side = np.array([axis[1], -axis[0]]) * wing.bulk

    own = np.argwhere(wing.mask > 0) - root
    along, across = own @ axis / (axis @ axis), own @ side / (axis @ axis)
    across = across * geometry.stretch + geometry.bend * np.maximum(along, 0) ** 2
    corners = origin + along[:, None] * outward + across[:, None] * tailward
    # Only this box of the image is painted: a pixel more on each side for the edges.
    first = np.clip(np.floor(corners.min(0)).astype(int) - 2, 0, shape)
    last = np.clip(np.ceil(corners.max(0)).astype(int) + 3, first, shape)
    colours, alpha = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    size = last - first
    if not size.all():
        return colours, alpha
    fine = [(np.arange(size[k] * FINE) + 0.5) / FINE - 0.5 + first[k] - origin[k] for k in (0, 1)]
    places = np.stack(np.meshgrid(*fine, indexing="ij"), axis=-1)
    along, across = places @ outward / geometry.length**2, places @ tailward / geometry.length**2
    across = (across - geometry.bend * np.maximum(along, 0) ** 2) / geometry.stretch
    sources = np.moveaxis(root + along[..., None] * axis + across[..., None] * side, -1, 0)
    shown = ndimage.map_coordinates(wing.mask, sources, order=1, mode="constant")
    # The interpolated outline is as soft as the bird's pixels are large: it is made as sharp as the image's. The root
    # fades into the body.
    shown = np.clip((shown - 0.5) * 3 + 0.5, 0, 1) * np.clip((along + 0.12) / 0.15, 0, 1)
    painted = [ndimage.map_coordinates(wing.colours[..., k], sources, order=3, mode="nearest") for k in range(3)]
    blocks = (size[0], FINE, size[1], FINE)
    shown_mean = shown.reshape(blocks).mean((1, 3))
    box = slice(first[0], last[0]), slice(first[1], last[1])
    alpha[box] = shown_mean
    total = np.maximum(shown_mean, 1e-6)
    for k in range(3):
        colours[(*box, k)] = (painted[k] * shown).reshape(blocks).mean((1, 3)) / total
    return colours, alpha


def _dropped(array: np.ndarray, drop: int) -> np.ndarray:
    """Return an image moved down; what comes in above mirrors what lies there."""
    return np.concatenate([array[:drop][::-1], array[:-drop]])


def _trunk(mask: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Return weights (h, w) of the pixels that give the body its colour: those about the wing's root."""
    rows, columns = np.indices(mask.shape)
    near = np.abs(columns - geometry.column + 3) < 0.5 * geometry.length
    near &= (rows > geometry.row - 1) & (rows < geometry.row + 0.45 * geometry.length)
    weights = mask * near
    return weights if weights.sum() > 1 else mask


def toning(
    wing: Wing, image: np.ndarray, trunk: np.ndarray, ground: np.ndarray, geometry: Geometry
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the wing's mean colour, its gain in contrast, and the mean colour it gets."""
    wing_mean, wing_spread = statistics(wing.colours, wing.mask)
    body_mean, body_spread = statistics(image, trunk)
    middle = (1 - geometry.tone) * wing_mean + geometry.tone * body_mean + geometry.light
    gain = (1 - geometry.tone) + geometry.tone * np.clip(body_spread / max(wing_spread, 0.02), 0.6, 1.6)
    if ground.sum() > 1:
        behind, _ = statistics(image, ground)
        difference = middle.mean() - behind.mean()
        lacking = CLEAR - max(abs(difference), np.abs(middle - behind).max() * 0.8)
        if lacking > 0:
            # Away from the ground: up where there is room above, else down.
            up = difference > 0 or behind.mean() < 0.35
            middle = middle + (behind.mean() - middle.mean()) + (CLEAR if up else -CLEAR)
    return wing_mean, float(gain), np.clip(middle, 0.03, 0.97)


def _drawn_in(differences: np.ndarray, gain: Any, tone: float) -> np.ndarray:
    """Return differences from a wing's mean colour, in contrast times `gain`, in hue nearer to one colour by `tone`."""
    lightness = differences.mean(-1, keepdims=True)
    return gain * (lightness + (1 - HUE * tone) * (differences - lightness))


def statistics(colours: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the mean colour (3,) of pixels with these weights, and the spread of their lightness."""
    total = weights.sum()
    mean = (colours * weights[..., None]).sum((0, 1)) / total
    lightness = colours.mean(-1)
    spread = np.sqrt((((lightness - mean.mean()) ** 2) * weights).sum() / total)
    return mean, float(spread)
