"""Strategy: decode points between the code of a body and the code of something winged."""

import numpy as np

from coursework.metrics.neighbours import OnStep
from coursework.pegasus.draws import streams
from coursework.pegasus.pairs import codes_of, draw_pairs, pair_notes
from coursework.pegasus.task import Task
from coursework.training.sampling import TrainedRun

# Share of the body in a mix. Below a half the image is a bird with something of a horse.
BODY_SHARE = (0.5, 0.75)


def interpolation(
    task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Return codes between those of two training images, the body's share uniform in `BODY_SHARE`."""
    generators = streams(seed, count)
    pairs = draw_pairs(task, generators)
    shares = np.array([generator.uniform(*BODY_SHARE) for generator in generators]).round(4).astype(np.float32)
    body_codes, wing_codes = codes_of(task, trained, pairs)
    weights = shares.reshape(-1, *(1 for _ in body_codes.shape[1:]))
    notes = pair_notes(task, pairs)
    for note, share in zip(notes, shares, strict=True):
        note["body"]["share"] = round(float(share), 4)
    return {"latents": weights * body_codes + (1 - weights) * wing_codes}, notes
