"""Constants of a frozen TensorFlow graph, read from its file as a protocol buffer: nothing of it is executed.

Fields are numbered as in TensorFlow's graph.proto, node_def.proto, attr_value.proto, tensor.proto and
tensor_shape.proto; whatever else a message holds is passed over. Messages inside messages are read to the depth that a
constant has, so that no file can lead deeper.
"""

import math

import numpy as np

from coursework.util.errors import UserError

# The graph of Inception has 96 MB, some thousand nodes and no tensor above three million numbers.
LARGEST_FILE = 256 * 2**20
LARGEST_FIELDS = 4_000_000
LARGEST_TENSOR = 64 * 2**20
LARGEST_RANK = 8

FLOAT = 1
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def read_constants(path):
    """Return `constants` of the file at `path`; raises `UserError` also where it cannot be read or is too large."""
    return constants(read_limited(path), path)


def read_limited(path):
    """Return the bytes of the file at `path`; raises `UserError` above `LARGEST_FILE`, read no further."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > LARGEST_FILE:
        raise UserError(f"{path} is larger than {LARGEST_FILE // 2**20} MB: no graph of this package's is")
    return content


def constants(content, source="the graph"):
    """Return {name: float32 array} of the nodes of kind Const with float32 values in a serialised GraphDef.

    content: bytes. Arrays are read-only, most of them views of it. source: its name for error messages.
    Raises `UserError`, one line, for anything that is not such a message, and for sizes that no graph of use has.
    """
    return _Reader(source).graph(memoryview(content))


class _Reader:
    """Reads one graph, counting what it has used up."""

    def __init__(self, source):
        self.source = source
        self.fields_left = LARGEST_FIELDS
        self.numbers_left = LARGEST_TENSOR

    def fault(self, reason):
        """Return the error for a fault of the file."""
        return UserError(f"{self.source} is no frozen TensorFlow graph, or a damaged one: {reason}")

    def graph(self, message):
        """GraphDef: node = 1."""
        arrays = {}
        for number, kind, value in self.fields(message):
            if number == 1 and kind == BYTES:
                name, tensor = self.node(value)
                if tensor is None:
                    continue
                if name in arrays:
                    raise self.fault(f"two constants are named {name[:100]!r}")
                array = self.tensor(tensor, name)
                if array is not None:
                    arrays[name] = array
        return arrays

    def node(self, message):
        """NodeDef: name = 1, op = 2, attr = 5. Return (name, TensorProto), (name, None) unless it is a Const."""
        name, operation, tensor = "", "", None
        for number, kind, value in self.fields(message):
            if kind == BYTES and number == 1:
                name = self.text(value)
            elif kind == BYTES and number == 2:
                operation = self.text(value)
            elif kind == BYTES and number == 5:
                tensor = self.attribute(value) or tensor
        return name, tensor if operation == "Const" else None

    def attribute(self, message):
        """An entry of the map of attributes: key = 1, value = 2. Return the TensorProto of "value", else None."""
        key, attribute = "", None
        for number, kind, value in self.fields(message):
            if kind == BYTES and number == 1:
                key = self.text(value)
            elif kind == BYTES and number == 2:
                attribute = value
        if key != "value" or attribute is None:
            return None
        # AttrValue: tensor = 8.
        tensors = [value for number, kind, value in self.fields(attribute) if (number, kind) == (8, BYTES)]
        return tensors[-1] if tensors else None

    def tensor(self, message, name):
        """TensorProto: dtype = 1, tensor_shape = 2, tensor_content = 4, float_val = 5. None unless it is of float32."""
        dtype, shape, content, values = 0, (), b"", bytearray()
        for number, kind, value in self.fields(message):
            if number == 1 and kind == VARINT:
                dtype = value
            elif number == 2 and kind == BYTES:
                shape = self.shape(value, name)
            elif number == 4 and kind == BYTES:
                content = value
            elif number == 5 and kind in (FIXED32, BYTES):
                values += value
        if dtype != FLOAT:
            return None
        count = math.prod(shape)
        for given in (content, values):
            if len(given) % 4:
                raise self.fault(f"{name[:100]!r} holds {len(given)} bytes, which are no whole float32 numbers")
        if len(content):
            if len(content) != 4 * count or values:
                raise self.fault(f"{name[:100]!r} of shape {shape} holds {len(content) + len(values)} bytes")
            return np.frombuffer(content, "<f4").reshape(shape)
        return self.repeated(np.frombuffer(bytes(values), "<f4"), shape, count, name)

    def repeated(self, values, shape, count, name):
        """Return the array of a tensor written number by number; the last one stands for all that follow."""
        if len(values) > count or (count and not len(values)):
            raise self.fault(f"{name[:100]!r} of shape {shape} holds {len(values)} numbers")
        self.numbers_left -= count
        if self.numbers_left < 0:
            raise self.fault(f"its constants hold more than {LARGEST_TENSOR:,} numbers")
        array = np.empty(count, np.float32)
        array[: len(values)] = values
        array[len(values) :] = values[-1] if len(values) else 0.0
        array.flags.writeable = False
        return array.reshape(shape)

    def shape(self, message, name):
        """TensorShapeProto: dim = 2, unknown_rank = 3; Dim: size = 1."""
        shape = []
        for number, kind, value in self.fields(message):
            if number == 3 and kind == VARINT and value:
                raise self.fault(f"{name[:100]!r} has no shape")
            if number != 2 or kind != BYTES:
                continue
            sizes = [size for field, wire, size in self.fields(value) if (field, wire) == (1, VARINT)]
            shape.append(sizes[-1] if sizes else 0)
            # A negative size arrives as a number above 2^63. Sizes of zero must not hide absurd ones beside them.
            if len(shape) > LARGEST_RANK or math.prod(max(size, 1) for size in shape) > LARGEST_TENSOR:
                raise self.fault(f"{name[:100]!r} has a shape that no tensor of use has")
        return tuple(shape)

    def text(self, message):
        """Return a string field."""
        try:
            return str(message, "utf-8")
        except UnicodeDecodeError as error:
            raise self.fault("a name is not UTF-8") from error

    def fields(self, message):
        """Yield (field number, wire type, value) of a message: an int for VARINT, a view of its bytes otherwise."""
        position = 0
        while position < len(message):
            self.fields_left -= 1
            if self.fields_left < 0:
                raise self.fault(f"it has more than {LARGEST_FIELDS:,} fields")
            key, position = self.varint(message, position)
            number, kind = key >> 3, key & 7
            if number == 0:
                raise self.fault("it has a field without a number")
            if kind == VARINT:
                value, position = self.varint(message, position)
                yield number, kind, value
                continue
            if kind == BYTES:
                length, position = self.varint(message, position)
            elif kind in (FIXED32, FIXED64):
                length = 4 if kind == FIXED32 else 8
            else:
                raise self.fault(f"it has a field of the unknown kind {kind}")
            if length > len(message) - position:
                raise self.fault("it ends in the middle of a field")
            yield number, kind, message[position : position + length]
            position += length

    def varint(self, message, position):
        """Return (number, position behind it) of a number in groups of seven bits, at most 64 in all."""
        value = 0
        for shift in range(0, 70, 7):
            if position >= len(message):
                raise self.fault("it ends in the middle of a number")
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                if value >= 2**64:
                    break
                return value, position
        raise self.fault("it has a number of more than 64 bits")
