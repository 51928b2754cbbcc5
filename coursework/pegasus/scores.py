"""The three scores of a candidate and the diversity of a batch, each between 0 and 1 with a meaning of its own."""

from dataclasses import dataclass

import numpy as np

from coursework.metrics.neighbours import nearest_others

# A candidate whose nearest training image is as far as this share of real test images have theirs is as new as they.
TYPICAL = 0.5
# A search may buy belief with images that are nobody's: a candidate is to be as real as all but this share of real
# bodies upon which a part of a real image of wings is cut out. Plain bodies would be no measure, since what is new is
# farther from real images than they are: as real as three quarters of them are 2 % of the sprites' true pegasi. For the
# same reason the bar is low: of 1,000 candidates of a region search on sprites the judge of truth calls 59 % of the 64
# ranked highest pegasi so, 41 % with a tenth, and 38 % where the geometric mean of the three scores ranks.
LEAST_REAL = 0.01
# And no copy: as new as the uniqueness of a twentieth of real test images.
LEAST_NEW = 0.1


@dataclass(frozen=True)
class CandidateScores:
    """Scores of n candidates, each (n,) in [0, 1]; `overall` is what they are ranked by.

    recognisability: the witness's belief that a body and wings are there, in one picture (`evidence`, "both"), a mean
    over slightly changed views of the image.
    realism: 1 inside the manifold of real images, less with the distance from it (see `clipped_realism`).
    uniqueness: 0 for a copy of a training image, 1 from the distance that a typical real test image has from all of
    them (see `uniqueness`).
    bar: the realism below which a candidate is not eligible, that is, chosen only when no other is left; neither is one
    of less uniqueness than `LEAST_NEW`.
    """

    recognisability: np.ndarray
    realism: np.ndarray
    uniqueness: np.ndarray
    bar: float = 0.0

    @property
    def overall(self) -> np.ndarray:
        """Recognisability (n,), nothing for what is not eligible: being real and new is asked, and not paid for.

        What is as new as a winged horse lies apart from what is real, so that an average would prefer plain horses.
        """
        return np.where(self.eligible, self.recognisability, 0.0)

    @property
    def eligible(self) -> np.ndarray:
        """Which candidates are real enough and new enough, bool (n,)."""
        return (self.realism >= self.bar) & (self.uniqueness >= LEAST_NEW)

    def record(self, index: int) -> dict[str, float]:
        """Return the scores of one candidate as a dict ready for JSON."""
        names = ("recognisability", "realism", "uniqueness", "overall")
        return {name: round(float(getattr(self, name)[index]), 6) for name in names}

    def mean(self, indices: np.ndarray | slice = slice(None)) -> dict[str, float]:
        """Return {name: mean over the candidates at `indices`}."""
        names = ("recognisability", "realism", "uniqueness", "overall")
        return {name: float(getattr(self, name)[indices].mean()) for name in names}

    def take(self, indices: np.ndarray) -> "CandidateScores":
        """Return the scores of the candidates at `indices`."""
        taken = self.recognisability[indices], self.realism[indices], self.uniqueness[indices]
        return CandidateScores(*taken, self.bar)


def clipped_realism(realism: np.ndarray) -> np.ndarray:
    """Return min(1, realism) of `RealManifold.realism`: the radius of a real ball by the distance from its centre.

    Deeper inside of a ball than on its edge nothing is more real, only less new; so 1 says "on the manifold of real
    images", a half "twice as far from a real image as such images lie from each other".
    """
    return np.minimum(1.0, realism)


def uniqueness(distances: np.ndarray, test_distances: np.ndarray) -> np.ndarray:
    """Return (n,) how new candidates are by the distances (n,) to their nearest training images: 0 copied, 1 new.

    test_distances: (m,), the same of real test images, which nobody copied. The share of test images that lie nearer
    to a training image than the candidate, in units of `TYPICAL`, no more than 1: farther than typical counts for
    nothing, or noise would be the most unique.
    """
    nearer = np.searchsorted(np.sort(test_distances), distances, side="left") / len(test_distances)
    return np.minimum(1.0, nearer / TYPICAL)


def diversity(features: np.ndarray, real: np.ndarray) -> float:
    """Return how diverse a batch is, in [0, 1]: the mean distance of its images to their nearest in the batch.

    In units of the same among as many real images, no more than 1. features: (n, d); real: (n, d), features of as many
    real images of one class, since all candidates are of one kind. A batch of copies has 0, however many kinds.
    """
    if min(len(features), len(real)) < 2:
        return 0.0
    reference = nearest_distances(real).mean()
    return float(min(1.0, nearest_distances(features).mean() / reference)) if reference > 0 else 1.0


def nearest_distances(features: np.ndarray) -> np.ndarray:
    """Return (n,) the distance of each row of features (n, d) to the nearest other row; copies have 0 exactly."""
    return nearest_others(features)[0][:, 0]
