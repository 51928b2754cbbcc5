"""Searches for neighbours against distances computed one by one, where products of matrices would go wrong."""

import numpy
import pytest
from conftest import normal

from coursework.metrics import distances
from coursework.metrics.distances import Block, Points, centre_of
from coursework.metrics.neighbours import nearest_neighbours, nearest_others
from coursework.util.errors import UserError


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Make several blocks of few rows, the last of them not full."""
    monkeypatch.setattr(distances, "BLOCK", 64)


def squared_distances(x, y):
    """Return all squared distances, each a float64 sum of squared differences."""
    x, y = numpy.asarray(x, float), numpy.asarray(y, float)
    return numpy.stack([numpy.einsum("ij,ij->i", y - row, y - row) for row in x])


SETS = {
    "plain": (normal(150, 7), normal(201, 7, seed=1)),
    "far from the origin": (normal(90, 20) + 1e6, normal(130, 20, seed=1) + 1e6),
    "float32": (normal(90, 33).astype("float32"), normal(130, 33, seed=1).astype("float32") + 10),
    "two clusters, far apart and tight": tuple(
        numpy.where(numpy.arange(140)[:, None] % 2, 1e4, -1e4) + 1e-3 * normal(140, 5, seed=seed) for seed in (0, 1)
    ),
    "one point and many": (numpy.zeros((70, 3)), normal(100, 3)),
    "large beyond single precision": (1e25 * normal(70, 3), 1e25 * normal(100, 3, seed=1)),
    "small beyond single precision": (1e-25 * normal(70, 3), 1e-25 * normal(100, 3, seed=1)),
    "a grid, full of ties": (
        numpy.stack(numpy.meshgrid(*[numpy.arange(5)] * 3), -1).reshape(-1, 3),
        numpy.stack(numpy.meshgrid(*[numpy.arange(6)] * 3), -1).reshape(-1, 3),
    ),
    "more neighbours than a block holds": (normal(10, 4), normal(64 + 3, 4, seed=1)),
}


@pytest.mark.parametrize("name", SETS)
def test_neighbours_are_those_of_all_distances(name):
    queries, references = SETS[name]
    expected = squared_distances(queries, references)
    for k in (1, 5, 66):
        found, indices = nearest_neighbours(queries, references, k)
        assert numpy.array_equal(found, numpy.sqrt(numpy.sort(expected, axis=1)[:, :k]))
        assert numpy.array_equal(found, numpy.sqrt(numpy.take_along_axis(expected, indices, axis=1)))
        assert all(len(set(row)) == k for row in indices.tolist())


@pytest.mark.parametrize("name", SETS)
def test_neighbours_within_a_set_leave_out_the_row_itself(name):
    features = SETS[name][1]
    expected = squared_distances(features, features)
    numpy.fill_diagonal(expected, numpy.inf)
    for k in (1, 4, 66):
        found, indices = nearest_others(features, k)
        assert numpy.array_equal(found, numpy.sqrt(numpy.sort(expected, axis=1)[:, :k]))
        assert numpy.array_equal(found, numpy.sqrt(numpy.take_along_axis(expected, indices, axis=1)))


def test_copies_are_at_distance_zero():
    references = (normal(150, 64) + 1000).astype("float32")
    queries = references[[3, 140, 77]]
    found, indices = nearest_neighbours(queries, references, 2)
    assert found[:, 0].tolist() == [0, 0, 0] and indices[:, 0].tolist() == [3, 140, 77]
    assert (found[:, 1] > 5).all()
    assert (nearest_others(numpy.concatenate([references, queries]))[0][[3, 140, 77, 150, 151, 152]] == 0).all()


@pytest.mark.parametrize("name", SETS)
def test_bounds_hold_and_decisions_at_the_radius_are_exact(name):
    queries, references = SETS[name]
    centre = centre_of(references)
    queries, references = Points(queries, centre), Points(references, centre)
    expected = squared_distances(queries.features, references.features)
    rows, columns = slice(0, min(64, len(queries))), slice(64, min(128, len(references)))
    expected = expected[rows, columns]
    for axis in (0, 1):
        # Each radius is the distance to some row of the other side: the hardest case there is.
        limits = numpy.sort(expected, axis=1 - axis).take(2, axis=1 - axis)
        block = Block(queries, references, rows, columns)
        assert (2 * block.lower.astype(float) <= expected).all()
        gap = 2 * block.slack * (block.squared_lengths[0][:, None] + block.squared_lengths[1])
        assert (2 * (block.lower + gap) >= expected).all()
        for closed, compare in ((True, numpy.less_equal), (False, numpy.less)):
            inside = numpy.zeros(expected.shape, bool)
            inside[block.within(limits, axis, closed)] = True
            assert numpy.array_equal(inside, compare(expected, numpy.expand_dims(limits, 1 - axis)))


def test_bounds_in_single_precision_leave_few_pairs_open():
    x, y = normal(64, 500) + 3, normal(64, 500, seed=1) + 3
    points = [Points(features, centre_of(y)) for features in (x, y)]
    block = Block(*points, slice(0, 64), slice(0, 64))
    assert block.dtype == numpy.float32
    width = 4 * block.slack * (block.squared_lengths[0][:, None] + block.squared_lengths[1])
    assert (width < 1e-4 * squared_distances(x, y)).all()


def test_progress_reaches_the_number_of_blocks():
    seen = []
    nearest_neighbours(SETS["plain"][0], SETS["plain"][1], progress=lambda *state: seen.append(state))
    assert seen == [(done, 12) for done in range(1, 13)]
    seen.clear()
    nearest_others(SETS["plain"][1], progress=lambda *state: seen.append(state))
    assert seen == [(done, 10) for done in range(1, 11)]


@pytest.mark.parametrize(
    ("queries", "references", "k", "message"),
    [
        (numpy.zeros((3, 2)), numpy.zeros((4, 3)), 1, r"different lengths have no distance: \(3, 2\) and \(4, 3\)"),
        (numpy.zeros((3, 2)), numpy.zeros((4, 2)), 5, "4 features have no 5 neighbours"),
        (numpy.zeros((3, 2)), numpy.zeros((4, 2)), 0, "k should be a whole number of at least 1, not 0"),
        (numpy.zeros((3, 2)), numpy.zeros((4, 2)), 1.5, "k should be a whole number"),
        (numpy.full((3, 2), numpy.inf), numpy.zeros((4, 2)), 1, "NaN or infinite"),
        (numpy.zeros((0, 2)), numpy.zeros((4, 2)), 1, r"at least 1 feature rows, found shape \(0, 2\)"),
        (numpy.array([["a"]]), numpy.zeros((4, 1)), 1, "needs numbers"),
    ],
)
def test_what_has_no_neighbours_is_refused(queries, references, k, message):
    with pytest.raises(UserError, match=message):
        nearest_neighbours(queries, references, k)


def test_a_set_needs_more_rows_than_neighbours():
    assert nearest_others(numpy.eye(3), 2)[0] == pytest.approx(numpy.full((3, 2), 2**0.5))
    with pytest.raises(UserError, match="at least 4 feature rows"):
        nearest_others(numpy.eye(3), 3)
