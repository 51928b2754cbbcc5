"""Witnesses of "both": networks that tell, class by class, what is in an image, and whether it is one picture.

A classifier splits its belief between horse and bird; a witness may be sure of both. One, the role "witness", may be
searched and ranked against. The other, the role "second", of another architecture and seed, takes part in no search,
ranking or training, so that its verdict flatters nobody. Both are trained by `coursework.pegasus.witness_training`.
"""

from dataclasses import dataclass

import coursework.pegasus.witness_network  # noqa: F401  registers the layer that loading a witness looks up
from coursework.extractors import judge as judges
from coursework.extractors import recorded
from coursework.extractors.judge import judge_folder
from coursework.extractors.recorded import Recorded, training_command
from coursework.util.errors import UserError

ROLES = ("witness", "second")
# What a witness tells: features, presence with one column a class, and unity.
OUTPUTS = {"features": False, "presence": True, "unity": False}


@dataclass(frozen=True)
class Witness(Recorded):
    """A trained witness and its record.

    model: uint8-valued images (n, h, w, c) -> {"features": (n, d), "presence": (n, classes), "unity": (n,)}, float32;
    presence: log-odds that something of a class is there; unity: log-odds that the image is one scene, as likely as
    among `Examples`. role: one of `ROLES`. judge_sha256: of the judge whose layers it started from, "" for none.

    Measured on the test split and composites of it: accuracy: fraction of single pictures whose likeliest class is
    theirs; presence_auc: mean area under the curve of the classes; unity_auc: that of what is one scene against what is
    made of two (`TWO_PICTURES`); calibration_error: the larger one of presence and unity (see `calibration_error`).
    """

    role: str
    judge_sha256: str
    accuracy: float
    presence_auc: float
    unity_auc: float
    calibration_error: float


def find_witness(dataset, role="witness"):
    """Return the witness in reports/judges that has seen the images of `dataset`, None where there is none.

    A selection of a data set's classes is served by the witness of the whole. Raises `UserError` for damaged files.
    """
    folder = recorded.find_folder(judges.JUDGES, role, dataset)
    return None if folder is None else load(folder, role)


def require_witness(dataset, role="witness"):
    """Return the witness of `dataset`; raises `UserError`, which says how to make one, where there is none."""
    witness = find_witness(dataset, role)
    if witness is None:
        name = "second witness" if role == "second" else role
        raise UserError(
            f"no {name} of the images of {dataset.name} in {judge_folder(dataset)}: "
            f"train one with `{training_command(role, dataset.argument)}`"
        )
    return witness


def load(folder, role="witness"):
    """Return the witness saved in `folder`; raises `UserError` where either file is missing, damaged or foreign."""
    witness = recorded.load(Witness, role, folder, OUTPUTS)
    if witness.role != role:
        raise UserError(f"{folder} holds a witness of the role {witness.role} under the name {role}")
    return witness
