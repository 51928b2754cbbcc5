"""What codes are worth to others: to a classifier of one layer, and to clustering (Berthelot et al. 2018)."""

import contextlib

import numpy as np

from coursework.util.errors import UserError

# Directions in which codes vary by less than this share of the widest are rounding, not codes.
FLAT = 1e-6
# k-means begins anew so many times, and the tightest clusters count.
RESTARTS = 10
# A mixture is fitted once a step gains less than so many nats a code.
GAIN = 0.01


def linear_accuracy(train_codes, train_labels, test_codes, test_labels, updates=1000):
    """Return the share of test codes that a linear softmax classifier, fitted to the training codes, names rightly.

    codes: (n, ...); labels: int (n,). Each number of a code is scaled to unit variance over the training codes, and the
    classifier minimises the cross-entropy with scikit-learn's slight L2 penalty (C = 1) in at most `updates`
    iterations. The paper trains its layer by Adam beside the autoencoder, without a gradient into it.
    """
    with _scikit_learn():
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=updates, tol=1e-3))
    classifier.fit(_flat(train_codes), np.asarray(train_labels))
    return float(classifier.score(_flat(test_codes), np.asarray(test_labels)))


def clustering_accuracy(train_codes, test_codes, test_labels, count=None, seed=0):
    """Return the share of test codes in the cluster of their class, clusters and classes paired as well as can be.

    As in the paper codes are centred and whitened by the singular value decomposition of the training codes, which
    k-means divides into `count` clusters, by default as many as there are classes; test codes go to the nearest. The
    tightest of `RESTARTS` begun by k-means++ counts, where the authors begin 1,000 at random.
    Chance is about 1 / classes, and a little more, since the pairing is chosen with the labels.
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


def gaussian_mixture(components, seed):
    """Return scikit-learn's mixture of Gaussians with full covariances, not yet fitted."""
    with _scikit_learn():
        from sklearn.mixture import GaussianMixture

    return GaussianMixture(components, tol=GAIN, random_state=seed)


def whitening(codes):
    """Return (mean (d,), matrix (d, k)): (codes - mean) @ matrix has unit variance in k uncorrelated directions."""
    flat = _flat(codes)
    mean = flat.mean(axis=0)
    _, spread, directions = np.linalg.svd(flat - mean, full_matrices=False)
    kept = spread > FLAT * spread[0]
    return mean, directions[kept].T * (np.sqrt(len(flat)) / spread[kept])


def matched_accuracy(clusters, labels):
    """Return the largest share of equal pairs that a pairing of clusters with labels can give (Hungarian method).

    clusters, labels: int (n,); a label or cluster too many stays without a partner.
    """
    with _scikit_learn():
        from scipy.optimize import linear_sum_assignment

    clusters, labels = np.asarray(clusters), np.asarray(labels)
    table = np.zeros((clusters.max() + 1, labels.max() + 1), int)
    np.add.at(table, (clusters, labels), 1)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / len(labels))


def _flat(codes):
    return np.asarray(codes, np.float64).reshape(len(codes), -1)


@contextlib.contextmanager
def _scikit_learn():
    """Tell in one line what to install where an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise UserError('this needs scikit-learn: pip install -e ".[codes]"') from error
