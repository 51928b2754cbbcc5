"""Strategies: classes of a conditional GAN mixed, in all layers alike or one in the first and another in the rest."""

import numpy as np

from coursework.metrics.neighbours import OnStep
from coursework.networks.backend import Tensor
from coursework.pegasus.draws import draw_latents, draw_wings, one_hot, row_count, streams
from coursework.pegasus.task import Task
from coursework.training.sampling import TrainedRun

# Share of the body where all layers have the same mixture.
BODY_SHARE = (0.3, 0.7)


def class_mixing(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents and classes (n, rows, class_count), in all layers the same mixture of body and wings.

    The body's share is uniform in `BODY_SHARE`.
    """
    generators, latents, kinds = _draw(task, trained, count, seed)
    shares = [round(float(generator.uniform(*BODY_SHARE)), 4) for generator in generators]
    return _mixtures(task, trained, latents, kinds, [[share] * row_count(trained) for share in shares])


def layer_mixing(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents and classes (n, rows, class_count): the first layers those of one class, the rest of the other.

    The first layers shape a picture, the later ones paint it. Either class may come first, with equal chance, and the
    change comes after any layer.
    """
    generators, latents, kinds = _draw(task, trained, count, seed)
    rows, shares = row_count(trained), []
    for generator in generators:
        change, body_first = generator.integers(1, rows), generator.random() < 0.5
        shares.append([float((row < change) == body_first) for row in range(rows)])
    return _mixtures(task, trained, latents, kinds, shares)


def mixture(body: Tensor, wings: Tensor, shares: Tensor) -> Tensor:
    """Return weights (n, rows, class_count) of shares (n, rows) of one-hot `body` and the rest of `wings`."""
    return shares[:, :, None] * body[:, None] + (1.0 - shares[:, :, None]) * wings[:, None]


def _draw(
    task: Task, trained: TrainedRun, count: int, seed: int
) -> tuple[list[np.random.Generator], np.ndarray, list[str]]:
    """Return (random streams, latents, classes of wings), each of n."""
    generators = streams(seed, count)
    latents = draw_latents(trained, generators)
    return generators, latents, draw_wings(task, generators)


def _mixtures(
    task: Task, trained: TrainedRun, latents: np.ndarray, kinds: list[str], shares: list[list[float]]
) -> tuple[dict[str, np.ndarray], list[dict]]:
    body = one_hot(trained, [task.body] * len(kinds))
    classes = mixture(body, one_hot(trained, kinds), np.array(shares, np.float32))
    notes = [
        {"body": {"class": task.body, "shares": list(of_layers)}, "wings": {"class": kind}}
        for kind, of_layers in zip(kinds, shares, strict=True)
    ]
    return {"latents": latents, "classes": classes}, notes
