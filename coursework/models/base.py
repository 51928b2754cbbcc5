"""What the training algorithms share: scaling of images, loss trackers, what a run saves and shows."""

import keras
import numpy as np
from keras import ops

PREVIEW_COUNT = 64


class GenerativeModel(keras.Model):
    """A model trained by `fit` on uint8 images (n, height, width, channels) with a `train_step` of its own.

    A subclass passes the names of its losses, builds its optimisers in `compile`, and says which networks a trained
    run keeps (`networks`) and what a sample grid shows (`preview`).
    """

    # Whether `fit` takes labels (n,) beside the images, and networks take classes.
    conditional = False
    # Whether samples come from a Gaussian fitted to the codes of training images, for want of a prior.
    fits_prior = False

    def __init__(self, loss_names, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in loss_names}
        # There is no `call`: the networks are built already, and `fit` need not trace anything to build them.
        self.built = True

    @property
    def metrics(self):
        """The loss trackers, which Keras resets at each epoch."""
        return list(self.trackers.values())

    def track(self, **losses):
        """Add this step's losses and return the epoch's means."""
        for name, value in losses.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def optimizers(self):
        """Return {name: optimiser} of every player."""
        raise NotImplementedError

    def networks(self):
        """Return {file name without suffix: network} of all that a trained run keeps."""
        raise NotImplementedError

    def preview(self, images):
        """Return uint8 images for the sample grid, 8 to a row; `images` are fixed uint8 test images."""
        raise NotImplementedError

    def sample(self, count, seed, training_images):
        """Return `count` uint8 samples; a model without a prior fits one to the codes of `training_images`."""
        raise NotImplementedError

    def code_statistics(self, training_images):
        """Return what sampling needs besides the networks, {name: array}; None for a model with a prior of its own."""
        return None

    def state_variables(self):
        """Return every variable that resuming needs: weights, averages, optimiser slots and random states."""
        variables = list(self.variables)
        for optimizer in self.optimizers().values():
            variables += optimizer.variables
        unique = {id(variable): variable for variable in variables}
        trackers = {id(variable) for tracker in self.metrics for variable in tracker.variables}
        return [variable for key, variable in unique.items() if key not in trackers]


def images_of(data):
    """Return the images of what `fit` hands to `train_step`."""
    images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
    return images


def spread(images, count):
    """Return `count` images at even distances: a data set may be sorted by class, its first images are of one kind.

    Fewer than `count` are repeated.
    """
    return images[np.linspace(0, len(images) - 1, count).round().astype(int)]


def to_unit_range(images):
    """Map uint8 values to float32 in [-1, 1]."""
    return ops.cast(images, "float32") / 127.5 - 1.0


def to_uint8(images):
    """Map an array in [-1, 1] to uint8, rounding to nearest; values outside are clipped."""
    images = np.asarray(ops.convert_to_numpy(images), dtype=np.float32)
    return np.clip(np.rint((images + 1.0) * 127.5), 0, 255).astype(np.uint8)
