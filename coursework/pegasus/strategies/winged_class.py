"""Strategy: sample the class of winged animals that a GAN learned from collages; neither search nor mixing."""

import numpy as np

from coursework.metrics.neighbours import OnStep
from coursework.pegasus.collages.record import CLASS
from coursework.pegasus.draws import draw_latents, one_hot, row_count, streams
from coursework.pegasus.strategies.class_mixing import mixture
from coursework.pegasus.task import Task
from coursework.training.sampling import TrainedRun


def winged_class(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents and classes (n, rows, class_count) of samples of the winged class, by the task's `Sampling`."""
    truncation, share = task.sampling.truncation, task.sampling.body_share
    latents = np.float32(truncation) * draw_latents(trained, streams(seed, count))
    shares = np.full((count, row_count(trained)), share, np.float32)
    classes = mixture(one_hot(trained, [task.body] * count), one_hot(trained, [CLASS] * count), shares)
    note = {"class": CLASS, "body": {"class": task.body, "share": share}, "truncation": truncation}
    return {"latents": latents, "classes": classes}, [note] * count
