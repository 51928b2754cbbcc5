"""From a data set to training batches, in an order that depends on the seed and the epoch alone."""

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    """Shuffled batches of uint8 images for `fit(..., shuffle=False)`; the rest that fills no batch is left out.

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

        Keras calls this once an epoch, but `on_epoch_end` once before the first as well.
        """
        self._begin(self._next_epoch)
        self._next_epoch += 1

    def _begin(self, epoch):
        self.epoch = epoch
        generator = np.random.default_rng((self.seed, epoch))
        self._order = generator.permutation(len(self.images))
        self._flipped = generator.random(len(self.images)) < 0.5
