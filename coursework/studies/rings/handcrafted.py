"""A generator that solves the ring by construction: a staircase through the modes, written in ReLUs."""

import dataclasses
import math
from statistics import NormalDist

import numpy as np

from coursework.config.networks import MLPConfig
from coursework.data.mixtures import Mixture
from coursework.studies.rings.training import reach

# Slope of a step: the share of latents that fall between two modes is inversely proportional to it.
STEEPNESS = 500.0
LATENT_SIZE = 3


def network_config(network: MLPConfig, mixture: Mixture) -> MLPConfig:
    """Return the settings `network` with a generator of the hand-crafted one's size: one hidden layer."""
    width = 2 * (len(mixture.modes) - 1) + 4
    return dataclasses.replace(network, latent_size=LATENT_SIZE, generator_depth=1, generator_width=width)


def weights(mixture: Mixture, steepness: float = STEEPNESS) -> list[np.ndarray]:
    """Return the generator's weights [kernel, bias, kernel, bias], its points in units of the mixture's reach.

    The first of three latents from N(0, 1) chooses the mode: between two quantiles of it that a k-th of all latents lie
    between, the staircase is flat, at each a ramp leads on to the next mode, which is the difference of two ReLUs. The
    other two latents are the Gaussian around the mode, each as relu(z) - relu(-z).
    """
    quantiles = [NormalDist().inv_cdf(index / len(mixture.modes)) for index in range(1, len(mixture.modes))]
    steps = len(quantiles)
    kernel, bias = np.zeros((LATENT_SIZE, 2 * steps + 4)), np.zeros(2 * steps + 4)
    out, modes = np.zeros((2 * steps + 4, 2)), mixture.modes / reach(mixture)
    for index, quantile in enumerate(quantiles):
        kernel[0, 2 * index : 2 * index + 2] = steepness
        # The ramp begins half its width before the quantile and ends half of it after.
        bias[2 * index : 2 * index + 2] = 0.5 - steepness * quantile, -0.5 - steepness * quantile
        out[2 * index], out[2 * index + 1] = modes[index + 1] - modes[index], modes[index] - modes[index + 1]
    for axis in range(2):
        column = 2 * steps + 2 * axis
        kernel[1 + axis, column : column + 2] = 1.0, -1.0
        out[column : column + 2, axis] = np.array([1.0, -1.0]) * mixture.std / reach(mixture)
    return [array.astype(np.float32) for array in (kernel, bias, out, modes[0])]


def expected_quality(mixture: Mixture, steepness: float = STEEPNESS) -> tuple[float, float]:
    """Return bounds (lowest, highest) of the high-quality share of the hand-crafted generator's points.

    Off the ramps points are those of the mixture itself: 1 - exp(-9/2) of them within three standard deviations. On a
    ramp, none or all of them could be.
    """
    within, normal = 1.0 - math.exp(-4.5), NormalDist()
    count, half = len(mixture.modes), 0.5 / steepness
    quantiles = [normal.inv_cdf(index / count) for index in range(1, count)]
    ramps = sum(normal.cdf(quantile + half) - normal.cdf(quantile - half) for quantile in quantiles)
    return within * (1.0 - ramps), within * (1.0 - ramps) + ramps
