"""How far a score would move with other samples.

All errors are of the finite number of samples, with the reference set as it is: they tell apart models that are
scored against the same one. A score's influences say how much it moves as one sample gains weight; their standard
deviation over the root of n is its standard error to first order (the infinitesimal jackknife, Jaeckel 1972). No score
is computed twice for it; and where there are hardly more samples than features it is much nearer to the scatter
of independent sets than the bootstrap is, whose resamples hold but 63 % of the samples.
"""

import numpy as np

from coursework.metrics.features import checked
from coursework.metrics.frechet import covariance_factor, moments


def standard_error(influences):
    """Return the standard error of a score from the influences (n,) of its n samples; NaN for a single one."""
    influences = np.asarray(influences, dtype=np.float64)
    count = len(influences)
    return float(influences.std(ddof=1) / count**0.5) if count > 1 else float("nan")


def frechet_influences(fake, real_mean, real_covariance):
    """Return the influences (n,) of fake features (n, d) on their Fréchet distance from N(real_mean, real_covariance).

    The distance's derivative by the fake covariance is I - T, with T = L (L^T C L)^(-1/2) L^T for L L^T the real
    covariance and C the fake one: the matrix of the optimal transport from the one Gaussian to the other (Olkin and
    Pukelsheim 1982). Directions in which C is singular are left out.
    """
    fake = checked(fake, "an error of a Fréchet distance", minimum=2)
    mean, covariance = moments(fake)
    factor = covariance_factor(real_covariance)
    values, vectors = np.linalg.eigh(factor.T @ covariance @ factor)
    kept = values > values.max(initial=0.0) * len(values) * np.finfo(np.float64).eps
    half = factor @ (vectors[:, kept] * values[kept] ** -0.25)
    influences = np.empty(len(fake))
    for start in range(0, len(fake), 4096):
        rows = slice(start, start + 4096)
        centred = fake[rows] - mean
        transported = np.square(centred @ half).sum(axis=1)
        influences[rows] = 2 * centred @ (mean - real_mean) + np.square(centred).sum(axis=1) - transported
    return influences - influences.mean()


def manifold_errors(scores):
    """Return {score: standard error} of the scores that `ManifoldScores` holds.

    Precision and density are means over samples. Recall and coverage change only by what one sample alone reaches:
    their errors are the jackknife's, which leaves out one sample at a time and errs to the upper side (Efron and Stein
    1981); the balls of the others are kept as they are. Of 100 sets of 400 Gaussian samples of 8 numbers they are 1.3
    and 1.6 times the scatter, those of precision and density 1.0 and 1.1 times.
    """
    errors = {}
    if scores.in_real is not None:
        errors["precision"] = standard_error(scores.in_real)
        errors["recall"] = standard_error(_left_out(scores.alone_in_recall, scores.fake_balls))
    if scores.real_balls is not None:
        errors["density"] = standard_error(scores.real_balls / scores.density_k)
        errors["coverage"] = standard_error(_left_out(scores.alone_in_coverage, scores.fakes_inside))
    return errors


def _left_out(alone, reached):
    """Return the influences (n,) of samples on the share of m rows reached, of how many rows each reaches alone."""
    return (len(alone) - 1) * alone / len(reached)
