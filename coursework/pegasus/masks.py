"""Where the wings are to be: soft masks, drawn in the picture's coordinates and seen at any resolution."""

import numpy as np
from keras import ops

from coursework.networks.backend import Tensor

# Centre, radii and width of the edge of an ellipse, in sides of the image from its upper left corner: it covers what
# is above an animal's back, which stands in the middle of most photographs of one.
BOUNDS = {
    "centre_x": (0.3, 0.7),
    "centre_y": (0.15, 0.4),
    "radius_x": (0.2, 0.45),
    "radius_y": (0.2, 0.4),
    "edge": (0.1, 0.3),
}


def draw_region(generator: np.random.Generator) -> dict[str, float]:
    """Return a random region as {name of `BOUNDS`: number}, rounded as it is recorded."""
    return {name: round(float(generator.uniform(*bounds)), 3) for name, bounds in BOUNDS.items()}


def mask(region: dict[str, float], side: int) -> np.ndarray:
    """Return float32 (side, side): 1 inside the ellipse, 0 outside, linear across its edge of relative width `edge`."""
    places = (np.arange(side) + 0.5) / side
    across = (places[None, :] - region["centre_x"]) / region["radius_x"]
    down = (places[:, None] - region["centre_y"]) / region["radius_y"]
    distance = np.sqrt(across**2 + down**2)
    return np.clip(0.5 + (1.0 - distance) / (2.0 * region["edge"]), 0.0, 1.0).astype(np.float32)


def pooled(masks: Tensor, side: int) -> Tensor:
    """Return masks (n, s, s) as (n, side, side, 1), each the mean of its block; `side` divides s."""
    block = masks.shape[1] // side
    return ops.mean(ops.reshape(masks, (-1, side, block, side, block)), axis=(2, 4))[..., None]
