"""Appraises candidates by one witness: its belief, its features, and the training images they come nearest to."""

from functools import cached_property

import keras
import numpy as np

from coursework.cache import kept_arrays
from coursework.extraction import extract_features
from coursework.extractors import Extractor
from coursework.metrics.image_neighbours import TrainingImages
from coursework.metrics.neighbours import nearest_neighbours
from coursework.metrics.realism import RealManifold
from coursework.pegasus.evidence import evidence
from coursework.pegasus.scores import CandidateScores, clipped_realism, diversity, nearest_distances, uniqueness
from coursework.progress import Progress

# Raised when a search comes to find something else, so that what was kept before is not believed.
VERSION = 1
BLOCK = 2000


class PixelNeighbours:
    """The nearest training image of images in pixels, flipped or shifted too; what test images have is the scale."""

    def __init__(self, dataset):
        self.dataset = dataset

    @cached_property
    def training(self):
        """The training images, prepared for searches."""
        return TrainingImages(self.dataset.train_images)

    @cached_property
    def test_distances(self):
        """Distances (m,) of the test images, kept between runs: the search takes minutes on CIFAR-10."""
        key = (VERSION, "test pixels", self.dataset.fingerprint)
        images = self.dataset.test_images
        return kept_arrays("neighbours", key, lambda: {"distances": self.search(images, "test").distances})["distances"]

    def search(self, images, title):
        """Return the `TrainingNeighbours` of uint8 images."""
        with Progress(f"nearest training images, {title}", unit=None) as progress:
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
        neighbours = neighbours or self.pixels.search(candidates, "candidates")
        outputs = extract_features(self.extractor, candidates, "candidates", cached=False)
        features = outputs["features"]
        with Progress("nearest training features, candidates", unit=None) as progress:
            distances, indices = nearest_neighbours(features, self.training["features"], progress=progress.step)
        belief = evidence(_flat(outputs), self.witness.class_names, self.task.body, self.task.wings)
        scores = CandidateScores(
            recognisability=belief["both"],
            realism=clipped_realism(self.manifold.realism(features)),
            # New in one sense alone is not new: a copy with other colours, or another crop of the same horse.
            uniqueness=np.minimum(
                uniqueness(neighbours.distances, self.pixels.test_distances),
                uniqueness(distances[:, 0], self.test_distances),
            ),
        )
        return Appraisal(scores, features, belief, neighbours, distances[:, 0], indices[:, 0])

    def diversity(self, features):
        """Return the `diversity` of a batch by its features (n, d), beside as many real images of the body's class."""
        return diversity(features, self._bodies(len(features)))

    def scale(self, count):
        """Return the mean distance of `count` real images of the body's class to their nearest, in features."""
        return float(nearest_distances(self._bodies(count)).mean())

    def real_scores(self):
        """Return the `CandidateScores` of the test images of the body's class: what real horses get."""
        labels = self.task.dataset.test_labels
        rows = labels == self.task.dataset.class_names.index(self.task.body)
        outputs = {name: values[rows] for name, values in self.test.items()}
        belief = evidence(_flat(outputs), self.witness.class_names, self.task.body, self.task.wings)
        return CandidateScores(
            recognisability=belief["both"],
            realism=clipped_realism(self.manifold.realism(outputs["features"])),
            uniqueness=np.minimum(
                uniqueness(self.pixels.test_distances[rows], self.pixels.test_distances),
                uniqueness(self.test_distances[rows], self.test_distances),
            ),
        )

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
        key = (VERSION, "test features", self.extractor.sha256, keras.backend.backend(), self.task.dataset.fingerprint)

        def compute():
            with Progress("nearest training features, test", unit=None) as progress:
                found = nearest_neighbours(self.test["features"], self.training["features"], progress=progress.step)
            return {"distances": found[0][:, 0]}

        return kept_arrays("neighbours", key, compute)["distances"]

    def _bodies(self, count):
        """Return features of `count` test images of the body's class, the same ones each time."""
        dataset = self.task.dataset
        rows = np.flatnonzero(dataset.test_labels == dataset.class_names.index(self.task.body))
        return self.test["features"][np.random.default_rng(0).choice(rows, min(count, len(rows)), replace=False)]


class Appraisal:
    """What one witness says of n candidates.

    scores: `CandidateScores`. features: (n, d). belief: {"body", "wings", "unity", "both": (n,)}. pixel_neighbours:
    `TrainingNeighbours`. feature_distances, feature_indices: (n,), of the nearest training image in features.
    """

    def __init__(self, scores, features, belief, pixel_neighbours, feature_distances, feature_indices):
        self.scores = scores
        self.features = features
        self.belief = belief
        self.pixel_neighbours = pixel_neighbours
        self.feature_distances = feature_distances
        self.feature_indices = feature_indices

    def record(self, index):
        """Return scores, belief and nearest training images of one candidate as a dict ready for JSON."""
        pixels = self.pixel_neighbours
        return {
            "scores": self.scores.record(index),
            "belief": {name: round(float(self.belief[name][index]), 6) for name in ("body", "wings", "unity")},
            "neighbours": [
                {
                    "space": "pixels",
                    "train_index": int(pixels.indices[index]),
                    "distance": round(float(pixels.distances[index]), 4),
                },
                {
                    "space": "features",
                    "train_index": int(self.feature_indices[index]),
                    "distance": round(float(self.feature_distances[index]), 4),
                },
            ],
        }


def _extractor(witness):
    """Return the `Extractor` of a witness: all its outputs, as rows."""

    def compute(images):
        outputs = witness.model.predict(images, batch_size=500, verbose=0)
        return {name: np.asarray(values).reshape(len(images), -1) for name, values in outputs.items()}

    return Extractor(
        name=witness.role,
        sha256=witness.sha256,
        image_shape=tuple(witness.model.input_shape[1:]),
        resize=None,
        precision="float32",
        outputs=("features", "presence", "unity"),
        block=BLOCK,
        compute=compute,
    )


def _flat(outputs):
    """Return the outputs as `evidence` takes them: unity (n,)."""
    return {**outputs, "unity": outputs["unity"][:, 0]}
