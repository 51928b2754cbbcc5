"""How many modes of a mixture of Gaussians a generator reaches, and how closely (Srivastava et al. 2017, VEEGAN)."""

import numpy as np

from coursework.util.errors import UserError

# A sample within this many standard deviations of its nearest mode has high quality.
RADIUS = 3.0


def mode_coverage(samples: np.ndarray, modes: np.ndarray, std: float) -> dict[str, float]:
    """Return {"modes": int, "high_quality": float} of samples (n, 2) against the means (k, 2) of a mixture.

    high_quality: the share of samples at most three `std` from their nearest mode; for true samples in the plane it is
    1 - exp(-9/2), 98.9 %. modes: how many modes are the nearest of at least one such sample. The papers use 2,500
    samples. Raises `UserError` for other shapes, and for values that are not finite.
    """
    samples, modes = np.asarray(samples, dtype=np.float64), np.asarray(modes, dtype=np.float64)
    if samples.ndim != 2 or modes.ndim != 2 or samples.shape[1] != modes.shape[1] or not len(samples):
        raise UserError(f"samples (n, 2) and modes (k, 2) have a mode coverage, not {samples.shape} and {modes.shape}")
    if not np.isfinite(samples).all():
        raise UserError("samples hold NaN or infinite values: no score can be computed from them")
    distances = np.linalg.norm(samples[:, None] - modes, axis=2)
    nearest = distances.argmin(axis=1)
    good = distances.min(axis=1) <= RADIUS * std
    return {"modes": len(np.unique(nearest[good])), "high_quality": float(good.mean())}
