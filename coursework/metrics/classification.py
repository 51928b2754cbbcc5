"""How well a classifier does: class accuracy of conditional samples, and the area under the curve of two sets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from coursework.util.errors import UserError


def class_accuracy(
    logits: ArrayLike, labels: ArrayLike, class_names: Sequence[str], judge_class_names: Sequence[str]
) -> dict[str, Any]:
    """Return {"mean", "error", "n", "classes": {name: {"accuracy", "n"}}} of conditional samples; 1 is perfect.

    logits: (n, judge's classes). labels: (n,), indices into `class_names`, the classes that the samples were generated
    for. The judge chooses among all the classes that it knows. "mean" weighs every class alike; "error" is its standard
    error from the binomial variances. Shmelkov, Schmid & Alahari (2018) call this GAN-test. Raises `UserError` for
    classes that the judge does not know and for a class without a sample.
    """
    unknown = [name for name in class_names if name not in judge_class_names]
    if unknown:
        raise UserError(f"the judge knows no class {', '.join(unknown)}; it knows {', '.join(judge_class_names)}")
    named, labels = np.argmax(logits, axis=1), np.asarray(labels)
    if len(named) != len(labels):
        raise ValueError(f"{len(named)} logits for {len(labels)} labels")
    classes = {}
    for label, name in enumerate(class_names):
        right = named[labels == label] == list(judge_class_names).index(name)
        if not len(right):
            raise UserError(f"{len(labels)} samples hold none of class {name}: draw more")
        classes[name] = {"accuracy": float(right.mean()), "n": len(right)}
    shares, counts = np.array([(entry["accuracy"], entry["n"]) for entry in classes.values()]).T
    error = np.sqrt((shares * (1.0 - shares) / counts).sum()) / len(classes)
    return {"mean": float(shares.mean()), "error": float(error), "n": len(labels), "classes": classes}


def area_under_curve(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Return the area under the receiver operating characteristic: P(positive > negative), with ties counted half.

    positives: (n,), negatives: (m,), scores of each set. It is 1 for scores that separate the sets, 0.5 for scores
    that do not distinguish them (the Mann-Whitney statistic divided by n m). Raises `UserError` for an empty set and
    for NaN.
    """
    positives, negatives = (np.asarray(values, np.float64).ravel() for values in (positives, negatives))
    if not len(positives) or not len(negatives):
        raise UserError("the area under the curve takes scores of both sets, and one of them is empty")
    if np.isnan(positives).any() or np.isnan(negatives).any():
        raise UserError("the area under the curve takes numbers, and a score is none")
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float((below + not_above).mean() / (2 * len(ordered)))
