"""Layers, shapes and parameter counts read from a network itself, for its architecture diagram."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from coursework.figures.diagram import Block, render

# An operation of a Keras model and the number of the node at which it is called.
Node: TypeAlias = tuple[Any, int]

# These read a class in addition to the values that they normalise.
CONDITIONAL = ("ConditionalBatchNormalization",)
NORMALIZATIONS = ("BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization", *CONDITIONAL)
ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")
# What belongs to the layer before it; other layers without weights belong to the layer after them.
FOLLOWERS = (
    *NORMALIZATIONS,
    *ACTIVATIONS,
    *("AveragePooling2D", "MaxPooling2D", "Reshape", "Identity"),
    *("Dropout", "SpatialDropout2D", "GaussianNoise"),
)
KINDS = {"Transpose": "transposed", "Conv": "convolution", "Dense": "dense"}


def describe(model: Any) -> dict[str, Any]:
    """Return {"parameters", "trainable", "blocks"} of a functional keras.Model, ready for JSON.

    A block is one box of the diagram: a layer with weights, together with the normalisation, activation, pooling
    and reshaping around it as long as nothing else reads the values in between. Blocks stand in an order in which
    data can flow; each has
    kind: "input", "convolution", "transposed", "dense", "merge" or "other";
    title: the layer with weights in words, and before, after: lists of words for what surrounds it;
    shape: of its output, without the batch axis; parameters: weights of all its layers, a shared layer's once;
    spectral: whether a layer of it is spectrally normalised; inputs: indices of the blocks it reads;
    layers: names of its layers.
    The input of classes names the conditional normalisations that read it, in place of a connection to each of them.
    """
    nodes, consumers = _walk(model)
    outputs = {tensor._keras_history[:2] for tensor in model.outputs}
    blocks: list[Block] = []
    block_of: dict[Node, int] = {}
    seen: set[Any] = set()
    readers: dict[int, list[Any]] = {}
    for key, inputs in nodes.items():
        operation = key[0]
        if type(operation).__name__ in CONDITIONAL:
            inputs, (_, classes) = inputs[:1], inputs
            readers.setdefault(block_of[classes], []).append(operation)
        sources = [block_of[source] for source in inputs]
        role = _role(operation, len(set(sources)))
        joins = (
            len(set(inputs)) == 1
            and inputs[0] not in outputs
            and consumers[inputs[0]] == 1
            and blocks[sources[0]]["kind"] not in ("input", "merge")
            and (role == "follower" or (role in ("primary", "leader") and not blocks[sources[0]]["title"]))
        )
        if not joins:
            kind = role if role in ("input", "merge") else "other"
            block: Block = {"kind": kind, "title": "", "before": [], "after": [], "shape": [], "parameters": 0}
            blocks.append(block | {"spectral": False, "inputs": list(dict.fromkeys(sources)), "layers": []})
        block_of[key] = sources[0] if joins else len(blocks) - 1
        _add_layer(blocks[block_of[key]], operation, key[1], role, counted=operation in seen)
        seen.add(operation)
    if len(outputs) > 1:
        for key in outputs:
            blocks[block_of[key]]["after"].append(f"output “{key[0].name.replace('_', ' ')}”")
    for index, operations in readers.items():
        blocks[index]["after"].append(f"into each {layer_words(operations[0])}")
    for block in blocks:
        if not block["title"]:
            block["title"], block["before"] = ", ".join(block["before"]) or "identity", []
    return {
        "parameters": int(model.count_params()),
        "trainable": sum(math.prod(weight.shape) for weight in model.trainable_weights),
        "blocks": blocks,
    }


def draw(models: dict[str, Any], path: Path | str, dpi: int = 200) -> None:
    """Draw functional models side by side: `render` of {name: model}."""
    render({name: describe(model) for name, model in models.items()}, path, dpi)


def _walk(model: Any) -> tuple[dict[Node, list[Node]], dict[Node, int]]:
    """Return ({(operation, node index): keys of its inputs} in topological order, {key: number of readers})."""
    nodes: dict[Node, list[Node]] = {}
    consumers: dict[Node, int] = {}

    def visit(tensor: Any) -> Node:
        operation, index, _ = tensor._keras_history
        key = operation, index
        if key in nodes or key in consumers:
            return key
        consumers[key] = 0
        inputs = [visit(source) for source in operation._inbound_nodes[index].input_tensors]
        for source in inputs:
            consumers[source] += 1
        nodes[key] = inputs
        return key

    for tensor in [*model.inputs, *model.outputs]:
        visit(tensor)
    return nodes, consumers


def _role(operation: Any, sources: int) -> str:
    kind = type(operation).__name__
    if kind == "InputLayer":
        return "input"
    if kind in FOLLOWERS:
        return "follower"
    if getattr(operation, "weights", None):
        return "primary"
    return "merge" if sources > 1 else "leader"


def _add_layer(block: Block, operation: Any, node_index: int, role: str, counted: bool) -> None:
    kind = type(operation).__name__
    words = layer_words(operation)
    shape = operation._inbound_nodes[node_index].output_tensors[0].shape
    block["layers"].append(operation.name)
    block["shape"] = [size if size is None else int(size) for size in shape[1:]]
    if hasattr(operation, "count_params") and not counted:
        block["parameters"] += int(operation.count_params())
    block["spectral"] |= kind.startswith("Spectral")
    if role == "primary":
        block["kind"] = next((name for part, name in KINDS.items() if part in kind), "other")
    if role in ("primary", "merge", "input"):
        block["title"] = words
        activation = _activation_words(operation)
        if activation:
            block["after"].append(activation)
    elif words:
        block["after" if block["title"] else "before"].append(words)


def layer_words(layer: Any) -> str:
    """Return what a reader needs to know of one layer, "spectral conv 3×3, 64, stride 2"; "" for an identity."""
    kind = type(layer).__name__
    spectral = "spectral " if kind.startswith("Spectral") else ""
    if re.fullmatch(r"(Spectral)?Conv\dD(Transpose)?", kind):
        transposed = "transposed " if kind.endswith("Transpose") else ""
        stride = "" if max(layer.strides) == 1 else f", stride {_size(layer.strides)}"
        return f"{spectral}{transposed}conv {'×'.join(map(str, layer.kernel_size))}, {layer.filters}{stride}"
    if kind in ("Dense", "SpectralDense"):
        return f"{spectral}dense {layer.units}"
    if kind in ("AveragePooling2D", "MaxPooling2D"):
        return f"{kind.removesuffix('Pooling2D').lower()} pool {'×'.join(map(str, layer.pool_size))}"
    if kind == "UpSampling2D":
        return f"upsample ×{_size(layer.size)} ({layer.interpolation})"
    if kind == "GroupNormalization":
        # Building replaces groups=-1, one group a channel, by the number of channels.
        channels = layer.input_spec.axes[layer.axis]
        return "instance norm" if layer.groups == channels else f"group norm, {layer.groups} groups"
    if kind in NORMALIZATIONS:
        return _words(kind.removesuffix("Normalization")) + " norm"
    if kind == "LeakyReLU":
        return f"leaky ReLU {layer.negative_slope:g}"
    if kind == "Activation":
        return _activation_words(layer)
    if kind == "InputLayer":
        return layer.name.replace("_", " ")
    return "" if kind == "Identity" else kind if kind in ("ReLU", "PReLU") else _words(kind)


def _activation_words(layer: Any) -> str:
    """Return the layer's activation in words, "" for none or the identity."""
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", type(activation).__name__)
    return {"linear": "", "NoneType": "", "relu": "ReLU", "leaky_relu": "leaky ReLU"}.get(name, _words(name))


def _words(name: str) -> str:
    """Return a class name or an identifier as words: "GlobalAveragePooling2D" as "global average pooling 2D"."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", name.replace("_", " ")).split()
    return " ".join(part if part.isupper() or part == "2D" else part.lower() for part in parts)


def _size(sizes: Sequence[int]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))
