"""Strategy: sample the class of winged animals that a GAN learned from collages; neither search nor mixing."""

import numpy as np

from coursework.pegasus.collages.record import CLASS
from coursework.pegasus.draws import draw_latents, one_hot, row_count, streams
from coursework.pegasus.strategies.class_mixing import mixture

# body_share: share of the body's class in the class embedding, 0 for the winged class alone. truncation: factor that
# draws latents towards their mean, 1 for none (the truncation trick of Karras et al. 2019).
SETTINGS = {"body_share": 0.0, "truncation": 1.0}


def winged_class(task, trained, count, seed, progress=None):
    """Return latents and classes (n, rows, class_count) of samples of the winged class, by `SETTINGS`."""
    latents = np.float32(SETTINGS["truncation"]) * draw_latents(trained, streams(seed, count))
    share = SETTINGS["body_share"]
    shares = np.full((count, row_count(trained)), share, np.float32)
    classes = mixture(one_hot(trained, [task.body] * count), one_hot(trained, [CLASS] * count), shares)
    note = {"class": CLASS, "body": {"class": task.body, "share": share}, "truncation": SETTINGS["truncation"]}
    return {"latents": latents, "classes": classes}, [note] * count
