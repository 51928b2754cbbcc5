"""Descriptions of small networks in exact values, the places of their blocks, and the drawing."""

import copy
import json

import keras
import pytest
from keras import layers
from PIL import Image

from coursework.figures.architecture import describe, draw, layer_words
from coursework.figures.descriptions import read_descriptions
from coursework.figures.diagram import render
from coursework.figures.layout import place, skip_tracks
from coursework.networks.layers import ConditionalBatchNormalization, SpectralConv2D, SpectralDense
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend


def generator():
    inputs = keras.Input((10,), name="latents")
    x = layers.Dense(4 * 4 * 8, use_bias=False, name="dense")(inputs)
    x = layers.Reshape((4, 4, 8), name="reshape")(x)
    x = layers.BatchNormalization(name="normalization")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.Conv2DTranspose(4, 4, 2, padding="same", use_bias=False, name="upsample")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="leaky_relu")(x)
    x = layers.Conv2D(3, 3, padding="same", name="to_image")(x)
    images = layers.Activation("tanh", name="images")(x)
    return keras.Model(inputs, images, name="generator")


def residual_discriminator():
    """A block with a convolution in its shortcut, then one with a plain shortcut."""
    inputs = keras.Input((8, 8, 3), name="images")
    x = SpectralConv2D(6, 3, padding="same", name="convolution_1")(inputs)
    x = layers.AveragePooling2D(2, name="pool")(x)
    shortcut = layers.AveragePooling2D(2, name="shortcut_pool")(inputs)
    shortcut = SpectralConv2D(6, 1, name="shortcut")(shortcut)
    x = first = layers.Add(name="add_1")([x, shortcut])
    x = layers.ReLU(name="relu")(x)
    x = layers.Conv2D(6, 3, padding="same", name="convolution_2")(x)
    x = layers.Add(name="add_2")([x, first])
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, SpectralDense(1, name="logits")(x), name="discriminator")


def test_generator_is_described_box_by_box():
    description = describe(generator())
    block = {"before": [], "spectral": False}
    assert description["blocks"] == [
        block
        | {"kind": "input", "title": "latents", "after": [], "shape": [10], "parameters": 0, "inputs": []}
        | {"layers": ["latents"]},
        block
        | {"kind": "dense", "title": "dense 128", "after": ["reshape", "batch norm", "ReLU"], "shape": [4, 4, 8]}
        | {"parameters": 10 * 128 + 4 * 8, "inputs": [0], "layers": ["dense", "reshape", "normalization", "relu"]},
        block
        | {"kind": "transposed", "title": "transposed conv 4×4, 4, stride 2", "after": ["leaky ReLU 0.2"]}
        | {"shape": [8, 8, 4], "parameters": 4 * 4 * 4 * 8, "inputs": [1], "layers": ["upsample", "leaky_relu"]},
        block
        | {"kind": "convolution", "title": "conv 3×3, 3", "after": ["tanh"], "shape": [8, 8, 3]}
        | {"parameters": 3 * 3 * 4 * 3 + 3, "inputs": [2], "layers": ["to_image", "images"]},
    ]
    assert description["parameters"] == 1280 + 32 + 512 + 111
    assert description["trainable"] == description["parameters"] - 2 * 8


def test_residual_blocks_keep_their_branches():
    model = residual_discriminator()
    description = describe(model)
    blocks = description["blocks"]
    assert [block["title"] for block in blocks] == [
        "images",
        "spectral conv 3×3, 6",
        "spectral conv 1×1, 6",
        "add",
        "conv 3×3, 6",
        "add",
        "spectral dense 1",
    ]
    assert [block["inputs"] for block in blocks] == [[], [0], [0], [1, 2], [3], [4, 3], [5]]
    assert [block["before"] for block in blocks[1:]] == [[], ["average pool 2×2"], [], ["ReLU"], [], ["flatten"]]
    assert [block["after"] for block in blocks[1:]] == [["average pool 2×2"], [], [], [], [], []]
    assert [block["spectral"] for block in blocks] == [False, True, True, False, False, False, True]
    assert [block["shape"] for block in blocks] == [[8, 8, 3], *[[4, 4, 6]] * 5, [1]]
    assert sum(block["parameters"] for block in blocks) == model.count_params() == description["parameters"]
    # The shortcut's convolution stands parallel to the main path; the plain shortcut runs along it, on the first track.
    assert place(blocks) == [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0), (4, 0), (5, 0)]
    assert skip_tracks(blocks, place(blocks)) == {(3, 5): 0}


def test_overlapping_skips_get_tracks_of_their_own():
    chain = [{"inputs": inputs} for inputs in ([], [0], [1], [2, 0], [3, 1], [4], [5, 4])]
    assert skip_tracks(chain, place(chain)) == {(0, 3): 0, (1, 4): 1, (4, 6): 0}


def test_a_class_is_described_in_words_without_an_arrow_to_every_layer():
    latents, classes = keras.Input((3,), name="latents"), keras.Input((2, 4), name="classes")
    x = layers.Reshape((1, 1, 8))(layers.Dense(8, name="dense")(latents))
    for row in range(2):
        x = layers.ReLU()(ConditionalBatchNormalization(4, row=row)([x, classes]))
        x = layers.Conv2D(8, 1, use_bias=False)(x)
    model = keras.Model([latents, classes], x)
    blocks = describe(model)["blocks"]
    assert [block["title"] for block in blocks] == ["latents", "classes", "dense 8", "conv 1×1, 8", "conv 1×1, 8"]
    assert [block["inputs"] for block in blocks] == [[], [], [0], [2], [3]]
    assert blocks[1]["after"] == ["into each conditional batch norm"] and blocks[1]["shape"] == [2, 4]
    assert blocks[2]["after"] == ["reshape", "conditional batch norm", "ReLU"]
    # Scale and offset of four classes, and two statistics, of eight channels.
    assert [block["parameters"] for block in blocks] == [0, 0, 3 * 8 + 8 + 10 * 8, 64 + 10 * 8, 64]
    assert sum(block["parameters"] for block in blocks) == model.count_params()
    # In a lane of its own, next to the latents.
    assert place(blocks) == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0)]


def test_a_second_input_stands_where_it_is_read_to_the_right_of_what_is_there():
    # 0 image, 1 to 3 a chain, 4 parallel to its end, 5 classes, 6 their embedding, 7 and 8 the ends of the branches.
    reads = ([], [0], [1], [2], [2], [], [5], [3, 6], [7, 4])
    places = place([{"inputs": inputs} for inputs in reads])
    assert places == [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (2, 2), (3, 2), (4, 0), (5, 0)]


def test_several_outputs_are_named_and_shared_layers_counted_once():
    inputs = keras.Input((5,), name="code")
    shared = layers.Dense(5, name="shared")
    x = shared(shared(inputs))
    outputs = [layers.Dense(2, name="mean")(x), layers.Dense(2, name="log_variance")(x)]
    model = keras.Model(inputs, outputs)
    blocks = describe(model)["blocks"]
    assert [block["after"] for block in blocks[-2:]] == [["output “mean”"], ["output “log variance”"]]
    assert [block["parameters"] for block in blocks] == [0, 30, 0, 12, 12]
    assert sum(block["parameters"] for block in blocks) == model.count_params()
    assert place(blocks)[-2:] == [(3, 0), (3, 1)]


def test_layers_in_words():
    image = keras.Input((8, 8, 4))
    instance = layers.GroupNormalization(groups=-1)
    instance(image)
    group = layers.GroupNormalization(groups=2)
    group(image)
    expected = {
        instance: "instance norm",
        group: "group norm, 2 groups",
        layers.UpSampling2D(2, interpolation="bilinear"): "upsample ×2 (bilinear)",
        layers.MaxPooling2D((2, 1)): "max pool 2×1",
        layers.Conv2D(16, (1, 3), strides=(1, 2)): "conv 1×3, 16, stride 1×2",
        layers.GlobalAveragePooling2D(): "global average pooling 2D",
        layers.Activation("linear"): "",
        layers.Activation("relu"): "ReLU",
        layers.LayerNormalization(): "layer norm",
    }
    assert {words: layer_words(layer) for layer, words in expected.items()} == {
        words: words for words in expected.values()
    }


def test_an_activation_inside_a_layer_is_named():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation="relu"), layers.Dense(1)])
    assert [block["after"] for block in describe(model)["blocks"]] == [[], ["ReLU"], []]


def test_drawing_names_shapes_counts_and_spectral_layers(tmp_path):
    draw({"generator": generator(), "discriminator": residual_discriminator()}, tmp_path / "diagram.svg")
    text = (tmp_path / "diagram.svg").read_text()
    for words in (
        *("Generator", "Discriminator", "1,935 parameters, 1,919 trainable"),
        *("Transposed conv 4×4, 4, stride 2", "Reshape, batch norm, ReLU", "8×8×4", "512"),
        *("Spectral conv 1×1, 6", "4×4×6", "spectrally normalised", "dense"),
    ):
        assert f"<!-- {words} -->" in text, words
    draw({"generator": generator()}, tmp_path / "plain.svg")
    assert "spectrally normalised" not in (tmp_path / "plain.svg").read_text()


def test_drawing_has_the_resolution_asked_for_and_a_page_format(tmp_path):
    description = {"generator": describe(generator())}
    sizes = []
    for dpi in (100, 200):
        render(description, tmp_path / f"{dpi}.png", dpi=dpi)
        with Image.open(tmp_path / f"{dpi}.png") as image:
            sizes.append(image.size)
    assert [abs(large - 2 * small) <= 2 for small, large in zip(*sizes, strict=True)] == [True, True]
    # One column of a page 170 mm wide.
    assert 30 < sizes[0][0] / 100 * 25.4 < 85
    render(description, tmp_path / "diagram.pdf")
    assert (tmp_path / "diagram.pdf").read_bytes().startswith(b"%PDF-")


def test_a_description_is_read_back_and_anything_else_refused(tmp_path):
    file, descriptions = tmp_path / "architecture.json", {"discriminator": describe(residual_discriminator())}
    file.write_text(json.dumps(descriptions))
    assert read_descriptions(file) == descriptions
    last = len(descriptions["discriminator"]["blocks"]) - 1
    damages = [
        lambda network: network.update(parameters=-1),
        lambda network: network.update(blocks=[]),
        lambda network: network["blocks"][last].pop("inputs"),
        lambda network: network["blocks"][last].update(inputs=[-1]),
        lambda network: network["blocks"][last].update(inputs=[last]),
        lambda network: network["blocks"][last].update(inputs=[True]),
        lambda network: network["blocks"][last].update(kind="unknown"),
        lambda network: network["blocks"][last].update(kind=["dense"]),
        lambda network: network["blocks"][last].update(title="a" * 201),
        lambda network: network["blocks"][last].update(shape=[1.5]),
        lambda network: network["blocks"].append("dense"),
    ]
    for damage in damages:
        damaged = copy.deepcopy(descriptions)
        damage(damaged["discriminator"])
        file.write_text(json.dumps(damaged))
        with pytest.raises(UserError, match="architecture.json describes no networks: remove it"):
            read_descriptions(file)
