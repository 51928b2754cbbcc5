"""Constants of a frozen TensorFlow graph, parsed as data: nothing of the graph is imported or executed."""

import math
from pathlib import Path

import numpy as np

from coursework.util.errors import UserError

# The graph of Inception has 96 MB and no constant above three million numbers.
LARGEST_FILE = 128 * 2**20
LARGEST_TOTAL = 64 * 2**20


def read_limited(path: str | Path) -> bytes:
    """Return the bytes of the file at `path`; raises `UserError` above `LARGEST_FILE`, read no further."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > LARGEST_FILE:
        raise UserError(f"{path} is larger than {LARGEST_FILE // 2**20} MB: it is not the graph of Inception")
    return content


def constants(content: bytes, source: str | Path = "the graph") -> dict[str, np.ndarray]:
    """Return {name: float32 array} of the nodes of kind Const with float32 values in a serialised GraphDef.

    source: its name for error messages. Raises `UserError`, one line, for anything that is not such a message, and for
    constants of a size that no graph of Inception has.
    """
    try:
        import tensorflow
    except ImportError as error:
        raise UserError(f"reading {source} needs TensorFlow: pip install tensorflow ({error})") from error

    def fault(reason: object) -> UserError:
        return UserError(f"{source} is no frozen TensorFlow graph, or a damaged one: {' '.join(str(reason).split())}")

    try:
        graph = tensorflow.compat.v1.GraphDef.FromString(content)
    except Exception as error:  # protobuf's DecodeError; its module is no part of TensorFlow's interface.
        raise fault(error) from error
    arrays: dict[str, np.ndarray] = {}
    total = 0
    for node in graph.node:
        tensor = node.attr["value"].tensor if node.op == "Const" and "value" in node.attr else None
        if tensor is None or tensor.dtype != tensorflow.float32.as_datatype_enum:
            continue
        if node.name in arrays:
            raise fault(f"two constants are named {node.name[:100]!r}")
        sizes = [dimension.size for dimension in tensor.tensor_shape.dim]
        # Before the array is made: one number stands for a constant of any size. A size of 0 hides no absurd one.
        total += math.prod(max(size, 1) for size in sizes)
        if min(sizes, default=1) < 0 or total > LARGEST_TOTAL:
            raise fault(f"{node.name[:100]!r} has the shape {sizes}")
        try:
            arrays[node.name] = tensorflow.make_ndarray(tensor)
        except ValueError as error:
            raise fault(f"{node.name[:100]!r}: {error}") from error
    return arrays
