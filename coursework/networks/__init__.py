"""Networks by name: functions of (settings, image shape, seed) that return {role: functional keras.Model}.

Those in `CONDITIONAL` also take the number of classes, for networks that have classes as a further input.
"""

from collections.abc import Callable

import keras

from coursework.networks import autoencoder, dcgan, mlp, resnet, vector_autoencoder

NETWORKS: dict[str, Callable[..., dict[str, keras.Model]]] = {
    "dcgan": dcgan.build,
    "resnet": resnet.build,
    "autoencoder": autoencoder.build,
    "gaussian_autoencoder": autoencoder.build_gaussian,
    "quantized_autoencoder": autoencoder.build_quantized,
    "vector_autoencoder": vector_autoencoder.build,
    "mlp": mlp.build,
}

CONDITIONAL = ("dcgan", "resnet")
