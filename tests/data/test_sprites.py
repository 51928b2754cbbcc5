"""The built-in data set: same bytes everywhere, classes that differ by shape, pegasi that are horses with wings."""

import hashlib

import numpy as np
import pytest

from coursework.data import sprites
from coursework.data.sprites.canvas import Canvas
from coursework.data.sprites.draws import Draws
from coursework.util.errors import UserError

# Coverage is antialiased over one pixel, which is exact for straight edges and nearly so for round ones.
AREA_TOLERANCE = 0.02


@pytest.fixture(scope="module")
def small():
    return sprites.load(train_per_class=60, test_per_class=20, seed=4)


def keys(images):
    return {image.tobytes() for image in images}


@pytest.mark.parametrize("name", sprites.CLASS_NAMES)
def test_images_are_varied_bytes(name):
    images = sprites.render(name, 40, seed=0)
    assert images.shape == (40, 32, 32, 3) and images.dtype == np.uint8
    assert len(keys(images)) == 40
    assert images.min() < 50 and images.max() > 240
    # No pixel is nearly the same in all of them.
    assert images.std(axis=0).min() > 12


@pytest.mark.parametrize("draw", [*sprites.CLASS_NAMES, "pegasi"])
def test_image_depends_only_on_its_class_seed_and_number(draw):
    def images(n, seed):
        return sprites.pegasi(n, seed) if draw == "pegasi" else sprites.render(draw, n, seed)

    more = images(100, seed=3)
    assert sprites.BLOCK < 100, "the longer request must span several blocks"
    np.testing.assert_array_equal(images(10, seed=3), more[:10])
    np.testing.assert_array_equal(images(70, seed=3), more[:70])
    np.testing.assert_array_equal(images(1, seed=3), more[:1])
    assert images(0, seed=3).shape == (0, 32, 32, 3)
    assert not keys(more) & keys(images(100, seed=4))


def test_bytes_are_the_same_on_every_machine():
    # Exact on purpose: only correctly rounded operations touch the pixels (see `canvas`). The same bytes came from
    # numpy 1.26 and 2.4, with and without AVX2 and AVX-512. A deliberate change of the drawings changes these.
    data = sprites.load(train_per_class=50, test_per_class=10, seed=0)
    assert data.fingerprint == "59b97e94bf34eb49cd30a941c6f98dd45e74f60df067d8b867200ad16ecc949b"
    assert (
        hashlib.sha256(sprites.pegasi(50, seed=0)).hexdigest()
        == "0797ac6f070a8f257a9bb02b669594e6e54893c8f679f455ab94aa8737e464c3"
    )


def test_unknown_class_is_named():
    with pytest.raises(UserError, match='no class "unicorn"; they have airplane, bird, deer, horse'):
        sprites.render("unicorn", 1, seed=0)


def test_load_gives_balanced_shuffled_splits(small):
    assert small.name == "sprites" and small.class_names == sprites.CLASS_NAMES
    assert small.train_images.shape == (240, 32, 32, 3) and small.test_images.shape == (80, 32, 32, 3)
    for labels, count in ((small.train_labels, 60), (small.test_labels, 20)):
        assert labels.dtype == np.int64
        assert np.bincount(labels, minlength=4).tolist() == [count] * 4
        # Neighbours of one class: a quarter of the pairs when shuffled, nearly all when sorted.
        assert 0.1 < np.mean(labels[1:] == labels[:-1]) < 0.4


def test_load_depends_on_its_seed_alone(small):
    assert sprites.load(60, 20, seed=4).fingerprint == small.fingerprint
    assert sprites.load(60, 20, seed=5).fingerprint != small.fingerprint


def test_splits_and_free_images_share_nothing(small):
    train, test = keys(small.train_images), keys(small.test_images)
    free = set().union(*(keys(sprites.render(name, 60, seed=4)) for name in sprites.CLASS_NAMES))
    assert len(train) == 240 and len(test) == 80
    assert not train & test and not train & free and not test & free
    assert not keys(sprites.pegasi(60, seed=4)) & (train | test | free)


def test_labels_name_what_is_drawn():
    data = sprites.load(train_per_class=500, test_per_class=100, seed=1)

    def features(images):
        return images.reshape(len(images), -1) / 255.0 - 0.5

    x, targets = features(data.train_images), np.eye(4)[data.train_labels] - 0.25
    # Ridge regression in its dual form. Chance is 0.25; the classes are no mere linear matter either.
    weights = x.T @ np.linalg.solve(x @ x.T + 100 * np.eye(len(x)), targets)
    accuracy = np.mean(np.argmax(features(data.test_images) @ weights, axis=1) == data.test_labels)
    assert 0.8 < accuracy < 0.99


def test_pegasi_are_horses_with_wings():
    horses, pegasi = sprites.render("horse", 300, seed=8), sprites.pegasi(300, seed=8)
    change = np.abs(pegasi.astype(int) - horses).max(axis=-1)
    share = (change > 0).mean(axis=(1, 2))
    # Every pegasus has wings, and they are large: measured 0.17 of the image on average, 0.10 to 0.23.
    assert 0.15 < share.mean() < 0.19
    assert share.min() > 0.08 and share.max() < 0.26
    # A white wing before a white cloud is faint; none is invisible.
    assert (change > 25).mean(axis=(1, 2)).min() > 0.02
    rows = np.nonzero(change)[1]
    assert 8 < rows.mean() < 10.5
    assert (rows < 16).mean() > 0.88
    # Hooves, ground and shadow stay as they were.
    assert rows.max() < 23


@pytest.mark.parametrize("label, name", list(enumerate(sprites.CLASS_NAMES)))
def test_half_of_a_class_faces_each_way(label, name):
    count = 2000
    images = sprites.render(name, count, seed=6).mean(axis=-1)
    # Without the mean of each row: sky and ground have no side, and their chance differences drown the subject.
    images -= images.mean(axis=2, keepdims=True)
    draws = Draws(label, sprites.FREE, 6)
    right = np.concatenate([facing_of(draws, name, n) for n in block_sizes(count)]) > 0
    # Four standard errors of a fair coin.
    assert abs(right.mean() - 0.5) < 4 * 0.5 / np.sqrt(count)
    faces_right, faces_left = images[right].mean(axis=0), images[~right].mean(axis=0)
    mirrored = np.abs(faces_right - faces_left[:, ::-1]).mean()
    assert mirrored < 0.25 * np.abs(faces_right - faces_left).mean()
    # Both ways together leave no side: the mean image is its own mirror image up to sampling noise.
    mean = images.mean(axis=0)
    assert np.abs(mean - mean[:, ::-1]).max() < 8


def block_sizes(count):
    return [min(sprites.BLOCK, count - first) for first in range(0, count, sprites.BLOCK)]


def facing_of(draws, name, size):
    """Return the facing of the next `size` images, ±1, from the streams that the painters draw it from."""
    draws.start_block(size)
    if name != "bird":
        return draws.sign("facing")
    everyone = np.ones(size, dtype=bool)
    flying = draws.flag("flying", sprites.bird.FLYING_SHARE)
    return np.where(flying, *(draws.only(everyone, part).sign("facing") for part in ("flying", "resting")))


def test_draws_refuse_a_stream_twice():
    draws = Draws(1, 2)
    draws.start_block(5)
    first = draws.uniform("height")
    with pytest.raises(ValueError, match='"height" is drawn from twice'):
        draws.uniform("height")
    draws.start_block(5)
    assert not np.any(draws.uniform("height") == first)


def test_draws_have_their_distributions():
    draws = Draws(7)
    draws.start_block(20_000)
    values = draws.uniform("u", -2, 3)
    assert values.dtype == np.float32 and values.min() >= -2 and values.max() < 3
    assert abs(values.mean() - 0.5) < 4 * 5 / np.sqrt(12 * 20_000)
    shares = np.bincount(draws.index("k", (1, 2, 5)), minlength=3) / 20_000
    np.testing.assert_allclose(shares, (0.125, 0.25, 0.625), atol=4 * 0.5 / np.sqrt(20_000))
    assert abs(draws.flag("f", 0.3).mean() - 0.3) < 4 * 0.5 / np.sqrt(20_000)


def test_draws_of_some_images_are_those_of_all():
    whole, part = Draws(7), Draws(7)
    for draws in (whole, part):
        draws.start_block(6)
    mask = np.array([True, False, True, True, False, False])
    expected = whole.only(np.ones(6, dtype=bool), "a").uniform("x")[mask]
    np.testing.assert_array_equal(part.only(mask, "a").uniform("x"), expected)


def test_shapes_cover_their_area():
    canvas = Canvas(1)
    canvas.place((16, 16), np.float32(8), 0.3, -1)
    disc = canvas.ball((0.1, -0.1), 0.7).coverage.sum()
    assert disc == pytest.approx(np.pi * 5.6**2, rel=AREA_TOLERANCE)
    # A cone of equal radii is a rectangle and two half discs: 8 pixels to the unit.
    capsule = canvas.cone((-0.8, 0.2), 0.4, (0.8, -0.2), 0.4).coverage.sum()
    assert capsule == pytest.approx(64 * (2 * 0.4 * np.hypot(1.6, 0.4) + np.pi * 0.4**2), rel=AREA_TOLERANCE)
    triangle = canvas.polygon(((-1, -1), (1, -0.5), (0, 1))).coverage.sum()
    assert triangle == pytest.approx(64 * 0.5 * (2 * 2 - 0.5 * 1), rel=AREA_TOLERANCE)


def test_facing_mirrors_and_light_falls_from_its_side():
    right, left = Canvas(1), Canvas(1)
    for canvas, facing in ((right, 1), (left, -1)):
        canvas.place((16, 16), 10.0, 0.4, facing)
        canvas.illuminate((0.7, 0.5, 0.5), 0.4, 0.6)
        canvas.paint(canvas.cone((-0.5, 0.1), 0.5, (0.6, 0.2), 0.2), (0.9, 0.6, 0.3))
    np.testing.assert_allclose(right.image, left.image[..., ::-1], atol=1e-5)
    ball = Canvas(1)
    ball.place((16, 16), 10.0, 0.0, 1)
    ball.illuminate((0.7, 0.5, 0.5), 0.4, 0.6)
    shade = ball.ball((0, 0), 1).shade[0]
    # At (0.75, 0.05) and its opposite the normal is (±0.75, ±0.05, 0.6596).
    assert shade[15, 23] == pytest.approx(0.4 + 0.6 * (0.75 * 0.7 + 0.05 * 0.5 + 0.6596 * 0.5), abs=1e-4)
    assert shade[16, 8] == pytest.approx(0.4, abs=1e-6)


def test_paint_stays_within_its_shape_and_blends():
    canvas = Canvas(2)
    everywhere = canvas.ball((16, 16), 100)
    canvas.paint(everywhere, (0.0, 0.0, 0.0))
    half = canvas.polygon(((0, 0), (16, 0), (16, 32), (0, 32)))
    flat = canvas.polygon(((0, 0), (32, 0), (32, 32), (0, 32)))
    canvas.paint(flat, np.array([[1, 0.5, 0], [0, 0, 1]]), opacity=np.array([1.0, 0.25]), within=half)
    assert canvas.image[0, :, 10, 5].tolist() == [1, 0.5, 0]
    assert canvas.image[1, :, 10, 5].tolist() == [0, 0, 0.25]
    assert not canvas.image[:, :, :, 17:].any()
