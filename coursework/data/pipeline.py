"""From a data set to training batches, in an order that depends on the seed and the epoch alone."""

from typing import Any

import keras
import numpy as np

# Batches made while a step computes.
AHEAD = 2


def feed(batches: "Batches") -> Any:
    """Return the argument for `fit(..., shuffle=False)` that yields `batches`, whose order `on_epoch_begin` draws.

    Under TensorFlow a `tf.data.Dataset` without autotuning: Keras's own has it, and at the end of every epoch waits for
    the tuner to wake, up to a minute or the length of the epoch. Under other backends `batches` itself.
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
    """Shuffled batches of uint8 images for `fit(feed(...), shuffle=False)`; an incomplete last batch is left out.

    images: uint8 (n, height, width, channels). A batch is uint8 (batch_size, height, width, channels), and with labels,
    (n,), a pair of it and int64 (batch_size,).
    Order and flips of epoch e depend on (seed, e) alone, so that a run resumed at epoch e sees the same batches. The
    `shuffle` of `fit`, on by default, would shuffle the batches again, from Python's global generator.
    first_step: first batch of every epoch, to resume within one.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        seed: int,
        labels: np.ndarray | None = None,
        horizontal_flips: bool = False,
        first_epoch: int = 0,
        first_step: int = 0,
    ) -> None:
        super().__init__()
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.horizontal_flips = horizontal_flips
        self.first_step = first_step
        self._next_epoch = first_epoch
        self._begin(first_epoch)

    def __len__(self) -> int:
        return len(self.images) // self.batch_size - self.first_step

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        index += self.first_step
        chosen = slice(index * self.batch_size, (index + 1) * self.batch_size)
        batch = self.images[self._order[chosen]]
        if self.horizontal_flips:
            flipped = self._flipped[chosen]
            batch[flipped] = batch[flipped, :, ::-1]
        if self.labels is None:
            return (batch,)
        return batch, self.labels[self._order[chosen]]

    def on_epoch_begin(self) -> None:
        """Draw the order of the next epoch, at first that of `first_epoch`.

        Keras and `feed` call it once an epoch; Keras calls `on_epoch_end` before the first epoch too.
        """
        self._begin(self._next_epoch)
        self._next_epoch += 1

    def _begin(self, epoch):
        self.epoch = epoch
        generator = np.random.default_rng((self.seed, epoch))
        self._order = generator.permutation(len(self.images))
        self._flipped = generator.random(len(self.images)) < 0.5
