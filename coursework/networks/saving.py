"""Networks as .keras files: written all or nothing, read without running what a file might hold.

Keras's safe mode refuses code in a Lambda. Configurations have been able to import, call or read things in other ways
(CVE-2025-1550, CVE-2025-8747, CVE-2025-9906): here only layers that do arithmetic, those on the lists below, are built.
"""

import math
import os
import threading
import zipfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import keras

import coursework.networks  # noqa: F401  registers the package's own layers, which loading looks up by name
from coursework.util.errors import UserError
from coursework.util.files import open_regular, parse_json, replacing

MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
LARGEST_CONFIG = 16 * 2**20
# Of one layer, and of one side of a tensor: a number in the configuration could otherwise ask for all memory there is.
LARGEST_WIDTH = 2**16
LARGEST_SIDE = 2**20
WIDTHS = {"units", "filters", "rank", "groups"}
# Numbers in the output of a layer for one image: 256 channels of 256x256 pixels.
LARGEST_OUTPUT = 2**24

LAYERS = (
    *("Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D"),
    *("Conv2DTranspose", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "Flatten", "GaussianDropout"),
    *("GaussianNoise", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "GroupNormalization", "Identity"),
    *("InputLayer", "LayerNormalization", "LeakyReLU", "MaxPooling2D", "Multiply", "PReLU", "ReLU"),
    *("Rescaling", "Reshape", "Softmax", "Subtract", "UpSampling2D", "ZeroPadding2D"),
)
INITIALIZERS = (
    *("Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"),
    *("Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros"),
)
FUNCTIONS = {
    *("elu", "exponential", "gelu", "leaky_relu", "linear", "relu"),
    *("sigmoid", "silu", "softmax", "softplus", "tanh"),
}
ALLOWED = (
    {("keras.layers", name) for name in LAYERS}
    | {("keras.initializers", name) for name in INITIALIZERS}
    | {("keras", "DTypePolicy"), ("keras.src.models.functional", "Functional"), (None, "__keras_tensor__")}
)


def check_network_file(file: Path, own_functions: Collection[str] = ()) -> None:
    """Raise `UserError`, with the reason alone, for a .keras file that no network of this package would make.

    own_functions: names of registered functions of the package's own that a configuration may name.
    """
    with open_regular(file) as stream, zipfile.ZipFile(stream) as archive:
        size = os.fstat(stream.fileno()).st_size
        members = archive.infolist()
        names = [member.filename for member in members]
        other = [name for name in names if name not in MEMBERS]
        if other or set(names) != MEMBERS or len(names) > len(MEMBERS):
            found = f"it holds {other[0][:60]!r}" if other else "a part of it is missing or there twice"
            raise UserError(f"{found}: it is no network of Keras 3")
        # Keras stores its members as they are; what is smaller than it claims to be is no such file.
        if sum(member.file_size for member in members) > size:
            raise UserError("it unpacks to more than it is long")
        if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
            raise UserError(f"its config.json is larger than {LARGEST_CONFIG // 2**20} MB")
        text, room = archive.read("config.json"), archive.getinfo("model.weights.h5").file_size
    config = parse_json(text, "its config.json")
    _check(config, FUNCTIONS | set(own_functions))
    require_room(lambda: [keras.saving.deserialize_keras_object(config, safe_mode=True)], room)


def require_room(build: Callable[[], Iterable[keras.Model]], room: int) -> None:
    """Raise `UserError`, with the reason alone, where the networks that `build()` returns take more than they may.

    They may have as many parameters as their weights have bytes, `room`, and no output of a layer above
    `LARGEST_OUTPUT`. `build` is called so that no variable takes memory. What it raises otherwise is raised here.
    """
    found: list[tuple[int, int]] = []
    errors: list[Exception] = []

    def measure() -> None:
        try:
            with keras.StatelessScope(initialize_variables=False):
                for network in build():
                    found.append((network.count_params(), max(map(_output_size, network.layers), default=0)))
        except Exception as error:
            errors.append(error)

    # Keras initialises what a scope left without values in the next one of the same thread.
    thread = threading.Thread(target=measure)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    parameters = sum(count for count, _ in found)
    if parameters > room:
        raise UserError(f"it would have {parameters:,} parameters, more than its {room:,} bytes of weights can hold")
    largest = max((size for _, size in found), default=0)
    if largest > LARGEST_OUTPUT:
        raise UserError(f"a layer in it would make {largest:,} numbers of one image")


def _output_size(layer: keras.layers.Layer) -> int:
    """Return how many numbers all outputs of a layer hold for one image."""
    outputs = [tensor for node in layer._inbound_nodes for tensor in node.output_tensors]
    return sum(math.prod(side or 1 for side in tensor.shape[1:]) for tensor in outputs)


def _check(content: Any, functions: Collection[str]) -> None:
    """Raise `UserError` for an object, anywhere in the configuration, that is not on the lists."""
    if not isinstance(content, dict) or content.get("class_name") != "Functional":
        raise UserError("its config.json describes no functional model")
    waiting = [content]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, list):
            waiting.extend(entry)
            if any(isinstance(side, int) and side > LARGEST_SIDE for side in entry):
                raise UserError(f"a side of a tensor in it is above {LARGEST_SIDE}")
            continue
        if not isinstance(entry, dict):
            continue
        waiting.extend(entry.values())
        if "class_name" in entry and not _is_known(entry, functions):
            name = f"{entry.get('module')}.{entry['class_name']}"
            raise UserError(f"it would build {name[:80]}, which no network of this package has")
        wide = [name for name in WIDTHS & set(entry) if isinstance(entry[name], int) and entry[name] > LARGEST_WIDTH]
        if wide:
            raise UserError(f"{wide[0]} of a layer in it are above {LARGEST_WIDTH}")


def _is_known(entry: dict[str, Any], functions: Collection[str]) -> bool:
    name, module, registered = (entry.get(key) for key in ("class_name", "module", "registered_name"))
    if not all(isinstance(part, str | None) for part in (name, module, registered)):
        return False
    if name == "function":
        return module == "builtins" and entry.get("config") in functions
    if module is not None and module.startswith("coursework."):
        return registered == f"coursework>{name}"
    return (module, name) in ALLOWED and registered in (None, name)


def save_networks(folder: Path, networks: dict[str, keras.Model]) -> None:
    """Write every network of {name: model} to `folder`/<name>.keras."""
    for name, network in networks.items():
        with replacing(folder / f"{name}.keras") as temporary:
            network.save(temporary)


def load_network(file: Path) -> keras.Model:
    """Return the network in the .keras file; raises `UserError` for a missing, damaged or foreign one.

    A file that brings code of its own, or asks for anything but a network's layers, is refused unbuilt.
    """
    if not file.is_file():
        raise UserError(f"no file {file}")
    try:
        check_network_file(file, _own_functions())
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises a dozen kinds for a damaged file; all mean the same to the user.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise UserError(f"cannot load the network {file}: {reason}") from error


def _own_functions() -> set[str]:
    """Return the names under which the package's functions, such as activations, are registered."""
    registered = keras.saving.get_custom_objects().items()
    return {name for name, found in registered if name.startswith("coursework>") and callable(found)}
