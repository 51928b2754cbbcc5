"""Evidence of a body with wings in closed form, and as something to climb; calibration; areas under curves."""

import numpy as np
import pytest
from keras import ops

from coursework.metrics.classification import area_under_curve
from coursework.networks.backend import gradients_by_tensors
from coursework.pegasus.calibration import SCALES, Calibration, calibration_error, platt, sigmoid
from coursework.pegasus.evidence import UNITY_PRIOR, evidence, log_evidence
from coursework.util.errors import UserError

NAMES = ("airplane", "bird", "deer", "horse")
WINGS = ("bird", "airplane")


def log_odds(*probabilities):
    return np.log(probabilities) - np.log1p(-np.asarray(probabilities))


def outputs(presence, unity):
    return {"presence": np.array(presence, np.float64), "unity": np.array(unity, np.float64)}


def test_both_is_the_product_of_body_the_likeliest_wings_and_unity():
    found = evidence(outputs([log_odds(0.3, 0.6, 0.9, 0.8)], log_odds(0.1)[None]), NAMES, "horse", WINGS)
    # Nine to one beforehand makes an even chance of one in ten.
    assert pytest.approx(np.log(9)) == UNITY_PRIOR
    assert set(found) == {"body", "wings", "unity", "both"}
    expected = {"body": 0.8, "wings": 0.6, "unity": 0.5, "both": 0.24}
    assert {name: values.item() for name, values in found.items()} == pytest.approx(expected)
    # Other classes, here the deer, and the order of wings change nothing.
    again = evidence(outputs([log_odds(0.3, 0.6, 0.1, 0.8)], log_odds(0.1)[None]), NAMES, "horse", WINGS[::-1])
    assert again["both"] == pytest.approx(0.24)


def test_evidence_reaches_zero_and_one_without_overflow():
    found = evidence(outputs([[1e4] * 4, [-1e4] * 4], [1e4, 1e4]), NAMES, "horse", WINGS)
    assert found["both"].tolist() == [1, 0]


def test_classes_that_are_unknown_or_none_are_refused():
    rows = outputs(np.zeros((1, 4)), np.zeros(1))
    for function in (evidence, log_evidence):
        with pytest.raises(UserError, match="the witness knows no class dragon"):
            function(rows, NAMES, "horse", ("dragon",))
        with pytest.raises(UserError, match="at least one class that has wings"):
            function(rows, NAMES, "horse", ())


@pytest.mark.backend
def test_what_is_climbed_is_the_logarithm_with_finite_slopes():
    presence = np.random.default_rng(0).normal(0, 3, (6, 4)).astype(np.float32)
    unity = np.linspace(-4, 4, 6, dtype=np.float32)
    logs = log_evidence(
        {name: ops.convert_to_tensor(v) for name, v in outputs32(presence, unity)}, NAMES, "horse", WINGS
    )
    for name, values in evidence(outputs(presence, unity), NAMES, "horse", WINGS).items():
        np.testing.assert_allclose(ops.convert_to_numpy(logs[name]), np.log(values), rtol=1e-4, atol=1e-5)

    def both(presence, unity):
        return log_evidence({"presence": presence, "unity": unity}, NAMES, "horse", WINGS)["both"]

    extreme = np.float32([[-1e4, -2e4, 0, -1e4], [1e4, 0, 0, 1e4]])
    value, (by_presence, by_unity) = gradients_by_tensors(both, [extreme, np.float32([-1e4, 1e4])])
    np.testing.assert_allclose(ops.convert_to_numpy(value), [UNITY_PRIOR - 3e4, 0], rtol=1e-6)
    # Without any evidence each part has the slope one, on the likeliest wings alone; with all of it, none.
    np.testing.assert_allclose(ops.convert_to_numpy(by_presence), [[1, 0, 0, 1], [0, 0, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(by_unity), [1, 0], atol=1e-6)


def outputs32(presence, unity):
    return (("presence", presence), ("unity", unity))


def test_scale_and_offset_are_found_again():
    scores = np.random.default_rng(0).normal(0, 2, 20000)
    for scale, offset in ((0.5, 0.3), (2.0, -1.0), (1.0, 0.0)):
        # The truth as probabilities has its likeliest scale and offset exactly there, but for the prior of one image.
        assert platt(scores, sigmoid(scale * scores + offset)) == pytest.approx((scale, offset), abs=5e-3)


def test_scores_that_tell_all_or_nothing_keep_finite_log_odds():
    scores = np.concatenate([np.linspace(-9, -5, 50), np.linspace(5, 9, 50)])
    truth = np.repeat([0.0, 1.0], 50)
    scale, offset = platt(scores, truth)
    assert SCALES[0] <= scale <= SCALES[1] and abs(offset) < 1
    scale, offset = platt(scores, 1 - truth)
    assert scale == SCALES[0]


def test_calibration_is_fitted_column_by_column():
    generator = np.random.default_rng(1)
    scores = {"presence": generator.normal(0, 2, (5000, 2)), "unity": generator.normal(0, 2, 5000)}
    truth = {
        "presence": np.stack([sigmoid(scores["presence"][:, 0]), sigmoid(3 * scores["presence"][:, 1] + 1)], axis=1),
        "unity": sigmoid(0.5 * scores["unity"]),
    }
    fitted = Calibration.fit(scores, truth)
    np.testing.assert_allclose(fitted.of("presence"), [[1, 3], [0, 1]], atol=0.03)
    np.testing.assert_allclose(fitted.of("unity"), [[0.5], [0]], atol=0.01)


def test_calibration_error_in_closed_form():
    scores = np.random.default_rng(2).normal(0, 2, 3000)
    assert calibration_error(scores, sigmoid(scores)) == pytest.approx(0, abs=1e-12)
    assert calibration_error(np.zeros(40), np.ones(40)) == pytest.approx(0.5)
    # Half of the images believed in by .9 where .6 are so, half by .1 where none is.
    belief = log_odds(*[0.9] * 500, *[0.1] * 500)
    truth = np.concatenate([np.full(500, 0.6), np.zeros(500)])
    assert calibration_error(belief, truth, bins=2) == pytest.approx(0.5 * 0.3 + 0.5 * 0.1)


def test_area_under_the_curve_counts_pairs():
    assert area_under_curve([3, 4], [1, 2]) == 1 and area_under_curve([1, 2], [3, 4]) == 0
    # Of six pairs four are in order and one ties.
    assert area_under_curve([2, 5], [1, 2, 3]) == pytest.approx((1 + 0.5 + 0 + 3) / 6)
    generator = np.random.default_rng(0)
    # Two normal distributions a standard deviation apart: Phi(1 / sqrt 2) = .7602.
    found = area_under_curve(generator.normal(1, 1, 20000), generator.normal(0, 1, 20000))
    assert found == pytest.approx(0.7602, abs=6e-3)
    for wrong in ([], [np.nan]):
        with pytest.raises(UserError, match="area under the curve"):
            area_under_curve(wrong, [1.0])
