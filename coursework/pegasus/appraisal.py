"""Appraises candidates by one witness: its belief, its features, and the training images they come nearest to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from coursework.data import Dataset
from coursework.evaluation.comparison import kept_neighbours, pixel_key
from coursework.evaluation.sources import ImageSet, split_of
from coursework.extractors.extractor import Extractor, extract_features
from coursework.extractors.recorded import extract
from coursework.metrics.image_neighbours import TrainingImages, TrainingNeighbours
from coursework.metrics.memorisation import feature_neighbours
from coursework.metrics.realism import RealManifold
from coursework.pegasus.composites import compose
from coursework.pegasus.evidence import evidence
from coursework.pegasus.ranking import choose_batch
from coursework.pegasus.scores import (
    LEAST_REAL,
    CandidateScores,
    clipped_realism,
    diversity,
    nearest_distances,
    uniqueness,
)
from coursework.pegasus.task import Task
from coursework.pegasus.views import SLIGHT, slight_views, to_bytes
from coursework.pegasus.winged_judge import WingedJudge
from coursework.pegasus.winged_judge import belief as winged_belief
from coursework.pegasus.witness import OUTPUTS, Witness
from coursework.util.progress import Progress

BLOCK = 2000


class PixelNeighbours:
    """The nearest of `train` to images in pixels, flipped or shifted too; the distances of `test` are the scale."""

    def __init__(self, train: ImageSet, test: ImageSet) -> None:
        self.train, self.test = train, test

    @classmethod
    def of(cls, dataset: Dataset) -> "PixelNeighbours":
        """Return those among the training images of a data set, on the scale of its test images."""
        return cls(split_of(dataset, "train"), split_of(dataset, "test"))

    @cached_property
    def training(self) -> TrainingImages:
        """The training images, prepared for searches."""
        return TrainingImages(self.train.images)

    @cached_property
    def test_distances(self) -> np.ndarray:
        """Distances (m,) of the test images, kept between runs and where memorisation is measured."""
        key = pixel_key(self.train, self.test)
        # The search takes minutes on CIFAR-10, and preparing for it seconds: neither is begun where it is kept.
        found = kept_neighbours(key, self.test.name, lambda report: self.training.nearest(self.test.images, report))
        return found.distances

    def search(self, images: np.ndarray) -> TrainingNeighbours:
        """Return the `TrainingNeighbours` of the uint8 images of candidates."""
        with Progress(f"nearest in {self.train.name}, candidates", unit=None) as progress:
            return self.training.nearest(images, progress.step)

    def uniqueness(self, found: TrainingNeighbours) -> np.ndarray:
        """Return the `uniqueness` (n,) of images by what `search` found."""
        return uniqueness(found.distances, self.test_distances)


@dataclass(frozen=True)
class NearestCollage:
    """The training collage nearest to a candidate.

    image: uint8 (h, w, c). record: its file, sources and distance, ready for JSON. uniqueness: of the candidate among
    all training collages, by the distances that collages of test images have.
    """

    image: np.ndarray
    record: dict[str, Any]
    uniqueness: float


class Appraiser:
    """Scores candidates for a `Task` by `witness`, beside what the same scores are for real test images.

    pixels: `PixelNeighbours`, which several appraisers share. judge: the judge of winged horses, whose belief ranks
    where there is one. Features of the data set are kept between runs.
    """

    def __init__(self, task: Task, witness: Witness, pixels: PixelNeighbours, judge: WingedJudge | None = None) -> None:
        self.task = task
        self.witness = witness
        self.pixels = pixels
        self.judge = judge
        self.extractor = _extractor(witness)

    def appraise(self, candidates: np.ndarray, neighbours: TrainingNeighbours | None = None) -> "Appraisal":
        """Return the `Appraisal` of uint8 images (n, h, w, c).

        neighbours: their `TrainingNeighbours` in pixels, where they are known already.
        """
        neighbours = neighbours or self.pixels.search(candidates)
        features, belief = self._look(candidates, "candidates")
        with Progress("nearest training features, candidates", unit=None) as progress:
            found = feature_neighbours(features, self.training["features"], progress.step)
        scores = self._scores(belief, self._realism(features), neighbours.distances, found.distances)
        return Appraisal(
            self,
            scores,
            features,
            flat(candidates),
            belief,
            {"pixels": neighbours, "features": found},
            self._winged(candidates),
        )

    def bodies(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return features (n, d) and pixels (n, m) of `count` real images of the body's class, the same ones each time.

        They are test images; where there are fewer, all of them.
        """
        rows = self._body_rows
        rows = np.random.default_rng(0).choice(rows, min(count, len(rows)), replace=False)
        return self.test["features"][rows], flat(self.task.dataset.test_images[rows])

    def real_means(self) -> dict[str, dict[str, float] | None]:
        """Return the means of the test images of the body's class, {"witness", "winged"} as `Appraisal.means`."""
        images = self.task.dataset.test_images[self._body_rows]
        features, belief = self._look(images, f"test images, {self.task.body}")
        distances = self.pixels.test_distances[self._body_rows], self.test_distances[self._body_rows]
        winged = self._winged(images)
        return {
            "witness": self._scores(belief, self._realism(features), *distances).mean(),
            "winged": None if winged is None else {"recognisability": float(winged.mean())},
        }

    def _winged(self, images: np.ndarray) -> np.ndarray | None:
        """Return the belief (n,) of the judge of winged horses, None without one."""
        if self.judge is None:
            return None
        return winged_belief(self.judge, images)

    def _look(self, images: np.ndarray, title: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return (features (n, d), belief) of uint8 images: each part of `evidence` a mean over `slight_views`.

        A search finds what pleases the witness by chance in one view. On sprites a third of the 64 of 200 searched
        candidates that are believed most are pegasi by the judge of truth, by one view a quarter; ranked by two
        networks instead, no more.
        """
        every, found = [], []
        for number, shown in enumerate(slight_views(images), start=1):
            outputs = extract_features(self.extractor, shown, f"{title}, view {number} of {len(SLIGHT)}", cached=False)
            every.append(outputs["features"])
            # `evidence` takes unity as (n,).
            outputs = {**outputs, "unity": outputs["unity"][:, 0]}
            found.append(evidence(outputs, self.witness.class_names, self.task.body, self.task.wings))
        # The first view is the images as they are.
        return every[0], {name: np.mean([belief[name] for belief in found], axis=0) for name in found[0]}

    def _scores(
        self,
        belief: dict[str, np.ndarray],
        realism: np.ndarray,
        pixel_distances: np.ndarray,
        feature_distances: np.ndarray,
    ) -> CandidateScores:
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
    def bar(self) -> float:
        """The realism that all but `LEAST_REAL` of the test images of bodies have with a part of wings upon them."""
        images, generator = self.task.dataset.test_images, np.random.default_rng(0)
        bodies = images[self._body_rows]
        parts = images[generator.choice(self._test_rows(self.task.wings), len(bodies))]
        images = to_bytes(compose(bodies, parts, generator, ("cutout",)).images)
        features = extract_features(self.extractor, images, "composites", cached=False)["features"]
        return float(np.quantile(self._realism(features), LEAST_REAL))

    def _realism(self, features: np.ndarray) -> np.ndarray:
        """Return the realism (n,) of images by their features (n, d)."""
        return clipped_realism(self.manifold.realism(features))

    @cached_property
    def training(self) -> dict[str, np.ndarray]:
        """Outputs of the witness for the training images."""
        return extract_features(self.extractor, self.task.dataset.train_images, "training images")

    @cached_property
    def test(self) -> dict[str, np.ndarray]:
        """Outputs of the witness for the test images."""
        return extract_features(self.extractor, self.task.dataset.test_images, "test images")

    @cached_property
    def manifold(self) -> RealManifold:
        """The manifold of the training images of body and wings: a horse's and a bird's, not a lorry's."""
        rows = np.concatenate([self.task.indices(name) for name in (self.task.body, *self.task.wings)])
        with Progress("manifold of real images", unit=None) as progress:
            return RealManifold(self.training["features"][np.sort(rows)], progress=progress.step)

    @cached_property
    def test_distances(self) -> np.ndarray:
        """Distances (m,) of test images to their nearest training images in features."""
        pixels = self.pixels
        key = (self.extractor.sha256, self.extractor.precision, keras.backend.backend())
        found = kept_neighbours(
            (*key, pixels.train.fingerprint, pixels.test.fingerprint),
            pixels.test.name,
            lambda report: feature_neighbours(self.test["features"], self.training["features"], report),
        )
        return found.distances

    @cached_property
    def _body_rows(self) -> np.ndarray:
        """Indices of the test images of the body's class."""
        return self._test_rows([self.task.body])

    def _test_rows(self, names: Sequence[str]) -> np.ndarray:
        """Return the indices of the test images of these classes."""
        dataset = self.task.dataset
        return np.flatnonzero(np.isin(dataset.test_labels, [dataset.class_names.index(name) for name in names]))


@dataclass(frozen=True)
class Appraisal:
    """What an `Appraiser` says of n candidates.

    features: (n, d). pixels: (n, m). belief: {"body", "wings", "unity", "both": (n,)} of its witness. neighbours:
    {"pixels", "features": `TrainingNeighbours`}. winged: belief (n,) of the judge of winged horses, None without one.
    """

    appraiser: Appraiser
    scores: CandidateScores
    features: np.ndarray
    pixels: np.ndarray
    belief: dict[str, np.ndarray]
    neighbours: dict[str, TrainingNeighbours]
    winged: np.ndarray | None = None

    @property
    def ranking(self) -> CandidateScores:
        """The scores that rank: `scores`, with the belief of the judge of winged horses where there is one."""
        return self.scores if self.winged is None else replace(self.scores, recognisability=self.winged)

    def limited(self, nearest: dict[int, NearestCollage]) -> "Appraisal":
        """Return the appraisal with candidates no newer than they are among collages; nearest: {index: collage}."""
        uniqueness = self.scores.uniqueness.copy()
        for index, found in nearest.items():
            uniqueness[index] = min(uniqueness[index], found.uniqueness)
        return replace(self, scores=replace(self.scores, uniqueness=uniqueness))

    def batch(self, indices: np.ndarray, count: int, ranking: CandidateScores | None = None) -> np.ndarray:
        """Return those `count` of `indices` that `choose_batch` chooses by `ranking`, by default the own one.

        They differ both in features and in pixels.
        """
        scores = (ranking or self.ranking).take(indices)
        bodies = self.appraiser.bodies(count)
        # Of fewer than two real images nothing can be said.
        scales = [float(nearest_distances(real).mean()) if len(real) > 1 else 0.0 for real in bodies]
        spaces = self.features[indices], self.pixels[indices]
        return indices[choose_batch(scores, list(zip(spaces, scales, strict=True)), count)]

    def means(self, indices: np.ndarray, diverse: bool) -> dict[str, float]:
        """Return {score: mean over the images at `indices`} by the witness, with the batch's diversity if `diverse`."""
        return self.scores.mean(indices) | ({"diversity": self.diversities(indices)["features"]} if diverse else {})

    def diversities(self, indices: np.ndarray) -> dict[str, float]:
        """Return the `diversity` of the images at `indices`, {"features", "pixels"}, beside as many real ones."""
        features, pixels = self.appraiser.bodies(len(indices))
        return {
            "features": diversity(self.features[indices], features),
            "pixels": diversity(self.pixels[indices], pixels),
        }

    def record(self, index: int) -> dict[str, Any]:
        """Return scores, belief and nearest training images of one candidate as a dict ready for JSON."""
        return {
            "scores": self.ranking.record(index),
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


def flat(images: np.ndarray) -> np.ndarray:
    """Return uint8 images (n, h, w, c) as float32 rows (n, h * w * c)."""
    return images.reshape(len(images), -1).astype(np.float32)


def _extractor(witness: Witness) -> Extractor:
    """Return the `Extractor` of a witness: all its outputs, as rows."""

    def compute(images: np.ndarray) -> dict[str, np.ndarray]:
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
