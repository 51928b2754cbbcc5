"""The start of a command: what the package relies on is set, whatever the environment says; Keras starts quietly."""

import codecs
import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Iterator

from coursework.util.errors import UserError

# What stands for signs of the package's own where an encoding lacks them.
SIGNS = {"↓": "v", "↑": "^", "→": "->", "±": "+-", "×": "x", "−": "-", "–": "-", "…": "...", "━": "=", "é": "e"}


def pin_environment() -> None:
    """Let output be printed in any encoding, and figures be drawn without a display or a notebook.

    For the start of a command; a program that imports the package keeps its own streams and backend.
    """
    codecs.register_error("coursework", _in_other_signs)
    for stream in (sys.stdout, sys.stderr):
        # What replaces a stream, in a notebook for example, may have no encoding.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="coursework")
    # A notebook's kernel names a backend that may be missing outside it, where even the import of matplotlib fails.
    os.environ["MPLBACKEND"] = "agg"


def _in_other_signs(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that cannot be encoded: `SIGNS`, else an escape as in JSON and Python."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = [
        SIGNS.get(letter) or "".join(f"\\u{unit:04x}" for unit in _units(letter))
        for letter in error.object[error.start : error.end]
    ]
    return "".join(found), error.end


def _units(letter: str) -> list[int]:
    """Return the one or two 16-bit units of a character in UTF-16."""
    content = letter.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(content[index : index + 2], "big") for index in range(0, len(content), 2)]


def silence() -> None:
    """Import Keras and its backend without what their libraries print at the start; errors are still raised.

    Raises `UserError` if Keras or its backend cannot be imported; it names the library that failed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    with _without_standard_error():
        try:
            import keras
        except Exception as error:  # Libraries that Keras imports raise errors of any kind.
            raise UserError(_not_started(error)) from error

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.get_logger().setLevel("ERROR")
            # The first operation prints messages too.
            tensorflow.config.list_physical_devices()


def _not_started(error: Exception) -> str:
    """Return the line on an import of Keras that failed: which library raised the error, and what to do."""
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    reason = f"{type(error).__name__}: {error}"
    backends = 'to tensorflow, or to torch after pip install -e ".[torch]"'
    if backend not in ("tensorflow", "torch"):
        return f"KERAS_BACKEND is {backend}: set it {backends}"
    # The modules of the calls up to the error, without those of the import system.
    modules = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    libraries = [name.partition(".")[0] for name in modules if not name.startswith(("importlib", "coursework"))]
    blamed = libraries[-1] if libraries else "keras"
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0]
        return f"cannot start Keras: {missing} is not installed: install it, or set KERAS_BACKEND {backends}"
    return (
        f"cannot start Keras: {blamed} raised {reason}: repair or reinstall {blamed} "
        f"(`python -m pip install --force-reinstall {blamed}`); `python -m coursework doctor` shows the environment"
    )


@contextlib.contextmanager
def _without_standard_error() -> Iterator[None]:
    """Redirect file descriptor 2 to the null device: the libraries write to it, not to `sys.stderr`."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
