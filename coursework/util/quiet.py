"""Imports Keras with TensorFlow's start-up chatter kept off the screen."""

import contextlib
import os
import sys
import warnings

from coursework.util.errors import UserError


def silence():
    """Import Keras and its backend, dropping what their libraries print as they start; errors of theirs stay.

    Raises `UserError` where the environment variable KERAS_BACKEND names a backend that cannot be imported.
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
            # The first operation makes the runtime speak once more.
            tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def _without_standard_error():
    """Send file descriptor 2 to nowhere: the libraries write to it, not to `sys.stderr`. Errors still raise."""
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
