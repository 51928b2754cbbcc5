"""Networks by name: functions of (settings, image shape, seed) that return {role: functional keras.Model}."""

from coursework.networks import autoencoder, dcgan, resnet, vector_autoencoder

NETWORKS = {
    "dcgan": dcgan.build,
    "resnet": resnet.build,
    "autoencoder": autoencoder.build,
    "vector_autoencoder": vector_autoencoder.build,
}
