"""Which images show a body that can bear wings: a whole animal, side-on, standing clear of the borders."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage import measure

# Inside the outline from here on.
LEVEL = 0.5


@dataclass(frozen=True)
class Body:
    """An animal seen from the side, head to the right.

    index: of its image in the split. flipped: whether the image has to be mirrored to bring the head to the right.
    mask: float32 (h, w), its outline in the mirrored image. back: (row, column), where wings grow. length: of the
    trunk in pixels, tail to chest.
    """

    index: int
    flipped: bool
    mask: np.ndarray
    back: tuple[float, float]
    length: float


def main_part(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part of a soft mask, as bool (h, w)."""
    labels = measure.label(mask > LEVEL, connectivity=1)
    if not labels.max():
        return labels > 0
    return labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1


def find_body(index: int, mask: np.ndarray) -> Body | str:
    """Return the `Body` of an image's soft outline, or the reason why there is none, as text."""
    part = main_part(mask)
    height, width = part.shape
    side = height / 32
    area = part.mean()
    if not 0.10 < area < 0.5:
        return "size"
    if ((mask > LEVEL) & ~part).sum() > 0.12 * part.sum():
        return "parts"
    rows, columns = np.nonzero(part.any(1))[0], np.nonzero(part.any(0))[0]
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if top < 1.5 * side or left < 1 or right > width - 1:
        return "border"
    if not 14 * side <= right - left or not 0.55 <= (bottom - top) / (right - left) <= 1.2:
        return "shape"
    extent = right - left
    profile = np.where(part.any(0), part.argmax(0), height).astype(float)
    third = max(1, round(0.3 * extent))
    heads = profile[left : left + third].min(), profile[right - third : right].min()
    if abs(heads[0] - heads[1]) < 1.5 * side:
        return "no head"
    if part[-1].sum() > 0.3 * extent:
        return "cut"
    flipped = bool(heads[0] < heads[1])
    if flipped:
        mask, part, profile = mask[:, ::-1], part[:, ::-1], profile[::-1]
        left, right = width - right, width - left
    head = min(heads)
    # The back lies between the croup and the withers.
    first, last = left + round(0.18 * extent), left + round(0.62 * extent)
    back = profile[first:last]
    if back.min() < head + 1.0 * side:
        return "rider"
    level = np.median(back)
    slope, start = np.polyfit(np.arange(first, last), back, 1)
    if np.abs(back - (slope * np.arange(first, last) + start)).max() > 1.6 * side or abs(slope) > 0.35:
        return "back"
    if head < level - 0.75 * (bottom - top) or level - head < 2 * side:
        return "head"
    # Legs: below the belly less is filled than across the trunk.
    trunk = part[round(level) + 1 : round(level + 0.3 * (bottom - level)), left:right].mean()
    legs = part[round(level + 0.6 * (bottom - level)) : round(level + 0.9 * (bottom - level)), left:right].mean()
    if legs > 0.75 * trunk or legs < 0.12:
        return "legs"
    thickness = part.sum(0)[first:last]
    if thickness.min() < 0.2 * (bottom - top):
        return "thin"
    column = left + 0.56 * extent
    row = np.interp(column, np.arange(width), profile)
    return Body(
        index,
        flipped,
        # Grown by a pixel, the part covers its soft edge.
        np.ascontiguousarray(mask * ndimage.binary_dilation(part)),
        (float(row), float(column)),
        0.62 * extent,
    )
