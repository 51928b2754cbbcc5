"""Standard errors: of a score over samples, and of a mean over training seeds.

The error of a score covers the finite number of samples and takes the reference set as given: it compares models that
are scored against the same one. An influence says how much a score moves as one sample gains weight; the standard
deviation of the influences over the root of n is the standard error to first order (the infinitesimal jackknife,
Jaeckel 1972). It needs no second computation of the score. With hardly more samples than features it is much closer to
the scatter of independent sets than the bootstrap, whose resamples hold only 63 % of the samples.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


def standard_error(influences: ArrayLike) -> float:
    """Return the standard error of a score from the influences (n,) of its n samples; NaN for a single one."""
    influences = np.asarray(influences, dtype=np.float64)
    count = len(influences)
    return float(influences.std(ddof=1) / count**0.5) if count > 1 else float("nan")


@dataclass(frozen=True)
class SampleScore:
    """A score, the influences (n,) of its samples, and for a mean over splits or subsets the deviation over them.

    std: the population standard deviation, as in the reference implementations; it is no error of the mean.
    """

    value: float
    influences: np.ndarray
    std: float | None = None

    @property
    def error(self) -> float:
        """The standard error over samples."""
        return standard_error(self.influences)


def over_seeds(
    values: Iterable[float | None], names: Sequence[str] = ("mean", "standard_error")
) -> dict[str, float | int | None]:
    """Return {name of `names`: number} of one value for each seed; values that are None are left out.

    "mean"; "spread", the standard deviation (ddof 1); "standard_error" of the mean; "seeds", their number. None if too
    few values remain.
    """
    known = [value for value in values if value is not None]
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else None
    found = {
        "mean": float(np.mean(known)) if known else None,
        "spread": spread,
        "standard_error": None if spread is None else spread / math.sqrt(len(known)),
        "seeds": len(known),
    }
    return {name: found[name] for name in names}
