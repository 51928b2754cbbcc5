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

from coursework.data import DATASETS, Dataset
from coursework.networks.saving import load_network
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_json, read_text, replacing, require_plain, sha256, write_text

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


def already_trained(
    load: Callable[[], Kind], settings: dict[str, Any], dataset: Dataset, replace: bool = False
) -> Kind | None:
    """Return what `load` returns if it was trained with `settings`, else None: also where `load` raises `UserError`.

    Raises `UserError` for a network with other settings, on which scores may rest, unless `replace` is true.
    """
    try:
        network = load()
    except UserError:
        return None
    different = [name for name, value in settings.items() if getattr(network, name) != value]
    if not different:
        return network
    if not replace:
        name = different[0]
        raise UserError(
            f"there is another {network.role} of {network.dataset} ({name} is {getattr(network, name)}, not "
            f"{settings[name]}), and scores may rest on it; to train it anew: "
            f"`{training_command(network.role, dataset.argument)} --replace`, with the same options"
        )
    return None


def home_folder(folder: Path, dataset: Dataset) -> Path:
    """Return the folder in `folder` for the networks of a data set: of its name, unless other data have that.

    The one whose records hold the data set's fingerprint; else <name>; where that is taken,
    <name>-<first digits of the fingerprint>.
    """
    for place in _folders(folder, dataset):
        if any(_peek(file).get("fingerprint") == dataset.fingerprint for file in sorted(place.glob("*.json"))):
            return place
    named = folder / dataset.name
    return folder / f"{dataset.name}-{dataset.fingerprint[:8]}" if any(named.glob("*.json")) else named


def find_folder(folder: Path, role: str, dataset: Dataset) -> Path | None:
    """Return the folder in `folder` with the network of a role that knows all classes of a data set, else None.

    That of the whole data set comes before those of others with the same classes. Raises `UserError` for a damaged
    record in a folder with the data set's name.
    """
    found = [place for place in _folders(folder, dataset) if is_saved(place, role)]
    if folder / dataset.name in found:
        file = record_file(folder / dataset.name, role)
        parse_json(read_text(file), file)
    records = {place: _peek(record_file(place, role)) for place in found}
    for place in found:
        if records[place].get("fingerprint") == dataset.fingerprint:
            return place
    wanted = class_fingerprints(dataset).items() if found else ()
    for place in found:
        known = records[place].get("class_fingerprints")
        if isinstance(known, dict) and all(known.get(name) == value for name, value in wanted):
            return place
    return None


def _folders(folder: Path, dataset: Dataset) -> list[Path]:
    """Return the folders in `folder`, that with the data set's name first."""
    return sorted(folder.glob("*/"), key=lambda place: (place.name != dataset.name, place.name))


def _peek(file: Path) -> dict[str, Any]:
    """Return the record in a file, empty for one that cannot be read."""
    try:
        return read_json(file, dict)
    except UserError:
        return {}


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
        raise UserError(f"no file {file}: train the {role} again{_by_command(role, record)}")
    if sha256(file) != record["sha256"]:
        raise UserError(
            f"{file} is not the network that {record_file(folder, role).name} beside it describes: "
            f"remove both and train the {role} again{_by_command(role, record)}"
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


def training_command(role: str, dataset: str | None = None) -> str:
    """Return the command that trains the network of a role; dataset: as a command line names it, None for CIFAR-10."""
    options = ("" if role == "judge" else f" --role {role}") + (f" --dataset {dataset}" if dataset else "")
    return f"python -m coursework judge{options}"


def _by_command(role: str, record: dict[str, Any]) -> str:
    """Return how to train the network of a record again: a record does not say where a folder of images is."""
    return f" with `{training_command(role, record['dataset'])}`" if record["dataset"] in DATASETS else ""


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
