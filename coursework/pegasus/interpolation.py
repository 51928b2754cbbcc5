"""Strategy: decode points between the code of a horse and the code of something winged."""

import numpy as np

from coursework.errors import UserError
from coursework.pegasus.candidates import Candidates

# Share of the horse in a mix. Below a half the image is a bird with something of a horse.
BODY_SHARE = (0.5, 0.75)


def interpolation(trained, dataset, body, wings, count, seed):
    """Return `count` candidates, each between the codes of two training images.

    trained: `TrainedRun` of an autoencoder. body: class name; wings: class names, drawn with equal chance.
    The body's share of the code is uniform in `BODY_SHARE`. Raises `UserError` where a class is missing.
    """
    generator = np.random.default_rng(seed)
    bodies = generator.choice(_indices(dataset, body), count)
    per_wings = [generator.choice(_indices(dataset, name), count) for name in wings]
    kind = generator.integers(len(wings), size=count)
    winged = np.stack(per_wings)[kind, np.arange(count)]
    share = generator.uniform(*BODY_SHARE, count).astype(np.float32)
    body_codes = trained.encode(dataset.train_images[bodies])
    weight = share.reshape(-1, *(1 for _ in body_codes.shape[1:]))
    latents = weight * body_codes + (1 - weight) * trained.encode(dataset.train_images[winged])
    return Candidates(
        images=trained.decode(latents),
        latents=latents,
        origins=[
            {
                "strategy": "interpolation",
                "run": trained.run.name,
                "seed": seed,
                "index": index,
                "body": {"class": body, "train_index": int(bodies[index]), "share": round(float(share[index]), 4)},
                "wings": {"class": wings[kind[index]], "train_index": int(winged[index])},
            }
            for index in range(count)
        ],
    )


def _indices(dataset, name):
    if name not in dataset.class_names:
        raise UserError(f"data set {dataset.name} has no class {name}; it has {', '.join(dataset.class_names)}")
    return np.flatnonzero(dataset.train_labels == dataset.class_names.index(name))
