"""A labelled set of images in memory."""

import dataclasses
import functools
import hashlib
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coursework.util.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """Images and labels of a train and a test split.

    train_images, test_images: uint8 (n, height, width, channels).
    train_labels, test_labels: int64 (n,), indices into `class_names`.
    fingerprint: hexadecimal SHA-256 of all of the above; two data sets with one fingerprint are the same.
    place: what `load_dataset` takes to load it again, empty for arrays of a program.
    label: what figures and tables call it where its name does not say enough, else empty.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    fingerprint: str
    place: str = ""
    label: str = ""

    @property
    def argument(self) -> str:
        """What names the data set on a command line."""
        return shlex.quote(self.place or self.name)

    @property
    def title(self) -> str:
        """What figures and tables call it."""
        return self.label or self.name

    @classmethod
    def from_arrays(
        cls,
        name: str,
        train_images: np.ndarray,
        train_labels: np.ndarray,
        test_images: np.ndarray,
        test_labels: np.ndarray,
        class_names: Sequence[str],
    ) -> "Dataset":
        """Build a data set and compute its fingerprint."""
        digest = hashlib.sha256("\n".join(class_names).encode())
        for array in (train_images, train_labels, test_images, test_labels):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return cls(name, train_images, train_labels, test_images, test_labels, tuple(class_names), digest.hexdigest())

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image: (height, width, channels)."""
        return self.train_images.shape[1:]

    @property
    def class_counts(self) -> list[int]:
        """Number of training images of each class."""
        return np.bincount(self.train_labels, minlength=len(self.class_names)).tolist()

    def split(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (images, labels) of the split `name`, "train" or "test"."""
        if name == "train":
            return self.train_images, self.train_labels
        if name == "test":
            return self.test_images, self.test_labels
        raise UserError(f'unknown split "{name}": a data set has "train" and "test"')

    def only(self, class_names: Sequence[str]) -> "Dataset":
        """Return the data set of the named classes alone, labelled in the order given."""
        missing = [name for name in class_names if name not in self.class_names]
        if missing:
            raise UserError(
                f"data set {self.name} has no class {', '.join(missing)}; it has {', '.join(self.class_names)}"
            )
        if len(set(class_names)) < len(class_names):
            raise UserError(f"a class is named twice: {', '.join(class_names)}")
        number = np.full(len(self.class_names), -1, dtype=np.int64)
        for new, name in enumerate(class_names):
            number[self.class_names.index(name)] = new
        train, test = number[self.train_labels], number[self.test_labels]
        chosen = Dataset.from_arrays(
            self.name,
            self.train_images[train >= 0],
            train[train >= 0],
            self.test_images[test >= 0],
            test[test >= 0],
            class_names,
        )
        return dataclasses.replace(chosen, place=self.place, label=self.label)


@functools.cache
def say(line: str) -> None:
    """Print a remark on a data set on standard error, once a process: several steps of a command load the same data."""
    print(line, file=sys.stderr, flush=True)
