"""How useful codes are for a classifier of one layer and for clustering (Berthelot et al. 2018)."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from coursework.util.errors import UserError

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

# Directions with a spread below this fraction of the largest hold only rounding errors.
FLAT = 1e-6
# Number of starts of k-means; the tightest clusters count.
RESTARTS = 10
# The fit of a mixture ends when a step gains fewer nats a code.
GAIN = 0.01


def linear_accuracy(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
    updates: int = 1000,
) -> float:
    """Return the accuracy on test codes of a linear softmax classifier fitted to the training codes.

    codes: (n, ...); labels: int (n,). Each number of a code is scaled to unit variance over the training codes, and the
    classifier minimises the cross-entropy with scikit-learn's slight L2 penalty (C = 1) in at most `updates`
    iterations. The paper trains its layer by Adam together with the autoencoder, without a gradient into it.
    """
    with _scikit_learn():
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=updates, tol=1e-3))
    classifier.fit(_flat(train_codes), np.asarray(train_labels))
    return float(classifier.score(_flat(test_codes), np.asarray(test_labels)))


def clustering_accuracy(
    train_codes: np.ndarray, test_codes: np.ndarray, test_labels: np.ndarray, count: int | None = None, seed: int = 0
) -> float:
    """Return the share of test codes in the cluster of their class, for the best pairing of clusters and classes.

    As in the paper, codes are centred and whitened by the singular value decomposition of the training codes, which
    k-means divides into `count` clusters, by default as many as there are classes; a test code belongs to the nearest.
    The tightest of `RESTARTS` starts by k-means++ counts; the authors use 1,000 random starts.
    Chance level is slightly above 1 / classes, since the labels choose the pairing.
    """
    with _scikit_learn():
        from sklearn.cluster import KMeans

    labels = np.asarray(test_labels)
    count = count or len(np.unique(labels))
    if len(train_codes) < count:
        raise UserError(f"{len(train_codes)} training codes are too few for {count} clusters")
    mean, matrix = whitening(train_codes)
    if not matrix.shape[1]:
        raise UserError("all training codes are the same: there is nothing to divide into clusters")
    found = KMeans(count, n_init=RESTARTS, random_state=seed).fit((_flat(train_codes) - mean) @ matrix)
    return matched_accuracy(found.predict((_flat(test_codes) - mean) @ matrix), labels)


def gaussian_mixture(components: int, seed: int) -> "GaussianMixture":
    """Return scikit-learn's mixture of Gaussians with full covariances, not fitted."""
    with _scikit_learn():
        from sklearn.mixture import GaussianMixture

    return GaussianMixture(components, tol=GAIN, random_state=seed)


def whitening(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean (d,), matrix (d, k)): (codes - mean) @ matrix has unit variance in k uncorrelated directions."""
    flat = _flat(codes)
    mean = flat.mean(axis=0)
    _, spread, directions = np.linalg.svd(flat - mean, full_matrices=False)
    kept = spread > FLAT * spread[0]
    return mean, directions[kept].T * (np.sqrt(len(flat)) / spread[kept])


def matched_accuracy(clusters: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of equal pairs for the best pairing of clusters with labels (Hungarian method).

    clusters, labels: int (n,); a surplus label or cluster has no partner.
    """
    from scipy.optimize import linear_sum_assignment

    clusters, labels = np.asarray(clusters), np.asarray(labels)
    table = np.zeros((clusters.max() + 1, labels.max() + 1), int)
    np.add.at(table, (clusters, labels), 1)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / len(labels))


def _flat(codes: np.ndarray) -> np.ndarray:
    return np.asarray(codes, np.float64).reshape(len(codes), -1)


@contextlib.contextmanager
def _scikit_learn() -> Iterator[None]:
    """Raise `UserError` that says what to install if an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise UserError('this needs scikit-learn: pip install -e ".[codes]"') from error
