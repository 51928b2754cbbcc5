"""Strategy: put the code of something winged above the code of a body, on an autoencoder's grid of codes."""

import numpy as np
from keras import ops

from coursework.metrics.neighbours import OnStep
from coursework.pegasus.draws import streams
from coursework.pegasus.masks import draw_region, mask, pooled
from coursework.pegasus.pairs import codes_of, draw_pairs, pair_notes
from coursework.pegasus.task import Task
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError

# Share of the wings' code inside the mask. At one nothing of the back is left there.
WING_SHARE = (0.6, 1.0)


def masked_interpolation(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return codes (n, h, w, c) of a body in which a soft region, drawn for each, holds another image's wings.

    Raises `UserError` for an autoencoder whose code is a vector, which has no places.
    """
    shape = trained.latent_shape
    side = trained.generator.outputs[0].shape[1]
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] < 2 or side % shape[0]:
        raise UserError(
            f"masked_interpolation needs codes on a grid, and those of {trained.run.path} have the shape {shape}: use "
            "a run of acai"
        )
    generators = streams(seed, count)
    pairs = draw_pairs(task, generators)
    regions = [draw_region(generator) for generator in generators]
    shares = np.array([generator.uniform(*WING_SHARE) for generator in generators]).round(4).astype(np.float32)
    masks = np.stack([mask(region, side) for region in regions])
    weights = shares[:, None, None, None] * ops.convert_to_numpy(pooled(masks, shape[0]))
    body_codes, wing_codes = codes_of(task, trained, pairs)
    notes = pair_notes(task, pairs)
    for note, region, share in zip(notes, regions, shares, strict=True):
        note["wings"] |= {"share": round(float(share), 4), "region": region}
    return {"latents": (1 - weights) * body_codes + weights * wing_codes}, notes
