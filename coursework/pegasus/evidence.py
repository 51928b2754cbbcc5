"""How much of a body and of wings, in one picture, a witness sees in an image."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from coursework.networks.backend import Tensor
from coursework.util.errors import UserError

# Log-odds that are added to a witness's for one scene: a good share of the examples it learned from is two, while what
# a generator makes is one scene unless it looks otherwise.
UNITY_PRIOR = float(np.log(9.0))


def evidence(
    outputs: dict[str, np.ndarray], class_names: Sequence[str], body: str, wings: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return {"body", "wings", "unity", "both"}, each float64 (n,) in [0, 1], of a witness's outputs.

    outputs: {"presence": log-odds (n, classes), "unity": log-odds (n,)}, as arrays.
    body: the probability that something of that class is there.
    wings: that of the likeliest of these classes. One pair of wings may look like a bird's and an aeroplane's at once,
    so that counting both ("noisy or") would count it twice, and classes of which none is there would add up.
    unity: that the image is one scene rather than a blend of two, one with a piece of another pasted in, or two beside
    each other, see `UNITY_PRIOR`.
    both: the product of the three, the probability of all at once were they independent; where one is missing, the
    others do not make up for it.

    Raises `UserError` for a class that the witness does not know.
    """
    body_column, wing_columns = _columns(class_names, body, wings)
    presence = np.asarray(outputs["presence"], dtype=np.float64)
    logs = {
        "body": _log_sigmoid(presence[:, body_column]),
        "wings": _log_sigmoid(presence[:, wing_columns].max(axis=1)),
        "unity": _log_sigmoid(np.asarray(outputs["unity"], dtype=np.float64) + UNITY_PRIOR),
    }
    logs["both"] = logs["body"] + logs["wings"] + logs["unity"]
    return {name: np.exp(values) for name, values in logs.items()}


def log_evidence(
    outputs: dict[str, Tensor], class_names: Sequence[str], body: str, wings: Sequence[str]
) -> dict[str, Tensor]:
    """Return the logarithms of `evidence` as tensors (n,), differentiable by whatever `outputs` follow from.

    They and their gradients are finite for every finite log-odds: where there is no evidence at all, the slope of each
    part is one. The gradient of "wings" is that of the likeliest class.
    """
    body_column, wing_columns = _columns(class_names, body, wings)
    presence = outputs["presence"]
    likeliest = presence[:, wing_columns[0]]
    for column in wing_columns[1:]:
        likeliest = ops.maximum(likeliest, presence[:, column])
    logs = {
        "body": ops.log_sigmoid(presence[:, body_column]),
        "wings": ops.log_sigmoid(likeliest),
        "unity": ops.log_sigmoid(outputs["unity"] + UNITY_PRIOR),
    }
    return {**logs, "both": logs["body"] + logs["wings"] + logs["unity"]}


def _columns(class_names: Sequence[str], body: str, wings: Sequence[str]) -> tuple[int, list[int]]:
    """Return the column of the body and the list of those of wings."""
    missing = [name for name in (body, *wings) if name not in class_names]
    if missing:
        raise UserError(f"the witness knows no class {', '.join(missing)}; it knows {', '.join(class_names)}")
    if not wings:
        raise UserError("name at least one class that has wings")
    class_names = list(class_names)
    return class_names.index(body), [class_names.index(name) for name in wings]


def _log_sigmoid(values: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0.0, -values)
