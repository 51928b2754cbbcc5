"""Writes frozen graphs as TensorFlow does, from the rules of the wire format alone."""

import io
import tarfile

import numpy

GRAPH_NAME = "classify_image_graph_def.pb"


def varint(value):
    """Return a number in groups of seven bits, the lowest first; negative ones in 64 bits."""
    value &= 2**64 - 1
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes(groups + bytes([value]))


def number_field(number, value):
    """Return a field of wire type 0."""
    return varint(number << 3) + varint(value)


def bytes_field(number, content):
    """Return a field of wire type 2: bytes, text or another message."""
    content = content.encode() if isinstance(content, str) else bytes(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def shape_message(shape):
    """Return a TensorShapeProto."""
    return b"".join(bytes_field(2, number_field(1, size)) for size in shape)


def tensor_message(array, shape=None, dtype=1, form="content"):
    """Return a TensorProto; form: "content", "packed" or "single" for one field a number."""
    array = numpy.asarray(array, "<f4")
    message = number_field(1, dtype) + bytes_field(2, shape_message(array.shape if shape is None else shape))
    if form == "content":
        return message + bytes_field(4, array.tobytes())
    if form == "packed":
        return message + bytes_field(5, array.tobytes())
    return message + b"".join(varint(5 << 3 | 5) + value.tobytes() for value in array.ravel())


def node(name, operation, attributes=(), inputs=()):
    """Return a node field of a GraphDef; attributes: (key, AttrValue message)."""
    message = bytes_field(1, name) + bytes_field(2, operation)
    message += b"".join(bytes_field(3, source) for source in inputs)
    for key, value in attributes:
        message += bytes_field(5, bytes_field(1, key) + bytes_field(2, value))
    return bytes_field(1, message)


def constant(name, tensor):
    """Return a node of kind Const with its TensorProto."""
    return node(name, "Const", [("dtype", number_field(6, 1)), ("value", bytes_field(8, tensor))])


def graph(tensors):
    """Return a GraphDef with a placeholder, {name: array} as constants, their readers, and a version."""
    nodes = [node("Input", "Placeholder", [("dtype", number_field(6, 1)), ("shape", bytes_field(7, b""))])]
    for name, array in tensors.items():
        nodes += [constant(name, tensor_message(array)), node(f"{name}/read", "Identity", inputs=[name])]
    return b"".join(nodes) + bytes_field(4, number_field(1, 21))


def archive(content, name=GRAPH_NAME, kind="gz", level=1):
    """Return a tar archive like that of 2015: the graph among other files."""
    stream = io.BytesIO()
    settings = {"compresslevel": level} if kind == "gz" else {}
    with tarfile.open(fileobj=stream, mode=f"w:{kind}", **settings) as tar:
        for member, data in (("LICENSE", b"a licence"), (name, content), ("labels.txt", b"n00000001 a thing")):
            information = tarfile.TarInfo(member)
            information.size = len(data)
            tar.addfile(information, io.BytesIO(data))
    return stream.getvalue()
