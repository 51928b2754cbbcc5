"""Sampling and conditional batch normalisation against NumPy; spectral layers inside a network that trains."""

import keras
import numpy
import pytest
from conftest import array
from keras import ops

from coursework.networks import layers
from coursework.networks.backend import value_and_gradients

pytestmark = pytest.mark.backend


def test_sampling_has_the_mean_and_variance_asked_for():
    mean, log_variance = numpy.full((20000, 2), [1.0, -3.0]), numpy.full((20000, 2), [numpy.log(4.0), -200.0])
    inputs = [mean.astype("float32"), log_variance.astype("float32")]
    layer = layers.Sampling(seed=1)
    first, second = array(layer(inputs)), array(layer(inputs))
    assert first.mean(axis=0) == pytest.approx([1, -3], abs=0.06)
    assert first.std(axis=0) == pytest.approx([2, 0], abs=0.06)
    assert abs(numpy.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.03
    assert numpy.array_equal(array(layers.Sampling(seed=1)(inputs)), first)
    assert layers.Sampling.from_config(layer.get_config()).seed == 1


def test_sampling_is_differentiable_by_mean_and_variance():
    mean, log_variance = keras.Variable([[0.5, 0.5]]), keras.Variable([[0.0, 2.0]])
    layer = layers.Sampling(seed=0)

    def loss():
        sample = layer([mean.value, log_variance.value])
        return ops.sum(sample), sample

    (_, sample), (by_mean, by_log_variance) = value_and_gradients(loss, [mean, log_variance], has_aux=True)
    assert array(by_mean).tolist() == [[1.0, 1.0]]
    assert array(by_log_variance) == pytest.approx((array(sample) - 0.5) / 2, rel=1e-5)


def conditional_case():
    generator = numpy.random.default_rng(1)
    features = (3 + 2 * generator.normal(size=(6, 4, 4, 5))).astype("float32")
    labels = numpy.array([0, 2, 1, 2, 0, 1])
    layer = layers.ConditionalBatchNormalization(3, momentum=0.75, epsilon=1e-3)
    layer.build([features.shape, labels.shape])
    layer.gamma.assign(generator.normal(size=(3, 5)))
    layer.beta.assign(generator.normal(size=(3, 5)))
    return layer, features, labels


def test_conditional_batch_normalization_scales_by_class():
    layer, features, labels = conditional_case()
    gamma, beta = (array(weight)[labels][:, None, None] for weight in (layer.gamma, layer.beta))
    mean, variance = features.mean(axis=(0, 1, 2)), features.var(axis=(0, 1, 2))
    expected = gamma * (features - mean) / numpy.sqrt(variance + 1e-3) + beta
    assert array(layer([features, labels], training=True)) == pytest.approx(expected, abs=1e-4)
    # Moving statistics begin at 0 and 1 and move by a quarter.
    expected = gamma * (features - mean / 4) / numpy.sqrt(0.75 + variance / 4 + 1e-3) + beta
    assert array(layer([features, labels])) == pytest.approx(expected, abs=1e-3)


def test_conditional_batch_normalization_by_hand():
    """Two classes, one channel: mean 4, variance 5; (x - 4) / sqrt(5 + 4) after an epsilon of 4."""
    layer = layers.ConditionalBatchNormalization(2, epsilon=4.0, dtype="float64")
    layer.build([(None, 1, 2, 1), (None,)])
    layer.gamma.assign([[3.0], [6.0]])
    layer.beta.assign([[1.0], [-1.0]])
    features = numpy.array([1.0, 3.0, 5.0, 7.0]).reshape(2, 1, 2, 1)
    found = array(layer([features, numpy.array([0, 1])], training=True))
    assert found.ravel() == pytest.approx([-2, 0, 1, 5], abs=1e-6)
    # Equally many of each: between the two in scale and offset alike, 4.5 and 0.
    half = numpy.array([[0.5, 0.5], [0.5, 0.5]])
    found = array(layer([features, half], training=True))
    assert found.ravel() == pytest.approx([-4.5, -1.5, 1.5, 4.5], abs=1e-6)


def test_conditional_batch_normalization_takes_labels_weights_or_a_row_of_weights():
    layer, features, labels = conditional_case()
    expected = array(layer([features, labels]))
    assert array(layer([features, numpy.eye(3)[labels]])) == pytest.approx(expected, abs=1e-5)
    per_layer = numpy.random.default_rng(2).random((6, 4, 3))
    per_layer[:, 2] = numpy.eye(3)[labels]
    reading = layers.ConditionalBatchNormalization(3, row=2, epsilon=1e-3)
    reading.build([features.shape, per_layer.shape])
    reading.set_weights(layer.get_weights())
    assert array(reading([features, per_layer])) == pytest.approx(expected, abs=1e-5)
    assert layers.ConditionalBatchNormalization.from_config(reading.get_config()).row == 2


def test_conditional_batch_normalization_mixes_classes_linearly():
    layer, features, _ = conditional_case()
    ends = [array(layer([features, numpy.full(6, label)])) for label in range(3)]
    weights = numpy.random.default_rng(3).normal(size=(6, 3))
    expected = sum(weights[:, label, None, None, None] * ends[label] for label in range(3))
    assert array(layer([features, weights])) == pytest.approx(expected, abs=1e-4)


def test_conditional_batch_normalization_learns_only_from_the_classes_present():
    layer, features, _ = conditional_case()
    labels = numpy.array([0, 2, 0, 2, 0, 2])
    _, (by_gamma, by_beta) = value_and_gradients(
        lambda: ops.sum(layer([features, labels], training=True)), [layer.gamma, layer.beta]
    )
    assert array(by_beta) == pytest.approx(numpy.array([[48.0] * 5, [0.0] * 5, [48.0] * 5]))
    normalized = (features - features.mean(axis=(0, 1, 2))) / numpy.sqrt(features.var(axis=(0, 1, 2)) + 1e-3)
    assert array(by_gamma)[1] == pytest.approx(numpy.zeros(5))
    assert array(by_gamma)[0] == pytest.approx(normalized[::2].sum(axis=(0, 1, 2)), abs=1e-2)


def test_conditional_batch_normalization_trains_in_mixed_precision():
    exact, features, labels = conditional_case()
    mixed = layers.ConditionalBatchNormalization(3, momentum=0.75, epsilon=1e-3, dtype="mixed_bfloat16")
    mixed.build([features.shape, labels.shape])
    mixed.set_weights(exact.get_weights())

    def loss_of(layer):
        return lambda: ops.mean(ops.square(ops.cast(layer([features, labels], training=True), "float32")))

    expected, expected_gradients = value_and_gradients(loss_of(exact), exact.trainable_variables)
    value, found = value_and_gradients(loss_of(mixed), mixed.trainable_variables)
    assert array(value) == pytest.approx(array(expected), rel=0.01)
    for gradient, expected_gradient in zip(found, expected_gradients, strict=True):
        assert keras.backend.standardize_dtype(gradient.dtype) == "float32"
        assert array(gradient) == pytest.approx(array(expected_gradient), abs=0.01)


def small_network():
    inputs = keras.Input((8, 8, 3))
    x = layers.SpectralConv2D(8, 4, strides=2, padding="same", activation="relu", power_iterations=2)(inputs)
    x = layers.SpectralConv2DTranspose(4, 4, strides=2, padding="same", epsilon=1e-10)(x)
    x = layers.SpectralConv2D(2, 3, use_bias=False)(x)
    return keras.Model(inputs, layers.SpectralDense(1, dtype="float32")(keras.layers.Flatten()(x)))


def images(count):
    return numpy.random.default_rng(0).normal(size=(count, 8, 8, 3)).astype("float32")


def test_fit_trains_and_keras_files_keep_u(tmp_path):
    keras.utils.set_random_seed(0)
    network = small_network()
    before = [array(weight) for weight in network.weights]
    network.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    network.fit(images(32), numpy.ones((32, 1)), batch_size=8, epochs=2, verbose=0)
    names = [weight.path for weight in network.weights]
    assert sum(name.endswith("/u") for name in names) == 4
    assert not any(weight.path.endswith("/u") for weight in network.trainable_weights)
    for name, old, weight in zip(names, before, network.weights, strict=True):
        assert numpy.abs(array(weight) - old).max() > 1e-6, name
        if name.endswith("/u"):
            assert numpy.linalg.norm(array(weight)) == pytest.approx(1, abs=1e-5)
    expected = network.predict(images(4), verbose=0)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert numpy.array_equal(loaded.predict(images(4), verbose=0), expected)
    for weight, copy in zip(network.weights, loaded.weights, strict=True):
        assert numpy.array_equal(array(weight), array(copy))
    assert [layer.power_iterations for layer in loaded.layers if hasattr(layer, "u")] == [2, 1, 1, 1]
    assert [layer.epsilon for layer in loaded.layers if hasattr(layer, "u")] == [1e-12, 1e-10, 1e-12, 1e-12]
