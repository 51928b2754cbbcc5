"""Arrays from untrusted .npz files: nothing is unpickled, and the unpacked size is limited."""

import math
import os
import zipfile

import numpy as np

from coursework.util.errors import UserError
from coursework.util.files import open_regular

# Bytes that a compressed file may unpack to at most: 50,000 images of 128x128 pixels in colour, or as floats of 64x64.
LARGEST = 4 * 2**30
LARGEST_MEMBERS = 100_000
# Of one side of an array without elements, whose sides no data limit: rows of it can be asked for one by one.
LARGEST_EMPTY_SIDE = 2**16


def read_npz(path: str | os.PathLike[str], largest: int | None = None) -> dict[str, np.ndarray]:
    """Return {name: array} of the .npz file at `path`.

    largest: limit of the unpacked size in bytes; by default the size of the file, which suits `numpy.savez` but no
    compressed file. Raises `UserError` with only the reason: the caller names the file.
    """
    try:
        with open_regular(path) as file:
            with zipfile.ZipFile(file) as archive:
                _check(archive, os.fstat(file.fileno()).st_size if largest is None else largest)
            file.seek(0)
            with np.load(file, allow_pickle=False) as content:
                arrays = {name: content[name] for name in content.files}
    except UserError:
        raise
    except Exception as error:  # Damaged archives raise a dozen kinds of errors.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(" ".join(reason.split())[:160]) from error
    # NumPy returns bytes for a member that is no array.
    other = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if other:
        raise UserError(f"{other[0][:60]!r} in it is no array")
    return arrays


def _check(archive: zipfile.ZipFile, largest: int) -> None:
    """Raise `UserError` if the headers announce more data than there is, or more than `largest` bytes."""
    members = archive.infolist()
    if len(members) > LARGEST_MEMBERS or sum(member.file_size for member in members) > largest:
        raise UserError("it unpacks to more than it may")
    for member in members:
        if not member.filename.endswith(".npy"):
            continue
        with archive.open(member) as stream:
            version = np.lib.format.read_magic(stream)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(stream)
        if dtype.hasobject:
            raise UserError("it holds objects, which would have to be unpickled")
        if not math.prod(shape) * dtype.itemsize and max(shape, default=0) > LARGEST_EMPTY_SIDE:
            raise UserError(f"an array in it has no elements and the shape {shape}")
        if math.prod(shape) * dtype.itemsize > member.file_size:
            raise UserError("it ends in the middle of an array")
