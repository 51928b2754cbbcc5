"""The built-in data set: drawn 32x32 horses, deer, birds and aeroplanes, and winged horses that no model ever sees."""

import numpy as np

from coursework.data.dataset import Dataset
from coursework.data.sprites import airplane, bird, deer, horse
from coursework.data.sprites.canvas import SIZE, Canvas
from coursework.data.sprites.draws import Draws
from coursework.data.sprites.photograph import photograph
from coursework.util.errors import UserError

CLASS_NAMES = ("airplane", "bird", "deer", "horse")
PAINTERS = {"airplane": airplane.paint, "bird": bird.paint, "deer": deer.paint, "horse": horse.paint}

# Independent random streams: what `render` and `pegasi` draw is in no data set, and no test image in training.
FREE, TRAIN, TEST = range(3)
# Images painted at once: enough to make numpy's overhead small, few enough for their planes to stay in the cache.
BLOCK = 64


def render(class_name, n, seed):
    """Return `n` images of a class, uint8 (n, 32, 32, 3); image i depends on (class_name, seed, i) alone.

    seed: a non-negative integer. Raises `UserError` for a class that is not in `CLASS_NAMES`.
    """
    if class_name not in PAINTERS:
        raise UserError(f'sprites have no class "{class_name}"; they have {", ".join(CLASS_NAMES)}')
    return _paint(PAINTERS[class_name], n, CLASS_NAMES.index(class_name), FREE, seed)


def pegasi(n, seed):
    """Return `n` winged horses, uint8 (n, 32, 32, 3): image i is that of `render("horse", n, seed)` with wings.

    They are the truth that generated pegasi are measured against, and never part of `load`.
    """
    return _paint(horse.paint_winged, n, CLASS_NAMES.index("horse"), FREE, seed)


def load(train_per_class=2500, test_per_class=500, seed=0):
    """Return the `Dataset` "sprites", its classes equally frequent, in a random order that depends on `seed`."""
    train_images, train_labels = _split(train_per_class, TRAIN, seed)
    test_images, test_labels = _split(test_per_class, TEST, seed)
    return Dataset.from_arrays("sprites", train_images, train_labels, test_images, test_labels, CLASS_NAMES)


def _split(per_class, stream, seed):
    images = np.concatenate(
        [_paint(PAINTERS[name], per_class, label, stream, seed) for label, name in enumerate(CLASS_NAMES)]
    )
    labels = np.repeat(np.arange(len(CLASS_NAMES), dtype=np.int64), per_class)
    # Sorting random numbers, not `permutation`, whose algorithm numpy may change between versions.
    order = np.argsort(np.random.default_rng([stream, seed]).random(len(labels)), kind="stable")
    return images[order], labels[order]


def _paint(painter, n, *key):
    draws = Draws(*key)
    images = np.empty((n, SIZE, SIZE, 3), dtype=np.uint8)
    for first in range(0, n, BLOCK):
        block = images[first : first + BLOCK]
        draws.start_block(len(block))
        canvas = Canvas(len(block))
        painter(canvas, draws)
        block[:] = photograph(canvas, draws)
    return images
