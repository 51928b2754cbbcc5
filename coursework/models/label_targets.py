"""What a discriminator is told of real and fake: soft, noisy and now and then wrong labels."""

from keras import ops, random

from coursework.util.errors import UserError


def check_targets(labels):
    """Raise `UserError` for a `LabelsConfig` whose bounds are the wrong way round, or whose mean target is no label.

    Single targets may lie outside of [0, 1]. Where their mean does, the cross-entropy has no lower bound.
    """
    for kind, low, high in (
        ("real", labels.real_low, labels.real_high),
        ("fake", labels.fake_low, labels.fake_high),
    ):
        if low > high:
            raise UserError(f"{kind}_low {low:g} is above {kind}_high {high:g}: set both")
        if not 0.0 <= 0.5 * (low + high) <= 1.0:
            raise UserError(f"{kind} labels from {low:g} to {high:g} have a mean outside of 0 to 1: no loss would end")


def draw_targets(labels, real_logits, fake_logits, seed):
    """Return {"real_target", "fake_target"}: targets of the cross-entropy, drawn for every logit by itself.

    labels: a `LabelsConfig`, by which real items have targets from U(real_low, real_high), fake ones from
    U(fake_low, fake_high), and an item one of the other kind with probability `flipped`. seed: a `SeedGenerator`.
    """
    real, fake = (labels.real_low, labels.real_high), (labels.fake_low, labels.fake_high)
    return {
        "real_target": _targets(ops.shape(real_logits), real, fake, labels.flipped, seed),
        "fake_target": _targets(ops.shape(fake_logits), fake, real, labels.flipped, seed),
    }


def _targets(shape, own, other, flipped, seed):
    targets = random.uniform(shape, *own, seed=seed)
    if not flipped:
        return targets
    return ops.where(random.uniform(shape, seed=seed) < flipped, random.uniform(shape, *other, seed=seed), targets)
