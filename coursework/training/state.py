"""A model's whole training state as checked files: what resuming reads, nothing is unpickled."""

import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from keras import ops

from coursework.models.base import GenerativeModel
from coursework.training.run import Report
from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import sha256, write_bytes

# The last one, and the one before for the case that the last is damaged.
KEPT = 2
NAME = re.compile(r"state-(\d{1,9})\.(\d{1,9})-([0-9a-f]{64})\.npz")


@dataclass(frozen=True, order=True)
class Position:
    """How far training has come: whole epochs, and steps of the epoch after them."""

    epoch: int = 0
    step: int = 0

    def __str__(self):
        if not self.step:
            return f"epoch {self.epoch}"
        return f"step {self.step} of epoch {self.epoch + 1}"


START = Position()


def save_state(folder: Path, model: GenerativeModel, position: Position) -> None:
    """Write state-<epoch>.<step>-<SHA-256>.npz: every variable of `model.state_variables()`, and its loss trackers.

    One file that carries its own checksum, so that there is never half of a state. The one before it is kept too.
    """
    content = io.BytesIO()
    np.savez(content, **{key: _array(variable) for key, variable in _variables(model).items()})
    digest = hashlib.sha256(content.getbuffer()).hexdigest()
    file = folder / f"state-{position.epoch}.{position.step}-{digest}.npz"
    write_bytes(file, content.getbuffer())
    others = [(other, path) for other, path in states(folder) if path != file]
    # A state that claims to be further on was damaged, or training would have resumed from it.
    before = [path for other, path in others if other < position][: KEPT - 1]
    for _, path in others:
        if path not in before:
            path.unlink(missing_ok=True)


def states(folder: Path) -> list[tuple[Position, Path]]:
    """Return [(`Position`, file)] of the states in `folder`, the furthest first, undamaged or not."""
    found = []
    for file in folder.glob("state-*.npz"):
        match = NAME.fullmatch(file.name)
        if match:
            found.append((Position(int(match[1]), int(match[2])), file))
    return sorted(found, reverse=True)


def has_state(folder: Path) -> bool:
    """Return whether `folder` holds a state to resume from."""
    return bool(states(folder))


def load_state(folder: Path, model: GenerativeModel, report: Report = print) -> Position:
    """Set every variable of `model` from the furthest undamaged state in `folder` and return its `Position`.

    Raises `UserError` where all are damaged, and for a state of another model.
    """
    position, _, arrays = read_state(folder, report)
    assign_state(folder, model, arrays)
    return position


def read_state(folder: Path, report: Report = print) -> tuple[Position, str, dict[str, np.ndarray]]:
    """Return the furthest undamaged state in `folder`: its `Position`, its SHA-256, and {key: array}.

    report: called with one line where a damaged state is passed over. Raises `UserError` where all are damaged.
    """
    reasons = []
    for position, file in states(folder):
        try:
            arrays = _read(file)
        except UserError as error:
            reasons.append(f"{file.name[:24]}… is damaged ({error})")
            continue
        if reasons:
            report(f"{folder}: {'; '.join(reasons)}: using the state before, after {position}")
        return position, _sha256_in(file), arrays
    raise UserError(f"cannot resume from {folder}: {'; '.join(reasons)}; remove that folder to start again")


def _sha256_in(file):
    """Return the checksum that the name of a state holds."""
    return file.stem.rsplit("-", 1)[1]


def _read(file):
    try:
        if sha256(file) != _sha256_in(file):
            raise UserError("its checksum does not match")
    except OSError as error:
        raise UserError(error.strerror or error) from error
    return read_npz(file)


def assign_state(folder: Path, model: GenerativeModel, arrays: dict[str, np.ndarray]) -> None:
    """Set every variable of `model` from {key: array}; raises `UserError` for the state of another model."""
    variables = _variables(model)
    different = set(variables) ^ set(arrays) or {
        key for key, variable in variables.items() if tuple(variable.shape) != arrays[key].shape
    }
    if different:
        raise UserError(f"cannot resume from {folder}: it is the state of another model ({min(different)} differs)")
    for key, variable in variables.items():
        variable.assign(arrays[key])


def _variables(model):
    """Return {key: variable}: a place and the variable's path without the counters that Keras adds in a process."""
    variables = [*model.state_variables(), *(variable for tracker in model.metrics for variable in tracker.variables)]
    return {f"{index:04d}.{variable.path.rsplit('/', 1)[-1]}": variable for index, variable in enumerate(variables)}


def _array(variable):
    array = ops.convert_to_numpy(variable.value)
    # NumPy cannot store bfloat16 without pickling; float32 holds every bfloat16 value.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
