"""Squared distances between two large sets of features, a block at a time, exact wherever it matters.

Products of single-precision matrices bound every squared distance from below and above, by the worst rounding that
such a product can have; what the bounds leave open is computed once more in float64 from the features themselves. So
every decision is that of float64 sums of squared differences: equal features have distance 0, a neighbour at a radius
compares as equal to it, and x is as far from y as y from x. Beside the features memory holds one copy of them in
single precision and one block.
"""

import numpy as np

BLOCK = 1024
# Pairs in a chunk of exact distances hold this many numbers: 2 MiB a side, which stays in the cache.
CHUNK_NUMBERS = 2**18
# Where more of a block's pairs than this fraction stay open, a product in double precision is the cheaper way on.
OPEN_FRACTION = 0.02


def centre_of(features):
    """Return the mean (d,) of features, a centre for `Points`."""
    return features.mean(axis=0, dtype=np.float64)


class Points:
    """Features (n, d) prepared for many distances: as given, and about a common centre in single precision.

    Shifting them changes no distance but makes them hardly longer than their distances are: the difference of
    large, nearly equal numbers is what costs such products their digits.
    """

    def __init__(self, features, centre):
        self.features = features
        self.centre = centre
        self.prepared = np.concatenate([self.prepare(features[rows] - centre) for rows in self.blocks()])
        self.squared_lengths = np.einsum("ij,ij->i", self.prepared, self.prepared, dtype=np.float64)
        # Outside this range squares may overflow in single precision, or vanish.
        largest = self.squared_lengths.max(initial=0.0)
        self.dtype = np.float32 if largest == 0.0 or 1e-15 < largest < 1e30 else np.float64

    def prepare(self, centred):
        """Return what stands for centred features (rows, d) in single precision: themselves."""
        return centred.astype(np.float32)

    def __len__(self):
        return len(self.features)

    def blocks(self):
        """Return slices that cover all rows."""
        return [slice(start, min(start + BLOCK, len(self))) for start in range(0, len(self), BLOCK)]

    def rows(self, rows, dtype):
        """Return the centred features of a slice of rows and their squared lengths (float64)."""
        if dtype == np.float32:
            return self.prepared[rows], self.squared_lengths[rows]
        centred = self.features[rows] - self.centre
        return centred, np.einsum("ij,ij->i", centred, centred)


class Block:
    """The distances between a slice of rows of one set and one of another: bounds for all, exact ones on demand.

    lower (r, c): lower bounds of half the squared distances; plus twice `slack` times the sum of the two
    squared lengths they are upper bounds.
    """

    def __init__(self, queries, references, rows, columns):
        self.queries, self.references = queries, references
        self.rows, self.columns = rows, columns
        self.own = queries is references and rows == columns
        self.bound(np.promote_types(queries.dtype, references.dtype))

    def bound(self, dtype):
        """Compute the bounds by a matrix product in `dtype`."""
        x, x_squared = self.queries.rows(self.rows, dtype)
        y, y_squared = self.references.rows(self.columns, dtype)
        self.dtype = dtype
        self.squared_lengths = x_squared, y_squared
        # A product of rows of length d is off by at most d u |x||y| <= d u (|x|^2 + |y|^2) / 2, with u half of
        # epsilon, whatever the order of summation; rounding the features, the lengths and their sum adds less than
        # 32 u (|x|^2 + |y|^2). The smallest normal number covers what single products may lose by underflow.
        self.slack = (x.shape[1] + 64) * float(np.finfo(dtype).eps) / 4
        floor = x.shape[1] * float(np.finfo(dtype).tiny)
        self.lower = x @ y.T
        np.subtract((x_squared * (0.5 - self.slack) - floor).astype(dtype)[:, None], self.lower, out=self.lower)
        self.lower += (y_squared * (0.5 - self.slack)).astype(dtype)
        if self.own:
            np.fill_diagonal(self.lower, np.inf)

    def candidates(self, limits, axis):
        """Return row and column numbers of pairs that may lie within squared `limits` of the rows (axis 0) or columns.

        A pair within its limit is never left out. The diagonal of a set's distances to itself always is.
        """
        while True:
            # One step up: rounding the limit down would lose those that lie exactly at it.
            halves = np.nextafter((np.minimum(limits, np.finfo(self.dtype).max) / 2).astype(self.dtype), np.inf)
            found = np.flatnonzero(self.lower <= np.expand_dims(halves, 1 - axis))
            if len(found) <= OPEN_FRACTION * self.lower.size or self.dtype == np.float64:
                return np.divmod(found, self.lower.shape[1])
            self.bound(np.float64)

    def exact(self, i, j):
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

    def within(self, limits, axis, closed):
        """Return row and column numbers of all pairs whose squared distance is below its limit, or equal if `closed`.

        limits: exact squared radii of the rows (axis 0) or of the columns (axis 1). Pairs that the bounds decide are
        not computed again.
        """
        i, j = self.candidates(limits, axis)
        limit = limits[i if axis == 0 else j]
        gap = 2 * self.slack * (self.squared_lengths[0][i] + self.squared_lengths[1][j])
        inside = 2 * (self.lower[i, j].astype(np.float64) + gap) < limit
        open_ = np.flatnonzero(~inside)
        squared = self.exact(i[open_], j[open_])
        inside[open_] = squared <= limit[open_] if closed else squared < limit[open_]
        return i[inside], j[inside]
