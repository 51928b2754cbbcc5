"""Do both sides of the step benchmark compute the same thing? By their losses, before anything is timed."""

# Relative differences of losses: in the first step, before which all weights are equal, and later, when Adam's first
# step (the mere sign of each gradient) has turned rounding into small differences of weights.
TOLERANCES = {"float32": (1e-3, 2e-2), "bfloat16": (2e-2, 1e-1)}
# With several critic steps these, in both places: all but the first of them have updates behind them in the very first
# step, and rounding is amplified more.
TOLERANCES_OF_SEVERAL = {"float32": 2e-2, "bfloat16": 5e-2}
# Losses below this are compared absolutely: a hinge loss of several critic steps is soon zero.
LOSS_SCALE, LOSS_SCALE_OF_SEVERAL = 0.1, 1.0


def tolerances(config, precision):
    """Return (largest difference of the first step's losses, of later ones, loss below which it is absolute)."""
    if config.critic_steps > 1:
        return TOLERANCES_OF_SEVERAL[precision], TOLERANCES_OF_SEVERAL[precision], LOSS_SCALE_OF_SEVERAL
    return *TOLERANCES[precision], LOSS_SCALE


def compared(losses, config, precision):
    """Return the sides whose losses must agree: all, but for one case of PyTorch's compiled form.

    After several critic steps in bfloat16 that form departs from the very program that it was compiled from (losses of
    step 2 by .9, where ours differ from the plain form's by .01): its fused operations round elsewhere. So it is no
    witness for or against ours, and stays in the results to be seen.
    """
    if config.critic_steps > 1 and precision == "bfloat16":
        return {side: values for side, values in losses.items() if side != "torch-compiled"}
    return losses


def check_losses(losses, first_tolerance, later_tolerance, scale=LOSS_SCALE):
    """Return the largest relative difference of each step from the first side's losses.

    losses: {side: [{name: value}, ...]}; scale: the loss below which a difference is absolute. Raises RuntimeError
    where one is above its tolerance or not a number.
    """
    reference, *others = losses
    largest = []
    for step, expected in enumerate(losses[reference]):
        tolerance = later_tolerance if step else first_tolerance
        differences = [0.0]
        for side in others:
            for name, value in expected.items():
                difference = abs(losses[side][step][name] - value) / max(abs(value), scale)
                if not difference <= tolerance:
                    raise RuntimeError(f"step {step + 1}: {name} is {value} here, {losses[side][step][name]} in {side}")
                differences.append(difference)
        largest.append(max(differences))
    return largest
