"""The judge of truth: a classifier of drawn animals that has seen true pegasi, and what only resembles them.

It says how often a candidate is a pegasus where the truth is known, on sprites, and takes part in no search, ranking or
training. Its pegasi are of seeds that nothing else uses.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursework.data import sprites
from coursework.data.dataset import Dataset
from coursework.extractors.judge import Judge
from coursework.extractors.judge_training import BATCH_SIZE, train_judge
from coursework.extractors.recorded import extract
from coursework.pegasus.composites import TWO_PICTURES, compose
from coursework.pegasus.views import blur, to_bytes
from coursework.util.errors import UserError
from coursework.util.files import write_text

# Seeds of its pegasi; those of the data set that are for testing, for a Fréchet distance and so on must be others.
TRAINING_SEED, HELD_OUT_SEED = 7_000_001, 7_000_002
PEGASUS, NEITHER = "pegasus", "neither"
# Pegasi for each training image of a class: seen as clear as they are, and blurred or noisy, which they remain.
PEGASI = 1.5
# Images of each kind of negatives, for each training image of a class.
NEGATIVES = 0.4
# It learns for so many updates, at least.
UPDATES = 450
WIDTH = 16
# An image is called a pegasus from this probability on.
THRESHOLD = 0.5
RECORD_FILE = "truth.json"


@dataclass(frozen=True)
class Truth:
    """The trained judge of truth.

    true_positive_rate: share of held-out true pegasi that it calls pegasi. false_positive_rates: {kind: the same share
    of what is none}: each class of the test split, each kind of composite of test images, images that are blurred or
    noisy beyond recognition, and all kinds together under "all", with equal weights.
    """

    judge: Judge
    true_positive_rate: float
    false_positive_rates: dict[str, float]

    @property
    def sha256(self) -> str:
        """That of the judge's network."""
        return self.judge.sha256

    def pegasus(self, images: np.ndarray) -> np.ndarray:
        """Return float64 (n,): the probability that each of uint8 images (n, 32, 32, 3) is a pegasus."""
        logits = extract(self.judge, images)["logits"].astype(np.float64)
        belief = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (belief / belief.sum(axis=1, keepdims=True))[:, self.judge.class_names.index(PEGASUS)]


def train_truth(
    dataset: Dataset, folder: str | Path, progress: bool = True, report: Callable[[str], None] = print
) -> Truth:
    """Return the `Truth` of the sprites `dataset`, trained and kept in `folder` where it is not there yet.

    truth.json there holds the rates. Raises `UserError` for another data set than sprites with horses.
    """
    if dataset.name != "sprites" or "horse" not in dataset.class_names:
        raise UserError(f"the judge of truth knows pegasi among drawn horses alone, not in {dataset.name}")
    folder = Path(folder)
    known = truth_dataset(dataset)
    epochs = math.ceil(UPDATES / max(1, len(known.train_images) // BATCH_SIZE))
    judge = train_judge(known, folder, epochs=epochs, width=WIDTH, progress=progress, report=report)
    truth = Truth(judge, 0.0, {})
    rates = {kind: _rate(truth, images) for kind, images in negatives(dataset, "test", HELD_OUT_SEED).items()}
    truth = Truth(
        judge,
        true_positive_rate=_rate(truth, sprites.pegasi(len(dataset.test_images), HELD_OUT_SEED)),
        false_positive_rates={**rates, "all": float(np.mean(list(rates.values())))},
    )
    record = {
        "judge_sha256": judge.sha256,
        "dataset_fingerprint": dataset.fingerprint,
        "threshold": THRESHOLD,
        "true_positive_rate": truth.true_positive_rate,
        "false_positive_rates": truth.false_positive_rates,
    }
    write_text(folder / RECORD_FILE, json.dumps(record, indent=1) + "\n")
    report(
        f"{folder}: calls {truth.true_positive_rate:.1%} of true pegasi so, "
        f"and {truth.false_positive_rates['all']:.1%} of what is none"
    )
    return truth


def truth_dataset(dataset: Dataset) -> Dataset:
    """Return the `Dataset` that the judge of truth learns: the classes of `dataset`, pegasi, and neither.

    Its test split holds pegasi of another seed than its training split, and test images of `dataset`.
    """
    parts = [_split(dataset, "train", TRAINING_SEED), _split(dataset, "test", HELD_OUT_SEED)]
    names = (*dataset.class_names, PEGASUS, NEITHER)
    return Dataset.from_arrays(f"{dataset.name} with pegasi", *parts[0], *parts[1], names)


def negatives(dataset: Dataset, split: str, seed: int) -> dict[str, np.ndarray]:
    """Return {kind: uint8 images} of what is no pegasus, drawn by `seed` from a split of `dataset` and from pegasi.

    The classes as they are; composites of a horse and another class, of every kind of `TWO_PICTURES`; blends of a
    pegasus with something else than a horse; images blurred or noisy beyond recognition, of pegasi too.
    """
    generator = np.random.default_rng((seed, 1))
    images, labels = dataset.split(split)
    plain = {name: images[labels == label] for label, name in enumerate(dataset.class_names)}
    found = dict(plain)
    count = round(NEGATIVES * len(images) / len(dataset.class_names))
    horses = plain["horse"]
    others = images[labels != dataset.class_names.index("horse")]
    for kind in TWO_PICTURES:
        first = horses[generator.integers(len(horses), size=count)]
        second = others[generator.integers(len(others), size=count)]
        swapped = (generator.random(count) < 0.5)[:, None, None, None]
        first, second = np.where(swapped, second, first), np.where(swapped, first, second)
        found[f"horse {kind}"] = to_bytes(compose(first, second, generator, (kind,)).images)
    pegasi = sprites.pegasi(count, seed + 100)
    blended = compose(pegasi, others[generator.integers(len(others), size=count)], generator, ("blend",))
    found["pegasus blend"] = to_bytes(blended.images)
    everything = np.concatenate([images[generator.integers(len(images), size=count)], pegasi])
    chosen = everything[generator.permutation(len(everything))[:count]].astype(np.float32)
    half = count // 2
    found["blurred"] = to_bytes(_repeated_blur(chosen[:half], 40))
    noise = generator.normal(0, 110, chosen[half:].shape).astype(np.float32)
    found["noisy"] = to_bytes(chosen[half:] + noise)
    return found


def _split(dataset: Dataset, split: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (images, labels) of what the judge of truth learns from a split."""
    generator = np.random.default_rng((seed, 0))
    images, labels = dataset.split(split)
    classes = len(dataset.class_names)
    pegasi = sprites.pegasi(round(PEGASI * len(images) / classes), seed)
    known = negatives(dataset, split, seed)
    wrong = np.concatenate([images for kind, images in known.items() if kind not in dataset.class_names])
    every = np.concatenate([images, pegasi, wrong])
    numbers = np.concatenate([labels, np.full(len(pegasi), classes), np.full(len(wrong), classes + 1)])
    # Animals stay what they are where they are slightly blurred or noisy, as the images of many a generator are.
    slightly = np.flatnonzero((generator.random(len(every)) < 0.4) & (numbers <= classes))
    every[slightly] = _slightly_spoiled(every[slightly], generator)
    order = generator.permutation(len(every))
    return every[order], numbers[order].astype(np.int64)


def _slightly_spoiled(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    spoiled = blur(images.astype(np.float32), generator.uniform(0.0, 0.33, len(images)))
    strength = generator.uniform(0, 14, len(images)).astype(np.float32)[:, None, None, None]
    return to_bytes(spoiled + strength * generator.standard_normal(images.shape, dtype=np.float32))


def _repeated_blur(images: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        images = blur(images, np.full(len(images), 0.33))
    return images


def _rate(truth: Truth, images: np.ndarray) -> float:
    return float(np.mean(truth.pegasus(images) >= THRESHOLD))
