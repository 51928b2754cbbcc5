"""Conditional networks: the class in every normalisation and in the projection, mixtures, and what is refused."""

import math

import keras
import numpy
import pytest
from conftest import array, noise
from keras import ops

from coursework.config.networks import DCGANConfig, ResNetConfig
from coursework.networks import CONDITIONAL, NETWORKS
from coursework.networks.backend import value_and_gradients
from coursework.networks.conditional import InnerProduct
from coursework.networks.layers import ConditionalBatchNormalization, SpectralDense
from coursework.networks.saving import load_network, save_networks
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

IMAGE = (16, 16, 3)
CLASSES = 3
# Rows of the generator's classes: one for each conditional normalisation.
ROWS = {"dcgan": 4, "resnet": 6}


def build(name, class_count=CLASSES, **settings):
    settings = {"discriminator_normalization": "none", "spectral": True, **settings}
    config = {"dcgan": DCGANConfig, "resnet": ResNetConfig}[name]
    sizes = {"latent_size": 5, "generator_width": 16, "discriminator_width": 16}
    return NETWORKS[name](config(**{**sizes, **settings}), IMAGE, 0, class_count)


def one_hot(labels):
    return numpy.eye(CLASSES, dtype="float32")[labels]


def rows_of(weights, name):
    return numpy.repeat(weights[:, None], ROWS[name], axis=1)


def separate_classes(generator):
    """Give every class its own scale and offset; before training all are equal."""
    for index, layer in enumerate(conditional_layers(generator)):
        layer.gamma.assign(1 + 0.5 * noise(*layer.gamma.shape, seed=2 * index))
        # Above zero, where the rectifier lets them pass.
        layer.beta.assign(numpy.abs(noise(*layer.beta.shape, seed=2 * index + 1)))


def conditional_layers(generator):
    return [layer for layer in generator.layers if isinstance(layer, ConditionalBatchNormalization)]


# The networks as a whole.


def test_all_conditional_networks_are_tested_here():
    assert set(ROWS) == set(CONDITIONAL)


@pytest.mark.parametrize("name", ROWS)
def test_classes_add_their_own_parameters_and_no_others(name):
    plain, conditional = build(name, 0), build(name)

    def size(networks, role):
        return sum(math.prod(variable.shape) for variable in networks[role].trainable_variables)

    channels = {"dcgan": 16 + 8 + 4 + 2, "resnet": 6 * 16}[name]
    # A scale and an offset for each class in place of one of each; an embedding as long as the pooled features.
    assert size(conditional, "generator") == size(plain, "generator") + (CLASSES - 1) * 2 * channels
    assert size(conditional, "discriminator") == size(plain, "discriminator") + CLASSES * 16
    assert [tuple(tensor.shape[1:]) for tensor in conditional["generator"].inputs] == [(5,), (ROWS[name], CLASSES)]
    assert [tuple(tensor.shape[1:]) for tensor in conditional["discriminator"].inputs] == [IMAGE, (CLASSES,)]
    assert [layer.row for layer in conditional_layers(conditional["generator"])] == list(range(ROWS[name]))


@pytest.mark.parametrize("name", ROWS)
def test_before_training_the_conditional_networks_are_the_plain_ones_for_every_class(name):
    plain, conditional = build(name, 0), build(name)
    latents, images = noise(4, 5), noise(4, *IMAGE)
    expected = array(plain["generator"](latents, training=True))
    for label in range(CLASSES):
        classes = rows_of(one_hot([label] * 4), name)
        found = array(conditional["generator"]([latents, classes], training=True))
        assert found == pytest.approx(expected, abs=1e-5)
    # Without a class only the plain logits remain.
    logits = array(conditional["discriminator"]([images, numpy.zeros((4, CLASSES), "float32")]))
    assert logits == pytest.approx(array(plain["discriminator"](images)), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_moves_its_own_layer(name):
    generator = build(name)["generator"]
    separate_classes(generator)
    latents, classes = noise(2, 5), rows_of(one_hot([0, 0]), name)
    layers = conditional_layers(generator)
    inner = keras.Model(generator.inputs, [layer.output for layer in layers])
    before = [array(output) for output in inner([latents, classes])]
    for row in range(ROWS[name]):
        changed = classes.copy()
        changed[:, row] = one_hot([1, 1])
        after = [array(output) for output in inner([latents, changed])]
        moved = [not numpy.allclose(one, two, atol=1e-6) for one, two in zip(before, after, strict=True)]
        # Its own layer and what comes after it, nothing before.
        assert moved[row] and not any(moved[:row])


@pytest.mark.parametrize("name", ROWS)
def test_conditional_networks_survive_a_file(name, tmp_path):
    networks = build(name)
    separate_classes(networks["generator"])
    save_networks(tmp_path, networks)
    mixed = 0.5 * one_hot([0, 1]) + 0.5 * one_hot([2, 2])
    inputs = {"generator": [noise(2, 5), rows_of(mixed, name)], "discriminator": [noise(2, *IMAGE), mixed]}
    for role, network in networks.items():
        loaded = load_network(tmp_path / f"{role}.keras")
        assert [tensor.shape for tensor in loaded.inputs] == [tensor.shape for tensor in network.inputs]
        assert numpy.ptp(array(network(inputs[role]))) > 0
        assert numpy.array_equal(array(network(inputs[role])), array(loaded(inputs[role])))


# The generator.


@pytest.mark.parametrize("name", ROWS)
def test_the_generator_learns_only_from_the_classes_present(name):
    generator = build(name)["generator"]
    tables = [variable for variable in generator.trainable_variables if variable.name in ("gamma", "beta")]
    tables = [variable for variable in tables if tuple(variable.shape)[0] == CLASSES]
    assert len(tables) == 2 * ROWS[name]
    inputs = [noise(6, 5), rows_of(one_hot([0, 2, 0, 2, 2, 2]), name)]
    target = noise(6, *IMAGE, seed=1)
    _, gradients = value_and_gradients(
        lambda: ops.mean(ops.square(generator(inputs, training=True) - ops.convert_to_tensor(target))), tables
    )
    for table, gradient in zip(tables, gradients, strict=True):
        largest = numpy.abs(array(gradient)).max(axis=1)
        assert largest[1] == 0 and largest[[0, 2]].min() > 0, table.path


@pytest.mark.parametrize("kind", ["instance", "none"])
def test_a_generator_without_batch_normalisation_has_no_place_for_a_class(kind):
    with pytest.raises(UserError, match=f"class enters the generator in batch normalisation: .* is {kind}$"):
        build("dcgan", generator_normalization=kind)


# The discriminator.


def test_the_projection_is_the_inner_product_with_the_classes_embedding():
    """In float64 against arithmetic by hand; the spectral norm of the table as the stored u estimates it."""
    features, table, u = (
        numpy.random.default_rng(seed).normal(size=shape) for seed, shape in enumerate([(4, 5), (3, 5), 5])
    )
    u /= numpy.linalg.norm(u)
    embedding = SpectralDense(5, use_bias=False, dtype="float64")
    embedding.build((None, 3))
    embedding.kernel.assign(table)
    embedding.u.assign(u)
    classes = numpy.array([[1, 0, 0], [0, 0, 1], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])
    found = array(InnerProduct(dtype="float64")([embedding(classes), features]))
    spectral_norm = math.sqrt(sum(sum(table[c, d] * u[d] for d in range(5)) ** 2 for c in range(3)))
    for item in range(4):
        vector = [sum(classes[item, c] * table[c, d] for c in range(3)) / spectral_norm for d in range(5)]
        assert found[item, 0] == pytest.approx(sum(vector[d] * features[item, d] for d in range(5)), abs=1e-9)
    # Linear in the classes: the third item's logit lies halfway between those of two classes.
    ends = array(InnerProduct(dtype="float64")([embedding(numpy.eye(3)[:2]), features[[2, 2]]]))
    assert found[2, 0] == pytest.approx(ends.mean(), abs=1e-9)


@pytest.mark.parametrize("name", ROWS)
def test_the_discriminator_adds_the_projection_of_its_pooled_features(name):
    network = build(name)["discriminator"]
    images, classes = noise(5, *IMAGE), one_hot([0, 1, 2, 2, 1])
    inner = keras.Model(network.inputs, [network.get_layer(layer).output for layer in ("sum_pool", "logits")])
    pooled, plain = (array(output).astype("float64") for output in inner([images, classes]))
    embedding = network.get_layer("embedding")
    table, u = array(embedding.kernel).astype("float64"), array(embedding.u).astype("float64")
    u /= numpy.linalg.norm(u)
    projected = (classes @ table / numpy.linalg.norm(table @ u) * pooled).sum(axis=1)
    assert numpy.abs(projected).max() > 1e-3
    assert array(network([images, classes])) == pytest.approx(plain + projected[:, None], rel=1e-4, abs=1e-5)
    # Features are summed over the last map, after its activation.
    last = {"dcgan": "leaky_relu_6", "resnet": "relu"}[name]
    maps = array(keras.Model(network.inputs, network.get_layer(last).output)([images, classes]))
    assert pooled == pytest.approx(maps.sum(axis=(1, 2)), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ROWS)
def test_the_embedding_as_a_whole_has_spectral_norm_one(name):
    embedding = build(name)["discriminator"].get_layer("embedding")
    embedding.kernel.assign(noise(CLASSES, 16))
    classes = one_hot(range(CLASSES))
    for _ in range(60):
        embedding(classes, training=True)
    table = array(embedding(classes))
    assert numpy.linalg.svd(table, compute_uv=False)[0] == pytest.approx(1, abs=1e-4)
    # Of the table, not of each class's vector.
    assert numpy.linalg.norm(table, axis=1).min() < 0.9
    assert numpy.linalg.svd(array(embedding.kernel), compute_uv=False)[0] > 2


@pytest.mark.parametrize("name", ROWS)
def test_the_discriminator_learns_only_from_the_classes_present(name):
    """Without spectral normalisation, whose norm every row of the embedding is part of."""
    network = build(name, spectral=False)["discriminator"]
    assert not any("Spectral" in type(layer).__name__ for layer in network.layers)
    images, classes = noise(4, *IMAGE), one_hot([0, 2, 2, 0])
    kernel = network.get_layer("embedding").kernel
    _, (gradient,) = value_and_gradients(lambda: ops.sum(network([images, classes], training=True)), [kernel])
    inner = keras.Model(network.inputs, network.get_layer("sum_pool").output)
    expected = one_hot([0, 2, 2, 0]).T @ array(inner([images, classes]))
    assert array(gradient) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert numpy.abs(array(gradient)).max(axis=1)[[0, 2]].min() > 0 and not array(gradient)[1].any()
