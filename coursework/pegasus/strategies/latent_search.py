"""Strategy: search the latents of a GAN for images in which the witness sees a body with wings."""

import numpy as np

from coursework.metrics.neighbours import OnStep
from coursework.networks.backend import Tensor
from coursework.pegasus.draws import distribution_of, draw_coordinates, streams
from coursework.pegasus.search import SETTINGS, log_shell, search, to_latents
from coursework.pegasus.task import Task
from coursework.pegasus.terms import evidence_of
from coursework.training.sampling import TrainedRun


def latent_search(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents at which evidence of a body with wings is high, each climbed to from random ones."""
    distribution = distribution_of(trained)

    def latents_of(free: dict[str, Tensor], fixed: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"latents": to_latents(free["coordinates"], distribution)}

    latents = search(
        trained,
        latents_of,
        [evidence_of(task)],
        {"coordinates": draw_coordinates(trained, streams(seed, count), SETTINGS["pool"])},
        {},
        seed,
        prior=lambda free: log_shell(free["coordinates"]),
        progress=progress,
    )
    note = {"body": {"class": task.body}, "wings": {"classes": list(task.wings)}, "search": dict(SETTINGS)}
    return latents, [dict(note) for _ in range(count)]
