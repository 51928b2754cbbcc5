"""Random numbers that depend on the image alone."""

import copy
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


class Draws:
    """Named streams of random numbers: value i of a stream depends on the key, the stream's name and i alone.

    So the first ten of a hundred images are those of a request for ten, and a new quantity changes no other: a horse
    that is drawn again with wings is the same horse.

    key: non-negative integers that identify the images, the seed last.
    """

    def __init__(self, *key: int) -> None:
        self._key = key
        self._streams: dict[str, np.random.Generator] = {}
        self._asked: set[str] = set()
        self._rows: slice | np.ndarray = slice(None)
        self._prefix = ""
        self.size = 0

    def start_block(self, size: int) -> None:
        """Start a block of `size` images: every stream gives its next `size` values."""
        self.size = size
        self._asked.clear()

    def only(self, mask: np.ndarray, prefix: str) -> "Draws":
        """Return a view that draws for the whole block and returns the values of the images in `mask` (bool, (size,)).

        The view's streams are its own: `prefix` comes before their names.
        """
        view = copy.copy(self)
        view._rows, view._prefix = mask, f"{prefix} "
        return view

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = ()) -> np.ndarray:
        """Return float32 (size, *shape), uniform in [low, high)."""
        name = self._prefix + name
        if name in self._asked:
            # A stream that gives two values an image would depend on where the blocks begin.
            raise ValueError(f'random stream "{name}" is drawn from twice for one image')
        self._asked.add(name)
        if name not in self._streams:
            self._streams[name] = np.random.default_rng([zlib.crc32(name.encode()), *self._key])
        values = self._streams[name].random((self.size, *shape), dtype=np.float32)[self._rows]
        return np.float32(low) + values * np.float32(high - low)

    def flag(self, name: str, probability: float) -> np.ndarray:
        """Return bool (size,), true with `probability`."""
        return self.uniform(name) < probability

    def sign(self, name: str) -> np.ndarray:
        """Return float32 (size,) of -1 and 1, equally often."""
        return np.where(self.flag(name, 0.5), np.float32(1), np.float32(-1))

    def index(self, name: str, weights: ArrayLike) -> np.ndarray:
        """Return int64 (size,): k with a probability proportional to weights[k]."""
        shares = np.cumsum(weights, dtype=np.float64)
        return np.searchsorted(shares[:-1] / shares[-1], self.uniform(name), side="right")

    def colour(
        self,
        name: str,
        table: ArrayLike,
        weights: Sequence[float] | None = None,
        spread: float = 0.025,
        brightness: float = 0.08,
    ) -> np.ndarray:
        """Return float32 (size, 3): a row of `table`, brighter or darker by `brightness`, each channel by `spread`."""
        table = np.asarray(table, dtype=np.float32)
        chosen = table[self.index(name, np.ones(len(table)) if weights is None else weights)]
        chosen = chosen * (1 + self.uniform(f"{name} brightness", -brightness, brightness))[:, None]
        return np.clip(chosen + self.uniform(f"{name} spread", -spread, spread, (3,)), 0, 1)
