"""Differentiable augmentation of real and generated images alike (DiffAugment, Zhao et al. 2020)."""

from keras import ops, random

# A shift by up to an eighth of a side, a hole of half a side, as in the paper (section 4.1).
SHIFT = 0.125
HOLE = 0.5


def colour(images, seed):
    """Return images (n, height, width, channels) with other brightness, saturation and contrast, drawn an image each.

    Brightness is moved by U(-.5, .5) of a unit; the distance from the mean over the channels is multiplied by U(0, 2),
    that from the mean over the image by U(.5, 1.5). Values may leave [-1, 1]. seed: a `SeedGenerator`.
    """
    images = images + _each(images, -0.5, 0.5, seed)
    grey = ops.mean(images, axis=-1, keepdims=True)
    images = (images - grey) * _each(images, 0.0, 2.0, seed) + grey
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * _each(images, 0.5, 1.5, seed) + mean


def translation(images, seed):
    """Return images moved by whole pixels, up to an eighth of a side each way; what comes in is zero."""
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


def cutout(images, seed):
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


def augment(images, names, seed):
    """Return the images after the augmentations of these names, in their order; a gradient flows through all."""
    for name in names:
        images = AUGMENTATIONS[name](images, seed)
    return images


def _each(images, low, high, seed):
    """Return a number for each image, broadcastable to images."""
    return random.uniform((ops.shape(images)[0], 1, 1, 1), low, high, dtype=images.dtype, seed=seed)
