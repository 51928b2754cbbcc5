"""What runs that differ in their seed alone have in common."""

import math

import numpy as np


def over_seeds(values, wanted=("mean", "standard_error")):
    """Return {name of `wanted`: number} of one value for each seed, those left out that are None.

    "mean"; "spread", the standard deviation (ddof 1); "standard_error" of the mean; "seeds", their number. None where
    too few values are left.
    """
    values = [value for value in values if value is not None]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    found = {
        "mean": float(np.mean(values)) if values else None,
        "spread": spread,
        "standard_error": None if spread is None else spread / math.sqrt(len(values)),
        "seeds": len(values),
    }
    return {name: found[name] for name in wanted}
