"""The fast forms against Keras's own layers: outputs, gradients, second derivatives, where they step in, and biases."""

import keras
import numpy
import pytest
from conftest import array
from keras import ops

from coursework.networks import backend as gradients
from coursework.networks import fast_layers
from coursework.networks.backend import gradients_by_tensors, value_and_gradients
from coursework.networks.layers import SpectralConv2D, SpectralConv2DTranspose, SpectralDense

pytestmark = pytest.mark.backend


def batch_normalization_pair(dtype="float32"):
    """Return Keras's layer and ours with equal random weights, and a batch of maps with means and scales of its own."""
    generator = numpy.random.default_rng(0)
    pair = [
        cls(momentum=0.75, epsilon=1e-3, dtype=dtype)
        for cls in (keras.layers.BatchNormalization, fast_layers.BatchNormalization)
    ]
    weights = [generator.uniform(0.5, 2, 5).astype("float32") for _ in range(4)]
    for layer in pair:
        layer.build((None, 4, 3, 5))
        layer.set_weights(weights)
    return *pair, (3 * generator.normal(size=(6, 4, 3, 5)) + numpy.arange(5)).astype("float32")


def test_fused_batch_normalization_is_keras_in_outputs_gradients_and_averages():
    reference, layer, maps = batch_normalization_pair()
    target = numpy.random.default_rng(1).normal(size=maps.shape).astype("float32")
    results = []
    for tried in (reference, layer):
        variables = [*tried.trainable_variables, keras.Variable(maps)]

        def loss(tried=tried, variables=variables):
            outputs = tried(variables[-1].value, training=True)
            return ops.sum(ops.square(outputs - ops.convert_to_tensor(target))), outputs

        (_, outputs), gradients = value_and_gradients(loss, variables, has_aux=True)
        averages = [array(tried.moving_mean), array(tried.moving_variance)]
        results.append([array(outputs), *(array(gradient) for gradient in gradients), *averages])
    for expected, found in zip(*results, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=2e-4)
    # The biased variance, by hand.
    weights = batch_normalization_pair()[0].get_weights()
    assert results[1][-1] == pytest.approx(0.75 * weights[3] + 0.25 * maps.var(axis=(0, 1, 2)), rel=1e-5)


def test_fused_batch_normalization_is_twice_differentiable():
    reference, layer, maps = batch_normalization_pair()
    second = []
    for tried in (reference, layer):

        def penalty(maps, tried=tried):
            _, (gradient,) = gradients_by_tensors(lambda x: ops.sum(ops.tanh(tried(x, training=True))), [maps])
            return ops.sum(ops.square(gradient))

        _, (gradient,) = gradients_by_tensors(penalty, [maps])
        second.append(array(gradient))
    assert numpy.abs(second[0]).max() > 1e-2
    assert second[1] == pytest.approx(second[0], rel=1e-3, abs=1e-4)


def test_fused_batch_normalization_keeps_averages_in_inference_and_where_frozen():
    reference, layer, maps = batch_normalization_pair()
    before = layer.get_weights()
    assert array(layer(maps)) == pytest.approx(array(reference(maps)), rel=1e-5, abs=1e-5)
    layer.trainable = reference.trainable = False
    assert array(layer(maps, training=True)) == pytest.approx(array(reference(maps)), rel=1e-5, abs=1e-5)
    assert all(numpy.array_equal(old, new) for old, new in zip(before, layer.get_weights(), strict=True))


def test_fused_batch_normalization_in_bfloat16_has_float32_statistics():
    reference, layer, maps = batch_normalization_pair("mixed_bfloat16")
    expected, found = reference(maps, training=True), layer(maps, training=True)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    assert array(ops.cast(found, "float32")) == pytest.approx(array(ops.cast(expected, "float32")), rel=1e-2, abs=2e-2)
    assert array(layer.moving_variance) == pytest.approx(array(reference.moving_variance), rel=1e-3)


@pytest.mark.parametrize("without", [("scale",), ("center",), ("scale", "center")])
def test_fused_batch_normalization_is_keras_without_scale_or_offset(without):
    results, (*_, maps) = [], batch_normalization_pair()
    for cls in (keras.layers.BatchNormalization, fast_layers.BatchNormalization):
        layer = cls(momentum=0.75, epsilon=1e-3, **dict.fromkeys(without, False))
        layer.build(maps.shape)
        for weight in layer.trainable_variables:
            weight.assign(numpy.linspace(0.5, 2, 5))
        source = keras.Variable(maps)
        (_, outputs), (gradient,) = value_and_gradients(
            lambda layer=layer, x=source: (ops.sum(ops.tanh(layer(x.value, training=True))), layer(x.value)),
            [source],
            has_aux=True,
        )
        results.append([array(outputs), array(gradient), array(layer.moving_mean), array(layer.moving_variance)])
    for expected, found in zip(*results, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=2e-4)


# (layer, filters, kernel, stride) on maps of the given shape; each shape of kernel and stride that the networks use.
CONVOLUTIONS = [
    ("Conv2D", 5, 3, 1, (8, 6, 4)),
    ("Conv2D", 5, 4, 2, (8, 6, 4)),
    ("Conv2D", 5, 4, 1, (4, 4, 3)),
    ("Conv2D", 5, 1, 1, (4, 4, 3)),
    ("Conv2DTranspose", 5, 4, 2, (4, 3, 6)),
    ("Conv2DTranspose", 5, 3, 1, (4, 3, 6)),
]


@pytest.mark.skipif(gradients.BACKEND != "tensorflow", reason="the fast convolutions are TensorFlow's")
@pytest.mark.parametrize(("name", "filters", "size", "stride", "shape"), CONVOLUTIONS)
def test_fast_convolutions_are_keras_in_outputs_and_gradients(monkeypatch, name, filters, size, stride, shape):
    calls = []
    monkeypatch.setattr(fast_layers, "kernel_gradient_by_products", lambda *arguments: calls.append(arguments) or True)
    generator = numpy.random.default_rng(0)
    settings = {"strides": stride, "padding": "same", "activation": "tanh", "dtype": "float64"}
    pair = [getattr(module, name)(filters, size, **settings) for module in (keras.layers, fast_layers)]
    maps = generator.normal(size=(3, *shape))
    results = []
    for layer in pair:
        layer.build((None, *shape))
        if not results:
            weights = [generator.normal(size=weight.shape) for weight in layer.weights]
        layer.set_weights(weights)
        variables = [*layer.trainable_variables, keras.Variable(maps, dtype="float64")]
        (_, outputs), found = value_and_gradients(
            lambda layer=layer, x=variables[-1]: (ops.sum(layer(x.value) ** 3), layer(x.value)), variables, has_aux=True
        )

        def penalty(maps, layer=layer):
            _, (gradient,) = gradients_by_tensors(layer, [maps])
            return ops.sum(ops.square(gradient))

        # A penalty of gradients differentiates the gradients again.
        _, second = value_and_gradients(lambda x=maps, penalty=penalty: penalty(x), layer.trainable_variables)
        results.append([array(outputs), *map(array, found), *map(array, second)])
    assert calls
    assert all(dtype == "float64" for *_, dtype in calls)
    for expected, found in zip(*results, strict=True):
        assert numpy.abs(expected).max() > 1e-3
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


BIASED = [
    (fast_layers.Conv2D, (8, 3), (16, 32, 32, 4)),
    (fast_layers.Conv2DTranspose, (8, 4, 2), (16, 16, 16, 4)),
    (fast_layers.Dense, (8,), (16 * 32 * 32, 4)),
    (SpectralConv2D, (8, 3), (16, 32, 32, 4)),
    (SpectralConv2DTranspose, (8, 4, 2), (16, 16, 16, 4)),
    (SpectralDense, (8,), (16 * 32 * 32, 4)),
]


@pytest.mark.parametrize(("cls", "arguments", "shape"), BIASED, ids=lambda value: getattr(value, "__name__", None))
def test_a_bias_has_its_whole_gradient_in_bfloat16(cls, arguments, shape):
    """Added up in bfloat16, as TensorFlow does on CPUs, 16,384 ones are 256."""
    settings = {} if "Dense" in cls.__name__ else {"padding": "same"}
    layer = cls(*arguments, **settings, dtype="mixed_bfloat16")
    layer.build(shape)
    maps = numpy.random.default_rng(0).normal(size=shape).astype("float32")
    cotangent = numpy.arange(1, 9).astype("float32")

    def loss():
        outputs = layer(maps, training=True)
        assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
        return ops.sum(ops.cast(outputs, "float32") * ops.convert_to_tensor(cotangent))

    _, (gradient,) = value_and_gradients(loss, [layer.bias])
    assert array(gradient) == pytest.approx(16 * 32 * 32 * cotangent, rel=2**-8)


def test_add_bias_is_twice_differentiable_in_bfloat16():
    maps = ops.cast(numpy.random.default_rng(0).normal(size=(4, 3)).astype("float32"), "bfloat16")
    bias = ops.cast(numpy.array([1.0, 2.0, 3.0], "float32"), "bfloat16")

    value, (outer,) = gradients_by_tensors(
        lambda b: gradients_by_tensors(lambda x: ops.sum(gradients.add_bias(x, b) ** 3), [maps])[1][0], [bias]
    )
    total = array(ops.cast(maps, "float32")) + numpy.array([1.0, 2.0, 3.0])
    assert array(ops.cast(value, "float32")) == pytest.approx(3 * total**2, rel=2e-2, abs=2e-2)
    assert array(ops.cast(outer, "float32")) == pytest.approx((6 * total).sum(axis=0), rel=2e-2)


def test_fast_convolutions_step_in_where_they_pay():
    pays = gradients.kernel_gradient_by_products
    expected = gradients.BACKEND == "tensorflow"
    # Small maps, and wide strided convolutions, in bfloat16 alone.
    assert pays((None, 8, 8, 256), 256, 1, "bfloat16") == expected
    assert pays((None, 16, 16, 128), 256, 2, "bfloat16") == expected
    assert pays((None, 32, 32, 256), 512, 2, "bfloat16") == expected
    assert not pays((None, 8, 8, 256), 256, 1, "float32")
    assert not pays((None, 16, 16, 256), 256, 1, "bfloat16")
    assert not pays((None, 32, 32, 64), 128, 2, "bfloat16")


@pytest.mark.parametrize("settings", [{"padding": "valid"}, {"dilation_rate": 2}, {"groups": 2}, {"strides": (1, 2)}])
def test_other_convolutions_stay_keras_own(monkeypatch, settings):
    monkeypatch.setattr(fast_layers, "kernel_gradient_by_products", lambda *arguments: True)
    settings = {"padding": "same", **settings}
    maps = numpy.random.default_rng(0).normal(size=(2, 8, 8, 4)).astype("float32")
    pair = [module.Conv2D(4, 3, **settings) for module in (keras.layers, fast_layers)]
    for layer in pair:
        layer.build(maps.shape)
    pair[1].set_weights(pair[0].get_weights())
    assert array(pair[1](maps)) == pytest.approx(array(pair[0](maps)), rel=1e-5, abs=1e-5)
