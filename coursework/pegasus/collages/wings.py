"""Wings cut along their outline from animals in flight."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage import measure

from coursework.pegasus.collages.bodies import LEVEL, main_part

# Outlines are cut at this many times the resolution of the images.
ZOOM = 4
# An animal with its wings spread fills at most so much of its convex hull.
MOST_CONVEX = 0.85
# The middle of a wing lies so far out at most, as a share of its length: its tip is no broader than its root.
HEAVIEST = 0.52


@dataclass(frozen=True)
class Wing:
    """A wing, as it lies in the image of its bird.

    index: of the image in the split. number: of the wing in the image, 0 for the larger one. mask: float32 (h, w),
    what belongs to the wing. colours: float32 (h, w, 3), 0 to 1; beyond the outline they go on as they are within.
    root, tip: (row, column) in pixels. bulk: 1 where most of the wing lies clockwise of the line from root to tip, as
    one sees it, else -1. width: mean width as a share of the length.
    """

    index: int
    number: int
    mask: np.ndarray
    colours: np.ndarray
    root: tuple[float, float]
    tip: tuple[float, float]
    bulk: int
    width: float

    @property
    def length(self) -> float:
        """From root to tip, in pixels."""
        return float(np.hypot(self.tip[0] - self.root[0], self.tip[1] - self.root[1]))


def find_wings(index: int, image: np.ndarray, mask: np.ndarray) -> list[Wing]:
    """Return the `Wing`s of a uint8 image and its soft outline, at most two."""
    part = main_part(mask)
    height, width = part.shape
    side = height / 32
    rows, columns = np.nonzero(part.any(1))[0], np.nonzero(part.any(0))[0]
    if not 0.03 < part.mean() < 0.45 or ((mask > LEVEL) & ~part).sum() > 0.2 * part.sum():
        return []
    if rows[0] < 1 or columns[0] < 1 or rows[-1] > height - 2 or columns[-1] > width - 2:
        return []
    region = measure.regionprops(part.astype(np.uint8))[0]
    if region.solidity > MOST_CONVEX:
        return []
    fine = ndimage.zoom(np.where(ndimage.binary_dilation(part), mask, 0), ZOOM, order=1, grid_mode=True, mode="nearest")
    inside = fine > LEVEL
    depth = ndimage.distance_transform_edt(inside)
    centre = np.unravel_index(np.argmax(ndimage.gaussian_filter(depth, ZOOM / 2)), depth.shape)
    radius = depth[centre]
    distance = np.hypot(*(axis - middle for axis, middle in zip(np.indices(inside.shape), centre, strict=True)))
    lobes = measure.label(inside & (distance > 1.05 * radius))
    found = []
    for lobe in measure.regionprops(lobes):
        rows, columns = lobe.coords.T
        reach = distance[rows, columns]
        far = int(np.argmax(reach))
        length = reach[far] - 0.8 * radius
        direction = (np.array([rows[far], columns[far]]) - centre) / reach[far]
        if length < 6.5 * ZOOM * side or reach[far] < 1.8 * radius:
            continue
        breadth = lobe.area / length / length
        if not 0.22 < breadth < 0.9 or lobe.solidity < 0.65:
            continue
        root = np.array(centre) + 0.75 * radius * direction
        across = (rows - root[0]) * direction[1] - (columns - root[1]) * direction[0]
        along = ((rows - root[0]) * direction[0] + (columns - root[1]) * direction[1]) / length
        if along.mean() > HEAVIEST:
            continue
        small = (lobes == lobe.label).reshape(height, ZOOM, width, ZOOM).mean((1, 3)).astype(np.float32)
        place = [
            tuple(float((value + 0.5) / ZOOM - 0.5) for value in point) for point in (root, (rows[far], columns[far]))
        ]
        bulk = 1 if across.mean() > 0 else -1
        found.append((small, _continued(image, small), *place, bulk, float(breadth)))
    found.sort(key=lambda parts: -parts[0].sum())
    return [Wing(index, number, *parts) for number, parts in enumerate(found[:2])]


def _continued(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return colours whose edge is free of the ground: there the mean of what lies within takes their place."""
    sure = np.clip(2 * mask - 1, 0, 1) ** 2
    total = ndimage.gaussian_filter(sure, 1.0) + 1e-6
    colours = image.astype(np.float32) / 255
    near = np.stack([ndimage.gaussian_filter(colours[..., k] * sure, 1.0) / total for k in range(3)], axis=-1)
    return sure[..., None] * colours + (1 - sure[..., None]) * near
