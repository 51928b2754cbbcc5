"""Views of images: enlarged or shrunk, moved, slightly spoiled; and how much of the subject each still shows."""

from collections.abc import Iterator

import numpy as np

# The most things that hide parts of a picture, and how large they are, in sides.
THINGS = 4
SIZES = (0.04, 0.3)
# Shares of images that are blurred, and that get noise, another contrast and brightness.
BLURRED = 0.3
NOISY = 0.3
TONED = 0.5
# Changes after which a picture shows what it showed: scale, rows and columns moved in pixels, mirrored.
SLIGHT = (
    (1.0, 0, 0, False),
    (1.0, 0, 0, True),
    (0.9, 0, 0, False),
    (1.1, 0, 0, True),
    (1.0, 2, 1, False),
    (1.0, -2, -1, True),
    (0.95, -1, 2, False),
    (1.05, 1, -2, True),
)


class View:
    """n views of images of one height and width: each shrunk or enlarged about its middle, then moved.

    scale: (n,), 1 leaves the size. offset: (n, 2), rows and columns in pixels by which the middle moves.
    """

    def __init__(self, height: int, width: int, scale: np.ndarray, offset: np.ndarray) -> None:
        self.scale = np.asarray(scale, dtype=np.float32)
        self.rows = _source(height, self.scale, offset[:, 0])
        self.columns = _source(width, self.scale, offset[:, 1])

    @classmethod
    def whole(cls, count: int, height: int, width: int) -> "View":
        """Return views that change nothing."""
        return cls(height, width, np.ones(count), np.zeros((count, 2)))

    def show(self, images: np.ndarray) -> np.ndarray:
        """Return float32 (n, h, w, c) of images (n, h, w, c), smoothly resampled; mirror images fill what is beyond."""
        count, height, width, channels = images.shape
        by_rows = _resampling(self.rows, self.scale) @ images.astype(np.float32).reshape(
            count, height, width * channels
        )
        by_rows = by_rows.reshape(count, height, width, channels).swapaxes(1, 2)
        by_rows = by_rows.reshape(count, width, height * channels)
        shown = _resampling(self.columns, self.scale) @ by_rows
        return shown.reshape(count, width, height, channels).swapaxes(1, 2)

    def share(self, mask: np.ndarray) -> np.ndarray:
        """Return (n,) the share of each subject that is seen where mask (n, h, w) in [0, 1] shows the view.

        Pictures have their subject in the middle: what is seen is weighed by a half wave of a sine from edge to edge.
        """
        weights = _window(self.rows)[:, :, None] * _window(self.columns)[:, None, :]
        whole = _window(np.arange(self.rows.shape[1])).sum() * _window(np.arange(self.columns.shape[1])).sum()
        return np.minimum(1.0, (mask * weights).sum(axis=(1, 2)) / (whole * self.scale**2)).astype(np.float32)


def slight_views(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield uint8 images (n, h, w, c) after each change of `SLIGHT`, the same for all of them; first as they are."""
    count, height, width = images.shape[:3]
    for scale, down, across, mirrored in SLIGHT:
        view = View(height, width, np.full(count, scale), np.tile([down, across], (count, 1)))
        shown = to_bytes(view.show(images))
        yield shown[:, :, ::-1] if mirrored else shown


def occlude(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return float images (n, h, w, c) with up to `THINGS` ellipses of one colour each before them, edges sharp.

    Something strange before something known is still one picture. A colour is that of a random pixel of any image.
    """
    count, height, width, channels = images.shape
    palette = images.reshape(-1, channels)
    images = images.astype(np.float32)
    rows, columns = (np.arange(side) - (side - 1) / 2 for side in (height, width))
    shown = generator.integers(1, THINGS + 1, size=(count, 1, 1))
    for thing in range(THINGS):
        centre = generator.uniform(-0.35, 0.35, (count, 2, 1, 1)) * np.array([height, width])[:, None, None]
        angle = generator.uniform(0, np.pi, (count, 1, 1))
        radii = generator.uniform(*SIZES, (count, 2, 1, 1)) * min(height, width)
        down, across = rows[:, None] - centre[:, 0], columns - centre[:, 1]
        along = (np.cos(angle) * across + np.sin(angle) * down) / radii[:, 0]
        beside = (np.cos(angle) * down - np.sin(angle) * across) / radii[:, 1]
        # About a pixel from inside to outside, as a camera would see an edge.
        mask = np.clip((1 - np.hypot(along, beside)) * radii.min(axis=1) + 0.5, 0, 1) * (thing < shown)
        colour = palette[generator.integers(len(palette), size=count)][:, None, None]
        images += mask[..., None].astype(np.float32) * (colour - images)
    return images


def spoil(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return uint8 images of float ones (n, h, w, c) in [0, 255], some blurred, some noisy, some of another tone.

    All that a witness is shown is spoiled alike: neither sharpness nor blur may tell what is one picture.
    """
    count = len(images)
    blurred = np.flatnonzero(generator.random(count) < BLURRED)
    images[blurred] = blur(images[blurred], generator.uniform(0.05, 0.3, len(blurred)))
    toned = generator.random(count) < TONED
    contrast = np.where(toned, generator.uniform(0.75, 1.25, count), 1).astype(np.float32)
    brightness = np.where(toned, generator.uniform(-25, 25, count), 0).astype(np.float32)
    images = (images - 127.5) * contrast[:, None, None, None] + (127.5 + brightness[:, None, None, None])
    noisy = np.flatnonzero(generator.random(count) < NOISY)
    strength = generator.uniform(2, 10, len(noisy)).astype(np.float32)[:, None, None, None]
    images[noisy] += strength * generator.standard_normal(images[noisy].shape, dtype=np.float32)
    return to_bytes(images)


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Return uint8 images of float ones, rounded and kept within [0, 255]."""
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def blur(images: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return float images (n, h, w, c), each pixel mixed with its neighbours: `weights` (n,) of each on either side."""
    for axis in (1, 2):
        side = np.asarray(weights, np.float32)[:, None, None, None]
        padding = [(0, 0)] * 4
        padding[axis] = (1, 1)
        padded = np.pad(images, padding, mode="edge")
        before, after = (np.take(padded, range(start, start + images.shape[axis]), axis) for start in (0, 2))
        images = (1 - 2 * side) * images + side * (before + after)
    return images


def _source(side: int, scale: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return (n, side): where in its source each pixel of a view lies."""
    middle = (side - 1) / 2
    return ((np.arange(side) - middle - np.asarray(offset)[:, None]) / scale[:, None] + middle).astype(np.float32)


def _window(positions: np.ndarray) -> np.ndarray:
    """Return the weight of positions (..., side) in a source of as many pixels: 0 at its edges and beyond."""
    side = positions.shape[-1]
    return np.maximum(0.0, np.sin(np.pi * np.clip((positions + 0.5) / side, 0, 1))).astype(np.float32)


def _resampling(positions: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return matrices (n, side, side) that take a source to what lies at `positions` (n, side) of it.

    Each row is a triangle about its position, wider where the view is smaller than the source so that nothing aliases.
    """
    last = positions.shape[1] - 1
    # Reflected about the first and the last pixel, as often as it takes.
    reflected = last - np.abs(last - np.mod(positions, 2 * last))
    slope = np.minimum(scale, 1.0)[:, None, None]
    weights = np.maximum(0.0, 1.0 - slope * np.abs(reflected[:, :, None] - np.arange(last + 1, dtype=np.float32)))
    return weights / weights.sum(axis=2, keepdims=True)
