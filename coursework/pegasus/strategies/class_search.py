"""Strategies: search latents and class mixtures of a conditional GAN together, under witness or critics or both."""

import numpy as np

from coursework.metrics.neighbours import OnStep
from coursework.networks.backend import Tensor
from coursework.pegasus.draws import distribution_of, draw_coordinates, draw_wings, one_hot, row_count, streams
from coursework.pegasus.search import SETTINGS, log_shell, search, to_latents
from coursework.pegasus.strategies.class_mixing import mixture
from coursework.pegasus.task import Task
from coursework.pegasus.terms import Term, critics_of, evidence_of
from coursework.training.sampling import TrainedRun


def class_search(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents and classes (n, rows, class_count) at which the witness's evidence is high."""
    return _search(task, trained, count, seed, progress, [evidence_of(task)])


def critic_search(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents and classes (n, rows, class_count) that the run's critics of both classes take for real."""
    return _search(task, trained, count, seed, progress, [critics_of(trained)])


def critic_witness_search(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents and classes (n, rows, class_count) that pass the run's critics and the witness."""
    return _search(task, trained, count, seed, progress, [critics_of(trained), evidence_of(task)])


def _search(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None, terms: list[Term]
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Search latents and, for each layer, the share of the body, in coordinates in which any share is as likely."""
    generators = streams(seed, count)
    rows, distribution = row_count(trained), distribution_of(trained)
    pool = SETTINGS["pool"]
    free = {
        "coordinates": draw_coordinates(trained, generators, pool),
        "shares": np.stack([generator.standard_normal((pool, rows)) for generator in generators]).astype(np.float32),
    }
    kinds = draw_wings(task, generators)
    fixed = {"body": one_hot(trained, [task.body] * count), "wings": one_hot(trained, kinds)}

    def latents_of(free: dict[str, Tensor], fixed: dict[str, Tensor]) -> dict[str, Tensor]:
        shares = 0.5 + 0.5 * to_latents(free["shares"], "uniform")
        classes = mixture(fixed["body"], fixed["wings"], shares)
        return {"latents": to_latents(free["coordinates"], distribution), "classes": classes}

    latents = search(
        trained,
        latents_of,
        terms,
        free,
        fixed,
        seed,
        prior=lambda free: log_shell(free["coordinates"]) + log_shell(free["shares"]),
        progress=progress,
    )
    shares = np.sum(latents["classes"] * fixed["body"][:, None], axis=2)
    notes = [
        {
            "body": {"class": task.body, "shares": [round(float(share), 4) for share in of_layers]},
            "wings": {"class": kind},
            "search": dict(SETTINGS),
        }
        for kind, of_layers in zip(kinds, shares, strict=True)
    ]
    return latents, notes
