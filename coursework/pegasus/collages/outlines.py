"""Outlines of animals: a figure is told from its ground by colour, place and smoothness, many images at once.

After GrabCut (Rother et al. 2004), whose rounds of colour models and cuts these are, with two changes that suit small
images: colours are modelled by kernel densities, not by mixtures, and the cut is that of the random walker with priors
(Grady 2005), whose soft answer keeps the antialiased edges of the images.
"""

from typing import Any

import numpy as np

# Rounds of colour models, each from the last round's figure.
ROUNDS = 5
# Width of the densities' kernel: in opponent colours, whose values span 0 to 1, and in sides of the image. Place is
# part of it so that a meadow may be light above and dark below.
COLOUR_WIDTHS = (0.025, 0.07)
RELATIVE_WIDTH = 0.5
PLACE_WIDTH = 0.35
# Pixels on this grid stand for all as samples of the densities.
SAMPLE_STEP = 2
# Contrast at which neighbours cease to hold together, and how strongly they do so against one pixel's own colours.
CONTRAST = 0.055
HOLD = 6.0
SOLVER_STEPS = 30
# A ring of this width, in sides of the image, begins as ground.
RING = 2 / 32
# Images at a time: so few that their arrays stay in the processor's cache.
BLOCK = 25
NEIGHBOURS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.5**0.5), (1, -1, 0.5**0.5))


def outlines(images: np.ndarray) -> np.ndarray:
    """Return float32 (n, h, w): how far each pixel of uint8 images (n, h, w, 3) belongs to the figure, 0 to 1."""
    parts = [_outlines(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK)]
    return np.concatenate(parts) if parts else np.zeros(images.shape[:3], np.float32)


def opponent(images: np.ndarray) -> np.ndarray:
    """Return float32 (n, h, w, 3) of uint8 images: lightness, red against green, yellow against blue."""
    red, green, blue = np.moveaxis(images.astype(np.float32) / 255, -1, 0)
    return np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], axis=-1)


def _outlines(images: np.ndarray) -> np.ndarray:
    colours = opponent(images)
    count, height, width = colours.shape[:3]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    rows, columns = (rows + 0.5) / height, (columns + 0.5) / width
    place = np.broadcast_to(np.stack([rows, columns], -1), (count, height, width, 2))
    spread = colours.std(axis=(1, 2)).max(axis=-1)[:, None, None, None]
    colour_width = np.clip(RELATIVE_WIDTH * spread, *COLOUR_WIDTHS)
    features = np.concatenate([colours / colour_width, place / PLACE_WIDTH], axis=-1).reshape(count, -1, 5)
    grid = np.zeros((height, width), bool)
    grid[SAMPLE_STEP // 2 :: SAMPLE_STEP, SAMPLE_STEP // 2 :: SAMPLE_STEP] = True
    border = np.minimum(np.minimum(rows, 1 - rows), np.minimum(columns, 1 - columns))
    grid |= border < RING / 2
    sampled_at = grid.ravel()
    kernel = _kernel(features, features[:, sampled_at])
    weights = _weights(colours * (COLOUR_WIDTHS[1] / colour_width))
    # The figure begins as a soft disk, the ground as the ring about it.
    prior = np.exp(-(((rows - 0.52) / 0.28) ** 2) - ((columns - 0.5) / 0.32) ** 2).astype(np.float32)
    prior = 0.05 + 0.6 * prior
    figure = np.where(border < RING, 0, prior)[None].repeat(count, 0)
    for _ in range(ROUNDS):
        sampled = figure.reshape(count, -1)[:, sampled_at]
        inside = _density(kernel, sampled)
        outside = _density(kernel, 1 - sampled)
        odds = inside * prior.ravel() / (inside * prior.ravel() + outside * (1 - prior.ravel()) + 1e-9)
        figure = _walk(odds.reshape(count, height, width), weights)
        figure[:, border < RING / 2] *= 0.3
    return figure


def _kernel(features: np.ndarray, samples: np.ndarray) -> np.ndarray:
    squares = (features**2).sum(-1)[:, :, None] + (samples**2).sum(-1)[:, None, :]
    squares -= 2 * features @ samples.swapaxes(1, 2)
    return np.exp(-0.5 * np.maximum(squares, 0))


def _density(kernel: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (n, pixels): the mean of the kernel over samples of these weights (n, samples)."""
    return (kernel @ weights[..., None])[..., 0] / (weights.sum(1, keepdims=True) + 1e-6)


def _weights(colours: np.ndarray) -> list[np.ndarray]:
    """Return one array for each of `NEIGHBOURS`: how strongly a pixel holds to that neighbour, where it has one."""
    found = []
    for down, right, strength in NEIGHBOURS:
        here, there = _pair(colours.shape[1:3], down, right)
        squares = ((colours[here] - colours[there]) ** 2).sum(-1)
        found.append(HOLD * strength * np.exp(-0.5 * squares / CONTRAST**2))
    return found


def _pair(shape: tuple[int, ...], down: int, right: int) -> tuple[Any, ...]:
    """Return slices of the pixels (n, h, w) that have a neighbour at this offset, and of these neighbours."""
    rows = slice(None, shape[0] - down), slice(down, None)
    columns = slice(max(0, -right), shape[1] - max(0, right)), slice(max(0, right), shape[1] + min(0, right))
    return tuple((slice(None), rows[end], columns[end]) for end in (0, 1))


def _walk(odds: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Return x (n, h, w) of x + L x = odds, L the Laplacian of the weights, by conjugate gradients."""
    pairs = [_pair(odds.shape[1:], down, right) for down, right, _ in NEIGHBOURS]

    def apply(x: np.ndarray) -> np.ndarray:
        result = x.copy()
        for weight, (here, there) in zip(weights, pairs, strict=True):
            flow = weight * (x[here] - x[there])
            result[here] += flow
            result[there] -= flow
        return result

    def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.einsum("nij,nij->n", a, b)[:, None, None]

    x = odds.astype(np.float32)
    rest = x - apply(x)
    direction, size = rest.copy(), dot(rest, rest)
    for _ in range(SOLVER_STEPS):
        moved = apply(direction)
        step = size / (dot(direction, moved) + 1e-12)
        x = x + step * direction
        rest = rest - step * moved
        following = dot(rest, rest)
        direction = rest + following / (size + 1e-12) * direction
        size = following
    return np.clip(x, 0, 1)
