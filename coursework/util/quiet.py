"""Imports Keras without the start-up messages of its backend."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator

from coursework.util.errors import UserError


def silence() -> None:
    """Import Keras and its backend without what their libraries print at the start; errors are still raised.

    Raises `UserError` if the environment variable KERAS_BACKEND names a backend that cannot be imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    with _without_standard_error():
        try:
            import keras
        except (ImportError, ValueError) as error:
            backend = os.environ.get("KERAS_BACKEND", "tensorflow")
            raise UserError(
                f"cannot start Keras with the backend {backend} ({error}): install it, or set KERAS_BACKEND to "
                'tensorflow, or to torch after pip install -e ".[torch]"'
            ) from error

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.get_logger().setLevel("ERROR")
            # The first operation prints messages too.
            tensorflow.config.list_physical_devices()


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
