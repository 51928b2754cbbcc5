"""Precision, recall, density and coverage against the reference implementations' values and against closed forms."""

import numpy
import pytest
from conftest import normal

from coursework.metrics import density_coverage, distances, precision_recall
from coursework.metrics.manifold import manifold_scores
from coursework.metrics.sample_size import ideal_coverage
from coursework.util.errors import UserError


def line(*points):
    return numpy.array(points, float)[:, None]


@pytest.mark.parametrize("block", [1024, 100])
def test_torch_fidelity_s_and_prdc_s_values(reference_scores, block, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", block)
    arrays, values = reference_scores
    fake, real = arrays["fake"], arrays["real"]
    for k in (3, 5):
        precision, recall = precision_recall(fake, real, k)
        # Equal as counts; the reference stores some of the shares in float32.
        assert precision * len(fake) == pytest.approx(round(values[f"precision_k{k}"] * len(fake)), abs=1e-9)
        assert recall * len(real) == pytest.approx(round(values[f"recall_k{k}"] * len(real)), abs=1e-9)
    assert density_coverage(fake, real) == (values["density_k5"], values["coverage_k5"])


def test_one_pass_gives_all_four(reference_scores):
    fake, real = (reference_scores[0][name] for name in ("fake", "real"))
    seen = []
    scores = manifold_scores(fake, real, progress=lambda *state: seen.append(state))
    values = tuple(scores[name].value for name in ("precision", "recall", "density", "coverage"))
    assert values == (*precision_recall(fake, real), *density_coverage(fake, real))
    # Two by two blocks between the sets, three within each.
    assert seen == [(done, 10) for done in range(1, 11)]


def test_swapped_arguments_swap_precision_and_recall(reference_scores):
    fake, real = (reference_scores[0][name] for name in ("fake", "real"))
    assert precision_recall(real, fake) == precision_recall(fake, real)[::-1]
    assert precision_recall(fake, real)[0] != precision_recall(fake, real)[1]


def test_a_collapsed_set_has_precision_and_no_recall():
    real = normal(400, 6)
    # All samples are one and the same real image: perfectly realistic, and they reach it alone.
    collapsed = numpy.repeat(real[:1], 300, axis=0)
    assert precision_recall(collapsed, real) == (1.0, 1 / 400)
    # And the other way about: a real set that is one point, in wide-spread samples.
    assert precision_recall(real, collapsed) == (1 / 400, 1.0)
    # An outlier collapsed upon is as precise, but of the balls only its own and those that end beyond it are covered.
    assert precision_recall(collapsed + 100, real) == (0.0, 0.0)
    assert density_coverage(collapsed + 100, real) == (0.0, 0.0)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_identical_sets_score_one(k):
    # With the edge left out a row lies in its own ball and those of the rows that have it among their first k - 1.
    features = normal(300, 4).astype("float32")
    assert precision_recall(features, features, k) == (1.0, 1.0)
    density, coverage = density_coverage(features, features, k)
    assert density == pytest.approx(1.0, abs=1e-12) and coverage == 1.0


def test_balls_by_hand():
    # Radii of real rows to the first neighbour: 1, 1, 2, 4. To the second: 3, 2, 3, 6.
    real = line(0, 1, 3, 7)
    # 2 lies at the very edge of the balls about 1 and inside that about 3; 20 lies nowhere.
    fake = line(2, 20)
    assert precision_recall(fake, real, 1) == (0.5, 1.0)
    assert density_coverage(fake, real, 1) == (0.5, 0.25)
    # To neighbour 2 the sample at 3 lies in the balls about 3 and 7, and at the edges of those about 0 and 1.
    assert (manifold_scores(line(3, 20, 30), real, 2, 2)["density"].influences * 2).tolist() == [2, 0, 0]
    assert density_coverage(line(3, 20, 30), real, 2) == (2 / 2 / 3, 0.5)


def test_density_may_exceed_one_where_samples_crowd():
    real = normal(500, 8)
    density, coverage = density_coverage(0.2 * normal(500, 8, seed=1), real)
    assert density > 3 and coverage < 0.9


def test_samples_of_the_same_distribution():
    for n_fake, n_real in ((1500, 1500), (400, 1500)):
        density, coverage = density_coverage(normal(n_fake, 5, seed=1), normal(n_real, 5, seed=2))
        assert density == pytest.approx(1, abs=0.1)
        assert coverage == pytest.approx(ideal_coverage(n_fake, n_real), abs=0.03)


def test_rows_that_are_alone():
    real, fake = line(0, 1, 10, 11, 20), line(0.5, 0.6, 10.5, 40)
    scores = manifold_scores(fake, real, precision_k=1, density_k=1)
    # Real radii are 1, 1, 1, 1, 9; the fake ones 0.1, 0.1, 9.9, 29.5.
    assert scores["precision"].influences.tolist() == [True, True, True, False]
    assert scores["density"].influences.tolist() == [2, 2, 2, 0] and scores["density"].value == 6 / 4
    # The sample at 10.5 alone is in the balls of two of the five real rows; leaving it out costs 2 / 5, times n - 1.
    # 1 and 20 are 9.5 from it; 11 and 20 lie in the wide ball about 40.
    for name in ("coverage", "recall"):
        assert scores[name].value == 4 / 5 and scores[name].influences.tolist() == [0, 0, 3 * 2 / 5, 0]


def test_alone_is_counted_over_blocks(monkeypatch):
    fake, real = normal(150, 3), normal(130, 3, seed=1)
    whole = manifold_scores(fake, real)
    monkeypatch.setattr(distances, "BLOCK", 16)
    parts = manifold_scores(fake, real)
    for name, score in whole.items():
        assert score.value == parts[name].value
        assert numpy.array_equal(score.influences, parts[name].influences), name
    assert whole["coverage"].influences.sum() > 0


def test_duplicates_make_balls_of_no_width():
    features = numpy.repeat(normal(40, 3), 5, axis=0)
    # Four copies of each row: to the third neighbour it is 0, and a closed ball holds its copies.
    assert precision_recall(features, features, 3) == (1.0, 1.0)
    # An open ball of no width holds nothing, not even its own centre.
    assert density_coverage(features, features, 3) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("fake", "real", "k", "message"),
    [
        (numpy.zeros((5, 3)), numpy.zeros((4, 3)), 4, "at neighbour 4 needs at least 5 feature rows"),
        (numpy.zeros((2, 3)), numpy.zeros((9, 3)), 3, "needs at least 4 feature rows"),
        (numpy.full((9, 3), numpy.nan), numpy.zeros((9, 3)), 3, "NaN"),
        (numpy.zeros((9, 3)), numpy.zeros((9, 2)), 3, "different lengths"),
        (numpy.zeros(9), numpy.zeros((9, 2)), 3, r"found shape \(9,\)"),
        (numpy.zeros((9, 3)), numpy.zeros((9, 3)), 0, "k should be"),
    ],
)
def test_what_has_no_manifold_is_refused(fake, real, k, message):
    for score in (precision_recall, density_coverage):
        with pytest.raises(UserError, match=message):
            score(fake, real, k)
    if k:
        with pytest.raises(UserError, match=message):
            manifold_scores(fake, real, k, k)
