"""Class-conditional SNGAN: conditional batch normalisation, projection discriminator (Miyato & Koyama 2018)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, random

from coursework.models.base import to_uint8
from coursework.models.class_weights import class_weights, proportional_labels, unequal_counts
from coursework.models.sngan import SNGAN
from coursework.networks.backend import Tensor
from coursework.networks.latents import draw_latents

PREVIEW_COLUMNS = 8


class ConditionalSNGAN(SNGAN):
    """An SNGAN trained by `fit` on images and labels (n,), whose discriminator judges an image as one of its class.

    generator: (latent_size,) and weights of the classes for each of its layers (rows, class_count) -> image;
    discriminator: image and weights of the classes (class_count,) -> logit (1,).
    class_counts: number of training images of each class. The classes of fakes are drawn in these proportions, which
    the projection discriminator's derivation assumes (section 3); None is for classes of equal size.
    """

    conditional = True

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        class_counts: Sequence[int] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(generator, discriminator, **settings)
        self.rows, self.class_count = generator.inputs[1].shape[1:]
        self.class_counts = unequal_counts(class_counts)

    def real_items(self, data: Any) -> list[Tensor]:
        """Return [images in [-1, 1], one-hot classes] of what `fit` passes to `train_step`."""
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        return [self.view.scale(images, self.random), ops.one_hot(labels, self.class_count, dtype="float32")]

    def fake_items(self, count: int) -> list[Tensor]:
        """Return [`count` fresh fakes, their one-hot classes]."""
        classes = ops.one_hot(self.draw_labels(count), self.class_count, dtype="float32")
        rows = ops.repeat(ops.expand_dims(classes, 1), self.rows, axis=1)
        return [self.generator([self.draw_latents(count), rows], training=True), classes]

    def draw_labels(self, count: int) -> Tensor:
        """Return random labels (count,) in the proportions of the training data."""
        if self.class_counts is None:
            return random.randint((count,), 0, self.class_count, seed=self.random)
        bounds = np.cumsum(self.class_counts)[:-1] / np.sum(self.class_counts)
        above = random.uniform((count, 1), seed=self.random) >= ops.convert_to_tensor(bounds, "float32")
        return ops.sum(ops.cast(above, "int32"), axis=1)

    def sample(self, count: int, seed: int, training_images: np.ndarray | None) -> np.ndarray:
        """Return `count` uint8 images of random latents, of classes in the data's proportions."""
        latents = draw_latents(self.latent_distribution, count, (self.latent_size,), seed)
        return self.generate(latents, proportional_labels(count, self.class_count, self.class_counts))

    def preview(self, images: np.ndarray | None) -> np.ndarray:
        """Return a row of each class, all rows from the same fixed latents; `images` are not used."""
        latents = draw_latents(self.latent_distribution, PREVIEW_COLUMNS, (self.latent_size,), self.seed)
        labels = np.arange(self.class_count).repeat(PREVIEW_COLUMNS)
        return self.generate(np.tile(latents, (self.class_count, 1)), labels)

    def generate(self, latents: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return uint8 images of latents and of classes in any form that `class_weights` takes."""
        inputs = [latents, class_weights(classes, self.rows, self.class_count)]
        return to_uint8(self.shown_generator.predict(inputs, batch_size=250, verbose=0))
