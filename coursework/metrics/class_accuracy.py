"""Class accuracy: how often a classifier of real images names a sample as the class it was made for."""

import numpy as np

from coursework.util.errors import UserError


def class_accuracy(logits, labels, class_names, judge_class_names):
    """Return {"mean", "error", "n", "classes": {name: {"accuracy", "n"}}} of conditional samples; 1 is perfect.

    logits: (n, judge's classes); labels: (n,) indices into `class_names`, the classes that the samples were made for.
    The judge chooses among all the classes that it knows. "mean" weighs every class alike; "error" is its standard
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
