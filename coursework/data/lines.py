"""The lines task of Berthelot et al. 2018 (ACAI): one line from the middle of a black image to its border.

Only the angle varies, so the true interpolation is known: halfway between two lines is the line at the mean of their
angles.
"""

import numpy as np
from numpy.typing import ArrayLike

from coursework.data.dataset import Dataset

SIZE = 32
WIDTH = 2.0
# The paper's labels: tenths of the turn.
CLASS_NAMES = tuple(f"{36 * tenth}-{36 * (tenth + 1)}" for tenth in range(10))
TEST_COUNT = 5000
# The paper draws a new line for every training image. This many angles are on average 0.02 degrees apart: less than a
# hundredth of a pixel at the end of a line, and about one grey level of 8 bits. So a finite set is as good.
TRAIN_COUNT = 2**14

# Independent random streams: no test angle is one of training.
TRAIN, TEST = range(2)
# Lines drawn at once: enough to make numpy's overhead small.
BLOCK = 1024


def draw_line(angle: float, size: int = SIZE) -> np.ndarray:
    """Return the line at `angle` (radians, counter-clockwise from the right), float32 (size, size, 1) in [-1, 1]."""
    return draw_lines([angle], size)[0]


def draw_lines(angles: ArrayLike, size: int = SIZE) -> np.ndarray:
    """Return the lines at `angles` (n,), float32 (n, size, size, 1): -1 outside, 1 on the line, antialiased between.

    A line is 2 pixels wide and starts at (size / 2, size / 2); it is size / 2 - 1 pixels long. As in the authors' code,
    it is antialiased along its minor axis, and along its major axis at the first end only.
    """
    angles = np.asarray(angles, dtype=np.float64).reshape(-1)
    images = np.empty((len(angles), size, size, 1), dtype=np.float32)
    for first in range(0, len(angles), BLOCK):
        images[first : first + BLOCK, ..., 0] = _draw(angles[first : first + BLOCK], size)
    return images


def _draw(angles, size):
    centre, length = size / 2, size / 2 - 1
    rows, columns = centre - length * np.sin(angles), centre + length * np.cos(angles)
    # The major axis is that of the longer extent, rows on a tie; p runs along it and q across.
    along_rows = abs(rows - centre) >= abs(columns - centre)
    ends = np.where(along_rows, (rows, columns), (columns, rows))
    middle = np.full_like(ends, centre)
    (p0, q0), (p1, q1) = np.where(ends[0] < centre, (ends, middle), (middle, ends))
    places = np.arange(size)
    p = places[None, :]
    weight = np.where(p < np.ceil(p0)[:, None], (np.ceil(p0) - p0)[:, None], 1.0)
    weight = weight * ((p >= np.floor(p0)[:, None]) & (p < np.ceil(p1)[:, None]))
    slope = (q1 - q0) / (p1 - p0)
    start = (q0 - WIDTH / 2)[:, None] + (p - p0[:, None] - 0.5) * slope[:, None]
    # The part of each pixel [q, q + 1] inside [start, start + WIDTH].
    right = np.minimum(places + 1, start[..., None] + WIDTH)
    covered = np.clip(right - np.maximum(places, start[..., None]), 0.0, 1.0)
    images = 2.0 * np.clip(weight[..., None] * covered, 0.0, 1.0) - 1.0
    images[~along_rows] = images[~along_rows].swapaxes(1, 2)
    return images


def angles_of(split: str, count: int, seed: int = 0) -> np.ndarray:
    """Return `count` uniform angles in [0, 2 pi) of the "train" or "test" split, (count,) float64.

    The first angles of a longer list are those of a shorter one.
    """
    stream = {"train": TRAIN, "test": TEST}[split]
    return 2 * np.pi * np.random.default_rng([stream, seed]).random(count)


def load(train_count: int = TRAIN_COUNT, test_count: int = TEST_COUNT, seed: int = 0) -> Dataset:
    """Return the `Dataset` "lines", its classes the tenths of a turn.

    Its pixels have 8 bits, as in every data set: at most 1/255 from `draw_lines`, the reference of scores.
    """
    (train_images, train_labels), (test_images, test_labels) = (
        _split(angles_of(split, count, seed)) for split, count in (("train", train_count), ("test", test_count))
    )
    return Dataset.from_arrays("lines", train_images, train_labels, test_images, test_labels, CLASS_NAMES)


def _split(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (images, labels) of lines at `angles`."""
    labels = (angles * len(CLASS_NAMES) / (2 * np.pi)).astype(np.int64)
    return np.rint((draw_lines(angles) + 1.0) * 127.5).astype(np.uint8), labels
