"""Squared distances between two large sets of features, block by block, exact wherever a decision depends on them.

A product of single-precision matrices bounds every squared distance from below and above by the worst rounding error
of such a product. Distances that the bounds do not decide are computed again in float64 from the features. Every
decision is therefore that of float64 sums of squared differences: equal features have distance 0, a neighbour at a
radius equals the radius, and distances are symmetric. Memory holds the features, one copy of them in single precision
and one block.
"""

import numpy as np
from numpy.typing import DTypeLike

BLOCK = 1024
# Numbers in a chunk of pairs with exact distances: 2 MiB a side, which stays in the cache.
CHUNK_NUMBERS = 2**18
# With a larger fraction of undecided pairs in a block, a product in double precision is cheaper.
OPEN_FRACTION = 0.02


def centre_of(features: np.ndarray) -> np.ndarray:
    """Return the mean (d,) of features, a centre for `Points`."""
    return features.mean(axis=0, dtype=np.float64)


class Points:
    """Features (n, d) prepared for many distances: as given, and relative to a common centre in single precision.

    The shift changes no distance but makes the rows hardly longer than their distances: such products lose digits in
    the difference of large, nearly equal numbers.
    """

    def __init__(self, features: np.ndarray, centre: np.ndarray) -> None:
        self.features = features
        self.centre = centre
        self.prepared = np.concatenate([self.prepare(features[rows] - centre) for rows in self.blocks()])
        self.squared_lengths = np.einsum("ij,ij->i", self.prepared, self.prepared, dtype=np.float64)
        # Outside this range squares may overflow in single precision, or vanish.
        largest = self.squared_lengths.max(initial=0.0)
        self.dtype = np.float32 if largest == 0.0 or 1e-15 < largest < 1e30 else np.float64

    def prepare(self, centred: np.ndarray) -> np.ndarray:
        """Return centred features (rows, d) in single precision; subclasses may return descriptors instead."""
        return centred.astype(np.float32)

    def __len__(self) -> int:
        return len(self.features)

    def blocks(self) -> list[slice]:
        """Return slices that cover all rows."""
        return [slice(start, min(start + BLOCK, len(self))) for start in range(0, len(self), BLOCK)]

    def rows(self, rows: slice, dtype: DTypeLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the centred features of a slice of rows and their squared lengths (float64)."""
        if dtype == np.float32:
            return self.prepared[rows], self.squared_lengths[rows]
        centred = self.features[rows] - self.centre
        return centred, np.einsum("ij,ij->i", centred, centred)


class Block:
    """The distances between rows of one set and rows of another: bounds for all, exact values on demand.

    lower (r, c): lower bounds of half the squared distances; plus twice `slack` times the sum of the two
    squared lengths they are upper bounds.
    """

    def __init__(self, queries: Points, references: Points, rows: slice, columns: slice) -> None:
        self.queries, self.references = queries, references
        self.rows, self.columns = rows, columns
        self.own = queries is references and rows == columns
        self.bound(np.promote_types(queries.dtype, references.dtype))

    def bound(self, dtype: DTypeLike) -> None:
        """Compute the bounds by a matrix product in `dtype`."""
        x, x_squared = self.queries.rows(self.rows, dtype)
        y, y_squared = self.references.rows(self.columns, dtype)
        self.dtype = np.dtype(dtype)
        self.squared_lengths = x_squared, y_squared
        # A product of rows of length d is off by at most d u |x||y| <= d u (|x|^2 + |y|^2) / 2, with u half of
        # epsilon, for any order of summation; rounding the features, the lengths and their sum adds less than
        # 32 u (|x|^2 + |y|^2). The smallest normal number covers the underflow of single products.
        self.slack = (x.shape[1] + 64) * float(np.finfo(dtype).eps) / 4
        floor = x.shape[1] * float(np.finfo(dtype).tiny)
        self.lower = x @ y.T
        np.subtract((x_squared * (0.5 - self.slack) - floor).astype(dtype)[:, None], self.lower, out=self.lower)
        self.lower += (y_squared * (0.5 - self.slack)).astype(dtype)
        if self.own:
            np.fill_diagonal(self.lower, np.inf)

    def candidates(self, limits: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Return row and column numbers of pairs that may lie within squared `limits` of the rows (axis 0) or columns.

        All pairs within their limit are among them, the diagonal of a set's distances to itself is not.
        """
        while True:
            # One step up: rounding the limit down would lose pairs exactly at it.
            halves = np.nextafter((np.minimum(limits, np.finfo(self.dtype).max) / 2).astype(self.dtype), np.inf)
            found = np.flatnonzero(self.lower <= np.expand_dims(halves, 1 - axis))
            if len(found) <= OPEN_FRACTION * self.lower.size or self.dtype == np.float64:
                return np.divmod(found, self.lower.shape[1])
            self.bound(np.float64)

    def exact(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Return the squared distances of pairs of row and column numbers, in float64 from the features."""
        x, y = self.queries.features, self.references.features
        squared = np.empty(len(i))
        chunk = max(1, CHUNK_NUMBERS // x.shape[1])
        for start in range(0, len(i), chunk):
            part = slice(start, start + chunk)
            difference = x[i[part] + self.rows.start].astype(np.float64)
            difference -= y[j[part] + self.columns.start]
            squared[part] = np.einsum("ij,ij->i", difference, difference)
        return squared

    def within(self, limits: np.ndarray, axis: int, closed: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return row and column numbers of all pairs whose squared distance is below its limit, or equal if `closed`.

        limits: exact squared radii of the rows (axis 0) or of the columns (axis 1). Pairs decided by the
        bounds are not computed again.
        """
        i, j = self.candidates(limits, axis)
        limit = limits[i if axis == 0 else j]
        gap = 2 * self.slack * (self.squared_lengths[0][i] + self.squared_lengths[1][j])
        inside = 2 * (self.lower[i, j].astype(np.float64) + gap) < limit
        open_ = np.flatnonzero(~inside)
        squared = self.exact(i[open_], j[open_])
        inside[open_] = squared <= limit[open_] if closed else squared < limit[open_]
        return i[inside], j[inside]
