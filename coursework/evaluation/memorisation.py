"""Memorisation of a comparison: in pixels and in the judge's features, each search for neighbours done once."""

import keras

from coursework.metrics.image_neighbours import TrainingImages, TrainingNeighbours
from coursework.metrics.memorisation import feature_neighbours, memorisation
from coursework.metrics.sample_size import sample_size_problem
from coursework.util.cache import kept_arrays
from coursework.util.progress import Progress

# Raised when a search comes to find something else, so that what was kept before is not believed.
VERSION = 1


def copies_problem(comparison):
    """Return in one line why memorisation cannot be measured, None where it can."""
    fake, real = comparison.fake.images, comparison.real.images
    if comparison.held_out is None:
        return f"it needs real images beside {real.name} that were not trained on: name them by --floor"
    held_out = comparison.held_out.images
    if real.split == "test":
        return f"nothing is trained on {real.name}: give the training images as REAL"
    for images in (fake, held_out):
        if images.images.shape[1:] != real.images.shape[1:]:
            return f"{images.name} holds images of {images.size}, {real.name} of {real.size}"
    if min(real.images.shape[1:3]) < 3:
        return f"images of {real.size} are too small to be shifted"
    if real.fingerprint == held_out.fingerprint:
        return f"{held_out.name} holds the same images as {real.name}"
    problem = sample_size_problem("memorisation", len(comparison.fake), len(held_out.images), 1)
    return problem[1] if problem and problem[0] == "error" else None


def pixel_memorisation(comparison):
    """Return the `Memorisation` in pixels of the fake images among the real ones, beside the held-out ones."""
    real, prepared = comparison.real.images, []

    def search(images):
        def compute(progress):
            if not prepared:
                prepared.append(TrainingImages(real.images))
            return prepared[0].nearest(images.images, progress)

        return kept_neighbours(pixel_key(real, images), images.name, compute, comparison.cached)

    return memorisation(search(comparison.fake.images), search(comparison.held_out.images))


def feature_memorisation(comparison, extractor):
    """Return the `Memorisation` in features of the fake images among the real ones, beside the held-out ones."""
    real = comparison.real.images
    conditions = (extractor.sha256, extractor.precision, keras.backend.backend(), real.fingerprint)
    training = comparison.features(comparison.real, extractor)

    def search(part):
        def compute(progress):
            return feature_neighbours(comparison.features(part, extractor), training, progress)

        return kept_neighbours((*conditions, part.images.fingerprint), part.images.name, compute, comparison.cached)

    return memorisation(search(comparison.fake), search(comparison.held_out))


def pixel_key(training, images):
    """Return under what the pixel neighbours of one `ImageSet` among another one, the training images, are kept."""
    return ("pixels", training.fingerprint, images.fingerprint)


def kept_neighbours(key, name, compute, cached=True):
    """Return the `TrainingNeighbours` kept under `key`, else what `compute(progress)` returns, kept then.

    name: of the images whose neighbours they are, for the progress shown. cached: False keeps and reads nothing.
    """

    def arrays():
        with Progress(f"nearest training images, {name}", unit=None) as progress:
            found = compute(progress.step)
        fields = ("indices", "distances", "typical", "placements")
        return {field: getattr(found, field) for field in fields if getattr(found, field) is not None}

    return TrainingNeighbours(**kept_arrays("neighbours", (VERSION, *key), arrays, cached))
