"""From the latents of candidates to their images, again and again the same ones.

Latents are {name: array (n, ...)}: "latents" alone for an autoencoder's codes or a GAN; with "classes" (n, rows, class
count) for a conditional one; with "upper_latents", "upper_classes" and "mask" too for two generations mixed by region.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from keras import ops

from coursework.models.base import to_uint8
from coursework.networks.backend import Tensor, no_gradient
from coursework.pegasus.candidates import alike
from coursework.pegasus.stages import mix_regions
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError

# Every batch has this size, the last one filled up: how a library rounds depends on it, what a candidate is must not.
BATCH = 100
# From which size of maps on two generations share them: smaller ones hold the pose, larger ones the surface.
FIRST_SIDE = 8


def images_of(trained: TrainedRun, latents: dict[str, Tensor]) -> Tensor:
    """Return images (n, h, w, c) in [-1, 1] of tensors of latents, differentiable by each."""
    if "mask" in latents:
        return mix_regions(trained.generator, latents, FIRST_SIDE)
    if "classes" in latents:
        return trained.generator([latents["latents"], latents["classes"]], training=False)
    return trained.generator(latents["latents"], training=False)


def decode(trained: TrainedRun, latents: dict[str, np.ndarray]) -> np.ndarray:
    """Return uint8 images (n, h, w, c) of arrays of latents; an image does not depend on those beside it."""
    parts = []
    with no_gradient():
        for batch, count in batches(latents):
            tensors = {name: ops.convert_to_tensor(array) for name, array in batch.items()}
            parts.append(to_uint8(images_of(trained, tensors))[:count])
    return np.concatenate(parts)


def encode(trained: TrainedRun, images: np.ndarray) -> np.ndarray:
    """Return the codes of uint8 images; a code does not depend on the images beside it."""
    return np.concatenate(
        [trained.encode(batch["images"], batch_size=BATCH)[:count] for batch, count in batches({"images": images})]
    )


def batches(arrays: dict[str, np.ndarray]) -> Iterator[tuple[dict[str, np.ndarray], int]]:
    """Yield ({name: `BATCH` rows}, how many count) of {name: array (n, ...)}; the last row fills up the last batch."""
    total = len(next(iter(arrays.values())))
    for start in range(0, total, BATCH):
        rows = np.minimum(np.arange(start, start + BATCH), total - 1)
        yield {name: array[rows] for name, array in arrays.items()}, min(BATCH, total - start)


def remake(run_named: Callable[[str, str], TrainedRun], origins: list[dict], latents: list[dict]) -> np.ndarray:
    """Return the uint8 images of candidates as they were first made.

    run_named: function from (name of a run, "last" or "best") to its `TrainedRun`; origins and latents: n dicts each,
    as `Candidates` holds them. Raises `UserError` where they do not fit each other.
    """
    if len(origins) != len(latents) or not origins:
        raise UserError(f"{len(origins)} origins and {len(latents)} latents: they should be as many, and at least one")
    images: list[Any] = [None] * len(origins)
    for key in dict.fromkeys((origin["run"], origin["weights"]) for origin in origins):
        mine = [index for index, origin in enumerate(origins) if (origin["run"], origin["weights"]) == key]
        for group in alike([latents[index] for index in mine]):
            indices = [mine[place] for place in group]
            stacked = {name: np.stack([latents[i][name] for i in indices]) for name in latents[indices[0]]}
            for index, image in zip(indices, decode(run_named(*key), stacked), strict=True):
                images[index] = image
    return np.stack(images)
