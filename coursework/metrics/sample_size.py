"""Are there enough images to compute a score, and for it to be meaningful?"""

import math

# Heusel et al. 2017 recommend 10,000 samples for 2,048 features; the bias grows with features divided by samples.
SAMPLES_A_FEATURE = 5
FRECHET_SAMPLES = 10_000
MANIFOLD_SAMPLES = 1_000
MEMORISATION_SAMPLES = 100
NEIGHBOURS = {"precision": 3, "recall": 3, "density": 5, "coverage": 5}


def sample_size_problem(
    name: str,
    n_fake: int,
    n_real: int,
    feature_size: int,
    subset_size: int = 1000,
    splits: int = 10,
    k: int | None = None,
) -> tuple[str, str] | None:
    """Return None, or ("warning" or "error", reason) if a score cannot be trusted or computed with so few images.

    name: as in the records of scores; fd and kd, with any ending, are the FID and KID of other extractors.
    n_fake, n_real: images on each side; for memorisation n_real counts the test images. feature_size: numbers in a
    feature row, or classes for the Inception Score. subset_size: of the kernel distance. splits: of the Inception
    Score. k: neighbours, by default 3 for precision and recall, 5 for density and coverage. A name without a rule has
    no problem.
    """
    fewest = min(n_fake, n_real)
    # The first rule whose condition holds gives the problem.
    rules: list[tuple[bool, str, str]] = []
    if name == "fid" or name.startswith("fd"):
        enough = min(FRECHET_SAMPLES, SAMPLES_A_FEATURE * feature_size)
        singular = (
            f"{fewest:,} images for {feature_size:,} features: the covariance is singular and the distance mostly "
            "bias; compare it only with scores of the same n"
        )
        biased = (
            f"{n_fake:,} samples where {enough:,} are wanted: the distance is too large by a bias of the order of 1/n; "
            "compare it only with scores of the same n"
        )
        rules = [
            (fewest < 2, "error", f"a covariance needs at least 2 images on both sides, found {n_fake} and {n_real}"),
            (fewest <= feature_size, "warning", singular),
            (n_fake < enough, "warning", biased),
        ]
    elif name == "kid" or name.startswith("kd"):
        alike = (
            f"{fewest:,} images for subsets of {subset_size:,}: they are nearly the same, and the deviation over them "
            "says nothing; see the error"
        )
        few = f"subsets of {subset_size:,} images need as many on both sides, found {fewest:,}"
        rules = [(fewest < subset_size, "error", few), (fewest < 2 * subset_size, "warning", alike)]
    elif name == "is":
        low = (
            f"{n_fake // splits:,} images in each of {splits} splits for {feature_size:,} classes: too few to know how "
            "often each class occurs, which makes the score too low"
        )
        few = f"{splits} splits need at least as many images, found {n_fake}"
        rules = [(n_fake < splits, "error", few), (n_fake < splits * feature_size, "warning", low)]
    elif name in NEIGHBOURS:
        k = k or NEIGHBOURS[name]
        few = f"balls that end at neighbour {k} need more than {k} images on both sides, found {fewest}"
        wide = f"{fewest:,} images: the balls to neighbour {k} of so few are about as wide as the whole set"
        unequal = (
            f"{n_fake:,} fake and {n_real:,} real images: balls shrink as images are added, and those of the two sets "
            "are no longer of one scale; compare it only with scores of the same numbers"
        )
        rules = [
            (fewest <= k, "error", few),
            (fewest < MANIFOLD_SAMPLES, "warning", wide),
            (name in ("precision", "recall") and n_fake != n_real, "warning", unequal),
        ]
        if name == "coverage" and k < n_fake < n_real:
            ideal = f"even samples of the real distribution would reach {ideal_coverage(n_fake, n_real, k):.3f}"
            rules.append((True, "warning", f"{n_fake:,} samples for {n_real:,} real images: {ideal}"))
    elif name == "memorisation":
        least = MEMORISATION_SAMPLES
        rules = [
            (n_real < least, "error", f"a 1 % quantile needs at least {least} test images, found {n_real}"),
            (n_fake < least, "warning", f"with {n_fake} samples, fewer than {least}, a share of 1 % cannot be seen"),
        ]
    return next(((level, reason) for holds, level, reason in rules if holds), None)


def ideal_coverage(n_fake: int, n_real: int, k: int = 5) -> float:
    """Return the expected coverage of n_fake samples of the same distribution as n_real real images.

    A real ball is empty if its k real neighbours are all nearer than the first fake; if both have one distribution, the
    order is random (Naeem et al. 2020, section 3.3).
    """
    return 1 - math.prod((n_real - 1 - i) / (n_real + n_fake - 1 - i) for i in range(k))
