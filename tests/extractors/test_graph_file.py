"""Frozen graphs: every form of a constant, TensorFlow's own files, and nothing but one clear line for damaged ones."""

import numpy
import pytest
from graph_writer import bytes_field, constant, graph, node, number_field, shape_message, tensor_message, varint

from coursework.extractors.inception import graph_file
from coursework.extractors.inception.graph_file import constants, read_limited
from coursework.util.errors import UserError

ARRAYS = {
    "mixed/conv/conv2d_params": numpy.arange(24, dtype="float32").reshape(1, 2, 3, 4) / 7,
    "softmax/biases": numpy.array([-1.5, 3e38, 1e-40], "float32"),
    "a scalar": numpy.float32(2.5),
    "nothing": numpy.zeros((3, 0, 2), "float32"),
}


def fault(content):
    with pytest.raises(UserError) as caught:
        constants(content, "file.pb")
    assert "\n" not in str(caught.value) and str(caught.value).startswith("file.pb is no frozen TensorFlow graph")
    return str(caught.value)


def test_a_graph_written_by_the_format_s_rules():
    found = constants(graph(ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, expected in ARRAYS.items():
        assert found[name].dtype == numpy.float32 and found[name].shape == expected.shape
        assert numpy.array_equal(found[name], expected)


@pytest.mark.parametrize("form", ["content", "packed", "single"])
def test_every_form_of_a_tensor(form):
    expected = ARRAYS["mixed/conv/conv2d_params"]
    found = constants(constant("x", tensor_message(expected, form=form)))["x"]
    assert numpy.array_equal(found, expected) and found.shape == expected.shape


def test_the_last_number_stands_for_those_that_follow():
    for values, expected in [([7], [[7, 7], [7, 7]]), ([1, 2], [[1, 2], [2, 2]])]:
        message = tensor_message(values, shape=(2, 2), form="packed")
        assert constants(constant("x", message))["x"].tolist() == expected


def test_other_nodes_types_and_fields_are_passed_over():
    content = node("sum", "Add", [("value", bytes_field(8, tensor_message([1.0])))], inputs=["x", "y"])
    content += constant("size", tensor_message([1.0], dtype=3)) + node("empty", "Const") + node("bare", "Const", [])
    # Fields of every kind with numbers that nobody knows, before, between and behind.
    unknown = number_field(99, 2**63) + varint(98 << 3 | 5) + bytes(4) + varint(97 << 3 | 1) + bytes(8)
    found = constants(unknown + content + unknown + constant("x", unknown + tensor_message([1.0, 2.0]) + unknown))
    assert {name: array.tolist() for name, array in found.items()} == {"x": [1.0, 2.0]}
    assert constants(b"") == {}


def test_graphs_of_tensorflow_itself():
    tensorflow = pytest.importorskip("tensorflow")
    with tensorflow.Graph().as_default() as built:
        for name, value in ARRAYS.items():
            tensorflow.constant(value, name=name.replace(" ", "_"))
        tensorflow.constant([1, 2, 3], name="whole_numbers")
        tensorflow.constant(0.25, shape=(4, 5), name="filled")
        tensorflow.constant([b"text"], name="strings")
    found = constants(built.as_graph_def().SerializeToString())
    assert set(found) == {name.replace(" ", "_") for name in ARRAYS} | {"filled"}
    assert numpy.array_equal(found["filled"], numpy.full((4, 5), 0.25, "float32"))
    for name, expected in ARRAYS.items():
        assert numpy.array_equal(found[name.replace(" ", "_")], expected)


def test_a_file_cut_anywhere_is_refused_or_ends_between_two_nodes():
    content = graph(ARRAYS)
    whole = 0
    for end in range(len(content)):
        try:
            found = constants(content[:end], "file.pb")
        except UserError as error:
            assert "\n" not in str(error)
        else:
            whole += 1
            assert list(found) == list(ARRAYS)[: len(found)]
    # Nine nodes and the version behind them: so many places between two fields of the graph, the beginning among them.
    assert whole == 1 + 2 * len(ARRAYS) + 1


def test_damaged_files_raise_nothing_else():
    content = bytearray(graph(ARRAYS))
    generator = numpy.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(3000):
        damaged = bytearray(content)
        for place in generator.integers(len(content), size=generator.integers(1, 5)):
            damaged[place] = generator.integers(256)
        try:
            found = constants(bytes(damaged))
        except UserError as error:
            outcomes["refused"] += 1
            assert "\n" not in str(error)
        else:
            outcomes["read"] += 1
            assert all(array.size <= graph_file.LARGEST_TOTAL for array in found.values())
    assert min(outcomes.values()) > 100


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html>", "Wire format was corrupt"),
        (b"\x0a\xff\xff\xff\xff\x0f", "Wire format was corrupt"),
        (bytes_field(1, bytes_field(1, b"\xff\xfe")), "bad UTF-8"),
        (constant("x", tensor_message([1.0])) * 2, "two constants are named 'x'"),
        (constant("x", tensor_message([1.0], shape=(2, 3))), "'x': cannot reshape array of size 1"),
        (constant("x", tensor_message([1.0, 2.0], shape=(1,), form="packed")), "'x': "),
        (constant("x", tensor_message([1.0], shape=(-1,))), "'x' has the shape [-1]"),
        (constant("x", tensor_message([1.0], shape=(2**40,), form="packed")), "has the shape [1099511627776]"),
        (constant("x", tensor_message([], shape=(0, 2**62))), "has the shape [0, "),
        (constant("x", tensor_message([1.0], shape=(1,) * 70)), "'x': "),
        (constant("x", number_field(1, 1) + bytes_field(2, shape_message([1])) + bytes_field(4, b"abc")), "'x': "),
        (constant("x\ny", tensor_message([1.0], shape=(2,))), r"'x\ny': "),
    ],
)
def test_what_is_wrong_is_named(content, reason):
    assert reason in fault(content)


def test_constants_of_many_small_messages_have_a_limit(monkeypatch):
    """Six bytes of a repeated number stand for a tensor of any size."""
    monkeypatch.setattr(graph_file, "LARGEST_TOTAL", 1000)
    many = b"".join(constant(f"x{index}", tensor_message([1.0], (400,), form="packed")) for index in range(3))
    assert "'x2' has the shape [400]" in fault(many)


def test_files_are_read_up_to_a_limit(tmp_path, monkeypatch):
    file = tmp_path / "graph.pb"
    file.write_bytes(graph(ARRAYS))
    assert set(constants(read_limited(file))) == set(ARRAYS)
    monkeypatch.setattr(graph_file, "LARGEST_FILE", 100)
    for path, message in [(file, "is larger than"), (tmp_path, "directory"), (tmp_path / "none", "No such file")]:
        with pytest.raises(UserError, match=message):
            read_limited(path)
    with pytest.raises(UserError, match="null byte"):
        read_limited("graph\0.pb")
