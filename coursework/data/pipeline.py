"""From a data set to training batches, in an order that depends on the seed and the epoch alone."""

import keras
import numpy as np

# Batches made while a step computes.
AHEAD = 2


def feed(batches):
    """Return what `fit(..., shuffle=False)` should be given for a `PyDataset` that has its order from `on_epoch_begin`.

    Under TensorFlow it is a `tf.data.Dataset` of the same batches that tunes nothing. Keras itself makes one that
    does, and such a one is let go of, at the end of every epoch, only when its tuner next wakes: after as long again
    as the epoch took at worst, or a minute. Elsewhere it is the argument.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow

    def epoch():
        batches.on_epoch_begin()
        for index in range(len(batches)):
            yield batches[index]

    def signature(array):
        return tensorflow.TensorSpec(array.shape, array.dtype)

    options = tensorflow.data.Options()
    options.autotune.enabled = False
    dataset = tensorflow.data.Dataset.from_generator(
        epoch, output_signature=keras.tree.map_structure(signature, batches[0])
    )
    counted = dataset.apply(tensorflow.data.experimental.assert_cardinality(len(batches)))
    return counted.prefetch(AHEAD).with_options(options)


class Batches(keras.utils.PyDataset):
    """Shuffled batches of uint8 images for `fit(feed(...), shuffle=False)`; the rest that fills no batch is left out.

    images: uint8 (n, height, width, channels). A batch is uint8 (batch_size, height, width, channels), with
    labels=(n,) given a pair of it and int64 (batch_size,).
    Order and flips of epoch e follow from (seed, e), so a run resumed at epoch e sees what it would have seen; the
    `shuffle` of `fit`, on by default, would draw the order of the batches once more, from Python's global generator.
    first_step: leaves out the batches before it, in every epoch: what is left of one that was begun before.
    """

    def __init__(self, images, batch_size, seed, labels=None, horizontal_flips=False, first_epoch=0, first_step=0):
        super().__init__()
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.horizontal_flips = horizontal_flips
        self.first_step = first_step
        self._next_epoch = first_epoch
        self._begin(first_epoch)

    def __len__(self):
        return len(self.images) // self.batch_size - self.first_step

    def __getitem__(self, index):
        index += self.first_step
        chosen = slice(index * self.batch_size, (index + 1) * self.batch_size)
        batch = self.images[self._order[chosen]]
        if self.horizontal_flips:
            flipped = self._flipped[chosen]
            batch[flipped] = batch[flipped, :, ::-1]
        if self.labels is None:
            return (batch,)
        return batch, self.labels[self._order[chosen]]

    def on_epoch_begin(self):
        """Draw the next epoch's order, `first_epoch`'s at first.

        Keras and `feed` call this once an epoch, but Keras calls `on_epoch_end` once before the first as well.
        """
        self._begin(self._next_epoch)
        self._next_epoch += 1

    def _begin(self, epoch):
        self.epoch = epoch
        generator = np.random.default_rng((self.seed, epoch))
        self._order = generator.permutation(len(self.images))
        self._flipped = generator.random(len(self.images)) < 0.5
