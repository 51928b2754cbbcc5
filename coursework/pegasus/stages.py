"""A conditional generator cut where its maps change size, so that two generations can be mixed by region.

Mixing maps is Suzuki et al.'s (2018) internal representation collaging, sections 3.1 and 3.2: a class by position, and
features by position.
"""

import functools

import keras
from keras import ops

from coursework.networks.backend import Tensor
from coursework.pegasus.masks import pooled
from coursework.util.errors import UserError


@functools.lru_cache(maxsize=4)
def stages(generator: keras.Model) -> list[tuple[int, keras.Model]]:
    """Return [(side, network)] of a functional generator with inputs [latents, classes].

    The first network takes both, every later one [maps of the network before, classes]; `side` is that of the maps it
    returns, and the last returns the images. Raises `UserError` for a generator that has no such seams.
    """
    latents, classes = generator.inputs
    found, start = [], latents
    for seam in _seams(generator):
        found.append((seam.shape[1], keras.Model([start, classes], seam)))
        start = seam
    if len(found) < 2:
        raise UserError(f"the network {generator.name} has no seams between maps of different sizes")
    return found


def mix_regions(generator: keras.Model, inputs: dict[str, Tensor], first_side: int) -> Tensor:
    """Return images (n, h, w, c) in [-1, 1] of two generations mixed by region, differentiable by all of `inputs`.

    inputs: "latents" and "classes" of the one, "upper_latents" and "upper_classes" of the other, and its "mask" (n, h,
    w). From the maps of `first_side` on there is one set of maps, and each class goes on to act in its own region.
    """
    lower, upper = inputs["latents"], inputs["upper_latents"]
    for side, network in stages(generator):
        lower = network([lower, inputs["classes"]], training=False)
        upper = network([upper, inputs["upper_classes"]], training=False)
        if side >= first_side:
            weight = ops.cast(pooled(inputs["mask"], side), lower.dtype)
            lower = upper = weight * upper + (1.0 - weight) * lower
    return lower


def _seams(generator: keras.Model) -> list[Tensor]:
    """Return the last tensor of each size of maps through which alone the picture passes on its way to the output."""
    classes = generator.inputs[1]
    pending: dict[int, int] = {}
    for layer in generator.layers:
        for tensor in keras.tree.flatten(layer.input):
            pending[id(tensor)] = pending.get(id(tensor), 0) + 1
    live, seams = set(), {}
    for layer in generator.layers:
        if layer.output is classes:
            continue
        for tensor in keras.tree.flatten(layer.input):
            if tensor is not classes and not isinstance(layer, keras.layers.InputLayer):
                pending[id(tensor)] -= 1
                if not pending[id(tensor)]:
                    live.discard(id(tensor))
        live.add(id(layer.output))
        if live == {id(layer.output)} and len(layer.output.shape) == 4:
            seams[layer.output.shape[1]] = layer.output
    return list(seams.values())
