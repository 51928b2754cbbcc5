"""How much of a body and of wings the judge sees in an image."""

import numpy as np

from coursework.errors import UserError


def evidence(logits, class_names, body, wings):
    """Return (n,) values in [0, 1]: twice the geometric mean of the judge's belief in the body and in wings.

    logits: (n, classes). A classifier's beliefs sum to one, so 1 means an even split between the two and 0 that one
    of them is missing. Raises `UserError` for a class that the judge does not know.
    """
    missing = [name for name in (body, *wings) if name not in class_names]
    if missing:
        raise UserError(f"the judge knows no class {', '.join(missing)}; it knows {', '.join(class_names)}")
    logits = np.asarray(logits, dtype=np.float64)
    belief = np.exp(logits - logits.max(axis=1, keepdims=True))
    belief /= belief.sum(axis=1, keepdims=True)
    of_body = belief[:, class_names.index(body)]
    of_wings = belief[:, [class_names.index(name) for name in wings]].sum(axis=1)
    return 2.0 * np.sqrt(of_body * of_wings)
