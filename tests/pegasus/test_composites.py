"""Views and composites of images: what they show, and how much of each subject counts as seen."""

import numpy as np
import pytest

from coursework.pegasus import composites
from coursework.pegasus.composites import KINDS, TWO_PICTURES, Composites, compose, foreground, visible
from coursework.pegasus.views import SLIGHT, View, blur, occlude, slight_views, spoil


def noise(count, seed=0, side=16):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_a_view_of_everything_changes_nothing():
    images = noise(3)
    view = View.whole(3, 16, 16)
    np.testing.assert_allclose(view.show(images), images, atol=1e-4)
    np.testing.assert_allclose(view.share(np.ones((3, 16, 16))), 1, atol=1e-6)


def test_slight_views_move_mirror_and_resize_each_image_alike():
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    views = list(slight_views(images))
    assert len(views) == len(SLIGHT) == 8 and all(view.dtype == np.uint8 for view in views)
    assert np.array_equal(views[0], images) and np.array_equal(views[1], images[:, :, ::-1])
    down, across = SLIGHT[4][1:3]
    assert np.array_equal(views[4][:, down:, across:], images[:, :-down, :-across])
    # A disc stays a disc, of nine tenths of the radius.
    rows, columns = np.indices((32, 32)) - 15.5
    disc = np.repeat(255.0 * (np.hypot(rows, columns) < 10)[None, :, :, None], 3, axis=3).astype(np.uint8)
    areas = [view.mean() / disc.mean() for view in slight_views(disc)]
    assert areas == pytest.approx([scale**2 for scale, *_ in SLIGHT], abs=0.03)
    # Whatever stands beside it, an image has the same views.
    assert all(np.array_equal(view[1:2], alone) for view, alone in zip(views, slight_views(images[1:2]), strict=True))


def test_a_moved_view_is_filled_by_its_mirror_image():
    images = noise(2)
    shown = View(16, 16, np.ones(2), np.array([[3, 0], [0, -2]])).show(images)
    np.testing.assert_allclose(shown[0], images[0, [3, 2, 1, *range(13)]], atol=1e-3)
    np.testing.assert_allclose(shown[1], images[1][:, [*range(2, 16), 14, 13]], atol=1e-3)


def test_views_enlarge_and_shrink_about_the_middle():
    ramp = np.broadcast_to(10.0 * np.arange(16)[:, None, None], (2, 16, 16, 1))
    shown = View(16, 16, np.array([2.0, 0.5]), np.zeros((2, 2))).show(ramp)
    # Linear interpolation keeps a ramp; its middle is that of rows 7 and 8.
    np.testing.assert_allclose(shown[0, :, 0, 0], 75 + 5 * (np.arange(16) - 7.5), atol=1e-3)
    # Half the size takes twice the steps, as long as no reflection is met.
    np.testing.assert_allclose(shown[1, 5:11, 0, 0], 75 + 20 * (np.arange(5, 11) - 7.5), atol=1e-3)
    flat = View(16, 16, np.array([0.4]), np.array([[2.0, 1.0]])).show(np.full((1, 16, 16, 3), 9.0))
    np.testing.assert_allclose(flat, 9, atol=1e-5)


def test_shares_are_weighed_by_a_half_wave():
    left = np.zeros((1, 64, 64))
    left[:, :, :32] = 1
    assert View.whole(1, 64, 64).share(left)[0] == pytest.approx(0.5, abs=1e-6)
    quarter = np.zeros((1, 64, 64))
    quarter[:, 16:48, 16:48] = 1
    # The integral of a half wave over its middle half is cos(pi / 4) of the whole; the square of that for both axes.
    assert View.whole(1, 64, 64).share(quarter)[0] == pytest.approx(0.5, abs=1e-3)
    all_of_it = np.ones((2, 64, 64))
    enlarged, shrunk = View(64, 64, np.array([2.0, 0.5]), np.zeros((2, 2))).share(all_of_it)
    assert enlarged == pytest.approx(0.5, abs=2e-3) and shrunk == pytest.approx(1, abs=2e-3)
    # Moved by half its side, half of the subject is gone.
    assert View(64, 64, np.ones(1), np.array([[32, 0]])).share(all_of_it[:1])[0] == pytest.approx(0.5, abs=1e-6)


def test_blur_mixes_neighbours_and_keeps_what_is_even():
    spike = np.zeros((1, 5, 5, 1), np.float32)
    spike[0, 2, 2] = 100
    blurred = blur(spike, np.array([0.25]))[0, :, :, 0]
    kernel = np.array([0, 0.25, 0.5, 0.25, 0])
    np.testing.assert_allclose(blurred, 100 * np.outer(kernel, kernel), atol=1e-4)
    np.testing.assert_allclose(blur(np.full((2, 4, 4, 3), 7.0), np.array([0.1, 0.3])), 7, atol=1e-5)


def test_spoiled_images_are_bytes_about_the_images():
    images = np.full((200, 8, 8, 3), 127.5, np.float32)
    spoiled = spoil(images.copy(), np.random.default_rng(0))
    means = spoiled.mean(axis=(1, 2, 3))
    assert spoiled.dtype == np.uint8
    # Brightness moves half of them by at most 25; contrast leaves the middle where it is.
    assert (np.abs(means - 127.5) <= 27).all() and 0.3 < np.mean(np.abs(means - 128) > 1.5) < 0.6


@pytest.mark.parametrize("kind", TWO_PICTURES)
def test_composites_of_equal_images_are_those_images_and_masks_are_shares(kind):
    flat = np.full((40, 16, 16, 3), 90, np.uint8)
    made = compose(flat, flat, np.random.default_rng(1), (kind,))
    np.testing.assert_allclose(made.images, 90, atol=1e-3)
    assert (made.kinds == KINDS.index(kind)).all() and made.masks.shape == (40, 16, 16)
    assert made.masks.min() >= 0 and made.masks.max() <= 1
    assert made.shares.shape == (40, 2) and (made.shares >= 0).all() and (made.shares <= 1).all()
    # Whatever the kind, both are seen: of either at least a tenth in nearly all, and of the first never everything.
    assert np.mean(made.shares.min(axis=1) > 0.1) > 0.9 and made.masks.reshape(40, -1).max(axis=1).min() > 0.25


def test_what_a_mask_hides_is_the_second_image_and_the_rest_the_first():
    first, second = noise(60, 1), noise(60, 2)
    made = compose(first, second, np.random.default_rng(3), ("patch", "joined"))
    for image, mask, one in zip(made.images, made.masks, first, strict=True):
        np.testing.assert_allclose(image[mask == 0], one[mask == 0], atol=1e-3)
    assert min((mask == 0).sum() for mask in made.masks) > 20


def square(count, side=16):
    """Black images with a white square of 6 x 6 pixels in the middle."""
    images = np.zeros((count, side, side, 3), np.uint8)
    images[:, 5:11, 5:11] = 255
    return images


def test_foreground_is_what_no_edge_resembles():
    expected = square(1)[..., 0] == 255
    np.testing.assert_array_equal(foreground(square(1)), expected)
    # A band from edge to edge belongs to the background, whatever its colour; an even image has no subject.
    banded = square(1)
    banded[:, 12:14] = 180
    np.testing.assert_array_equal(foreground(banded), expected)
    assert (foreground(np.full((1, 16, 16, 3), 40, np.uint8)) == 0).all()


def test_a_cutout_leaves_its_background_behind():
    first = np.full((200, 16, 16, 3), 90, np.uint8)
    made = compose(first, square(200), np.random.default_rng(5), ("cutout",))
    # Of the square's pixels, however moved and scaled, at most 1.1 times its side and a soft pixel around it remain.
    changed = (np.abs(made.images - 90) > 1).any(axis=3).sum(axis=(1, 2))
    assert changed.max() <= 9**2 and np.mean(changed > 4) > 0.7


def test_things_before_a_picture_have_colours_of_the_pictures_and_sharp_edges():
    images = np.concatenate([np.full((100, 32, 32, 3), 0.0), np.full((100, 32, 32, 3), 200.0)])
    occluded = occlude(images.copy(), np.random.default_rng(0))
    assert occluded.min() >= 0 and occluded.max() <= 200
    # Half of the things differ in colour from what they are before; one to four of them hide a few percent each.
    hidden = np.abs(occluded - images).max(axis=3) > 100
    shares = hidden.mean(axis=(1, 2))
    assert 0.5 < np.mean(shares > 0) < 0.95 and 0.02 < shares.mean() < 0.25 and shares.max() < 0.8
    # Pixels between the two colours lie along edges alone.
    between = (occluded[..., 0] > 20) & (occluded[..., 0] < 180)
    assert 0 < between.mean() < 0.5 * hidden.mean()
    np.testing.assert_array_equal(occlude(np.full((3, 8, 8, 3), 7.0), np.random.default_rng(1)), 7)


def test_shares_of_a_cut_follow_its_place():
    made = compose(noise(300), noise(300, 1), np.random.default_rng(2), ("joined",))
    np.testing.assert_allclose(made.shares.sum(axis=1), 1, atol=1e-5)
    blends = compose(noise(300), noise(300, 1), np.random.default_rng(2), ("blend",))
    np.testing.assert_allclose(blends.shares[:, 0], 1 - blends.masks[:, 0, 0], atol=1e-5)
    assert 0.3 <= blends.masks.min() < 0.35 and 0.65 < blends.masks.max() <= 0.7


def test_kinds_are_equally_frequent_and_follow_from_the_generator():
    first, second = noise(600), noise(600, 1)
    made, again, other = (compose(first, second, np.random.default_rng(seed)) for seed in (4, 4, 5))
    counts = np.bincount(made.kinds, minlength=len(KINDS))
    # 600 draws of six kinds: 100 each, standard deviation 9.
    assert counts.min() > 65 and counts.max() < 135
    np.testing.assert_array_equal(made.images, again.images)
    assert not np.array_equal(made.images, other.images)


def test_presence_grows_with_the_share_that_is_seen():
    low, high = composites.PRESENT
    np.testing.assert_allclose(visible(np.array([0, low, (low + high) / 2, high, 1])), [0, 0, 0.5, 1, 1], atol=1e-12)
    shares = np.array([[1, (low + high) / 2], [low, 1], [high, (low + high) / 2]])
    made = Composites(None, None, shares, None)
    np.testing.assert_allclose(
        made.presence(np.array([[0, 2], [1, 0], [1, 1]]), 3), [[1, 0, 0.5], [1, 0, 0], [0, 1, 0]], atol=1e-6
    )
