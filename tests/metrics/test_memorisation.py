"""Copies are found however they were flipped or shifted, honest images are not, and the share is that of the copies."""

import os

import numpy
import pytest

from coursework.data import load_dataset
from coursework.metrics import distances, image_neighbours
from coursework.metrics.image_neighbours import PLACEMENTS, TrainingImages, TrainingNeighbours, window
from coursework.metrics.memorisation import feature_neighbours, memorisation
from coursework.util.errors import UserError


def smooth_images(count, seed, size=14):
    """Return uint8 images (count, size, size, 3) of a few random waves each: no two are much alike."""
    random = numpy.random.default_rng(seed)
    axis = numpy.arange(size) / size
    waves = numpy.stack([numpy.cos(numpy.pi * frequency * (axis + 0.5 / size)) for frequency in range(4)])
    amplitudes = random.normal(size=(count, 4, 4, 3)) / (1 + numpy.add.outer(range(4), range(4)))[:, :, None]
    images = numpy.einsum("nijc,iy,jx->nyxc", amplitudes, waves, waves) * 45 + 128
    return numpy.clip(images, 0, 255).astype(numpy.uint8)


TRAINING, TEST = smooth_images(700, 0), smooth_images(400, 1)


@pytest.fixture(scope="module")
def training():
    return TrainingImages(TRAINING)


@pytest.fixture(scope="module")
def test_neighbours(training):
    return training.nearest(TEST)


def shifted(images, down, right, seed=5):
    """Return images moved by whole pixels, with noise where nothing came from."""
    moved = numpy.random.default_rng(seed).integers(0, 256, images.shape, numpy.uint8)
    height, width = images.shape[1:3]
    here = numpy.s_[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    there = numpy.s_[:, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
    moved[here] = images[there]
    return moved


def placed_differences(image, other):
    """Return the root mean squared differences of all placements of `image` on `other`, written out."""
    height, width, _ = image.shape
    found = []
    for flip, down, right in PLACEMENTS:
        moved = image[:, ::-1] if flip else image
        total = [
            (float(moved[y - down, x - right, c]) - float(other[y, x, c])) ** 2
            for y in range(1, height - 1)
            for x in range(1, width - 1)
            for c in range(image.shape[2])
        ]
        found.append((sum(total) / len(total)) ** 0.5)
    return found


def test_distances_are_root_mean_squared_differences(training):
    found = training.nearest(TEST[:3])
    for index in range(3):
        neighbour = placed_differences(TEST[index], TRAINING[found.indices[index]])
        assert found.distances[index] == pytest.approx(min(neighbour), rel=1e-12)
        assert found.placements[index] == numpy.argmin(neighbour)


@pytest.mark.parametrize(("block", "size"), [(1024, 160), (128, 4)])
def test_the_nearest_of_all_images_and_placements_is_found(block, size, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", block)
    monkeypatch.setattr(image_neighbours, "DESCRIPTOR_SIZE", size)
    found = TrainingImages(TRAINING).nearest(TEST[:40])
    references = window(TRAINING, *PLACEMENTS[0]).astype(float)
    every = []
    for placement in PLACEMENTS:
        queries = window(TEST[:40], *placement).astype(float)
        every.append([((references - query) ** 2).mean(axis=1) ** 0.5 for query in queries])
    every = numpy.array(every)
    assert found.distances == pytest.approx(every.min(axis=(0, 2)), rel=1e-12)
    assert every[found.placements, numpy.arange(40), found.indices] == pytest.approx(found.distances, rel=1e-12)
    assert found.typical == pytest.approx(numpy.sort(every[0], axis=1)[:, :50].mean(axis=1), rel=1e-12)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (-1, 1), (0, -1), (1, 1)])
def test_replayed_training_images_are_caught(training, test_neighbours, flip, down, right):
    copies = TRAINING[100:220, :, ::-1] if flip else TRAINING[100:220]
    found = memorisation(training.nearest(shifted(copies, down, right)), test_neighbours)
    assert found.samples.indices.tolist() == list(range(100, 220))
    assert (found.samples.distances == 0).all() and (found.samples.ratios == 0).all()
    assert found.value == 1 and found.share == 1
    # To lie on the training image the sample goes back: flipped first, which turns left into right.
    back = PLACEMENTS.index((flip, -down, right if flip else -right))
    assert (found.samples.placements == back).all()


def test_copies_with_noise_are_caught(training, test_neighbours):
    noise = numpy.random.default_rng(3).normal(0, 4, TRAINING[:120].shape)
    copies = numpy.clip(TRAINING[:120] + noise, 0, 255).astype(numpy.uint8)
    found = memorisation(training.nearest(copies), test_neighbours)
    assert found.value > 0.98
    assert found.samples.distances.mean() == pytest.approx(4, abs=0.5)


def test_honest_images_score_about_zero(training, test_neighbours):
    found = memorisation(training.nearest(smooth_images(400, 2)), test_neighbours)
    assert found.value <= 2 * found.error < 0.03
    assert memorisation(training.nearest(TEST), test_neighbours).value == 0


def test_pale_images_are_no_copies(training, test_neighbours):
    # Nearer to every training image than real ones are, and to none in particular.
    pale = (128 + 0.5 * (smooth_images(300, 3) - 128.0)).astype(numpy.uint8)
    found = memorisation(training.nearest(pale), test_neighbours)
    assert numpy.median(found.samples.distances) < 0.85 * numpy.median(test_neighbours.distances)
    assert found.value <= 2 * found.error


def test_a_mixture_scores_its_share_of_copies(training, test_neighbours):
    mixture = numpy.concatenate([smooth_images(360, 4), shifted(TRAINING[:40], 1, -1)])
    found = memorisation(training.nearest(mixture), test_neighbours)
    assert found.value == pytest.approx(0.1, abs=0.02)
    assert found.error == pytest.approx((0.1 * 0.9 / 400 + 0.01 * 0.99 / 400) ** 0.5, rel=0.2)
    pairs = found.suspicious(41)
    assert {pair.sample for pair in pairs[:40]} == set(range(360, 400))
    for pair in pairs[:40]:
        assert (pair.training, pair.flip, pair.down, pair.right) == (pair.sample - 360, False, -1, 1)
        assert pair.distance == pair.ratio == pair.quantile == 0
    assert pairs[40].sample < 360 and pairs[40].distance > 0
    assert pairs[40].ratio == pytest.approx(pairs[40].distance / found.samples.typical[pairs[40].sample], rel=1e-12)


def neighbours_of(ratios):
    ratios = numpy.asarray(ratios, float)
    return TrainingNeighbours(numpy.zeros(len(ratios), int), ratios, numpy.ones(len(ratios)))


def test_the_share_by_hand():
    test = neighbours_of(numpy.arange(1, 201) / 200)
    # The second of 200 is the 1 % quantile; 30 of 100 samples lie at or below it.
    found = memorisation(neighbours_of([0.005] * 30 + [0.9] * 70), test)
    assert (found.threshold, found.expected, found.share) == (0.01, 0.01, 0.3)
    assert found.value == pytest.approx(0.29 / 0.99, rel=1e-12)
    assert found.error == pytest.approx((0.3 * 0.7 / 100 + 0.01 * 0.99 / 200) ** 0.5 / 0.99, rel=1e-12)
    assert found.quantiles()[:30].tolist() == [0.005] * 30 and found.quantiles()[30] == 0.9
    # Fewer near ones than among test images: no sign of copies, and no negative share of them.
    assert memorisation(neighbours_of([0.5] * 100), test).value == 0


def test_copies_in_the_test_split_are_taken_into_account():
    test = neighbours_of([0.0] * 10 + [0.8] * 190)
    found = memorisation(neighbours_of([0.0] * 50 + [0.9] * 50), test)
    assert found.threshold == 0 and found.expected == 0.05
    assert found.value == pytest.approx(0.45 / 0.95, rel=1e-12)
    with pytest.raises(UserError, match="every test example is a copy"):
        memorisation(neighbours_of([0.0]), neighbours_of([0.0] * 200))


def test_features_have_neighbours_too():
    random = numpy.random.default_rng(0)
    train, test = random.normal(size=(500, 12)), random.normal(size=(300, 12))
    found = memorisation(
        feature_neighbours(numpy.concatenate([train[:30], random.normal(size=(270, 12))]), train),
        feature_neighbours(test, train),
    )
    assert found.value == pytest.approx(0.1, abs=0.02)
    assert found.samples.indices[:30].tolist() == list(range(30)) and found.samples.placements is None
    assert {pair.sample for pair in found.suspicious(30)} == set(range(30))
    # Fewer training examples than set the typical distance: all of them do.
    few = feature_neighbours(test, train[:3])
    expected = [numpy.linalg.norm(train[:3] - row, axis=1).mean() for row in test]
    assert few.typical == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (TEST.astype("float32"), "needs uint8 images.*found float32"),
        (TEST[:, :, :, 0], r"found uint8 \(400, 14, 14\)"),
        (TEST[:, :2], "at least 3x3"),
        (TEST[:0], r"\(0, 14, 14, 3\)"),
        (TEST[:, :, :, :1], "cannot be copies of training images"),
    ],
)
def test_what_cannot_be_a_copy_is_refused(training, images, message):
    with pytest.raises(UserError, match=message):
        training.nearest(images)


def test_too_few_test_images_are_refused(training):
    with pytest.raises(UserError, match="at least 100 test examples, found 400 and 99"):
        memorisation(training.nearest(TEST), training.nearest(TEST[:99]))


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("COURSEWORK_DATA"), reason="needs real images: set COURSEWORK_DATA")
def test_real_images():
    dataset = load_dataset("cifar10")
    training = TrainingImages(dataset.train_images[::5])
    test = training.nearest(dataset.test_images[:1000])
    honest = memorisation(training.nearest(dataset.test_images[1000:1500]), test)
    assert honest.value <= 3 * honest.error
    copies = shifted(dataset.train_images[::5][:50, :, ::-1], 1, 0)
    mixture = memorisation(training.nearest(numpy.concatenate([dataset.test_images[2000:2450], copies])), test)
    assert mixture.value == pytest.approx(0.1, abs=0.02)
