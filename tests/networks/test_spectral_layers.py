"""Spectrally normalised layers against reference values and singular values."""

from pathlib import Path

import keras
import numpy
import pytest
from conftest import array
from keras import ops

from coursework.networks import layers
from coursework.networks.backend import value_and_gradients

pytestmark = pytest.mark.backend

REFERENCE = Path(__file__).parents[1] / "reference" / "spectral_norm.npz"

# How the reference's layers were made; 8x8 and 4x4 inputs, on which "same" pads symmetrically.
MAKERS = {
    "conv": lambda **options: layers.SpectralConv2D(7, 3, padding="same", **options),
    "conv_stride2": lambda **options: layers.SpectralConv2D(6, 4, strides=2, padding="same", **options),
    "dense": lambda **options: layers.SpectralDense(4, **options),
    "conv_transpose": lambda **options: layers.SpectralConv2DTranspose(3, 4, strides=2, padding="same", **options),
}
every_layer = pytest.mark.parametrize("name", MAKERS)


def reference(name):
    with numpy.load(REFERENCE) as file:
        return {key.partition("/")[2]: file[key] for key in file.files if key.startswith(name + "/")}


def reference_layer(name, dtype="float64", **options):
    values = reference(name)
    layer = MAKERS[name](dtype=dtype, **options)
    layer.build(values["inputs"].shape)
    layer.kernel.assign(values["kernel"])
    layer.bias.assign(values["bias"])
    layer.u.assign(values["u_before"])
    return layer, values


def matrix_of(name, kernel):
    """Return the kernel as (everything else, output channels); a transposed one's outputs are its third axis."""
    kernel = numpy.swapaxes(kernel, 2, 3) if name == "conv_transpose" else kernel
    return kernel.reshape(-1, kernel.shape[-1])


def effective_kernel(layer, name):
    """Return what the layer multiplies by in inference as a matrix (inputs, outputs), read off its outputs.

    The layer is copied without padding and bias, and given one-hot inputs.
    """
    config = {**layer.get_config(), "use_bias": False}
    if name == "dense":
        shape = (layer.kernel.shape[0],)
    else:
        config["padding"] = "valid"
        shape = (1, 1, layer.kernel.shape[3]) if name == "conv_transpose" else tuple(layer.kernel.shape[:3])
    copy = type(layer).from_config(config)
    copy.build((None, *shape))
    copy.kernel.assign(layer.kernel)
    copy.u.assign(layer.u)
    size = numpy.prod(shape)
    outputs = array(copy(numpy.eye(size).reshape(size, *shape)))
    if name == "conv_transpose":
        # Each input channel has painted its slice of the kernel (height, width, outputs, inputs).
        return matrix_of(name, numpy.moveaxis(outputs, 0, -1))
    return outputs.reshape(size, -1)


@every_layer
def test_training_call_matches_the_reference(name):
    layer, values = reference_layer(name)
    inputs = keras.Variable(values["inputs"], dtype="float64")
    cotangent = ops.convert_to_tensor(values["cotangent"])

    def loss():
        outputs = layer(inputs.value, training=True)
        return ops.sum(outputs * cotangent), outputs

    (_, outputs), found = value_and_gradients(loss, [layer.kernel, inputs], has_aux=True)
    assert array(outputs) == pytest.approx(values["outputs"], abs=1e-9)
    assert array(found[0]) == pytest.approx(values["kernel_gradient"], abs=1e-9)
    assert array(found[1]) == pytest.approx(values["input_gradient"], abs=1e-9)
    assert array(layer.u) == pytest.approx(values["u_after"], abs=1e-9)
    assert numpy.array_equal(array(layer.kernel), values["kernel"])
    assert numpy.array_equal(array(layer.bias), values["bias"])


@every_layer
def test_gradient_has_no_part_along_the_kernel(name):
    # kernel / σ does not change with the kernel's scale, hence neither does any loss. Where no gradient flows through
    # σ, as in keras.layers.SpectralNormalization, the product is not zero.
    layer, values = reference_layer(name)
    outputs = ops.convert_to_tensor(values["cotangent"])
    _, (found,) = value_and_gradients(
        lambda: ops.sum(ops.tanh(layer(values["inputs"], training=True)) * outputs), [layer.kernel]
    )
    assert numpy.abs(array(found)).max() > 0.1
    assert numpy.sum(array(found) * values["kernel"]) == pytest.approx(0, abs=1e-9)


@every_layer
def test_two_calls_in_one_loss_have_gradients_of_their_own(name):
    layer, values = reference_layer(name)
    cotangent = ops.convert_to_tensor(values["cotangent"])

    def one():
        return ops.sum(ops.square(layer(values["inputs"], training=True)) * cotangent)

    _, (first,) = value_and_gradients(one, [layer.kernel])
    _, (second,) = value_and_gradients(one, [layer.kernel])
    layer.u.assign(values["u_before"])
    _, (both,) = value_and_gradients(lambda: one() + one(), [layer.kernel])
    assert array(both) == pytest.approx(array(first) + array(second), abs=1e-9)
    assert numpy.abs(array(first) - array(second)).max() > 1e-3


@every_layer
def test_power_iteration_converges_to_the_singular_vector(name):
    layer, values = reference_layer(name, power_iterations=50)
    for _ in range(10):
        outputs = layer(values["inputs"], training=True)
    left, singular, _ = numpy.linalg.svd(matrix_of(name, values["kernel"]).T)
    assert abs(left[:, 0] @ array(layer.u)) == pytest.approx(1, abs=1e-9)
    assert numpy.array_equal(array(layer.kernel), values["kernel"])
    # From here on training and inference agree.
    assert array(layer(values["inputs"])) == pytest.approx(array(outputs), abs=1e-9)
    found = effective_kernel(layer, name)
    assert found == pytest.approx(matrix_of(name, values["kernel"]) / singular[0], abs=1e-9)
    assert numpy.linalg.svd(found, compute_uv=False)[0] == pytest.approx(1, abs=1e-9)


@every_layer
def test_inference_divides_by_the_stored_estimate_and_changes_nothing(name):
    layer, values = reference_layer(name)
    layer.u.assign(3 * values["u_before"])  # the stored vector's length does not matter
    found = effective_kernel(layer, name)
    matrix = matrix_of(name, values["kernel"])
    u = values["u_before"] / numpy.linalg.norm(values["u_before"])
    assert found == pytest.approx(matrix / numpy.linalg.norm(matrix @ u), abs=1e-9)
    first, second = (array(layer(values["inputs"], training=training)) for training in (False, None))
    assert numpy.array_equal(first, second)
    assert numpy.array_equal(array(layer.u), 3 * values["u_before"])
    assert numpy.array_equal(array(layer.kernel), values["kernel"])


def test_several_power_iterations_are_several_calls():
    once, values = reference_layer("conv")
    thrice, _ = reference_layer("conv", power_iterations=3)
    for _ in range(3):
        expected = once(values["inputs"], training=True)
    outputs = thrice(values["inputs"], training=True)
    assert array(outputs) == pytest.approx(array(expected), abs=1e-9)
    assert array(thrice.u) == pytest.approx(array(once.u), abs=1e-9)
    assert numpy.abs(array(outputs) - values["outputs"]).max() > 1e-3


@every_layer
def test_bias_and_activation_follow_the_product(name):
    layer, values = reference_layer(name, activation="relu")
    assert array(layer(values["inputs"], training=True)) == pytest.approx(numpy.maximum(values["outputs"], 0), abs=1e-9)
    without = MAKERS[name](use_bias=False, dtype="float64")
    without.build(values["inputs"].shape)
    without.kernel.assign(values["kernel"])
    without.u.assign(values["u_before"])
    expected = values["outputs"] - values["bias"]
    assert array(without(values["inputs"], training=True)) == pytest.approx(expected, abs=1e-9)


def test_stateless_call_returns_the_new_u_and_keeps_the_old():
    layer, values = reference_layer("dense")
    outputs, (u,) = layer.stateless_call(
        [weight.value for weight in layer.trainable_variables],
        [weight.value for weight in layer.non_trainable_variables],
        values["inputs"],
        training=True,
    )
    assert array(outputs) == pytest.approx(values["outputs"], abs=1e-9)
    assert array(u) == pytest.approx(values["u_after"], abs=1e-9)
    assert numpy.array_equal(array(layer.u), values["u_before"])


def test_u_is_reproducible_by_layer_seed_and_by_global_seed():
    def initial(**options):
        layer = layers.SpectralDense(50, **options)
        layer.build((None, 3))
        return array(layer.u)

    assert numpy.array_equal(initial(seed=3), initial(seed=3))
    assert not numpy.array_equal(initial(seed=3), initial(seed=4))
    keras.utils.set_random_seed(7)
    first, second = initial(), initial()
    keras.utils.set_random_seed(7)
    assert numpy.array_equal(first, initial())
    assert not numpy.array_equal(first, second)


@every_layer
def test_mixed_precision_estimates_sigma_in_float32(name):
    exact, values = reference_layer(name, dtype="float32")
    mixed, _ = reference_layer(name, dtype="mixed_bfloat16")
    expected = array(exact(values["inputs"].astype("float32"), training=True))
    outputs = mixed(values["inputs"].astype("float32"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert mixed.kernel.dtype == mixed.u.dtype == "float32"
    # bfloat16 has eight bits: u is far closer than they resolve, outputs as close as they allow.
    assert array(mixed.u) == pytest.approx(array(exact.u), abs=1e-6)
    error = array(ops.cast(outputs, "float32")) - expected
    assert numpy.sqrt(numpy.mean(error**2)) < 0.01 * numpy.sqrt(numpy.mean(expected**2))


def test_channels_first_bias_belongs_to_channels():
    layer = layers.SpectralConv2D(4, 1, data_format="channels_first", bias_initializer="ones")
    # Only the shape of the bias is at issue, and TensorFlow's CPU kernels refuse to convolve channels first.
    layer.build((None, 3, 4, 4))
    layer._transform = lambda inputs, kernel: ops.zeros((2, 4, 4, 5))
    layer.bias.assign([0.0, 1.0, 2.0, 3.0])
    outputs = array(layer(numpy.zeros((2, 3, 4, 4), "float32")))
    assert numpy.array_equal(outputs, numpy.broadcast_to(numpy.arange(4.0).reshape(1, 4, 1, 1), (2, 4, 4, 5)))
