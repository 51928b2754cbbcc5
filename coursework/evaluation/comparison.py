"""Two sets of images to be compared, what else their scores need, and the features computed of them so far."""

import functools
from dataclasses import dataclass

import numpy as np

from coursework.evaluation.sources import EVALUATION_SEED, ImageSet, drawn
from coursework.extractors.extraction import extract_features
from coursework.metrics.frechet import moments


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a set of images; all of them where `rows` is None."""

    images: ImageSet
    rows: np.ndarray | None = None

    def __len__(self):
        return len(self.images.images if self.rows is None else self.rows)

    def of(self, array):
        """Return this part of an array that has a row for each image of the set."""
        return array if self.rows is None else array[self.rows]


class Comparison:
    """Images called fake, those called real, and whose scores are beside theirs.

    fake, real: `ImageSet`. held_out: real images that are not among `real`; as many of them as `fake` has give the
    floor. Without any, the floor is that of one half of `real` against the other. untrained: function that returns the
    images of an untrained model, None where there is none. cached: False keeps and reads no features.
    """

    def __init__(self, fake, real, held_out=None, untrained=None, cached=True):
        self.fake, self.real = Part(fake), Part(real)
        self.held_out = None if held_out is None else Part(held_out)
        self.untrained = None if untrained is None else functools.cache(lambda: Part(untrained()))
        self.cached = cached
        self._features, self._moments = {}, {}

    @functools.cached_property
    def floor(self):
        """(fake `Part`, real `Part`, in words) of real images on both sides."""
        if self.held_out is not None:
            held_out = self.held_out
            if len(held_out) > len(self.fake):
                # A distance carries a bias that depends on n, and the floor should carry the same.
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

    def features(self, part, extractor, output="features"):
        """Return features (n, d) of a part, float32."""
        key = (id(part.images), extractor)
        if key not in self._features:
            images = part.images
            self._features[key] = extract_features(extractor, images.images, images.name, self.cached)
        return part.of(self._features[key][output])

    def moments(self, part, extractor):
        """Return mean and covariance of a part's features."""
        key = (id(part), extractor)
        if key not in self._moments:
            self._moments[key] = moments(self.features(part, extractor))
        return self._moments[key]
