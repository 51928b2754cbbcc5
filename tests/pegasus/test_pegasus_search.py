"""Search for latents: its pieces in closed form, a linear generator whose best latents are known, no batch effects."""

import types

import keras
import numpy
import pytest
from keras import layers, ops

from coursework.pegasus import decoding
from coursework.pegasus.search import log_shell, placed, placement, search, to_latents

pytestmark = pytest.mark.backend

COLOUR = numpy.array([0.5, -0.25, 0.1], "float32")
WEIGHT = 4.0


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def test_uniform_latents_are_the_quantiles_of_their_coordinates():
    coordinates = numpy.array([[0.0, 0.674490, -1.959964, 8.0]], "float32")
    assert array(to_latents(coordinates, "uniform")) == pytest.approx(numpy.array([[0, 0.5, -0.95, 1]]), abs=1e-5)
    assert to_latents(coordinates, "normal") is coordinates


def test_the_prior_is_the_density_of_a_gaussian_vectors_norm():
    radius = numpy.array([1.0, 2.0, 3.0, 4.0])
    vectors = numpy.zeros((4, 10), "float32")
    vectors[numpy.arange(4), [0, 3, 5, 9]] = radius
    assert array(log_shell(vectors)) == pytest.approx(9 * numpy.log(radius) - radius**2 / 2, rel=1e-5)
    # Highest at sqrt(10 - 1), and finite at zero.
    assert numpy.argmax(array(log_shell(vectors))) == 2 and numpy.isfinite(array(log_shell(0 * vectors))).all()


def test_images_are_shifted_with_their_edge_repeated_and_mirrored():
    images = numpy.arange(2 * 3 * 4 * 1, dtype="float32").reshape(2, 3, 4, 1)
    down, right = placement(3, 1), placement(4, -2)
    expected = images[:, [0, 0, 1]][:, :, [2, 3, 3, 3]]
    assert numpy.array_equal(array(placed(images, down, right)), expected)
    mirror = numpy.ascontiguousarray(placement(4, 0, flipped=True))
    assert numpy.array_equal(array(placed(images, placement(3, 0), mirror)), images[:, :, ::-1])


@pytest.fixture(scope="module")
def painter():
    """A "run" whose generator paints the whole image in the colour A z, A (3, 5)."""
    inputs = keras.Input((5,))
    dense = layers.Dense(3, use_bias=False, name="colour")
    x = layers.Reshape((4, 4, 3))(layers.RepeatVector(16)(dense(inputs)))
    generator = keras.Model(inputs, x)
    dense.set_weights([numpy.random.default_rng(0).normal(0, 0.5, (5, 3)).astype("float32")])
    return types.SimpleNamespace(generator=generator)


def climb(painter, starts, steps, rate=0.05, fixed=None, progress=None):
    def like_the_colour(images, fixed):
        return (
            -0.5 * WEIGHT * ops.sum(ops.square(ops.mean(images, axis=(1, 2)) - ops.convert_to_tensor(COLOUR)), axis=-1)
        )

    return search(
        painter,
        lambda free, fixed: {"latents": free["coordinates"]},
        [like_the_colour],
        {"coordinates": starts},
        fixed or {},
        seed=3,
        prior=lambda free: -0.5 * ops.sum(ops.square(free["coordinates"]), axis=-1),
        settings={"steps": steps, "rate": rate},
        progress=progress,
    )["latents"]


def starts(count, pool=2):
    return numpy.random.default_rng(1).normal(0, 1, (count, pool, 5)).astype("float32")


def objective(painter, latents):
    matrix = painter.generator.get_layer("colour").get_weights()[0]
    return -0.5 * WEIGHT * ((latents @ matrix - COLOUR) ** 2).sum(-1) - 0.5 * (latents**2).sum(-1)


def test_the_search_ends_at_the_known_optimum(painter, monkeypatch):
    """With squared error and a Gaussian prior it is the solution of a ridge regression."""
    monkeypatch.setattr(decoding, "BATCH", 4)
    matrix = painter.generator.get_layer("colour").get_weights()[0]
    best = numpy.linalg.solve(WEIGHT * matrix @ matrix.T + numpy.eye(5), WEIGHT * matrix @ COLOUR)
    assert climb(painter, starts(6), 400) == pytest.approx(numpy.tile(best, (6, 1)), abs=2e-3)
    assert numpy.linalg.norm(best) > 0.1


def test_the_first_step_is_adams_from_the_best_start(painter, monkeypatch):
    monkeypatch.setattr(decoding, "BATCH", 4)
    pools = starts(6, pool=5)
    best = pools[numpy.arange(6), objective(painter, pools).argmax(axis=1)]
    assert numpy.array_equal(climb(painter, pools, 0), best)
    matrix = painter.generator.get_layer("colour").get_weights()[0]
    gradient = -WEIGHT * (best @ matrix - COLOUR) @ matrix.T - best
    assert climb(painter, pools, 1) == pytest.approx(best + 0.05 * numpy.sign(gradient), abs=1e-5)
    # The second one too, by Keras's own Adam.
    variable = keras.Variable(best)
    optimizer = keras.optimizers.Adam(0.05, epsilon=1e-8)
    for _ in range(2):
        values = array(variable.value)
        optimizer.apply([ops.convert_to_tensor(WEIGHT * (values @ matrix - COLOUR) @ matrix.T + values)], [variable])
    assert climb(painter, pools, 2) == pytest.approx(array(variable.value), abs=1e-5)


def test_a_candidate_does_not_depend_on_the_others_nor_on_the_batch(painter, monkeypatch):
    monkeypatch.setattr(decoding, "BATCH", 4)
    found = climb(painter, starts(6), 5)
    assert numpy.array_equal(climb(painter, starts(6)[:3], 5), found[:3])
    monkeypatch.setattr(decoding, "BATCH", 5)
    assert climb(painter, starts(6), 5) == pytest.approx(found, abs=1e-5)


def test_progress_counts_every_start_and_step(painter, monkeypatch):
    monkeypatch.setattr(decoding, "BATCH", 4)
    told = []
    climb(painter, starts(6), 3, progress=lambda done, total: told.append((done, total)))
    # Two batches of two starts and three steps.
    assert told == [(done, 10) for done in range(1, 11)]
