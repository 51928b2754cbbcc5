"""Which numbers of images each score can be computed from, and which mean something."""

import math
import re

import pytest

from coursework.metrics.sample_size import ideal_coverage, sample_size_problem


@pytest.mark.parametrize(
    ("arguments", "level", "reason"),
    [
        (("fid", 1, 50_000, 2048), "error", "at least 2 images on both sides, found 1 and 50000"),
        (("fid", 2048, 50_000, 2048), "warning", "2,048 images for 2,048 features: the covariance is singular"),
        (("fid", 10_000, 2000, 2048), "warning", "singular"),
        (("fid", 9_999, 50_000, 2048), "warning", "9,999 samples where 10,000 are wanted.*order of 1/n"),
        (("fid", 10_000, 50_000, 2048), None, None),
        (("fd_judge", 1_279, 50_000, 256), "warning", "1,279 samples where 1,280 are wanted"),
        (("fd_judge", 1_280, 50_000, 256), None, None),
        (("kid", 999, 50_000, 2048), "error", "subsets of 1,000 images need as many on both sides, found 999"),
        (("kid", 50_000, 999, 2048), "error", "found 999"),
        (("kd_judge", 1_999, 50_000, 256), "warning", "nearly the same"),
        (("kid", 2_000, 2_000, 2048), None, None),
        (("is", 9, 0, 1008), "error", "10 splits need at least as many images, found 9"),
        (("is", 10_079, 0, 1008), "warning", "1,007 images in each of 10 splits for 1,008 classes"),
        (("is", 10_080, 0, 1008), None, None),
        (("precision", 3, 50, 256), "error", "balls that end at neighbour 3 need more than 3 images"),
        (("coverage", 50, 5, 256), "error", "neighbour 5 need more than 5 images on both sides, found 5"),
        (("density", 999, 50_000, 256), "warning", "999 images"),
        (("recall", 10_000, 50_000, 256), "warning", "10,000 fake and 50,000 real images: balls shrink"),
        (("recall", 10_000, 10_000, 256), None, None),
        (("density", 10_000, 50_000, 256), None, None),
        (("coverage", 10_000, 50_000, 256), "warning", "would reach 0.598"),
        (("coverage", 50_000, 10_000, 256), None, None),
        (("memorisation", 10_000, 99, 0), "error", "at least 100 test images, found 99"),
        (("memorisation", 99, 10_000, 0), "warning", "cannot be seen"),
        (("memorisation", 10_000, 10_000, 0), None, None),
        (("modes", 1, 1, 1), None, None),
    ],
)
def test_rules(arguments, level, reason):
    problem = sample_size_problem(*arguments)
    if level is None:
        assert problem is None
    else:
        assert problem[0] == level
        assert re.search(reason, problem[1])


def test_rules_follow_the_settings():
    assert sample_size_problem("kid", 100, 100, 2048, subset_size=101)[0] == "error"
    assert sample_size_problem("kid", 100, 100, 2048, subset_size=50) is None
    assert sample_size_problem("is", 3, 0, 10, splits=3)[0] == "warning"
    assert sample_size_problem("precision", 5, 5, 8, k=5)[0] == "error"
    assert sample_size_problem("precision", 6, 6, 8, k=5)[0] == "warning"


def test_ideal_coverage_of_small_numbers():
    # One real neighbour and one fake: which is the nearer is even. Two of each: both real ones come first in 1 of 6.
    assert ideal_coverage(1, 2, k=1) == pytest.approx(1 / 2)
    assert ideal_coverage(2, 3, k=2) == pytest.approx(1 - 1 / math.comb(4, 2))
    # As many of both: 1 - 2^-k as they grow.
    assert ideal_coverage(10**6, 10**6, k=5) == pytest.approx(1 - 2**-5, rel=1e-5)
