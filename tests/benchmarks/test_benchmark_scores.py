"""The benchmark of scores compares equal values, and its table says which side is the faster."""

from importlib.util import find_spec

import numpy
import pytest

from benchmarks.scores import check_values, measure, rows_of_table
from benchmarks.scores_worker import SCORES, features


def test_features_are_equal_in_every_process_and_sets_apart():
    first = features(1500, 8, 1)
    assert numpy.array_equal(first, features(1500, 8, 1)) and first.dtype == numpy.float32
    assert numpy.array_equal(first[:1000], features(1000, 8, 1))
    assert not numpy.array_equal(first, features(1500, 8, 2))
    assert 0.3 < (first == 0).mean() < 0.7


def test_values_must_agree():
    check_values("fid", {"coursework": [2.0], "reference": [2.000001]})
    for values in ([2.00001], [float("nan")]):
        with pytest.raises(RuntimeError, match=r"fid: \[2.0\] here, \[.*\] in the reference"):
            check_values("fid", {"coursework": [2.0], "reference": values})
    check_values("fid", {"coursework": [2.0]})


def test_the_table_gives_times_and_their_ratio():
    seconds = {"coursework": 2.0, "reference": 7.0}
    result = {"scores": {"fid": {"values": {"coursework": [1.5]}, "seconds": seconds}}}
    assert rows_of_table(result)[1] == ["fid", "1.5000", "2.00", "7.00", "3.5"]
    del seconds["reference"]
    assert rows_of_table(result)[1] == ["fid", "1.5000", "2.00", "not timed", ""]


@pytest.mark.slow
@pytest.mark.parametrize("side", ["coursework", "reference"])
def test_every_score_is_measured(side):
    sides = ("coursework", "reference") if side == "reference" else ("coursework",)
    if side == "reference":
        # Not imported here: torch-fidelity needs a stand-in for torchvision, which the worker makes.
        missing = [name for name in ("torch", "torch_fidelity", "prdc", "sklearn") if not find_spec(name)]
        if missing:
            pytest.skip(f"needs {', '.join(missing)}")
    scores = [name for name in SCORES if name != "kid"]
    result = measure(300, 16, repeats=1, sides=sides, scores=scores)
    assert set(result["scores"]) == set(scores)
    for score in result["scores"].values():
        assert set(score["seconds"]) == set(sides) and min(score["seconds"].values()) > 0
    assert all(20 < peak < 20_000 for peak in result["peak_mib"].values())
