"""What strategies draw: every candidate from a random stream of its own, so that it does not depend on how many.

Strategies share the streams. Candidate i begins from the same latents in all that draw latents first, so that they
compare like with like; of a batch from several strategies it makes some candidates kin.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from coursework.pegasus.search import to_latents
from coursework.pegasus.task import Task
from coursework.training.sampling import TrainedRun


def streams(seed: int, count: int) -> list[np.random.Generator]:
    """Return `count` generators; that of candidate i depends on (seed, i) alone."""
    return [np.random.default_rng([seed, index]) for index in range(count)]


def draw_coordinates(trained: TrainedRun, generators: list[np.random.Generator], pool: int) -> np.ndarray:
    """Return standard normal float32 (n, pool, latent_size): coordinates of latents of a GAN."""
    shape = (pool, *trained.latent_shape)
    return np.stack([generator.standard_normal(shape) for generator in generators]).astype(np.float32)


def draw_latents(trained: TrainedRun, generators: list[np.random.Generator]) -> np.ndarray:
    """Return float32 latents (n, latent_size) of a GAN."""
    coordinates = draw_coordinates(trained, generators, 1)[:, 0]
    return ops.convert_to_numpy(to_latents(coordinates, distribution_of(trained)))


def distribution_of(trained: TrainedRun) -> str:
    """Return the distribution of a GAN's latents, "normal" or "uniform"."""
    model: Any = trained.config.model
    return model.latent_distribution


def draw_wings(task: Task, generators: list[np.random.Generator]) -> list[str]:
    """Return a class name of wings for each generator, all the task's with equal chance."""
    return [task.choose_wings(1, generator)[0] for generator in generators]


def row_count(trained: TrainedRun) -> int:
    """Return how many layers of a conditional GAN read a class of their own."""
    return trained.generator.inputs[1].shape[1]


def one_hot(trained: TrainedRun, names: Sequence[str]) -> np.ndarray:
    """Return float32 (n, class_count) of class names (n,), in the order of the run's classes."""
    classes = trained.class_names
    return np.eye(len(classes), dtype=np.float32)[[classes.index(name) for name in names]]
