"""The networks of witnesses: local evidence of every class, pooled, and evidence that an image is one picture."""

import keras
import numpy as np
from keras import layers, ops

from coursework.extractors.judge import convolution, residual_maps
from coursework.networks.blocks import Seeds

# Log-odds before any evidence: some classes of many are there, and every second training image is one picture.
PRIOR = -1.5
# Layers that a dense block adds.
DEPTH = 3


@keras.saving.register_keras_serializable(package="coursework")
class LogMeanExpPooling(layers.Layer):
    """log of the mean over all places of exp: (n, h, w, c) -> (n, c), between the mean and the maximum.

    Pinheiro and Collobert 2015, equation 6 with r = 1: wherever a class is seen, it counts, and the places that see it
    best get the most of the gradient.
    """

    def call(self, inputs):
        """Return the pooled values."""
        places = inputs.shape[1] * inputs.shape[2]
        return ops.logsumexp(inputs, axis=(1, 2)) - float(np.log(places))

    def compute_output_shape(self, input_shape):
        """Return (n, c)."""
        return (input_shape[0], input_shape[3])


def build_witness(image_shape, class_count, width=24, seed=0, precision="float32", calibration=None):
    """Return the untrained witness: uint8-valued images (n, h, w, c) -> {"features", "presence", "unity"}.

    features: (n, 8 * width). presence: log-odds (n, class_count) that something of a class is there. unity: log-odds
    (n,) that the image is one picture. All are float32 and differentiable by the images.

    Layers up to the features are those of the judge (`residual_maps`). Presence is pooled from a map of local evidence,
    so that wings count which cover a small part of the image. Unity sees the maps of every size, because seams and
    double exposures are small things and two subjects are large ones.

    precision: policy of the convolutions. calibration: `Calibration`, by default none.
    """
    seeds = Seeds(seed)
    inputs = keras.Input(image_shape, name="images")
    maps = residual_maps(inputs, width, seeds, keras.DTypePolicy(precision))
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(maps[-1])
    local = layers.Conv2D(
        class_count,
        1,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seeds.next()),
        bias_initializer=keras.initializers.Constant(PRIOR),
        dtype="float32",
        name="presence_map",
    )(maps[-1])
    presence = LogMeanExpPooling(dtype="float32", name="presence_pooling")(local)
    return _with_heads("witness", inputs, features, presence, _all_sizes(maps), seeds, calibration)


def build_second(image_shape, class_count, width=24, seed=1, precision="float32", calibration=None):
    """Return the untrained second witness, which shares nothing with the first but what it takes and tells.

    A densely connected network (Huang et al. 2017): three blocks of three convolutions, each of which adds `width`
    channels (more in later blocks) to what it read, with average pooling between them. Presence follows from means and
    maxima of the last map. features: its means.
    """
    seeds, policy = Seeds(seed), keras.DTypePolicy(precision)
    inputs = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 64, offset=-127.5 / 64, dtype=policy, name="rescale")(inputs)
    x = convolution(x, 2 * width, 5, 2, "stem", policy, seeds)
    maps = []
    for block, growth in enumerate((width, 3 * width // 2, 2 * width), start=1):
        if block > 1:
            x = convolution(x, x.shape[-1] // 2, 1, 1, f"transition_{block}", policy, seeds)
            x = layers.AveragePooling2D(2, dtype=policy, name=f"pool_{block}")(x)
        for layer in range(1, DEPTH + 1):
            name = f"block_{block}_{layer}"
            grown = convolution(x, growth, 3, 1, name, policy, seeds)
            x = layers.Concatenate(dtype=policy, name=f"{name}_concatenate")([x, grown])
        maps.append(x)
    features = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    largest = layers.GlobalMaxPooling2D(dtype="float32", name="largest")(x)
    seen = layers.Concatenate(dtype="float32", name="presence_seen")([features, largest])
    presence = _dense(class_count, "presence_evidence", seeds, PRIOR)(seen)
    return _with_heads("second", inputs, features, presence, _all_sizes(maps), seeds, calibration)


NETWORKS = {"witness": build_witness, "second": build_second}


def _with_heads(name, inputs, features, presence, seen, seeds, calibration):
    """Return the model with calibrated outputs; `seen` is what unity follows from."""
    unity = _dense(1, "unity_evidence", seeds, 0.0)(seen)
    if calibration is not None:
        presence = layers.Rescaling(*calibration.of("presence"), dtype="float32", name="presence")(presence)
        unity = layers.Rescaling(*calibration.of("unity"), dtype="float32", name="unity")(unity)
    unity = layers.Reshape((), dtype="float32", name="unity_flat")(unity)
    return keras.Model(inputs, {"features": features, "presence": presence, "unity": unity}, name=name)


def _all_sizes(maps):
    """Return means and maxima of every map, (n, channels of all)."""
    pooled = []
    for index, values in enumerate(maps, start=1):
        pooled.append(layers.GlobalAveragePooling2D(dtype="float32", name=f"mean_{index}")(values))
        pooled.append(layers.GlobalMaxPooling2D(dtype="float32", name=f"maximum_{index}")(values))
    return layers.Concatenate(dtype="float32", name="all_sizes")(pooled)


def _dense(units, name, seeds, bias):
    return layers.Dense(
        units,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seeds.next()),
        bias_initializer=keras.initializers.Constant(bias),
        dtype="float32",
        name=name,
    )
