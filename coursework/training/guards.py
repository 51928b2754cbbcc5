"""Watches training for what goes wrong: values that are not finite, a lost generator, images that are all alike."""

import math
from collections.abc import Callable, Collection, Sequence

import keras
import numpy as np
from keras import ops

from coursework.data import Dataset
from coursework.metrics.diversity import brightness_spread, relative_diversity
from coursework.models.base import spread
from coursework.training.state import START, Position
from coursework.util.errors import UserError

# Images compared with each other.
COUNT = 64
# Training images to whose codes a model without a prior fits one here.
FITTED = 1000
# Below 1 of 255 levels, images do not differ visibly; of data that are nearly black, neither do real ones, and below
# this part of their spread images are all alike.
LEAST_SPREAD = 1.0
LEAST_SHARE = 0.1
# GANs and VAEs that learn lie above 0.6 from their first epochs on; below this, half of the images have near twins.
LEAST_DIVERSITY = 0.2
# Root mean square of a gradient: Adam's epsilon, below which its updates shrink to nothing.
LEAST_GRADIENT = 1e-8


class Diverged(UserError):
    """Training went wrong: a value is not finite, or the generator is lost.

    incident: {"kind", "epoch", "step", "text"}, ready for JSON; epoch and step count from 1, step None for the end.
    """

    def __init__(self, kind: str, epoch: int, step: int | None, text: str, advice: str) -> None:
        super().__init__(f"{text}; {advice}")
        self.incident = {"kind": kind, "epoch": epoch, "step": step, "text": text}


class DivergenceGuard(keras.callbacks.Callback):
    """Raises `Diverged` when a loss or a weight is not finite, or when the generator of a GAN is lost.

    A discriminator has won when its mean loss stays below `threshold` for `patience` epochs. That alone ends nothing:
    under the non-saturating and the hinge loss the generator's gradient by a logit is then at its largest. So the
    generator is judged by itself after each such epoch. It is lost when its gradient is gone (a saturating loss, such
    as that of unrolled steps) or all its images are the same. Otherwise `on_incident` is called once.

    dataset: the training data, of which one batch is used; without it no generator is judged. on_incident: called with
    {"kind", "epoch", "step", "text"}. start: the `Position` that the model was brought to. losses: of the discriminator
    in the epochs before. When training stops, the state of the last epoch before is on disk and stays there.
    """

    def __init__(
        self,
        dataset: Dataset | None = None,
        on_incident: Callable[[dict], None] | None = None,
        threshold: float = 1e-3,
        patience: int = 2,
        start: Position = START,
        losses: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.on_incident = on_incident
        self.threshold = threshold
        self.patience = patience
        self.start = start
        # Epochs before an interruption count too.
        self.certain_epochs = 0
        for loss in losses:
            self._count(loss)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch
        self.first_step = self.start.step if epoch == self.start.epoch else 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        # The logs are running means over the epoch, in which one bad value stays visible.
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                step = self.first_step + batch + 1
                text = f"training diverged in epoch {self.epoch + 1}, step {step}: {name} is {value}"
                raise self._diverged("not finite", step, text, "lower the rate or change a setting and train again")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        # The loss of the last step is from before its update.
        bad = not_finite(self.model)
        if bad is not None:
            text = f"training diverged at the end of epoch {epoch + 1}: {bad} is not finite"
            raise self._diverged("not finite", None, text, "lower the rate or change a setting and train again")
        self._count((logs or {}).get("discriminator_loss"))
        if self.certain_epochs >= self.patience and self.dataset is not None:
            self._judge_generator(epoch, self.dataset)

    def _judge_generator(self, epoch: int, dataset: Dataset) -> None:
        """Raise `Diverged` where the generator is lost; otherwise report once that the discriminator has won."""
        won = (
            f"the discriminator won: its loss was below {self.threshold} for {self.certain_epochs} epochs, "
            f"up to epoch {epoch + 1}"
        )
        data = [spread(part, COUNT) for part in (dataset.train_images, dataset.train_labels)]
        gradient = self.model.gradient_size(data if self.model.conditional else data[:1])
        if gradient < LEAST_GRADIENT:
            text = f"{won}, and the generator's gradient is gone (root mean square {gradient:.1e})"
            advice = "lower the discriminator's rate, or use the hinge or non-saturating loss without unrolled steps"
            raise self._diverged("discriminator won", None, text, advice)
        if are_constant(self.model.sample(COUNT, self.model.seed, data[0]), data[0]):
            text = f"{won}, and all images of the generator are the same"
            raise self._diverged("discriminator won", None, text, "lower its rate or use the preset sngan")
        if self.certain_epochs == self.patience and self.on_incident:
            text = (
                f"{won}; the generator still learns (gradient {gradient:.1e}): training continues. If the scores get "
                "worse, lower the discriminator's rate, augment images or use the preset sngan"
            )
            self.on_incident({"kind": "discriminator ahead", "epoch": epoch + 1, "step": None, "text": text})

    def _count(self, loss: float | None) -> None:
        self.certain_epochs = self.certain_epochs + 1 if loss is not None and loss < self.threshold else 0

    def _diverged(self, kind: str, step: int | None, text: str, advice: str) -> Diverged:
        kept = f"the weights of epoch {self.epoch} are kept" if self.epoch else "no epoch was finished"
        return Diverged(kind, self.epoch + 1, step, text, f"{kept}; {advice}")


def are_constant(images: np.ndarray, real: np.ndarray) -> bool:
    """Return whether uint8 images (n, ...) are all the same, to the eye or compared with the spread of real ones."""
    return brightness_spread(images) < min(LEAST_SPREAD, LEAST_SHARE * brightness_spread(real))


def not_finite(model: keras.Model) -> str | None:
    """Return the path of the first weight that is not finite throughout, None where there is none."""
    for weight in model.weights:
        if not np.isfinite(ops.convert_to_numpy(weight)).all():
            return weight.path
    return None


class DiversityGuard(keras.callbacks.Callback):
    """Reports once when a model's images have all become the same, or near twins of few: mode collapse.

    images: uint8 training images (n, height, width, channels). on_incident: called with {"kind", "epoch", "step",
    "text"}. Images are checked after every epoch once `after` updates are done; `patience` checks in a row count.
    told: kinds of incidents on record, which are reported again only after a check that found none.
    """

    def __init__(
        self,
        images: np.ndarray,
        on_incident: Callable[[dict], None],
        after: int = 500,
        patience: int = 2,
        told: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.some = spread(images, min(FITTED, len(images)))
        self.real = spread(images, min(COUNT, len(images)))
        self.on_incident = on_incident
        self.after = after
        self.patience = patience
        self.looks = {kind: patience if kind in told else 0 for kind in ("constant output", "mode collapse")}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        steps = min(int(ops.convert_to_numpy(optimizer.iterations)) for optimizer in self.model.optimizers().values())
        if steps < self.after:
            return
        images = self.model.sample(len(self.real), self.model.seed, self.some)
        constant = are_constant(images, self.real)
        diversity = relative_diversity(images, self.real)
        found = {"constant output": constant, "mode collapse": not constant and diversity < LEAST_DIVERSITY}
        for kind, is_so in found.items():
            self.looks[kind] = self.looks[kind] + 1 if is_so else 0
            if self.looks[kind] == self.patience:
                self.on_incident(
                    {"kind": kind, "epoch": epoch + 1, "step": None, "text": _text(kind, epoch, diversity)}
                )


def _text(kind: str, epoch: int, diversity: float) -> str:
    if kind == "constant output":
        return f"constant output in epoch {epoch + 1}: every image that the model makes is the same"
    return (
        f"mode collapse in epoch {epoch + 1}: images are {diversity:.0%} as far from the most similar other one as "
        "training images are"
    )
