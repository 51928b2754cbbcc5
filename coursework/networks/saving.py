"""Networks as .keras files: written all or nothing, read without running what a file might hold."""

import keras

import coursework.networks  # noqa: F401  registers the package's own layers, which loading looks up by name
from coursework.networks.network_files import check_network_file
from coursework.util.errors import UserError
from coursework.util.files import replacing


def save_networks(folder, networks):
    """Write every network of {name: model} to `folder`/<name>.keras."""
    for name, network in networks.items():
        with replacing(folder / f"{name}.keras") as temporary:
            network.save(temporary)


def load_network(file):
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


def _own_functions():
    """Return the names under which the package's functions, such as activations, are registered."""
    registered = keras.saving.get_custom_objects().items()
    return {name for name, found in registered if name.startswith("coursework>") and callable(found)}
