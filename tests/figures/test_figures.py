"""Image sheets pixel by pixel; curves by what they plot and label."""

import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from coursework.figures import grids as figures


def plain(*values, size=2, channels=3):
    """One image of a single value for each of `values`."""
    return np.stack([np.full((size, size, channels), value, np.uint8) for value in values])


def test_grid_places_images_row_by_row_on_white():
    sheet = figures.grid(plain(1, 2, 3), columns=2, gap=1)
    w = 255
    expected = [
        [w, w, w, w, w, w, w],
        [w, 1, 1, w, 2, 2, w],
        [w, 1, 1, w, 2, 2, w],
        [w, w, w, w, w, w, w],
        [w, 3, 3, w, w, w, w],
        [w, 3, 3, w, w, w, w],
        [w, w, w, w, w, w, w],
    ]
    assert sheet.dtype == np.uint8
    for channel in range(3):
        np.testing.assert_array_equal(sheet[..., channel], expected)


def test_grid_enlarges_by_repeating_pixels_and_not_the_gap():
    image = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    sheet = figures.grid(image, scale=3, gap=2)
    assert sheet.shape == (10, 10, 1)
    np.testing.assert_array_equal(sheet[2:8, 2:8, 0], np.kron([[0, 1], [2, 3]], np.ones((3, 3))))
    assert (sheet[:2] == 255).all() and (sheet[:, 8:] == 255).all()


def test_grid_takes_grey_images_without_a_channel_axis():
    np.testing.assert_array_equal(figures.grid(plain(7, 9)[..., 0]), figures.grid(plain(7, 9, channels=1)))


@pytest.mark.parametrize(
    "images", [np.zeros((2, 4, 4, 3)), np.zeros((0, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 2), np.uint8)]
)
def test_grid_refuses_floats_nothing_and_other_channels(images):
    with pytest.raises(ValueError, match="expected uint8 images"):
        figures.grid(images)


def test_strips_keep_each_row_together():
    rows = [plain(1, 2, 3), plain(4, 5, 6)]
    np.testing.assert_array_equal(
        figures.strips(rows, scale=1, gap=1), figures.grid(plain(1, 2, 3, 4, 5, 6), columns=3, gap=1)
    )
    with pytest.raises(ValueError, match="rows differ in shape"):
        figures.strips([plain(1, 2), plain(1)])


def test_titles_stand_in_the_margins_and_leave_the_images_alone():
    rows = [plain(10, 20, size=16), plain(30, 40, size=16)]
    sheet = figures.strips(rows, scale=2)
    titled = figures.strips(rows, row_titles=["horse", "deer"], column_titles=["−1.0", "+1.0"], scale=2)
    top, left = titled.shape[0] - sheet.shape[0], titled.shape[1] - sheet.shape[1]
    assert top > 0 and left > 0
    np.testing.assert_array_equal(titled[top:, left:], sheet)
    step = 16 * 2 + 2
    margins = [titled[top + step * row : top + step * (row + 1), :left] for row in range(2)]
    margins += [titled[:top, left + step * column : left + step * (column + 1)] for column in range(2)]
    assert all(margin.min() < 100 for margin in margins)
    # Mirror images of one title differ only by their sign: each is a word of its own, inside its own column.
    assert (margins[2] != margins[3]).any()
    with pytest.raises(ValueError, match="3 titles for 2 rows"):
        figures.strips(rows, row_titles=["a", "b", "c"])


def test_a_long_column_title_stays_within_its_column():
    rows = [plain(0, 0, size=32)]
    titled = figures.strips(rows, column_titles=["horse − deer + bird", ""], scale=4)
    top = titled.shape[0] - figures.strips(rows, scale=4).shape[0]
    assert titled[:top, : 32 * 4 + 2].min() < 100
    assert (titled[:top, 32 * 4 + 4 :] == 255).all()


def test_reconstructions_stand_beneath_their_originals():
    sheet = figures.reconstructions(plain(1, 2, 3), plain(11, 12, 13), columns=2, gap=1)
    # Rows: originals 1 2, decoded 11 12, two more white lines, then originals 3, decoded 13.
    assert sheet.shape == (7 + 2 + 7, 7, 3)
    column = [255, 1, 1, 255, 11, 11, 255, 255, 255, 255, 3, 3, 255, 13, 13, 255]
    np.testing.assert_array_equal(sheet[:, 1, 0], column)
    np.testing.assert_array_equal(sheet[:7, 4, 0], [255, 2, 2, 255, 12, 12, 255])
    assert (sheet[7:, 4:] == 255).all()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_png_holds_the_same_pixels(tmp_path, channels, mode):
    sheet = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    figures.save_png(tmp_path / "new" / "sheet.png", sheet)
    with Image.open(tmp_path / "new" / "sheet.png") as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image).reshape(sheet.shape), sheet)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["sheet.png"]


def test_save_grid_writes_the_grid(tmp_path):
    figures.save_grid(tmp_path / "grid.png", plain(1, 2, 3), columns=2, scale=2, gap=1)
    with Image.open(tmp_path / "grid.png") as image:
        np.testing.assert_array_equal(np.asarray(image), figures.grid(plain(1, 2, 3), 2, 2, 1))


NAN = math.nan
LOG = {
    "epoch": [1.0, 2.0, 3.0],
    "generator_loss": [0.5, NAN, 0.7],
    "critic_loss": [NAN, NAN, NAN],
    "fd_judge": [NAN, 90.0, 80.0],
    "seconds": [60.0, 61.0, 62.0],
}


def test_curves_sort_columns_into_panels_and_drop_missing_values():
    panels = figures._panels(LOG)
    assert list(panels) == ["Losses", "Scores"]
    assert list(panels["Losses"]) == ["generator loss"] and list(panels["Scores"]) == ["FD-judge"]
    epochs, values = panels["Losses"]["generator loss"]
    assert epochs.tolist() == [1, 3] and values.tolist() == [0.5, 0.7]
    epochs, values = panels["Scores"]["FD-judge"]
    assert epochs.tolist() == [2, 3] and values.tolist() == [90, 80]


@pytest.mark.parametrize(
    ("smaller", "scale"), [([1.0, 2.0], "linear"), ([0.01, 0.02], "log"), ([-0.01, 0.02], "linear")]
)
def test_losses_of_different_magnitude_share_a_logarithmic_axis(smaller, scale):
    from matplotlib.figure import Figure

    axis = Figure().subplots()
    epochs = np.array([1.0, 2.0])
    figures._draw_panel(axis, "Losses", {"a": (epochs, np.array([1.0, 2.0])), "b": (epochs, np.array(smaller))})
    assert axis.get_yscale() == scale
    assert [line.get_ydata().tolist() for line in axis.lines] == [[1.0, 2.0], smaller]


def test_names_that_no_typeface_has_are_drawn_without_a_warning(tmp_path, recwarn):
    figures.curves({"epoch": [1.0, 2.0], "loss \x01 \u4e2d": [0.5, 0.25]}, tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").read_text().rstrip().endswith("</svg>")
    assert [str(warning.message) for warning in recwarn] == []


def test_png_figures_are_opaque(tmp_path):
    figures.curves(LOG, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        assert image.mode == "RGB" and image.getpixel((0, 0)) == (255, 255, 255)
        assert image.width == 1340


def test_curves_are_labelled_vector_graphics_and_the_same_every_time(tmp_path):
    figures.curves(LOG, tmp_path / "a.svg")
    figures.curves(LOG, tmp_path / "b.svg")
    text = (tmp_path / "a.svg").read_text()
    # matplotlib names every drawn word in a comment.
    for words in ("Losses", "Scores", "generator loss", "FD-judge", "epoch"):
        assert f"<!-- {words} -->" in text
    assert "critic" not in text and "seconds" not in text
    assert (tmp_path / "b.svg").read_text() == text


@pytest.mark.parametrize("log", [{}, {"epoch": [1.0], "loss": [NAN]}])
def test_curves_without_values_say_so(tmp_path, log):
    figures.curves(log, tmp_path / "curves.svg")
    assert "<!-- no finite values -->" in (tmp_path / "curves.svg").read_text()


def test_figures_and_report_load_neither_keras_nor_matplotlib():
    code = (
        "import sys, coursework.figures.grids, coursework.figures.diagram, coursework.report; "
        "print(sorted({'keras', 'tensorflow', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_single_score_is_no_curve():
    log = {"epoch": [1.0, 2.0], "loss": [3.0, 2.0], "fd_judge": [NAN, 5.0]}
    assert list(figures._panels(log)["Losses"]) == ["loss"] and not figures._panels(log)["Scores"]
    # Where nothing else is, it is shown.
    assert list(figures._panels({"epoch": [1.0], "fd_judge": [5.0]})["Scores"]) == ["FD-judge"]
