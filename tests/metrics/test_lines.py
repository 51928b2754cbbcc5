"""The lines task against the authors' drawings and scores, and in closed form."""

import numpy
import pytest
from conftest import REFERENCE

from coursework.data import load_dataset
from coursework.data.lines import angles_of, draw_line, draw_lines, load
from coursework.metrics import lines as metric
from coursework.metrics.lines import closest_lines, interpolation_scores, smoothness
from coursework.studies.lines.study import PAIRS, STEPS, interpolate_lines
from coursework.util.errors import UserError

TEMPLATE = 2 * numpy.pi / 10_000


@pytest.fixture(scope="module")
def reference():
    with numpy.load(REFERENCE / "acai_lines.npz", allow_pickle=False) as content:
        return dict(content)


# Drawing.


def test_lines_are_drawn_as_the_authors_draw_them(reference):
    together = draw_lines(reference["angles"])
    assert together.shape == (24, 32, 32, 1) and together.dtype == numpy.float32
    numpy.testing.assert_allclose(together, reference["lines"], atol=1e-6)
    for angle, expected in zip(reference["angles"], reference["lines"], strict=True):
        alone = draw_line(angle)
        assert alone.shape == (32, 32, 1) and alone.dtype == numpy.float32
        numpy.testing.assert_allclose(alone, expected, atol=1e-6)


@pytest.mark.parametrize("size", [32, 16])
@pytest.mark.parametrize(
    ("quarters", "rows", "columns"),
    [
        (0, (-1, 1), (0, 15)),
        (1, (-15, 0), (-1, 1)),
        (2, (-1, 1), (-15, 0)),
        (3, (0, 15), (-1, 1)),
    ],
)
def test_upright_and_level_lines_are_bars(size, quarters, rows, columns):
    """Two pixels wide, from the middle to one pixel short of the border."""
    expected = numpy.full((size, size), -1.0)
    middle, length = size // 2, size // 2 - 1
    (top, bottom), (left, right) = (
        [middle + (numpy.sign(end) * length if abs(end) == 15 else end) for end in ends] for ends in (rows, columns)
    )
    expected[top:bottom, left:right] = 1.0
    numpy.testing.assert_allclose(draw_line(quarters * numpy.pi / 2, size)[..., 0], expected, atol=1e-6)


def test_only_the_first_end_is_smoothed_along_the_major_axis():
    """At 50 degrees upwards row 4.51 is the first, covered by what is left of it; downwards row 27.49 counts whole."""
    for degrees, weights in ((50, {4: 5 - (16 - 15 * numpy.sin(numpy.deg2rad(50)))}), (-50, {})):
        image = (draw_line(numpy.deg2rad(degrees))[..., 0] + 1) / 2
        rows = range(4, 16) if degrees > 0 else range(16, 28)
        # A row's coverage sums to the width, 2, times the row's weight.
        expected = [2 * weights.get(row, 1.0) if row in rows else 0.0 for row in range(32)]
        numpy.testing.assert_allclose(image.sum(axis=1), expected, atol=1e-5)
        # Between 45 and 135 degrees rows are the major axis, else columns: the mirror image on the diagonal.
        mirrored = (draw_line(numpy.deg2rad(-90 - degrees))[..., 0] + 1) / 2
        numpy.testing.assert_allclose(mirrored, image.T, atol=1e-5)


# The data set.


def test_the_dataset_holds_lines_of_random_angles():
    dataset = load(train_count=64, test_count=16, seed=3)
    assert dataset.name == "lines" and dataset.image_shape == (32, 32, 1)
    assert len(dataset.class_names) == 10
    for split, count in (("train", 64), ("test", 16)):
        images, labels = dataset.split(split)
        angles = angles_of(split, count, 3)
        assert images.shape == (count, 32, 32, 1) and images.dtype == numpy.uint8
        assert abs(images / 127.5 - 1 - draw_lines(angles)).max() <= 1 / 255 + 1e-6
        assert labels.tolist() == [int(angle // (numpy.pi / 5)) for angle in angles]
    assert load(64, 16, seed=3).fingerprint == dataset.fingerprint != load(64, 16, seed=4).fingerprint


def test_angles_are_uniform_and_each_split_has_its_own():
    angles = angles_of("train", 20_000)
    assert 0 <= angles.min() < 0.001 and 2 * numpy.pi - 0.001 < angles.max() < 2 * numpy.pi
    counts = numpy.histogram(angles, bins=10, range=(0, 2 * numpy.pi))[0]
    # Five standard deviations of a binomial count.
    assert abs(counts - 2000).max() < 5 * numpy.sqrt(20_000 * 0.1 * 0.9)
    assert numpy.array_equal(angles_of("train", 10), angles[:10])
    assert not set(angles_of("test", 5000)) & set(angles)
    assert not numpy.array_equal(angles_of("train", 10, seed=1), angles[:10])


def test_lines_are_a_data_set_by_name():
    dataset = load_dataset("lines")
    assert (len(dataset.train_images), len(dataset.test_images)) == (16_384, 5000)
    assert load_dataset("lines").train_images is dataset.train_images
    # It does not change between versions: runs of different days are trained on the same lines.
    assert dataset.fingerprint.startswith("ec1ce186")


# Scores.


@pytest.mark.parametrize("name", ["pixel_mix", "rotation"])
def test_scores_are_the_references(reference, name):
    images = reference[name]
    scores = interpolation_scores(images)
    assert set(scores) == {"mean_distance", "smoothness"}
    assert scores["mean_distance"] == pytest.approx(float(reference[f"{name}_mean_distance"]), abs=1e-9)
    assert scores["smoothness"] == pytest.approx(float(reference[f"{name}_mean_smoothness"]), abs=1e-6)
    _, angles = closest_lines(images.reshape(-1, 32, 32, 1))
    numpy.testing.assert_allclose(angles.reshape(12, 16), reference[f"{name}_angles"], atol=1e-9)
    expected = reference[f"{name}_smoothness_per_interpolation"]
    numpy.testing.assert_allclose(smoothness(angles.reshape(12, 16)), expected, atol=1e-9)


def turning(*places):
    """Return the lines at multiples of the distance between templates."""
    return draw_lines(TEMPLATE * numpy.array(places))


def test_even_turns_between_templates_are_perfect_and_a_jump_is_the_worst():
    even = turning(*range(0, 16 * 100, 100))
    jump = turning(*[0] * 8, *[2500] * 8)
    perfect = interpolation_scores(even[None])
    assert perfect == {"mean_distance": pytest.approx(0, abs=1e-12), "smoothness": pytest.approx(0, abs=1e-9)}
    assert interpolation_scores(jump[None])["smoothness"] == pytest.approx(14 / 15, abs=1e-9)
    both = interpolation_scores(numpy.stack([even, jump]))
    assert both["smoothness"] == pytest.approx(7 / 15, abs=1e-9)


def test_a_turn_through_the_end_of_the_circle_is_no_jump():
    across = turning(*(numpy.arange(-800, 800, 100) % 10_000))
    assert interpolation_scores(across[None])["smoothness"] == pytest.approx(0, abs=1e-9)


def test_an_interpolation_that_does_not_turn_is_left_out():
    jump, still = turning(*[0] * 8, *[2500] * 8), turning(*[7] * 16)
    assert interpolation_scores(numpy.stack([jump, still]))["smoothness"] == pytest.approx(14 / 15, abs=1e-9)
    assert numpy.isnan(interpolation_scores(still[None])["smoothness"])


def test_the_distance_is_the_cosine_distance():
    line = turning(123)[0].astype(float)
    # What is orthogonal to every line: the corner that none reaches has -1 in all of them.
    noise = numpy.zeros_like(line)
    noise[0, 0, 0], noise[0, -1, 0] = 1.0, -1.0
    noise *= numpy.linalg.norm(line)
    distances, angles = closest_lines(numpy.stack([3 * line, line + noise / numpy.sqrt(2), 0 * line]))
    numpy.testing.assert_allclose(distances, [0, 1 - 1 / numpy.sqrt(2), 1], atol=1e-6)
    numpy.testing.assert_allclose(angles[:2], 123 * TEMPLATE, atol=1e-9)


def test_eight_bits_do_not_show_in_the_scores():
    images = draw_lines(angles_of("test", 64)).reshape(4, 16, 32, 32, 1)
    rounded = numpy.rint((images + 1) * 127.5) / 127.5 - 1
    exact, coarse = interpolation_scores(images), interpolation_scores(rounded)
    assert exact["mean_distance"] < coarse["mean_distance"] < exact["mean_distance"] + 2e-7
    assert coarse["smoothness"] == pytest.approx(exact["smoothness"], abs=2e-3)


@pytest.mark.parametrize("shape", [(4, 32, 32, 1), (2, 16, 32, 32, 3), (2, 16, 32, 16, 1), (2, 1, 32, 32, 1)])
def test_images_of_other_shapes_have_no_scores(shape):
    with pytest.raises(UserError, match=r"images \(n, steps, size, size, 1\), not"):
        interpolation_scores(numpy.zeros(shape))


def test_values_that_are_not_finite_have_no_scores():
    images = turning(*range(16))[None].copy()
    images[0, 3, 5, 5, 0] = numpy.nan
    with pytest.raises(UserError, match="NaN or infinite"):
        interpolation_scores(images)


# The protocol.


def test_the_protocol_interpolates_between_the_first_test_lines():
    ends = draw_lines(angles_of("test", 8, seed=2))
    images = interpolate_lines(lambda images: images, lambda codes: codes, pairs=4, steps=5, seed=2)
    assert images.shape == (4, 5, 32, 32, 1) and images.dtype == numpy.float32
    numpy.testing.assert_allclose(images[:, 0], ends[:4], atol=1e-6)
    numpy.testing.assert_allclose(images[:, -1], ends[4:], atol=1e-6)
    numpy.testing.assert_allclose(images[:, 1], 0.75 * ends[:4] + 0.25 * ends[4:], atol=1e-6)


def test_the_defaults_are_the_papers():
    assert (PAIRS, STEPS, metric.TEMPLATES) == (256, 16, 10_000)
    images = interpolate_lines(lambda images: images[:, 0, 0], lambda codes: numpy.zeros((len(codes), 2, 2, 1)))
    assert images.shape == (256, 16, 2, 2, 1)


def test_a_model_that_knows_the_angle_scores_as_well_as_can_be_and_a_mix_of_pixels_badly():
    def angles_as_codes(images):
        return closest_lines(images)[1][:, None]

    ideal = interpolation_scores(interpolate_lines(angles_as_codes, draw_lines, pairs=16))
    # A line halfway between two templates is 2e-7 from both; angles are read to half a template.
    assert 1e-8 < ideal["mean_distance"] < 4e-7
    assert 0 < ideal["smoothness"] < 0.02
    mixed = interpolation_scores(interpolate_lines(lambda images: images, lambda codes: codes, pairs=16))
    assert 5e-3 < mixed["mean_distance"] < 2e-2
    # Nearly all of the turn is one step, from where the first line is nearer to where the second is.
    assert 0.7 < mixed["smoothness"] < 0.935
