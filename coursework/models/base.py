"""What the training algorithms share: scaling of images, optimisers, a moving average, what a run saves and shows."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from coursework.config.models import OptimizerConfig
from coursework.networks.backend import Tensor, no_gradient

PREVIEW_COUNT = 64


class GenerativeModel(keras.Model):
    """A model trained by `fit` on uint8 images (n, height, width, channels) with a `train_step` of its own.

    A subclass passes the names of its losses, builds its optimisers in `compile`, and defines which networks a trained
    run keeps (`networks`) and what a sample grid shows (`preview`).
    """

    # Whether `fit` takes labels (n,) with the images, and networks take classes.
    conditional = False
    # Whether samples come from a Gaussian fitted to the codes of training images, because the model has no prior.
    fits_prior = False

    def __init__(self, loss_names: Sequence[str], seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in loss_names}
        # There is no `call`: the networks are built already, and `fit` need not trace anything to build them.
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The loss trackers, which Keras resets at each epoch."""
        return list(self.trackers.values())

    def track(self, **losses: Tensor) -> dict[str, Tensor]:
        """Add this step's losses and return the epoch's means."""
        for name, value in losses.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """Return {name: optimiser} of every player."""
        raise NotImplementedError

    def networks(self) -> dict[str, keras.Model]:
        """Return {file name without suffix: network} of all that a trained run keeps."""
        raise NotImplementedError

    def preview(self, images: np.ndarray) -> np.ndarray:
        """Return uint8 images for the sample grid, 8 to a row; `images` are fixed uint8 test images."""
        raise NotImplementedError

    def sample(self, count: int, seed: int, training_images: np.ndarray) -> np.ndarray:
        """Return `count` uint8 samples; a model without a prior fits one to the codes of `training_images`."""
        raise NotImplementedError

    def code_statistics(self, training_images: np.ndarray) -> dict[str, np.ndarray] | None:
        """Return what sampling needs besides the networks, {name: array}; None for a model with a prior of its own."""
        return None

    def state_variables(self) -> list[keras.Variable]:
        """Return every variable that resuming needs: weights, averages, optimiser slots and random states."""
        variables = list(self.variables)
        for optimizer in self.optimizers().values():
            variables += optimizer.variables
        unique = {id(variable): variable for variable in variables}
        trackers = {id(variable) for tracker in self.metrics for variable in tracker.variables}
        return [variable for key, variable in unique.items() if key not in trackers]


class MovingAverage:
    """Exponential moving average of a network (Yazici et al. 2019): average = decay average + (1 - decay) weight.

    `network` is a copy of `source` with the averaged weights. BatchNorm statistics are averaged too: averaged weights
    with the last statistics would be another generator. In update t the decay is at most (1 + t) / (10 + t), so that
    the random start is forgotten.
    """

    def __init__(self, source: keras.Model, decay: float) -> None:
        self.source = source
        self.decay = decay
        self.network = keras.models.clone_model(source)
        self.network.set_weights(source.get_weights())

    def update(self, step: Tensor) -> None:
        """Move the average towards the source; `step` counts the updates made so far."""
        step = ops.cast(step, "float32")
        decay = ops.minimum(self.decay, (1.0 + step) / (10.0 + step))
        with no_gradient():
            for average, weight in zip(self.network.weights, self.source.weights, strict=True):
                average.assign_add((1.0 - decay) * (ops.cast(weight, average.dtype) - average))


def build_optimizer(config: OptimizerConfig, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimiser of `config`; `steps` is the number of updates over which a linear decay reaches zero."""
    rate = config.rate
    if config.decay == "linear":
        rate = keras.optimizers.schedules.PolynomialDecay(config.rate, decay_steps=steps, end_learning_rate=0.0)
    if config.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.beta_1)
    return keras.optimizers.Adam(rate, beta_1=config.beta_1, beta_2=config.beta_2, epsilon=config.epsilon)


def images_of(data: Any) -> Tensor:
    """Return the images of what `fit` passes to `train_step`."""
    images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    return images


def spread(images: np.ndarray, count: int) -> np.ndarray:
    """Return `count` images at even distances: a data set may be sorted by class, its first images are of one kind.

    Fewer than `count` are repeated.
    """
    return images[np.linspace(0, len(images) - 1, count).round().astype(int)]


def to_unit_range(images: Tensor) -> Tensor:
    """Map uint8 values to float32 in [-1, 1]."""
    return ops.cast(images, "float32") / 127.5 - 1.0


def to_uint8(images: Tensor) -> np.ndarray:
    """Map an array in [-1, 1] to uint8, rounding to nearest; values outside are clipped."""
    images = np.asarray(ops.convert_to_numpy(images), dtype=np.float32)
    return np.clip(np.rint((images + 1.0) * 127.5), 0, 255).astype(np.uint8)
