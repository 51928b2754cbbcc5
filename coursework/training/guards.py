"""Watches training for going wrong by itself: values that are not finite, a player that has won, images all alike."""

import math

import keras
import numpy as np
from keras import ops

from coursework.metrics.diversity import brightness_spread, relative_diversity
from coursework.models.base import spread
from coursework.training.state import START
from coursework.util.errors import UserError

# Images compared with each other.
COUNT = 64
# Training images that a model without a prior fits one to for this purpose.
FITTED = 1000
# Below 1 of 255 levels, images differ in nothing that an eye could see.
LEAST_SPREAD = 1.0
# GANs and VAEs that learn lie above .6 from their first epochs on; below this, half of the images have near twins.
LEAST_DIVERSITY = 0.2


class Diverged(UserError):
    """Training went wrong by itself: a value is not finite, or one player has won outright.

    incident: {"kind", "epoch", "step", "text"}, ready for JSON; epoch and step count from 1, step None for the end.
    """

    def __init__(self, kind, epoch, step, text, advice):
        super().__init__(f"{text}; {advice}")
        self.incident = {"kind": kind, "epoch": epoch, "step": step, "text": text}


class DivergenceGuard(keras.callbacks.Callback):
    """Raises `Diverged` when a loss or a weight is not finite or the discriminator has won outright.

    A discriminator whose mean loss stays below `threshold` for `patience` epochs tells every image apart with
    certainty: the generator's gradient is gone. The state of the last epoch before is on disk and stays there.
    start: the `Position` that the model was brought to. losses: of the discriminator in the epochs before.
    """

    def __init__(self, threshold=1e-3, patience=2, start=START, losses=()):
        super().__init__()
        self.threshold = threshold
        self.patience = patience
        self.start = start
        # An interruption between two such epochs does not hide that they follow each other.
        self.certain_epochs = 0
        for loss in losses:
            self._count(loss)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.first_step = self.start.step if epoch == self.start.epoch else 0

    def on_train_batch_end(self, batch, logs=None):
        # The logs are running means over the epoch, in which one bad value stays visible.
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                step = self.first_step + batch + 1
                text = f"training diverged in epoch {self.epoch + 1}, step {step}: {name} is {value}"
                raise self._diverged("not finite", step, text, "lower the rate or change a setting and train again")

    def on_epoch_end(self, epoch, logs=None):
        # The loss of the last step does not know yet what its own update did.
        bad = not_finite(self.model)
        if bad is not None:
            text = f"training diverged at the end of epoch {epoch + 1}: {bad} is not finite"
            raise self._diverged("not finite", None, text, "lower the rate or change a setting and train again")
        self._count((logs or {}).get("discriminator_loss"))
        if self.certain_epochs >= self.patience:
            text = (
                f"the discriminator won outright: its loss was below {self.threshold} for {self.patience} epochs, "
                f"up to epoch {epoch + 1}"
            )
            raise self._diverged("discriminator won", None, text, "lower its rate or use the preset sngan")

    def _count(self, loss):
        self.certain_epochs = self.certain_epochs + 1 if loss is not None and loss < self.threshold else 0

    def _diverged(self, kind, step, text, advice):
        kept = f"the weights of epoch {self.epoch} are kept" if self.epoch else "no epoch was finished"
        return Diverged(kind, self.epoch + 1, step, text, f"{kept}; {advice}")


def not_finite(model):
    """Return the path of the first weight that is not finite throughout, None where there is none."""
    for weight in model.weights:
        if not np.isfinite(ops.convert_to_numpy(weight)).all():
            return weight.path
    return None


class DiversityGuard(keras.callbacks.Callback):
    """Tells once when a model's images have all become the same, or near twins of few: mode collapse.

    images: uint8 training images (n, height, width, channels). on_incident: called with {"kind", "epoch", "step",
    "text"}. Images are looked at after every epoch once `after` updates are done; `patience` looks in a row count.
    told: kinds of incidents on record, which are told again only after a look that found none.
    """

    def __init__(self, images, on_incident, after=500, patience=2, told=()):
        super().__init__()
        self.some = spread(images, min(FITTED, len(images)))
        self.real = spread(images, min(COUNT, len(images)))
        self.on_incident = on_incident
        self.after = after
        self.patience = patience
        self.looks = {kind: patience if kind in told else 0 for kind in ("constant output", "mode collapse")}

    def on_epoch_end(self, epoch, logs=None):
        steps = min(int(ops.convert_to_numpy(optimizer.iterations)) for optimizer in self.model.optimizers().values())
        if steps < self.after:
            return
        images = self.model.sample(len(self.real), self.model.seed, self.some)
        constant = brightness_spread(images) < LEAST_SPREAD
        diversity = relative_diversity(images, self.real)
        found = {"constant output": constant, "mode collapse": not constant and diversity < LEAST_DIVERSITY}
        for kind, is_so in found.items():
            self.looks[kind] = self.looks[kind] + 1 if is_so else 0
            if self.looks[kind] == self.patience:
                self.on_incident(
                    {"kind": kind, "epoch": epoch + 1, "step": None, "text": _text(kind, epoch, diversity)}
                )


def _text(kind, epoch, diversity):
    if kind == "constant output":
        return f"constant output in epoch {epoch + 1}: every image that the model makes is the same"
    return (
        f"mode collapse in epoch {epoch + 1}: images are {diversity:.0%} as far from the most similar other one as "
        "training images are"
    )
