"""Training of the judge of a data set: a short one-cycle run on mirrored and shifted images."""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from coursework.data.dataset import Dataset
from coursework.data.pipeline import Batches, feed
from coursework.extractors.judge import Judge, build, judge_folder, load
from coursework.extractors.recorded import already_trained, class_fingerprints, extract, save
from coursework.util.errors import UserError
from coursework.util.progress import epoch_verbosity

EPOCHS = 12
# A small data set is passed more often, until the judge has had this many updates.
FEWEST_UPDATES = 400
BATCH_SIZE = 256
# Measured on CIFAR-10 with width 16 and three epochs: an accuracy of 74 % at 0.4 and of 73 % at 0.2; hiding a square of
# each image (cutout) costs one point in so short a run.
PEAK_RATE = 0.4
WARM_UP = 0.2
MOMENTUM = 0.9
# Keras subtracts rate * weight_decay * weight outside the momentum: ten times the coefficient of a penalty inside it.
WEIGHT_DECAY = 5e-3
LABEL_SMOOTHING = 0.1
# The largest shift, as a fraction of the image's side.
SHIFT = 1 / 8


def train_judge(
    dataset: Dataset,
    folder: str | Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    width: int = 24,
    progress: bool = True,
    report: Callable[[str], None] = print,
    replace: bool = False,
) -> Judge:
    """Train a judge on the training split of `dataset`, save it in `folder` and return it.

    A judge in `folder` with the same data set, epochs, seed and width is returned instead; one with others is replaced
    only if `replace` is true.

    folder: by default that of `judge_folder`. epochs: passes over the training split, by default
    `EPOCHS`, more for a small one. width: channels of the first layer. report: called with one line for the user.
    Raises `UserError` for a data set of one class, and if training diverges.
    """
    if len(dataset.class_names) < 2:
        raise UserError(f"a judge tells classes apart, and {dataset.name} has only {', '.join(dataset.class_names)}")
    folder = Path(folder or judge_folder(dataset))
    batch_size = min(BATCH_SIZE, len(dataset.train_images))
    steps = len(dataset.train_images) // batch_size
    epochs = epochs or max(EPOCHS, math.ceil(FEWEST_UPDATES / steps))
    settings: dict[str, Any] = {"fingerprint": dataset.fingerprint, "epochs": epochs, "seed": seed, "width": width}
    judge = already_trained(lambda: load(folder), settings, dataset, replace)
    if judge is not None:
        report(f"{folder} holds this judge already: {_describe(judge)}")
        return judge
    started = time.perf_counter()
    model = _fit(dataset, batch_size, epochs, seed, width, progress)
    judge = Judge(
        model=model,
        dataset=dataset.name,
        class_names=dataset.class_names,
        class_fingerprints=class_fingerprints(dataset),
        seconds=round(time.perf_counter() - started, 1),
        accuracy=math.nan,
        sha256="",
        **settings,
    )
    judge = save(dataclasses.replace(judge, accuracy=_accuracy(judge, dataset, progress)), folder)
    report(f"{folder}: {_describe(judge)}")
    return judge


def learning_rate(steps: int, peak: float = PEAK_RATE) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the one-cycle schedule (Smith 2018) of `steps` updates: linear up to the peak, along a cosine to zero."""
    warm_up = max(1, round(WARM_UP * steps))
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=max(1, steps - warm_up), warmup_target=peak, warmup_steps=warm_up
    )


class AugmentedBatches(Batches):
    """Batches mirrored at random and shifted by up to `SHIFT`.

    A batch is uint8 (batch_size, h, w, c) and one-hot float32 (batch_size, class_count). It depends only on seed,
    epoch and index.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, class_count: int, batch_size: int, seed: int) -> None:
        super().__init__(images, batch_size, seed, labels=labels, horizontal_flips=True)
        self.one_hot = np.eye(class_count, dtype=np.float32)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = super().__getitem__(index)
        generator = np.random.default_rng((self.seed, self.epoch, index))
        return shifted(images, generator), self.one_hot[labels]


def shifted(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return uint8 images (n, h, w, c), each moved by up to `SHIFT` of its side; reflection fills the gap."""
    count, height, width, _ = images.shape
    rows, row_limit = _moved_indices(height, count, generator)
    columns, column_limit = _moved_indices(width, count, generator)
    padding = ((0, 0), (row_limit, row_limit), (column_limit, column_limit), (0, 0))
    padded = np.pad(images, padding, mode="reflect")
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _moved_indices(side, count, generator):
    """Return indices (count, side) into a padded side, and the padding that they reach into."""
    limit = round(SHIFT * side)
    return generator.integers(0, 2 * limit + 1, (count, 1)) + np.arange(side), limit


def _fit(dataset, batch_size, epochs, seed, width, progress):
    """Train and return the judge's network, in float32 whatever its precision in training."""
    class_count = len(dataset.class_names)
    batches = AugmentedBatches(dataset.train_images, dataset.train_labels, class_count, batch_size, seed)
    network = build(dataset.image_shape, class_count, width, seed, fastest_precision(width))
    classifier = keras.Model(network.input, network.output["logits"])
    optimizer = keras.optimizers.SGD(
        learning_rate(len(batches) * epochs), momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    classifier.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
        # XLA slows convolutions on a CPU.
        jit_compile=False,
    )
    classifier.fit(feed(batches), epochs=epochs, shuffle=False, verbose=epoch_verbosity(progress))
    exact = build(dataset.image_shape, class_count, width, seed)
    exact.set_weights(network.get_weights())
    return exact


def fastest_precision(width: int) -> str:
    """Return "mixed_bfloat16" if the processor supports bfloat16 and layers are wide enough to gain, else "float32"."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "float32"
    return "mixed_bfloat16" if width >= 24 and ("avx512_bf16" in flags or "amx_bf16" in flags) else "float32"


def _accuracy(judge, dataset, progress):
    logits = extract(judge, dataset.test_images, progress=progress)["logits"]
    if not np.isfinite(logits).all():
        raise UserError(f"training the judge of {dataset.name} diverged: try another seed")
    return float(np.mean(logits.argmax(axis=1) == dataset.test_labels))


def _describe(judge):
    return f"names {judge.accuracy:.1%} of the test images rightly, trained in {judge.training_time}"
