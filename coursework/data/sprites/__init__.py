"""The built-in data set: drawn 32x32 horses, deer, birds and aeroplanes, and winged horses that no model ever sees."""

from collections.abc import Callable

import numpy as np

from coursework.data.dataset import Dataset
from coursework.data.sprites import airplane, bird, deer, horse
from coursework.data.sprites.canvas import SIZE, Canvas, per_image
from coursework.data.sprites.draws import Draws
from coursework.util.errors import UserError

CLASS_NAMES = ("airplane", "bird", "deer", "horse")
PAINTERS = {"airplane": airplane.paint, "bird": bird.paint, "deer": deer.paint, "horse": horse.paint}

# Independent random streams: no image of `render` or `pegasi` is in the data set, and no test image in training.
FREE, TRAIN, TEST = range(3)
# Images painted at once: enough to make numpy's overhead small, few enough for their planes to stay in the cache.
BLOCK = 64


def render(class_name: str, n: int, seed: int) -> np.ndarray:
    """Return `n` images of a class, uint8 (n, 32, 32, 3); image i depends on (class_name, seed, i) alone.

    seed: a non-negative integer. Raises `UserError` for a class that is not in `CLASS_NAMES`.
    """
    if class_name not in PAINTERS:
        raise UserError(f'sprites have no class "{class_name}"; they have {", ".join(CLASS_NAMES)}')
    return _paint(PAINTERS[class_name], n, CLASS_NAMES.index(class_name), FREE, seed)


def pegasi(n: int, seed: int) -> np.ndarray:
    """Return `n` winged horses, uint8 (n, 32, 32, 3): image i is that of `render("horse", n, seed)` with wings.

    The reference for generated pegasi; `load` never contains them.
    """
    return _paint(horse.paint_winged, n, CLASS_NAMES.index("horse"), FREE, seed)


def load(train_per_class: int = 2500, test_per_class: int = 500, seed: int = 0) -> Dataset:
    """Return the `Dataset` "sprites", its classes equally frequent, in a random order that depends on `seed`."""
    train_images, train_labels = _split(train_per_class, TRAIN, seed)
    test_images, test_labels = _split(test_per_class, TEST, seed)
    return Dataset.from_arrays("sprites", train_images, train_labels, test_images, test_labels, CLASS_NAMES)


def _split(per_class: int, stream: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.concatenate(
        [_paint(PAINTERS[name], per_class, label, stream, seed) for label, name in enumerate(CLASS_NAMES)]
    )
    labels = np.repeat(np.arange(len(CLASS_NAMES), dtype=np.int64), per_class)
    # Sorting random numbers, not `permutation`, whose algorithm numpy may change between versions.
    order = np.argsort(np.random.default_rng([stream, seed]).random(len(labels)), kind="stable")
    return images[order], labels[order]


def _paint(painter: Callable[[Canvas, Draws], None], n: int, *key: int) -> np.ndarray:
    draws = Draws(*key)
    images = np.empty((n, SIZE, SIZE, 3), dtype=np.uint8)
    for first in range(0, n, BLOCK):
        block = images[first : first + BLOCK]
        draws.start_block(len(block))
        canvas = Canvas(len(block))
        painter(canvas, draws)
        block[:] = _photograph(canvas.image, draws)
    return images


def _photograph(image: np.ndarray, draws: Draws) -> np.ndarray:
    """Return painted images (n, 3, 32, 32) as bytes, uint8 (n, 32, 32, 3), with the faults of a photograph."""
    exposure = draws.uniform("exposure", 0.85, 1.08)[:, None] + draws.uniform("cast", -0.04, 0.04, (3,))
    contrast = draws.uniform("contrast", 0.9, 1.12)[:, None, None, None]
    image = (image * exposure[:, :, None, None] - 0.5) * contrast + 0.5
    blur = per_image(draws.uniform("blur", 0.0, 0.13))[:, None]
    for axis in (2, 3):
        padded = np.pad(image, [(1, 1) if axis == k else (0, 0) for k in range(4)], mode="edge")
        before, after = (padded[:, :, :-2], padded[:, :, 2:]) if axis == 2 else (padded[..., :-2], padded[..., 2:])
        image = image + blur * (before + after - 2 * image)
    strength = per_image(draws.uniform("noise strength", 0.004, 0.02))[:, None]
    image = image + strength * (
        draws.uniform("noise", -1, 1, image.shape[1:]) + draws.uniform("grain", -1, 1, (1, 32, 32))
    )
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
