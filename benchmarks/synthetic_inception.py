"""Random weights for the Inception network of 2015: the same numbers on every machine, for tests and timing."""

import zlib

import numpy as np

from coursework.extractors.inception.architecture import tensor_shapes


def synthetic_tensors() -> dict[str, np.ndarray]:
    """Return {name: float32 array} of all 472 tensors; each is drawn from a stream named after it.

    Kernels are initialised as in He et al. 2015, so that maps keep their scale; normalisations are near the identity.
    """
    return {name: _draw(name, shape).astype(np.float32) for name, shape in tensor_shapes().items()}


def _draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    kind = name.rpartition("/")[2]
    if kind == "conv2d_params":
        return generator.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
    if kind == "weights":
        return generator.standard_normal(shape) / np.sqrt(shape[0])
    if kind == "gamma":
        return 1 + 0.1 * generator.standard_normal(shape)
    if kind == "moving_variance":
        return 1 + 0.2 * generator.random(shape)
    return 0.1 * generator.standard_normal(shape)
