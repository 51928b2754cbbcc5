"""The Inception network of 2015 against torch-fidelity's values under the same synthetic weights, and closed forms."""

import json

import keras
import numpy
import pytest
from conftest import REFERENCE
from keras import layers, ops

from benchmarks.synthetic_inception import synthetic_tensors
from coursework.extractors import inception
from coursework.extractors.inception.architecture import BLOCKS, convolutions, tensor_shapes
from coursework.extractors.inception.layers import ResizedImages
from coursework.extractors.inception.network import check_tensors
from coursework.util.errors import UserError


def array(values):
    return ops.convert_to_numpy(values)


@pytest.fixture(scope="module")
def reference():
    with numpy.load(REFERENCE / "inception_2015.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tensors():
    return synthetic_tensors()


@pytest.fixture(scope="module")
def model(tensors):
    model = inception.build()
    inception.load_tensors(model, tensors)
    return model


def test_the_tensors_are_those_of_the_frozen_graph():
    lines = (REFERENCE / "inception_2015_tensors.jsonl").read_text().splitlines()
    expected = {line["tensor"]: tuple(line["shape"]) for line in map(json.loads, lines)}
    assert len(expected) == 472
    assert tensor_shapes() == expected


def test_the_architecture_in_numbers():
    # Five tensors a convolution, two of the last layer; channels of the blocks' results as in table 1 of the paper.
    assert 5 * len(convolutions()) + 2 == len(tensor_shapes())
    assert [block.filters for block in BLOCKS] == [256, 288, 288, *[768] * 5, 1280, 2048, 2048]
    assert [block.pool for block in BLOCKS[-3:]] == ["max", "average", "max"]


@pytest.mark.backend
def test_features_and_logits_of_torch_fidelity(model, reference):
    outputs = model(reference["images"], training=False)
    assert set(outputs) == {"features", "logits", "logits_unbiased"}
    for name, values in outputs.items():
        assert keras.backend.standardize_dtype(values.dtype) == "float32"
        # The reference's values reach 2.9 (features) and 1.2 (logits).
        assert array(values) == pytest.approx(reference[name], rel=0, abs=1e-5)


@pytest.mark.backend
def test_images_of_another_size_and_shape(model, reference):
    features = array(model(reference["images_50x75"], training=False)["features"])
    assert features == pytest.approx(reference["features_50x75"], rel=0, abs=1e-5)


@pytest.mark.backend
def test_logits_differ_by_the_bias(model, tensors, reference):
    outputs = model(reference["images"][:1], training=False)
    bias = array(outputs["logits"]) - array(outputs["logits_unbiased"])
    assert bias[0] == pytest.approx(tensors["softmax/biases"], abs=1e-6)
    expected = array(outputs["features"]).astype("float64") @ tensors["softmax/weights"]
    assert array(outputs["logits_unbiased"]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
@pytest.mark.backend
def test_extraction_in_batches(model, tensors, reference):
    # Three batches, the last one not full, through the compiled network.
    outputs = inception.extract(model, reference["images"], batch_size=3)
    for name, values in outputs.items():
        assert values.dtype == numpy.float32
        assert values == pytest.approx(reference[name], rel=0, abs=1e-5)
    faster = inception.build("mixed_bfloat16")
    inception.load_tensors(faster, tensors)
    outputs = inception.extract(faster, reference["images"], batch_size=3)
    for name, values in outputs.items():
        assert values.dtype == numpy.float32
        difference = values - reference[name]
        # bfloat16 keeps eight bits: worse than float32, and no worse than its rounding explains.
        assert 1e-5 < numpy.abs(difference).max() < 3e-2
        assert numpy.square(difference).mean() < 1e-4 * numpy.square(reference[name]).mean()


def resized(image, size):
    """Return one image resized as TensorFlow 1 did, pixel by pixel in float64."""
    result = numpy.empty((size, size, image.shape[2]))
    for row in range(size):
        for column in range(size):
            y, x = row * image.shape[0] / size, column * image.shape[1] / size
            top, left = int(y), int(x)
            below, right = min(top + 1, image.shape[0] - 1), min(left + 1, image.shape[1] - 1)
            first = image[top, left] * (1 - x + left) + image[top, right] * (x - left)
            second = image[below, left] * (1 - x + left) + image[below, right] * (x - left)
            result[row, column] = first * (1 - y + top) + second * (y - top)
    return result


@pytest.mark.backend
@pytest.mark.parametrize("shape", [(5, 8), (32, 32), (1, 1), (37, 37), (90, 41)])
def test_resizing_pixel_by_pixel(shape):
    image = numpy.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(float)
    found = array(ResizedImages(37)(image[None].astype("float32")))[0]
    assert found == pytest.approx((resized(image, 37) - 128) / 128, abs=1e-6)


@pytest.mark.backend
def test_a_ramp_stays_a_ramp_and_ends_flat():
    # Pixel i lies at i * 32 / 299; from pixel 31 on (i > 289) there is no neighbour but the last pixel itself.
    columns = numpy.broadcast_to(8.0 * numpy.arange(32, dtype="float32")[:, None], (1, 32, 32, 3))
    expected = (8 * numpy.minimum(numpy.arange(299) * 32 / 299, 31) - 128) / 128
    found = array(ResizedImages(299)(numpy.ascontiguousarray(columns)))
    assert found.shape == (1, 299, 299, 3)
    assert found[0] == pytest.approx(numpy.broadcast_to(expected[:, None], (299, 299, 3)), abs=1e-6)


@pytest.mark.backend
def test_images_are_rounded_to_whole_values():
    given = numpy.array([-3.0, 0.4, 0.6, 127.4, 127.6, 254.6, 300.0], "float32").reshape(1, 1, 7, 1)
    found = array(ResizedImages(7)(given))[0, 0, :, 0]
    assert found * 128 + 128 == pytest.approx([0, 0, 1, 127, 128, 255, 255], abs=1e-6)


@pytest.mark.backend
def test_average_pooling_leaves_padding_out():
    maps = numpy.arange(9, dtype="float32").reshape(1, 3, 3, 1)
    found = array(layers.AveragePooling2D(3, 1, padding="same")(maps))[0, :, :, 0]
    # Means of 2x2 numbers in the corners, 2x3 on the sides, 3x3 in the middle.
    assert found == pytest.approx(numpy.array([[2, 2.5, 3], [3.5, 4, 4.5], [5, 5.5, 6]]), abs=1e-6)


def test_tensors_that_do_not_fit_are_named(tensors):
    missing = {name: array for name, array in tensors.items() if not name.startswith("mixed_3/tower/conv_1/")}
    with pytest.raises(UserError, match=r"of its 472 tensors mixed_3/tower/conv_1/\S+ and 4 more are missing"):
        check_tensors(missing)
    with pytest.raises(UserError, match="softmax/biases is missing"):
        check_tensors({name: array for name, array in tensors.items() if name != "softmax/biases"})
    for name, wrong, message in [
        ("conv/conv2d_params", numpy.zeros((32, 3, 3, 3)), r"\(32, 3, 3, 3\), expected \(3, 3, 3, 32\)"),
        ("softmax/biases", numpy.zeros(1000), r"\(1000,\), expected \(1008,\)"),
        ("softmax/biases", numpy.full(1008, numpy.nan), "no finite numbers"),
        ("softmax/biases", numpy.zeros(1008, int), "no finite numbers"),
        ("conv/batchnorm/moving_variance", numpy.full(32, -1.0), "negative variances"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            check_tensors({**tensors, name: wrong})
        assert name in str(caught.value) and "\n" not in str(caught.value)
    check_tensors({**tensors, "another": numpy.zeros(3)})


@pytest.mark.backend
def test_folding_is_exact_where_float32_would_not_be(model, tensors):
    name = "mixed_8/tower_1/conv_3"
    parts = [
        tensors[f"{name}/batchnorm/{part}"].astype("float64")
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    gamma, beta, mean, variance = parts
    layer = model.get_layer(name.replace("/", "_"))
    scale = gamma / numpy.sqrt(variance + 0.001)
    assert numpy.array_equal(array(layer.bias), (beta - mean * scale).astype("float32"))
    kernel = (tensors[f"{name}/conv2d_params"].astype("float64") * scale).astype("float32")
    assert numpy.array_equal(array(layer.kernel), kernel)


def test_what_cannot_be_built_or_extracted(model):
    with pytest.raises(UserError, match="float32, mixed_bfloat16, not float16"):
        inception.build("float16")
    for images in (
        numpy.zeros((2, 32, 32, 3)),
        numpy.zeros((2, 32, 32, 1), "uint8"),
        numpy.zeros((0, 9, 9, 3), "uint8"),
    ):
        with pytest.raises(UserError, match="takes uint8 images"):
            inception.extract(model, images)
