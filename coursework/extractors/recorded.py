"""Trained networks with their records: two files in one folder, <role>.keras and <role>.json.

Judges (`coursework.extractors.judge`) and witnesses (`coursework.pegasus.witness`) are such networks.
"""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import keras
import numpy as np

from coursework.data.dataset import Dataset
from coursework.networks.saving import load_network
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text, replacing, require_plain, sha256, write_text

# The JSON type of each type of field; fields of other types are not recorded.
JSON_TYPES: dict[Any, type] = {str: str, int: int, float: float, tuple[str, ...]: list, dict[str, str]: dict}


@dataclass(frozen=True)
class Recorded:
    """A trained network and what it was trained on; subclasses add what they measure, and their `role`.

    model: uint8-valued images -> {name: float32 (n, ...)}. fingerprint: of the whole data set `dataset`.
    class_fingerprints: {class name: its entry in `class_fingerprints`}. seconds: duration of the training.
    sha256: of the network's file; scores by networks with different files must not be compared.
    """

    model: keras.Model
    dataset: str
    fingerprint: str
    class_names: tuple[str, ...]
    class_fingerprints: dict[str, str]
    width: int
    epochs: int
    seed: int
    seconds: float
    sha256: str

    if TYPE_CHECKING:

        @property
        def role(self) -> str:
            """The name of the network's files."""

    @property
    def training_time(self) -> str:
        """The duration of the training in words: "12 min 03 s"."""
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"{minutes} min {seconds:02d} s"

    def knows(self, dataset: Dataset) -> bool:
        """Return whether it was trained on the training images of every class of `dataset`."""
        return class_fingerprints(dataset).items() <= self.class_fingerprints.items()


Kind = TypeVar("Kind", bound=Recorded)


def already_trained(load: Callable[[], Kind], settings: dict[str, Any]) -> Kind | None:
    """Return what `load` returns if it was trained with `settings`, else None: also where `load` raises `UserError`."""
    try:
        network = load()
    except UserError:
        return None
    return network if all(getattr(network, name) == value for name, value in settings.items()) else None


def class_fingerprints(dataset: Dataset) -> dict[str, str]:
    """Return {class name: hexadecimal SHA-256 of its training images in their order}."""
    fingerprints = {}
    for label, name in enumerate(dataset.class_names):
        images = dataset.train_images[dataset.train_labels == label]
        digest = hashlib.sha256(repr((images.shape, images.dtype.str)).encode())
        digest.update(images.data)
        fingerprints[name] = digest.hexdigest()
    return fingerprints


def extract(
    network: Recorded, images: np.ndarray, batch_size: int = 500, progress: bool = False
) -> dict[str, np.ndarray]:
    """Return every output of a judge or witness for uint8 images (n, h, w, c) as {name: float32 (n, ...)}.

    Raises `UserError` for no images, and for images of another shape than those that it was trained on.
    """
    images = np.asarray(images)
    expected = tuple(network.model.input_shape[1:])
    if images.dtype != np.uint8 or images.shape[1:] != expected or not len(images):
        raise UserError(
            f"the {network.role} of {network.dataset} takes uint8 images (n, {', '.join(map(str, expected))}) "
            f"with n > 0, found {images.dtype} {images.shape}"
        )
    outputs = network.model.predict(images, batch_size=batch_size, verbose=1 if progress and sys.stdout.isatty() else 0)
    return {name: np.asarray(values, dtype=np.float32) for name, values in outputs.items()}


def is_saved(folder: str | Path, role: str) -> bool:
    """Return whether `folder` holds both files of a role."""
    return network_file(folder, role).is_file() and record_file(folder, role).is_file()


def save(network: Kind, folder: str | Path) -> Kind:
    """Write <role>.keras and <role>.json into `folder` and return the network with the SHA-256 of its file.

    The record is written last and holds that SHA-256: `load` detects a pair torn by an interruption.
    """
    require_plain(folder)
    file = network_file(folder, network.role)
    with replacing(file) as temporary:
        network.model.save(temporary)
    network = dataclasses.replace(network, sha256=sha256(file))
    record = {name: getattr(network, name) for name in _record_types(type(network))}
    write_text(record_file(folder, network.role), json.dumps(record, indent=1) + "\n")
    return network


def load(kind: type[Kind], role: str, folder: str | Path, outputs: dict[str, bool]) -> Kind:
    """Return the network of `role` saved in `folder`, of the subclass `kind` of `Recorded`.

    outputs: {name: whether it has one column a class} of the outputs that the network must have. Raises `UserError`
    if either file is missing, damaged or not of this package.
    """
    require_plain(folder)
    record = _read_record(kind, role, record_file(folder, role))
    file = network_file(folder, role)
    if not file.is_file():
        raise UserError(f"no file {file}: train the {role} again with `{training_command(role)}`")
    if sha256(file) != record["sha256"]:
        raise UserError(
            f"{file} is not the network that {record_file(folder, role).name} beside it describes: "
            f"remove both and train the {role} again with `{training_command(role)}`"
        )
    model = load_network(file)
    found, classes = getattr(model, "output", None), len(record["class_names"])
    if (
        not isinstance(found, dict)
        or not set(outputs) <= set(found)
        or any(found[name].shape[-1] != classes for name, by_class in outputs.items() if by_class)
    ):
        raise UserError(f"{file} is not a {role} of {classes} classes")
    return kind(model=model, **{**record, "class_names": tuple(record["class_names"])})


def network_file(folder: str | Path, role: str) -> Path:
    """Return the path of a role's network in `folder`."""
    return Path(folder) / f"{role}.keras"


def record_file(folder: str | Path, role: str) -> Path:
    """Return the path of a role's record in `folder`."""
    return Path(folder) / f"{role}.json"


def training_command(role: str) -> str:
    """Return the command that trains the network of a role."""
    return "python -m coursework judge" + ("" if role == "judge" else f" --role {role}")


def _record_types(kind: type[Recorded]) -> dict[str, type]:
    """Return {name: JSON type} of the fields in a record: every field of `kind` but the model."""
    return {field.name: JSON_TYPES[field.type] for field in dataclasses.fields(kind) if field.type in JSON_TYPES}


def _read_record(kind: type[Recorded], role: str, file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UserError(f"no {role} in {file.parent}: train one with `{training_command(role)}`")
    record = parse_json(read_text(file), file)
    types = _record_types(kind)
    if not isinstance(record, dict) or set(record) != set(types):
        raise UserError(f"{file} is not the record of a {role}: it should hold exactly {', '.join(types)}")
    wrong = [name for name, expected in types.items() if type(record[name]) is not expected]
    if wrong:
        raise UserError(f"{file}: {wrong[0]} should be of type {types[wrong[0]].__name__}")
    return record
