"""Writes a run's generator with float16 weights, half as large, as the committed ones of the Pegasus.

    python -m benchmarks.half_weights FOLDER_OF_A_RUN reports/runs/NAME

The layers stay in float32: Keras fills their variables from the float16 arrays of the file.
"""

import argparse
import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

from coursework.networks.saving import check_network_file
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import replacing

WEIGHTS = "model.weights.h5"
# Members of a zip file carry a time; equal weights should give equal files.
TIME = (1980, 1, 1, 0, 0, 0)


def halve(source: Path, target: Path) -> None:
    """Write the .keras file `source` to `target` with every float32 array of its weights as float16.

    Raises `UserError` if the file is missing or damaged, or a weight does not fit.
    """
    if not source.is_file():
        raise UserError(f"no weights {source}: train the run, or name the folder where it was trained")
    try:
        check_network_file(source)
        with zipfile.ZipFile(source) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (UserError, zipfile.BadZipFile) as error:
        raise UserError(f"{source} cannot be read: {error}") from error
    members[WEIGHTS] = _halved(members[WEIGHTS])
    with replacing(target) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name, TIME), content)
        check_network_file(temporary)


def _halved(content: bytes) -> bytes:
    stream = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as before, h5py.File(stream, "w") as after:
        after.attrs.update(before.attrs)

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                array = item[()]
                copied = after.create_dataset(name, data=_half(array, name) if array.dtype == np.float32 else array)
            else:
                copied = after.require_group(name)
            copied.attrs.update(item.attrs)

        before.visititems(copy)
    return stream.getvalue()


def _half(array: np.ndarray, name: str) -> np.ndarray:
    if not (np.abs(array) <= np.finfo(np.float16).max).all():
        raise UserError(f"{name} does not fit into float16")
    return array.astype(np.float16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of a trained run")
    parser.add_argument("folder", type=Path, help="folder that the smaller file is written to")
    arguments = parser.parse_args()
    try:
        source = Run.existing(arguments.run).network("generator")
        halve(source, arguments.folder / source.name)
    except UserError as error:
        raise SystemExit(f"half_weights: {error}") from error


if __name__ == "__main__":
    main()
