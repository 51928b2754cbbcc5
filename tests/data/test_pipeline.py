"""Batches: their order depends on seed and epoch alone, in `fit` too, and flips are exact."""

import random

import keras
import numpy
import pytest

from coursework.data.pipeline import Batches, feed

pytestmark = pytest.mark.backend


def numbered(count, width=4):
    """Return images that hold their index in the first row and the column in the second."""
    images = numpy.zeros((count, 2, width, 3), numpy.uint8)
    images[:, 0] = numpy.arange(count)[:, None, None]
    images[:, 1] = numpy.arange(width)[None, :, None]
    return images


def indices(batches):
    """Return the indices of the images of the current epoch, batch by batch."""
    return [batch[:, 0, 0, 0].tolist() for (batch,) in (batches[index] for index in range(len(batches)))]


def test_each_image_comes_once_an_epoch():
    batches = Batches(numbered(20), 5, seed=3)
    seen = []
    for _ in range(3):
        batches.on_epoch_begin()
        parts = indices(batches)
        assert [len(part) for part in parts] == [5, 5, 5, 5]
        assert sorted(sum(parts, [])) == list(range(20))
        seen.append(tuple(sum(parts, [])))
    assert len(set(seen)) == 3 and tuple(range(20)) not in seen


def test_the_images_left_out_change_from_epoch_to_epoch():
    batches = Batches(numbered(10), 4, seed=0)
    assert len(batches) == 2
    left_out = []
    for _ in range(20):
        batches.on_epoch_begin()
        left_out.append(frozenset(range(10)) - set(sum(indices(batches), [])))
    assert {len(rest) for rest in left_out} == {2}
    assert frozenset().union(*left_out) == set(range(10))


def test_the_order_depends_on_seed_and_epoch_alone():
    batches = Batches(numbered(20), 5, seed=3, horizontal_flips=True)
    for epoch in range(4):
        batches.on_epoch_begin()
        numpy.random.seed(epoch)
        random.seed(epoch)
        resumed = Batches(numbered(20), 5, seed=3, horizontal_flips=True, first_epoch=epoch)
        # Asked for in any order, any number of times.
        for index in (2, 0, 2, 3, 1):
            assert numpy.array_equal(batches[index][0], resumed[index][0])
    assert indices(Batches(numbered(20), 5, seed=4)) != indices(Batches(numbered(20), 5, seed=3))


def test_flips_are_exact_and_take_half():
    images = numbered(2000, width=5)
    kept = images.copy()
    (batch,) = Batches(images, 2000, seed=0, horizontal_flips=True)[0]
    flipped = batch[:, 1, 0, 0] == 4
    assert flipped.mean() == pytest.approx(0.5, abs=4 * 0.5 / 2000**0.5)
    order = Batches(images, 2000, seed=0)[0][0]
    assert numpy.array_equal(batch[flipped], order[flipped][:, :, ::-1])
    assert numpy.array_equal(batch[~flipped], order[~flipped])
    assert batch.dtype == numpy.uint8 and numpy.array_equal(images, kept)


def test_labels_stay_with_their_images():
    labels = numpy.arange(20) * 7
    batches = Batches(numbered(20), 5, seed=1, labels=labels, horizontal_flips=True)
    for index in range(4):
        images, chosen = batches[index]
        assert (chosen == images[:, 0, 0, 0].astype(int) * 7).all()


class Recorder(keras.Model):
    """A model that learns nothing and keeps the indices of the images that it is given."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.built = True

    def train_step(self, data):
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.seen.append(keras.ops.convert_to_numpy(images)[:, 0, 0, 0].tolist())
        return {"loss": 0.0}


def fitted(first_epoch, epochs):
    model = Recorder()
    model.compile(run_eagerly=True)
    batches = Batches(numbered(20), 5, seed=2, first_epoch=first_epoch)
    model.fit(feed(batches), epochs=epochs, initial_epoch=first_epoch, shuffle=False, verbose=0)
    return model.seen


def test_fit_sees_every_epoch_in_its_order_after_resuming_too():
    batches = Batches(numbered(20), 5, seed=2)
    expected = []
    for _ in range(4):
        batches.on_epoch_begin()
        expected += indices(batches)
    assert fitted(0, 4) == expected
    assert fitted(2, 4) == expected[8:]


def test_fit_may_stop_within_an_epoch_and_starts_the_next_one_whole():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model = Recorder()
    model.compile(run_eagerly=True)
    fed = feed(Batches(numbered(20), 5, seed=2))
    model.fit(fed, epochs=1, shuffle=False, verbose=0, callbacks=[Stop()])
    model.fit(fed, epochs=1, shuffle=False, verbose=0)
    assert len(model.seen) == 2 + 4
    assert sorted(sum(model.seen[2:], [])) == list(range(20))
    assert model.seen == fitted(0, 1)[:2] + fitted(1, 2)


class Parts(keras.utils.PyDataset):
    """Two batches of structures that hold their epoch and their index."""

    epoch = -1

    def __len__(self):
        return 2

    def __getitem__(self, index):
        images = numpy.full((3, 2), 10 * (self.epoch + 1) + index, numpy.uint8)
        return images, {"a": images[:, 0].astype(numpy.float32)}, {"a": numpy.ones(3, numpy.float32)}

    def on_epoch_begin(self):
        self.epoch += 1


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="elsewhere batches are fed as they are")
def test_under_tensorflow_batches_are_fed_untuned_and_counted():
    fed = feed(Parts())
    # Whoever tunes is waited for at the end of every epoch.
    assert fed.options().autotune.enabled is False
    assert len(fed) == 2
    for epoch in range(3):
        found = list(fed.as_numpy_iterator())
        assert [int(images[0, 0]) for images, _, _ in found] == [10 * (epoch + 1), 10 * (epoch + 1) + 1]
        assert all((truth["a"] == images[:, 0]).all() and weights["a"].sum() == 3 for images, truth, weights in found)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow makes a data set of its own of them")
def test_elsewhere_batches_are_fed_as_they_are():
    parts = Parts()
    assert feed(parts) is parts
