"""Two sets of images to compare, and what was computed of them so far: features, moments and nearest neighbours."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from coursework.evaluation.sources import EVALUATION_SEED, ImageSet, drawn
from coursework.extractors.extractor import Extractor, extract_features
from coursework.metrics.frechet import moments
from coursework.metrics.image_neighbours import TrainingImages, TrainingNeighbours
from coursework.metrics.memorisation import feature_neighbours
from coursework.util.cache import kept_arrays
from coursework.util.progress import Progress

# Raise this number when a search for neighbours gives another result: kept ones are then ignored.
VERSION = 1


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a set of images; all of them if `rows` is None."""

    images: ImageSet
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images.images if self.rows is None else self.rows)

    def of(self, array: np.ndarray) -> np.ndarray:
        """Return this part of an array that has a row for each image of the set."""
        return array if self.rows is None else array[self.rows]


class Comparison:
    """Images called fake and images called real.

    held_out: real images that are not among `real`; as many of them as `fake` has give the floor. Without them the
    floor is one half of `real` against the other. untrained: function that returns images of an untrained model.
    cached: False neither reads nor keeps features and neighbours.
    """

    def __init__(
        self,
        fake: ImageSet,
        real: ImageSet,
        held_out: ImageSet | None = None,
        untrained: Callable[[], ImageSet] | None = None,
        cached: bool = True,
    ) -> None:
        self.fake, self.real = Part(fake), Part(real)
        self.held_out = None if held_out is None else Part(held_out)
        self.untrained = None if untrained is None else functools.cache(lambda: Part(untrained()))
        self.cached = cached
        self._features: dict[tuple[int, Extractor], dict[str, np.ndarray]] = {}
        self._moments: dict[tuple[int, Extractor], tuple[np.ndarray, np.ndarray]] = {}

    @functools.cached_property
    def floor(self) -> tuple[Part, Part, str]:
        """(fake, real, name) of a comparison with real images on both sides."""
        if self.held_out is not None:
            held_out = self.held_out
            if len(held_out) > len(self.fake):
                # A distance has a bias that depends on n; the floor should have the same bias.
                held_out = Part(drawn(held_out.images, len(self.fake), EVALUATION_SEED))
            return held_out, self.real, held_out.images.name
        count = len(self.real)
        order = np.random.default_rng(EVALUATION_SEED).permutation(count)
        first = np.sort(order[: min(count // 2, len(self.fake))])
        return (
            Part(self.real.images, first),
            Part(self.real.images, np.sort(order[count // 2 :])),
            f"halves of {self.real.images.name}",
        )

    def features(self, part: Part, extractor: Extractor, output: str = "features") -> np.ndarray:
        """Return features (n, d) of a part, float32."""
        key = (id(part.images), extractor)
        if key not in self._features:
            images = part.images
            self._features[key] = extract_features(extractor, images.images, images.name, self.cached)
        return part.of(self._features[key][output])

    def moments(self, part: Part, extractor: Extractor) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and covariance of a part's features."""
        key = (id(part), extractor)
        if key not in self._moments:
            self._moments[key] = moments(self.features(part, extractor))
        return self._moments[key]

    def neighbours(self, part: Part, extractor: Extractor | None = None) -> TrainingNeighbours:
        """Return the neighbours of a whole set among the real images, in features or (None) in pixels."""
        images, real = part.images, self.real.images
        if extractor is None:
            return kept_neighbours(
                pixel_key(real, images),
                images.name,
                lambda progress: self._training_images.nearest(images.images, progress),
                self.cached,
            )
        import keras  # takes seconds, and the names of metrics need none of it

        key = (extractor.sha256, extractor.precision, keras.backend.backend(), real.fingerprint, images.fingerprint)
        features = functools.partial(self.features, extractor=extractor)
        return kept_neighbours(
            key,
            images.name,
            lambda progress: feature_neighbours(features(part), features(self.real), progress),
            self.cached,
        )

    @functools.cached_property
    def _training_images(self) -> TrainingImages:
        return TrainingImages(self.real.images.images)


def pixel_key(training: ImageSet, images: ImageSet) -> tuple[str, ...]:
    """Return the key under which the pixel neighbours of `images` among `training` images are kept."""
    return ("pixels", training.fingerprint, images.fingerprint)


def kept_neighbours(
    key: tuple[str, ...],
    name: str,
    compute: Callable[[Callable[[int, int], None]], TrainingNeighbours],
    cached: bool = True,
) -> TrainingNeighbours:
    """Return the neighbours kept under `key`, else what `compute(progress)` returns, and keep it.

    name: of the images whose neighbours they are, in the progress line. cached: False neither reads nor keeps them.
    """

    def arrays() -> dict[str, np.ndarray]:
        with Progress(f"nearest training images, {name}", unit=None) as progress:
            found = compute(progress.step)
        fields = ("indices", "distances", "typical", "placements")
        return {field: getattr(found, field) for field in fields if getattr(found, field) is not None}

    return TrainingNeighbours(**kept_arrays("neighbours", (VERSION, *key), arrays, cached))
