"""A model's whole training state as one checked file: what resuming reads, nothing is unpickled."""

import json
import zipfile

import numpy as np
from keras import ops

from coursework.errors import UserError
from coursework.files import replacing, sha256, write_text


def save_state(folder, model, epoch):
    """Write state-<epoch>.npz (every variable of `model.state_variables()`) and state.json (epoch, file, SHA-256).

    The pair is consistent at every moment: state.json names its array file and is replaced last.
    """
    file = folder / f"state-{epoch}.npz"
    arrays = {_key(index, variable): _array(variable) for index, variable in enumerate(model.state_variables())}
    with replacing(file) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, **arrays)
    record = {"epoch": epoch, "file": file.name, "sha256": sha256(file)}
    write_text(folder / "state.json", json.dumps(record, indent=1) + "\n")
    for old in folder.glob("state-*.npz"):
        if old != file:
            old.unlink(missing_ok=True)


def has_state(folder):
    """Tell whether `folder` holds a state to resume from."""
    return (folder / "state.json").is_file()


def load_state(folder, model):
    """Set every variable of `model` from `folder` and return the epoch after which it was saved.

    Raises `UserError` for a damaged file and for a state of another model.
    """
    try:
        record = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        epoch = int(record["epoch"])
        file = folder / record["file"]
        if file.parent != folder or sha256(file) != record["sha256"]:
            raise ValueError("its checksum does not match")
        with np.load(file, allow_pickle=False) as content:
            arrays = {key: content[key] for key in content.files}
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"cannot resume from {folder}: {error}; remove that folder to start again") from error
    variables = {_key(index, variable): variable for index, variable in enumerate(model.state_variables())}
    different = set(variables) ^ set(arrays) or {
        key for key, variable in variables.items() if tuple(variable.shape) != arrays[key].shape
    }
    if different:
        raise UserError(f"cannot resume from {folder}: it is the state of another model ({min(different)} differs)")
    for key, variable in variables.items():
        variable.assign(arrays[key])
    return epoch


def _key(index, variable):
    """Name a variable by its place and its path without the counters that Keras adds in a process."""
    return f"{index:04d}.{variable.path.rsplit('/', 1)[-1]}"


def _array(variable):
    array = ops.convert_to_numpy(variable.value)
    # NumPy cannot store bfloat16 without pickling; float32 holds every bfloat16 value.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
