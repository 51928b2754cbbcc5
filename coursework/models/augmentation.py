"""What the discriminator sees of an image: DiffAugment (Zhao et al. 2020), packs of items, noise on the data."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, random

from coursework.models.base import to_unit_range
from coursework.networks.backend import Tensor

# A shift by up to an eighth of a side, a hole of half a side, as in the paper (section 4.1).
SHIFT = 0.125
HOLE = 0.5


def colour(images: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Return images (n, height, width, channels) with other brightness, saturation and contrast, drawn for each image.

    Brightness changes by U(-0.5, 0.5); the distance from the mean over the channels is multiplied by U(0, 2), that from
    the mean over the image by U(0.5, 1.5). Values may leave [-1, 1]. seed: a `SeedGenerator`.
    """
    images = images + _each(images, -0.5, 0.5, seed)
    grey = ops.mean(images, axis=-1, keepdims=True)
    images = (images - grey) * _each(images, 0.0, 2.0, seed) + grey
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * _each(images, 0.5, 1.5, seed) + mean


def translation(images: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Return images moved by whole pixels, up to an eighth of a side each way, and filled with zeros."""
    for axis in (1, 2):
        size = images.shape[axis]
        most = int(size * SHIFT + 0.5)
        shifts = random.randint((ops.shape(images)[0],), -most, most + 1, seed=seed)
        places = ops.arange(size)
        # Row i of the result is row i - shift, if there is one: a product with a matrix of at most one 1 in a row.
        sources = places[None, :, None] - shifts[:, None, None]
        moves = ops.cast(sources == places[None, None, :], images.dtype)
        images = ops.einsum("nij,njkc->nikc" if axis == 1 else "nij,nkjc->nkic", moves, images)
    return images


def cutout(images: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """Return images with a square hole of zeros, half a side wide, whose centre lies anywhere in the image."""
    inside = None
    for axis, others in ((1, (2, 3)), (2, (1, 3))):
        size = images.shape[axis]
        width = int(size * HOLE + 0.5)
        # Of an even width the centre is a corner of pixels: one more place than there are pixels.
        centres = random.randint((ops.shape(images)[0], 1), 0, size + (1 - width % 2), seed=seed)
        distances = ops.arange(size)[None] - centres + width // 2
        hit = ops.expand_dims((distances >= 0) & (distances < width), others)
        inside = hit if inside is None else inside & hit
    return images * (1.0 - ops.cast(inside, images.dtype))


AUGMENTATIONS = {"colour": colour, "translation": translation, "cutout": cutout}


def augment(images: Tensor, names: Sequence[str], seed: keras.random.SeedGenerator) -> Tensor:
    """Return the images after the augmentations of these names, in their order; a gradient flows through all."""
    for name in names:
        images = AUGMENTATIONS[name](images, seed)
    return images


def _each(images: Tensor, low: float, high: float, seed: keras.random.SeedGenerator) -> Tensor:
    """Return a number for each image, broadcastable to images."""
    return random.uniform((ops.shape(images)[0], 1, 1, 1), low, high, dtype=images.dtype, seed=seed)


class View:
    """What the discriminator gets of items: images or points, or [images, classes].

    augmentations: names in `AUGMENTATIONS`, applied to real and fake images alike. packing: items that it judges
    together, joined along their last axis (PacGAN, Lin et al. 2018); its input is as many times as deep.
    dequantize: scale images to x / 128 - 1 + U(0, 1/128), as the SNGAN code does, not to x / 127.5 - 1.
    """

    def __init__(self, augmentations: Sequence[str] = (), packing: int = 1, dequantize: bool = False) -> None:
        self.augmentations = tuple(augmentations)
        self.packing = packing
        self.dequantize = dequantize

    def scale(self, images: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
        """Return uint8 images as float32 in [-1, 1]; points (n, d) keep their units."""
        if len(images.shape) == 2:
            return ops.cast(images, "float32")
        if not self.dequantize:
            return to_unit_range(images)
        images = ops.cast(images, "float32") / 128.0 - 1.0
        return images + random.uniform(ops.shape(images), 0.0, 1.0 / 128.0, seed=seed)

    def pack(self, items: Any) -> Any:
        """Return n items as n / packing packs: one from each of `packing` equal parts of the batch."""
        return items if self.packing == 1 else ops.concatenate(ops.split(items, self.packing), axis=-1)

    def __call__(self, packs: Any, seed: keras.random.SeedGenerator) -> Any:
        """Return packs with every image augmented by itself; classes stay."""
        if not self.augmentations:
            return packs
        images, *classes = packs if isinstance(packs, list) else [packs]
        images = ops.concatenate(ops.split(images, self.packing, axis=-1))
        images = self.pack(augment(images, self.augmentations, seed))
        return [images, *classes] if classes else images
