"""Strategies: two generations of a conditional GAN mixed by region, wings above and a body below; drawn or searched."""

import numpy as np

from coursework.metrics.neighbours import OnStep
from coursework.networks.backend import Tensor
from coursework.pegasus.decoding import FIRST_SIDE
from coursework.pegasus.draws import distribution_of, draw_coordinates, draw_wings, one_hot, row_count, streams
from coursework.pegasus.masks import draw_region, mask
from coursework.pegasus.search import SETTINGS, log_shell, search, to_latents
from coursework.pegasus.task import Task
from coursework.pegasus.terms import evidence_of, seam_of
from coursework.training.sampling import TrainedRun


def region_mixing(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return latents of two generations, "upper_" ones of a class of wings inside a soft mask.

    Both come from the same latents with equal chance, which share a pose and a background, or each from its own.
    """
    generators, fixed, notes = _draw(task, trained, count, seed)
    pairs = draw_coordinates(trained, generators, 2)
    one = np.array([generator.random() < 0.5 for generator in generators])
    for note, same in zip(notes, one, strict=True):
        note["one_latent"] = bool(same)
    free = {"coordinates": pairs[:, 0], "upper_coordinates": np.where(one[:, None], pairs[:, 0], pairs[:, 1])}
    latents = _latents(free, fixed, distribution_of(trained))
    return {name: np.asarray(array, np.float32) for name, array in latents.items()}, notes


def region_search(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return such latents at which the witness's evidence is high and the seam unseen, each generation from its own.

    Started from the same ones, on sprites a third fewer were pegasi by the judge of truth.
    """
    generators, fixed, notes = _draw(task, trained, count, seed)
    distribution = distribution_of(trained)
    latents = search(
        trained,
        lambda free, fixed: _latents(free, fixed, distribution),
        [evidence_of(task), seam_of(trained)],
        {
            name: draw_coordinates(trained, generators, SETTINGS["pool"])
            for name in ("coordinates", "upper_coordinates")
        },
        fixed,
        seed,
        prior=lambda free: log_shell(free["coordinates"]) + log_shell(free["upper_coordinates"]),
        progress=progress,
    )
    return latents, [{**note, "search": dict(SETTINGS)} for note in notes]


def _draw(
    task: Task, trained: TrainedRun, count: int, seed: int
) -> tuple[list[np.random.Generator], dict[str, np.ndarray], list[dict]]:
    """Return (random streams, {"classes", "upper_classes", "mask"}, n notes)."""
    generators = streams(seed, count)
    kinds = draw_wings(task, generators)
    regions = [draw_region(generator) for generator in generators]
    rows, side = row_count(trained), trained.generator.outputs[0].shape[1]
    fixed = {
        "classes": np.repeat(one_hot(trained, [task.body] * count)[:, None], rows, axis=1),
        "upper_classes": np.repeat(one_hot(trained, kinds)[:, None], rows, axis=1),
        "mask": np.stack([mask(region, side) for region in regions]),
    }
    notes = [
        {"body": {"class": task.body}, "wings": {"class": kind, "region": region}, "first_side": FIRST_SIDE}
        for kind, region in zip(kinds, regions, strict=True)
    ]
    return generators, fixed, notes


def _latents(free: dict[str, Tensor], fixed: dict[str, Tensor], distribution: str) -> dict[str, Tensor]:
    return {
        "latents": to_latents(free["coordinates"], distribution),
        "upper_latents": to_latents(free["upper_coordinates"], distribution),
        **fixed,
    }
