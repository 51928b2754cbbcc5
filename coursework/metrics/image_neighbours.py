"""The nearest training image of every image in pixels, even if the image was flipped or shifted by a pixel.

Images are compared in a window without their outermost pixels, so that the pixels which a shifted copy lost at its
edge do not matter. One image is flipped and moved by up to a pixel each way. A distance is the root mean squared
difference of pixel values in the window, in grey levels (0 to 255).

Eighteen placements of 3,000 numbers are too many for products of whole images. A descriptor is the projection on
orthonormal directions in which the training images vary most, and the length of the remainder. Two descriptors are
never farther apart than their images: their products bound all distances from below and leave few to compute.
"""

from dataclasses import dataclass

import numpy as np

from coursework.metrics.distances import Block, Points
from coursework.metrics.neighbours import Nearest, OnStep, Steps
from coursework.util.errors import UserError

# How an image is moved onto another: flipped left to right or not, then by so many pixels down and to the right.
PLACEMENTS = tuple((flip, down, right) for flip in (False, True) for down in (0, -1, 1) for right in (0, -1, 1))
# Number of training images that set the scale of a distance, as in Carlini et al. 2023.
NEIGHBOURHOOD = 50
DESCRIPTOR_SIZE = 160
FITTED_IMAGES = 3000


@dataclass(frozen=True)
class TrainingNeighbours:
    """The nearest training example of each of n images or feature rows.

    indices: int (n,). distances: (n,), of images in grey levels. typical: (n,), mean distance to the nearest
    `NEIGHBOURHOOD` examples, unmoved. placements: int (n,), indices into `PLACEMENTS`: how the image is moved onto its
    neighbour; None for features.
    """

    indices: np.ndarray
    distances: np.ndarray
    typical: np.ndarray
    placements: np.ndarray | None = None

    @property
    def ratios(self) -> np.ndarray:
        """Distances in units of the typical one (n,): 0 for a copy, hardly below 1 if no neighbour stands out."""
        return np.divide(self.distances, self.typical, out=np.zeros(len(self.indices)), where=self.typical > 0)


class TrainingImages:
    """Training images uint8 (m, h, w, c), prepared for `nearest`."""

    def __init__(self, images: np.ndarray) -> None:
        self.shape = _checked(images).shape[1:]
        windows = window(images, *PLACEMENTS[0])
        self.centre = windows.mean(axis=0)
        self.directions = _directions(windows, self.centre)
        self.points = _Described(windows, self.centre, self.directions)

    def nearest(self, images: np.ndarray, progress: OnStep | None = None) -> TrainingNeighbours:
        """Return the `TrainingNeighbours` of uint8 images (n, h, w, c).

        progress: called with (blocks done, number of blocks). Raises `UserError` for images of another shape or type.
        """
        if _checked(images).shape[1:] != self.shape:
            raise UserError(f"images of shape {images.shape[1:]} cannot be copies of training images of {self.shape}")
        count = len(self.points)
        several, nearest = Nearest(len(images), min(NEIGHBOURHOOD, count)), Nearest(len(images), 1)
        columns = self.points.blocks()
        steps = None
        for number, placement in enumerate(PLACEMENTS):
            queries = _Described(window(images, *placement), self.centre, self.directions)
            rows = queries.blocks()
            steps = steps or Steps(len(PLACEMENTS) * len(rows) * len(columns), progress)
            for block in (Block(queries, self.points, i, j) for i in rows for j in columns):
                (nearest if number else several).search(block, 0, offset=number * count)
                steps.advance()
            if number == 0:
                nearest.squared[:], nearest.indices[:] = several.squared[:, :1], several.indices[:, :1]
        placements, indices = np.divmod(nearest.indices[:, 0], count)
        scale = self.points.features.shape[1] ** -0.5
        distances, typical = scale * np.sqrt(nearest.squared[:, 0]), scale * np.sqrt(several.squared).mean(axis=1)
        return TrainingNeighbours(indices, distances, typical, placements)


def window(images: np.ndarray, flip: bool, down: int, right: int) -> np.ndarray:
    """Return the content of the window of flipped and moved images (n, h, w, c), as rows (n, numbers)."""
    height, width = images.shape[1:3]
    moved = images[:, :, ::-1] if flip else images
    moved = moved[:, 1 - down : height - 1 - down, 1 - right : width - 1 - right]
    return moved.reshape(len(images), -1)


class _Described(Points):
    """Windows of images (n, numbers) with descriptors in place of centred features.

    Descriptors bound distances only from below, which suffices for searches but not for `Block.within`.
    """

    def __init__(self, windows: np.ndarray, centre: np.ndarray, directions: np.ndarray) -> None:
        self.directions = directions
        super().__init__(windows, centre)

    def prepare(self, centred: np.ndarray) -> np.ndarray:
        kept = centred @ self.directions
        left = np.square(centred).sum(axis=1) - np.square(kept).sum(axis=1)
        return np.column_stack([kept, np.sqrt(np.maximum(left, 0.0))]).astype(np.float32)


def _directions(windows: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return orthonormal directions (numbers, size) in which windows vary most, by a randomised range search.

    Any orthonormal directions give valid bounds; those of a sample of images are nearly the best.
    """
    random = np.random.default_rng(0)
    chosen = random.choice(len(windows), min(FITTED_IMAGES, len(windows)), replace=False)
    centred = windows[chosen] - centre
    directions = random.normal(size=(windows.shape[1], min(DESCRIPTOR_SIZE, windows.shape[1])))
    for _ in range(3):
        directions, _ = np.linalg.qr(centred.T @ (centred @ directions))
    return directions


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or min(images.shape[1:3]) < 3:
        raise UserError(
            f"a search for copies needs uint8 images (n, h, w, c) of at least 3x3, found {images.dtype} {images.shape}"
        )
    return images
