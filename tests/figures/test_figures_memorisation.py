"""Figures of memorisation by what they show: which images stand where, what the captions and histograms say."""

import numpy
import pytest
from matplotlib.figure import Figure
from PIL import Image

from coursework.figures import grids
from coursework.figures.memorisation import caption, distance_histograms, suspicious_pairs
from coursework.metrics.image_neighbours import TrainingNeighbours
from coursework.metrics.memorisation import SuspiciousPair, memorisation


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of figures that are saved."""
    figures, save = [], grids.save_figure
    monkeypatch.setattr(grids, "save_figure", lambda figure, *rest: (figures.append(figure), save(figure, *rest)))
    return figures


def pair(sample=0, training=0, flip=False, down=0, right=0, distance=12.34, ratio=0.2, quantile=0.004):
    return SuspiciousPair(sample, training, flip, down, right, distance, ratio, quantile)


def neighbours(ratios):
    ratios = numpy.asarray(ratios, float)
    return TrainingNeighbours(numpy.zeros(len(ratios), int), ratios, numpy.ones(len(ratios)))


def test_pairs_stand_above_each_other(tmp_path, drawn):
    samples = numpy.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), numpy.uint8)
    training = numpy.random.default_rng(1).integers(0, 256, (30, 8, 8, 3), numpy.uint8)
    pairs = [pair(sample=index, training=29 - index) for index in range(10)]
    suspicious_pairs(tmp_path / "pairs.png", samples, training, pairs)
    (figure,) = drawn
    assert isinstance(figure, Figure) and len(figure.axes) == 4 * 8
    shown = {number: axis.images[0].get_array() for number, axis in enumerate(figure.axes) if axis.images}
    assert sorted(shown) == [*range(16), 16, 17, 24, 25]
    for index in range(10):
        above = index if index < 8 else 16 + index - 8
        assert numpy.array_equal(shown[above], samples[index])
        assert numpy.array_equal(shown[above + 8], training[29 - index])
        assert figure.axes[above].get_title() == "12.3\n0.4 % of test"
    with Image.open(tmp_path / "pairs.png") as image:
        assert image.size == (1340, 780)


def test_grey_images_and_a_single_pair(tmp_path):
    grey = numpy.full((1, 8, 8, 1), 77, numpy.uint8)
    suspicious_pairs(tmp_path / "pairs.png", grey, grey, [pair()])
    with Image.open(tmp_path / "pairs.png") as image:
        assert (numpy.asarray(image.convert("RGB")) == 77).all(axis=2).mean() > 0.08
    with pytest.raises(ValueError, match="no pairs"):
        suspicious_pairs(tmp_path / "none.png", grey, grey, [])


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ({}, "12.3"),
        ({"down": -1}, "12.3 ↓"),
        ({"down": 1, "right": -1}, "12.3 ↑ →"),
        ({"right": 1}, "12.3 ←"),
        ({"flip": True}, "12.3 flipped"),
        # Flipped, it goes right to lie on its training image: unflipped it stands right of the flipped one.
        ({"flip": True, "right": 1}, "12.3 flipped →"),
        ({"flip": True, "down": -1, "right": -1}, "12.3 flipped ↓ ←"),
    ],
)
def test_captions_say_how_the_sample_was_moved(moved, expected):
    assert caption(pair(**moved)) == f"{expected}\n0.4 % of test"


@pytest.mark.parametrize(("quantile", "text"), [(0, "0 %"), (0.0001, "0.01 %"), (0.034, "3.4 %"), (0.256, "26 %")])
def test_captions_say_where_among_test_images_it_lies(quantile, text):
    assert caption(pair(quantile=quantile)) == f"12.3\n{text} of test"


def test_histograms_hold_shares(tmp_path, drawn):
    test = neighbours(numpy.linspace(0.01, 1, 100))
    result = memorisation(neighbours([0.0] * 20 + [0.51] * 60), test)
    distance_histograms(tmp_path / "histograms.png", {"Pixels": result, "Judge features": result})
    (figure,) = drawn
    left, right = figure.axes
    assert left.get_title(loc="left") == f"Pixels: {100 * result.value:.1f} ± {100 * result.error:.1f} % copies"
    assert right.get_title(loc="left").startswith("Judge features: ")
    outlines = {patch.get_label(): patch.get_data() for patch in left.patches if not patch.get_label().startswith("_")}
    assert set(outlines) == {"samples", "real test images"}
    samples, edges = outlines["samples"].values, outlines["samples"].edges
    assert edges[0] == 0 and edges[-1] == 1
    assert samples[0] == 0.25 and samples[numpy.searchsorted(edges, 0.51) - 1] == 0.75
    assert outlines["real test images"].values.sum() == pytest.approx(1)
    assert left.lines[0].get_xdata()[0] == result.threshold == 0.01
    assert (tmp_path / "histograms.png").stat().st_size > 5000
