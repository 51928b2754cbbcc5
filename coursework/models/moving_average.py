"""Exponential moving average of a whole network (Yazici et al. 2019)."""

import keras
from keras import ops

from coursework.networks.backend import no_gradient


class MovingAverage:
    """Keeps `network`, a copy of `source` whose weights follow it: average = decay average + (1 - decay) weight.

    BatchNorm statistics are averaged with the weights: an averaged generator with the statistics of the last one
    is no generator of its own. In update t the decay is at most (1 + t) / (10 + t), so the random start is forgotten.
    """

    def __init__(self, source, decay):
        self.source = source
        self.decay = decay
        self.network = keras.models.clone_model(source)
        self.network.set_weights(source.get_weights())

    def update(self, step):
        """Move the average towards the source; `step` counts the updates made so far."""
        step = ops.cast(step, "float32")
        decay = ops.minimum(self.decay, (1.0 + step) / (10.0 + step))
        with no_gradient():
            for average, weight in zip(self.network.weights, self.source.weights, strict=True):
                average.assign_add((1.0 - decay) * (ops.cast(weight, average.dtype) - average))
