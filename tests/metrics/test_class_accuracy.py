"""Class accuracy in closed form: shares, their mean and its standard error, by the names of the classes."""

import numpy
import pytest

from coursework.metrics.classification import class_accuracy
from coursework.util.errors import UserError

JUDGE = ("airplane", "bird", "cat", "horse")


def logits_of(named):
    """Return logits whose largest belongs to the judge's class of that name."""
    logits = numpy.random.default_rng(0).random((len(named), len(JUDGE)))
    logits[numpy.arange(len(named)), [JUDGE.index(name) for name in named]] += 1
    return logits


def test_accuracy_is_counted_by_class_in_any_order_and_number():
    # Made as horses: three right, one called a cat, which no sample was made for. Made as birds: one of two.
    labels = numpy.array([0, 1, 0, 0, 1, 0])
    named = ["horse", "bird", "cat", "horse", "horse", "horse"]
    result = class_accuracy(logits_of(named), labels, ("horse", "bird"), JUDGE)
    assert result["classes"] == {"horse": {"accuracy": 0.75, "n": 4}, "bird": {"accuracy": 0.5, "n": 2}}
    # Every class weighs the same: not 4 of 6.
    assert (result["mean"], result["n"]) == (0.625, 6)
    assert result["error"] == pytest.approx((0.75 * 0.25 / 4 + 0.5 * 0.5 / 2) ** 0.5 / 2, rel=1e-12)


def test_the_ends_and_chance():
    labels = numpy.arange(4000) % 4
    right = [JUDGE[label] for label in labels]
    assert class_accuracy(logits_of(right), labels, JUDGE, JUDGE) | {"classes": None} == {
        "mean": 1.0,
        "error": 0.0,
        "n": 4000,
        "classes": None,
    }
    wrong = [JUDGE[(label + 1) % 4] for label in labels]
    assert class_accuracy(logits_of(wrong), labels, JUDGE, JUDGE)["mean"] == 0
    blind = class_accuracy(numpy.random.default_rng(1).random((4000, 4)), labels, JUDGE, JUDGE)
    assert blind["mean"] == pytest.approx(0.25, abs=4 * blind["error"])
    assert blind["error"] == pytest.approx((0.25 * 0.75 / 4000) ** 0.5, rel=0.05)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(UserError, match="^the judge knows no class frog; it knows airplane, bird, cat, horse$"):
        class_accuracy(logits_of(["cat"]), [0], ("frog",), JUDGE)
    with pytest.raises(UserError, match="^1 samples hold none of class bird: draw more$"):
        class_accuracy(logits_of(["cat"]), [0], ("cat", "bird"), JUDGE)
    with pytest.raises(ValueError, match="1 logits for 2 labels"):
        class_accuracy(logits_of(["cat"]), [0, 0], ("cat",), JUDGE)
