"""Sets of images by the names that users give: a folder, an array file, samples of a run, a split of a data set."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from coursework import __version__
from coursework.data import Dataset, has_name, load_dataset
from coursework.data.array_files import read_array
from coursework.data.image_files import SUFFIXES, find_images, read_images, size, skipped
from coursework.training.run import RUNS, Run
from coursework.util.cache import kept_arrays
from coursework.util.errors import UserError
from coursework.util.files import expanded

SPLITS = ("train", "test")
# Samples of an evaluation use a seed that no training used for its previews or scores. Those have the run's seed and
# the next one, so that runs with the seeds 2019 and 2020 need another one here.
EVALUATION_SEED = 2020
# Default number of samples of a run: the size of CIFAR-10's test split.
SAMPLES = 10_000
# Images hashed at a time.
BLOCK = 1000


@dataclass(frozen=True)
class ImageSet:
    """A set of images with its name in records and tables.

    images: uint8 (n, height, width, 1 or 3). dataset, split: of images that are a split of a data set. seed, weights
    (`TrainedRun.weights`): of samples of a run. notes: how the images were changed or selected.
    """

    name: str
    images: np.ndarray
    dataset: Dataset | None = None
    split: str | None = None
    seed: int | None = None
    weights: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """Width and height of the images as text: "32x32"."""
        return size(self.images)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the images: two sets with one fingerprint are the same."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        for start in range(0, len(self.images), BLOCK):
            digest.update(np.ascontiguousarray(self.images[start : start + BLOCK]).data)
        return digest.hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return the description of the set that is printed with its scores, ready for JSON."""
        return {
            "name": self.name,
            "n": len(self.images),
            "size": self.size,
            "seed": self.seed,
            "weights": self.weights,
            "sha256": self.fingerprint,
            "notes": list(self.notes),
        }

    def held_out(self) -> "ImageSet | None":
        """Return the other split of the same data set, None for images that are no split."""
        return None if self.dataset is None else split_of(self.dataset, "test" if self.split == "train" else "train")


@dataclass(frozen=True)
class Source:
    """Where a set of images comes from: `kind` is "run", "folder", "array" or "split"; `place` depends on it.

    To find a source is fast; `read_source` may take long, and for a run it imports Keras.
    """

    kind: str
    text: str
    place: Any


def find_source(text: str) -> Source:
    """Return the `Source` that `text` names; raises `UserError` if there is none.

    A run directory or its name inside reports/runs; a folder of images, with its subfolders; an .npz or .npy file;
    DATASET:train or DATASET:test, with DATASET as `load_dataset` takes it.
    """
    path = expanded(text)
    dataset, _, split = text.rpartition(":")
    if (path / "config.json").is_file():
        return Source("run", text, Run(path))
    if path.is_dir():
        return Source("folder", text, path)
    if path.suffix in (".npz", ".npy"):
        if not path.is_file():
            raise UserError(f"no file {text}")
        return Source("array", text, path)
    if path.is_file():
        raise UserError(f"{text} is one file: give a folder of images, or an .npz or .npy file that holds an array")
    if dataset and split in SPLITS:
        return Source("split", text, (dataset, split))
    if (RUNS / path / "config.json").is_file():
        return Source("run", text, Run(RUNS / path))
    if has_name(text):
        raise UserError(f"{text} is a data set of two splits: say which, {text}:train or {text}:test")
    raise UserError(
        f"nothing found at {text}: give a folder of images, an .npz or .npy file, a run, or a split of a data set "
        "such as cifar10:test"
    )


def read_source(
    source: Source, samples: int | None = None, seed: int = EVALUATION_SEED, best: bool = False, cached: bool = True
) -> ImageSet:
    """Return the `ImageSet` of a source.

    samples: images to generate from a run (10,000 by default), or to draw at random from a larger set (all by
    default). seed: of both. best: use the weights of a run with the best score, not the last ones.
    Raises `UserError` for what cannot be read or holds too few images.
    """
    if source.kind == "run":
        return run_samples(source.place, samples or SAMPLES, seed, best, cached)
    if source.kind == "split":
        name, split = source.place
        images = split_of(load_dataset(name), split)
    elif source.kind == "folder":
        files, notes = _image_files(source.place, source.text)
        array, remarks = read_images(files, f"reading {source.text}")
        images = ImageSet(source.text, array, notes=(*notes, *remarks))
    else:
        array, notes = read_array(source.place, source.text)
        images = ImageSet(source.text, array, notes=notes)
    return images if samples is None else drawn(images, samples, seed)


def batch_from(text: str, dataset: Dataset) -> ImageSet:
    """Return the images in a folder or an array file as an `ImageSet`, named after its path.

    Raises `UserError` for anything else, and for images of another size than those of `dataset`.
    """
    source = find_source(text)
    if source.kind not in ("folder", "array"):
        raise UserError(f"--beside {text}: give a folder of images, or an .npz or .npy file")
    images = read_source(source)
    if images.images.shape[1:] != dataset.image_shape:
        own = "x".join(map(str, dataset.image_shape))
        theirs = "x".join(map(str, images.images.shape[1:]))
        raise UserError(f"--beside {text} holds images of {theirs}, and those of {dataset.name} are {own}")
    return replace(images, name=source.place.stem if source.kind == "array" else source.place.resolve().name)


def split_of(dataset: Dataset, split: str) -> ImageSet:
    """Return a split of a `Dataset` as an `ImageSet`."""
    images, _ = dataset.split(split)
    if images.ndim != 4:
        raise UserError(f"{dataset.name} holds no images, and image scores need some")
    return ImageSet(f"{dataset.name}:{split}", images, dataset, split)


def run_samples(run: Run, count: int, seed: int = EVALUATION_SEED, best: bool = False, cached: bool = True) -> ImageSet:
    """Return `count` samples of a trained run as an `ImageSet`; they are generated once and kept."""
    # Imported here: an error in the name of a folder is reported without the seconds that Keras takes.
    from coursework.models.class_weights import unequal_counts
    from coursework.training.sampling import TrainedRun

    trained = TrainedRun(run, best)
    # Unequal classes give other samples than equal ones.
    counts = unequal_counts(run.read_environment().get("class_counts")) or ()
    key = (run.read_config().to_json(), *trained.fingerprints(), count, seed, *counts)
    images = kept_samples(key, lambda: trained.sample(count, seed), cached)
    return ImageSet(run.name, images, seed=seed, weights=trained.weights)


def kept_samples(key: tuple[Any, ...], generate: Callable[[], np.ndarray], cached: bool = True) -> np.ndarray:
    """Return uint8 images that depend only on the parts of `key`: kept ones, or what `generate()` returns."""
    import keras

    key = (__version__, keras.backend.backend(), *key)
    return kept_arrays("samples", key, lambda: {"images": generate()}, cached)["images"]


def drawn(images: ImageSet, count: int, seed: int) -> ImageSet:
    """Return `count` images of a set in their order, drawn without replacement."""
    total = len(images.images)
    if total < count:
        raise UserError(f"{images.name} holds {total:,} images, fewer than the {count:,} wanted")
    if total == count:
        return images
    chosen = np.sort(np.random.default_rng(seed).choice(total, count, replace=False))
    note = f"{count:,} of {total:,} images, drawn with seed {seed}"
    return ImageSet(images.name, images.images[chosen], notes=(*images.notes, note))


def with_equal_channels(
    fake: ImageSet, real: ImageSet, held_out: ImageSet | None
) -> tuple[ImageSet, ImageSet, ImageSet | None]:
    """Return sets to be compared, all grey or all in colour: image files are read in colour, grey data sets are not.

    Sets in colour whose every pixel is grey become grey, else the grey sets get three equal channels.
    """
    sets = [fake, real] if held_out is None else [fake, real, held_out]
    in_colour = [each.images for each in sets if each.images.shape[3] == 3]
    if 0 < len(in_colour) < len(sets):
        grey = all((images == images[..., :1]).all() for images in in_colour)
        sets = [replace(each, images=_channels(each.images, 1 if grey else 3)) for each in sets]
    return sets[0], sets[1], sets[2] if held_out is not None else None


def _channels(images: np.ndarray, count: int) -> np.ndarray:
    return images[..., :1] if count == 1 else np.broadcast_to(images, (*images.shape[:3], 3))


def _image_files(folder: Path, text: str) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return (every image file in `folder` and below, sorted by path, notes on what is skipped)."""
    if all((folder / split).is_dir() for split in SPLITS):
        raise UserError(f"{text} holds a train and a test split: say which, {text}:train or {text}:test")
    listing = find_images(folder)
    if not listing.files:
        raise UserError(f"{text} holds no images ({', '.join(sorted(SUFFIXES))}), nor do its subfolders")
    return listing.files, skipped([listing])
