"""What the two players of a GAN minimise: a pair of losses by name, or the pair with soft and noisy labels."""

from typing import Any

import keras
from keras import ops, random

from coursework.config.models import AdversarialConfig, LabelsConfig
from coursework.models.losses import DISCRIMINATOR_LOSSES, GENERATOR_LOSSES, non_saturating_discriminator
from coursework.networks.backend import Tensor
from coursework.util.errors import UserError


class Objective:
    """The losses `name` of both players.

    name: "non-saturating" (Goodfellow et al. 2014, section 3), "hinge" (Miyato et al. 2018, equations 16 and 17) or
    "wasserstein" (Arjovsky et al. 2017), which needs a critic with a bounded slope (`WGANGP`).
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
        """Return the discriminator's loss; `seed` is the `SeedGenerator` of the model."""
        return DISCRIMINATOR_LOSSES[self.name](real_logits, fake_logits)

    def generator_loss(self, model: Any, real: Tensor, fake: Tensor) -> Tensor:
        """Return the generator's loss on packs of fakes of the `GAN` `model`; this one does not depend on `real`."""
        return GENERATOR_LOSSES[self.name](model.judge(fake))


class SoftLabels(Objective):
    """The non-saturating losses with targets that are drawn for each logit.

    labels: real items have targets from U(real_low, real_high), fake ones from U(fake_low, fake_high), and an item has
    a target of the other kind with probability `flipped`. Raises `UserError` where a bound is above the other one, and
    where the mean target is outside [0, 1]: the cross-entropy would have no lower bound. Single targets may be outside.
    """

    def __init__(self, labels: LabelsConfig) -> None:
        super().__init__("non-saturating")
        self.labels = labels
        for kind, (low, high) in self.bounds.items():
            if low > high:
                raise UserError(f"{kind}_low {low:g} is above {kind}_high {high:g}: set both")
            if not 0.0 <= 0.5 * (low + high) <= 1.0:
                raise UserError(f"the mean of the {kind} labels {low:g} to {high:g} is outside 0 to 1")

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Lower and upper bound of the targets of "real" and "fake" items."""
        labels = self.labels
        return {"real": (labels.real_low, labels.real_high), "fake": (labels.fake_low, labels.fake_high)}

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
        """Return the cross-entropy with drawn targets."""
        real_target = self.targets("real", "fake", real_logits, seed)
        fake_target = self.targets("fake", "real", fake_logits, seed)
        return non_saturating_discriminator(real_logits, fake_logits, real_target, fake_target)

    def targets(self, own: str, other: str, logits: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
        """Return a target for each logit of the kind `own`, "real" or "fake"."""
        shape = ops.shape(logits)
        targets = random.uniform(shape, *self.bounds[own], seed=seed)
        if not self.labels.flipped:
            return targets
        flipped = random.uniform(shape, seed=seed) < self.labels.flipped
        return ops.where(flipped, random.uniform(shape, *self.bounds[other], seed=seed), targets)


def build_objective(config: AdversarialConfig) -> Objective:
    """Return the objective of a configuration without its unrolled steps.

    Raises `UserError` for soft labels with another loss than the non-saturating one.
    """
    if config.labels == LabelsConfig():
        return Objective(config.loss)
    if config.loss != "non-saturating":
        raise UserError(f"soft, noisy and flipped labels are for the non-saturating loss, not for {config.loss}")
    return SoftLabels(config.labels)
