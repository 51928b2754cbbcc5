"""Appraises candidates by one witness: its belief, its features, and the training images they come nearest to."""

from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from coursework.evaluation.comparison import kept_neighbours, pixel_key
from coursework.evaluation.sources import split_of
from coursework.extractors.extractor import Extractor, extract_features
from coursework.extractors.recorded import extract
from coursework.metrics.image_neighbours import TrainingImages, TrainingNeighbours
from coursework.metrics.memorisation import feature_neighbours
from coursework.metrics.realism import RealManifold
from coursework.pegasus.composites import compose
from coursework.pegasus.evidence import evidence
from coursework.pegasus.scores import (
    LEAST_REAL,
    CandidateScores,
    clipped_realism,
    diversity,
    nearest_distances,
    uniqueness,
)
from coursework.pegasus.views import SLIGHT, slight_views, to_bytes
from coursework.pegasus.witness import OUTPUTS
from coursework.util.progress import Progress

BLOCK = 2000


class PixelNeighbours:
    """The nearest training image of images in pixels, flipped or shifted too; what test images have is the scale."""

    def __init__(self, dataset):
        self.train, self.test = (split_of(dataset, split) for split in ("train", "test"))

    @cached_property
    def training(self):
        """The training images, prepared for searches."""
        return TrainingImages(self.train.images)

    @cached_property
    def test_distances(self):
        """Distances (m,) of the test images, kept between runs and where memorisation is measured."""
        key = pixel_key(self.train, self.test)
        # The search takes minutes on CIFAR-10, and preparing for it seconds: neither is begun where it is kept.
        found = kept_neighbours(key, self.test.name, lambda report: self.training.nearest(self.test.images, report))
        return found.distances

    def search(self, images):
        """Return the `TrainingNeighbours` of the uint8 images of candidates."""
        with Progress("nearest training images, candidates", unit=None) as progress:
            return self.training.nearest(images, progress.step)


class Appraiser:
    """Scores candidates for a `Task` by `witness`, beside what the same scores are for real test images.

    pixels: `PixelNeighbours`, which several appraisers share. Features of the data set are kept between runs.
    """

    def __init__(self, task, witness, pixels):
        self.task = task
        self.witness = witness
        self.pixels = pixels
        self.extractor = _extractor(witness)

    def appraise(self, candidates, neighbours=None):
        """Return the `Appraisal` of uint8 images (n, h, w, c).

        neighbours: their `TrainingNeighbours` in pixels, where they are known already.
        """
        neighbours = neighbours or self.pixels.search(candidates)
        features, belief = self._look(candidates, "candidates")
        with Progress("nearest training features, candidates", unit=None) as progress:
            found = feature_neighbours(features, self.training["features"], progress.step)
        scores = self._scores(belief, self._realism(features), neighbours.distances, found.distances)
        return Appraisal(scores, features, belief, {"pixels": neighbours, "features": found})

    def diversity(self, features):
        """Return the `diversity` of a batch by its features (n, d), beside as many real images of the body's class."""
        return diversity(features, self._bodies(len(features)))

    def scale(self, count):
        """Return the mean distance of `count` real images of the body's class to their nearest, in features.

        0 for fewer than two, among which nothing can be alike.
        """
        bodies = self._bodies(count)
        return float(nearest_distances(bodies).mean()) if len(bodies) > 1 else 0.0

    def real_scores(self):
        """Return the `CandidateScores` of the test images of the body's class: what real horses get."""
        rows = self._body_rows
        features, belief = self._look(self.task.dataset.test_images[rows], f"test images, {self.task.body}")
        distances = self.pixels.test_distances[rows], self.test_distances[rows]
        return self._scores(belief, self._realism(features), *distances)

    def _look(self, images, title):
        """Return (features (n, d), belief) of uint8 images: each part of `evidence` a mean over `slight_views`.

        A search finds what pleases the witness by chance in one view. On sprites a third of the 64 of 200 searched
        candidates that are believed most are pegasi by the judge of truth, by one view a quarter; ranked by two
        networks instead, no more.
        """
        features, found = None, []
        for number, shown in enumerate(slight_views(images), start=1):
            outputs = extract_features(self.extractor, shown, f"{title}, view {number} of {len(SLIGHT)}", cached=False)
            # Those of the images as they are, which come first.
            features = outputs["features"] if features is None else features
            # `evidence` takes unity as (n,).
            outputs = {**outputs, "unity": outputs["unity"][:, 0]}
            found.append(evidence(outputs, self.witness.class_names, self.task.body, self.task.wings))
        return features, {name: np.mean([belief[name] for belief in found], axis=0) for name in found[0]}

    def _scores(self, belief, realism, pixel_distances, feature_distances):
        """Return the `CandidateScores` of images by the witness's belief, their realism and distances (n,)."""
        return CandidateScores(
            recognisability=belief["both"],
            realism=realism,
            # New in one sense alone is not new: a copy with other colours, or another crop of the same horse.
            uniqueness=np.minimum(
                uniqueness(pixel_distances, self.pixels.test_distances),
                uniqueness(feature_distances, self.test_distances),
            ),
            bar=self.bar,
        )

    @cached_property
    def bar(self):
        """The realism that all but `LEAST_REAL` of the test images of bodies have with a part of wings upon them."""
        images, generator = self.task.dataset.test_images, np.random.default_rng(0)
        bodies = images[self._body_rows]
        parts = images[generator.choice(self._test_rows(self.task.wings), len(bodies))]
        images = to_bytes(compose(bodies, parts, generator, ("cutout",)).images)
        features = extract_features(self.extractor, images, "composites", cached=False)["features"]
        return float(np.quantile(self._realism(features), LEAST_REAL))

    def _realism(self, features):
        """Return the realism (n,) of images by their features (n, d)."""
        return clipped_realism(self.manifold.realism(features))

    @cached_property
    def training(self):
        """Outputs of the witness for the training images."""
        return extract_features(self.extractor, self.task.dataset.train_images, "training images")

    @cached_property
    def test(self):
        """Outputs of the witness for the test images."""
        return extract_features(self.extractor, self.task.dataset.test_images, "test images")

    @cached_property
    def manifold(self):
        """The manifold of the training images of body and wings: a horse's and a bird's, not a lorry's."""
        rows = np.concatenate([self.task.indices(name) for name in (self.task.body, *self.task.wings)])
        with Progress("manifold of real images", unit=None) as progress:
            return RealManifold(self.training["features"][np.sort(rows)], progress=progress.step)

    @cached_property
    def test_distances(self):
        """Distances (m,) of test images to their nearest training images in features."""
        pixels = self.pixels
        key = (self.extractor.sha256, self.extractor.precision, keras.backend.backend())
        found = kept_neighbours(
            (*key, pixels.train.fingerprint, pixels.test.fingerprint),
            pixels.test.name,
            lambda report: feature_neighbours(self.test["features"], self.training["features"], report),
        )
        return found.distances

    def _bodies(self, count):
        """Return features of `count` test images of the body's class, the same ones each time."""
        rows = self._body_rows
        return self.test["features"][np.random.default_rng(0).choice(rows, min(count, len(rows)), replace=False)]

    @cached_property
    def _body_rows(self):
        """Indices of the test images of the body's class."""
        return self._test_rows([self.task.body])

    def _test_rows(self, names):
        """Return the indices of the test images of these classes."""
        dataset = self.task.dataset
        return np.flatnonzero(np.isin(dataset.test_labels, [dataset.class_names.index(name) for name in names]))


@dataclass(frozen=True)
class Appraisal:
    """What one witness says of n candidates.

    features: (n, d). belief: {"body", "wings", "unity", "both": (n,)}. neighbours: {"pixels", "features":
    `TrainingNeighbours`}.
    """

    scores: CandidateScores
    features: np.ndarray
    belief: dict[str, np.ndarray]
    neighbours: dict[str, TrainingNeighbours]

    def record(self, index):
        """Return scores, belief and nearest training images of one candidate as a dict ready for JSON."""
        return {
            "scores": self.scores.record(index),
            "belief": {name: round(float(self.belief[name][index]), 6) for name in ("body", "wings", "unity")},
            "neighbours": [
                {
                    "space": space,
                    "train_index": int(found.indices[index]),
                    "distance": round(float(found.distances[index]), 4),
                }
                for space, found in self.neighbours.items()
            ],
        }


def _extractor(witness):
    """Return the `Extractor` of a witness: all its outputs, as rows."""

    def compute(images):
        return {name: values.reshape(len(images), -1) for name, values in extract(witness, images).items()}

    return Extractor(
        name=witness.role,
        sha256=witness.sha256,
        image_shape=tuple(witness.model.input_shape[1:]),
        resize=None,
        precision="float32",
        outputs=tuple(OUTPUTS),
        block=BLOCK,
        compute=compute,
    )
