"""Nearest neighbours among large sets of features, exact and in little memory."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from coursework.metrics.distances import Block, Points, centre_of
from coursework.metrics.features import checked, checked_pair, checked_whole
from coursework.util.errors import UserError

# Called with (blocks done, number of blocks).
OnStep: TypeAlias = Callable[[int, int], None]


def nearest_neighbours(
    queries: np.ndarray, references: np.ndarray, k: int = 1, progress: OnStep | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances (n, k), ascending, and indices (n, k) of the k nearest of references (m, d) to queries (n, d).

    progress: called with (blocks done, number of blocks). Among equal distances the choice is arbitrary. Raises
    `UserError` for features that have no distances and for fewer than k references.
    """
    k = checked_whole(k, "k")
    queries, references = checked_pair(queries, references, "a search for neighbours")
    if len(references) < k:
        raise UserError(f"{len(references)} features have no {k} neighbours: give more of them or a smaller k")
    centre = centre_of(references)
    points, others = Points(queries, centre), Points(references, centre)
    steps, nearest = Steps(block_count(points, others), progress), Nearest(len(points), k)
    for rows in points.blocks():
        for columns in others.blocks():
            nearest.search(Block(points, others, rows, columns), axis=0)
            steps.advance()
    return nearest.result()


def nearest_others(features: np.ndarray, k: int = 1, progress: OnStep | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return distances (n, k), ascending, and indices (n, k) of the k nearest other rows to each row of features."""
    k = checked_whole(k, "k")
    features = checked(features, "a search for neighbours", k + 1)
    points = Points(features, centre_of(features))
    return find_nearest_others(points, k, Steps(own_block_count(points), progress)).result()


def find_nearest_others(points: Points, k: int, steps: "Steps") -> "Nearest":
    """Return the `Nearest` k other points of every point, by half the products: distances are symmetric."""
    nearest = Nearest(len(points), k)
    slices = points.blocks()
    for number, rows in enumerate(slices):
        for columns in slices[number:]:
            block = Block(points, points, rows, columns)
            nearest.search(block, axis=0)
            if not block.own:
                nearest.search(block, axis=1)
            steps.advance()
    return nearest


def block_count(queries: Points, references: Points) -> int:
    """Return the number of blocks of distances between two `Points`."""
    return len(queries.blocks()) * len(references.blocks())


def own_block_count(points: Points) -> int:
    """Return the number of blocks that `find_nearest_others` computes."""
    count = len(points.blocks())
    return count * (count + 1) // 2


class Nearest:
    """The k smallest squared distances found so far for each of n rows, ascending, and their indices."""

    def __init__(self, count: int, k: int) -> None:
        self.squared = np.full((count, k), np.inf)
        self.indices = np.full((count, k), -1)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Return distances and indices."""
        return np.sqrt(self.squared), self.indices

    def search(self, block: Block, axis: int, offset: int = 0) -> None:
        """Add the neighbours of a block's rows (axis 0) or of its columns (axis 1).

        offset: added to the indices of the neighbours, to distinguish several sets.
        """
        own = block.columns if axis else block.rows
        k = self.squared.shape[1]
        empty = np.flatnonzero(np.isinf(self.squared[own, -1]))
        if len(empty):
            # The first block: exact distances of the apparently nearest leave few other candidates.
            lower = block.lower.T[empty] if axis else block.lower[empty]
            count = min(k, lower.shape[1])
            nearest = np.argpartition(lower, count - 1, axis=1)[:, :count]
            finite = np.isfinite(np.take_along_axis(lower, nearest, axis=1)).ravel()
            pairs = np.repeat(empty, count)[finite], nearest.ravel()[finite]
            self._offer(block, axis, offset, *(pairs[::-1] if axis else pairs))
        limits = self.squared[own, -1]
        # Nothing is nearer than 0: of many copies the first ones suffice.
        self._offer(block, axis, offset, *block.candidates(np.where(limits == 0.0, -np.inf, limits), axis))

    def _offer(self, block: Block, axis: int, offset: int, i: np.ndarray, j: np.ndarray) -> None:
        mine, theirs = i + block.rows.start, j + block.columns.start
        if axis:
            mine, theirs = theirs, mine
        theirs = theirs + offset
        new = np.flatnonzero((self.indices[mine] != theirs[:, None]).all(axis=1))
        if len(new):
            self._merge(mine[new], theirs[new], block.exact(i[new], j[new]))

    def _merge(self, rows: np.ndarray, indices: np.ndarray, squared: np.ndarray) -> None:
        k = self.squared.shape[1]
        order = np.lexsort((squared, rows))
        rows, indices, squared = rows[order], indices[order], squared[order]
        changed, first, counts = np.unique(rows, return_index=True, return_counts=True)
        rank = np.arange(len(rows)) - np.repeat(first, counts)
        line = np.repeat(np.arange(len(changed)), counts)[rank < k]
        new_squared, new_indices = np.full((len(changed), k), np.inf), np.full((len(changed), k), -1)
        new_squared[line, rank[rank < k]] = squared[rank < k]
        new_indices[line, rank[rank < k]] = indices[rank < k]
        all_squared = np.concatenate([self.squared[changed], new_squared], axis=1)
        all_indices = np.concatenate([self.indices[changed], new_indices], axis=1)
        best = np.argsort(all_squared, axis=1, kind="stable")[:, :k]
        self.squared[changed] = np.take_along_axis(all_squared, best, axis=1)
        self.indices[changed] = np.take_along_axis(all_indices, best, axis=1)


class Steps:
    """Counts blocks for a callback (blocks done, number of blocks); several searches may share it."""

    def __init__(self, total: int, progress: OnStep | None = None) -> None:
        self.total = total
        self.progress = progress
        self.done = 0

    def advance(self) -> None:
        """Report one more block as done."""
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)
