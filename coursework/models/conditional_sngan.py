"""Class-conditional SNGAN: conditional batch normalisation, projection discriminator (Miyato & Koyama 2018)."""

import keras
import numpy as np
from keras import ops, random

from coursework.models.base import to_uint8
from coursework.models.class_weights import balanced_labels, class_weights
from coursework.models.sngan import SNGAN
from coursework.networks.latents import draw_latents

PREVIEW_COLUMNS = 8


class ConditionalSNGAN(SNGAN):
    """An SNGAN trained by `fit` on images and labels (n,), whose discriminator judges an image as one of its class.

    generator: (latent_size,) and weights of the classes for each of its layers (rows, class_count) -> image;
    discriminator: image and weights of the classes (class_count,) -> logit (1,).
    Real images come with their labels. Fakes have labels drawn uniformly, as in the authors' code: the generator
    practises all classes alike where a data set does not hold them in equal numbers.
    """

    conditional = True

    def __init__(self, generator, discriminator, **settings):
        super().__init__(generator, discriminator, **settings)
        self.rows, self.class_count = generator.inputs[1].shape[1:]

    def real_items(self, data):
        """Return [images in [-1, 1], one-hot classes] of what `fit` hands to `train_step`."""
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        return [self.scale(images), ops.one_hot(labels, self.class_count, dtype="float32")]

    def fake_items(self, count):
        """Return [`count` fresh fakes, their one-hot classes]."""
        labels = random.randint((count,), 0, self.class_count, seed=self.random)
        classes = ops.one_hot(labels, self.class_count, dtype="float32")
        rows = ops.repeat(ops.expand_dims(classes, 1), self.rows, axis=1)
        return [self.generator([self.draw_latents(count), rows], training=True), classes]

    def augment(self, items):
        """Return the items with their images augmented, of the classes that they were."""
        images, classes = items
        return [super().augment(images), classes]

    def sample(self, count, seed, training_images):
        """Return `count` uint8 images of random latents, of all classes in turn; `training_images` play no part."""
        latents = draw_latents(self.latent_distribution, count, (self.latent_size,), seed)
        return self.generate(latents, balanced_labels(count, self.class_count))

    def preview(self, images):
        """Return a row of each class, all rows from the same fixed latents; `images` play no part."""
        latents = draw_latents(self.latent_distribution, PREVIEW_COLUMNS, (self.latent_size,), self.seed)
        labels = np.arange(self.class_count).repeat(PREVIEW_COLUMNS)
        return self.generate(np.tile(latents, (self.class_count, 1)), labels)

    def generate(self, latents, classes):
        """Return uint8 images of latents and of classes in any form that `class_weights` takes."""
        inputs = [latents, class_weights(classes, self.rows, self.class_count)]
        return to_uint8(self.shown_generator.predict(inputs, batch_size=250, verbose=0))
