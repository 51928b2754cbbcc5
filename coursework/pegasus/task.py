"""What is asked for, as every strategy is told it: which body, which wings, and who judges."""

from dataclasses import dataclass

import numpy as np

from coursework.data import Dataset
from coursework.extractors.recorded import training_command
from coursework.pegasus.evidence import log_evidence
from coursework.pegasus.witness import Witness
from coursework.util.errors import UserError


@dataclass(frozen=True)
class Task:
    """A body of one class with wings of others.

    dataset: the images that strategies may look at (its training split alone). body: class name; wings: class names,
    each an equally good source of wings. witness: who tells evidence of body and of wings, for strategies that search.
    Raises `UserError` for a class that the data set or the witness lacks, and for wings that are the body's class.
    """

    dataset: Dataset
    body: str
    wings: tuple[str, ...]
    witness: Witness | None = None

    def __post_init__(self):
        if not self.wings:
            raise UserError("name at least one class that has wings")
        for name in (self.body, *self.wings):
            if name not in self.dataset.class_names:
                raise UserError(
                    f"data set {self.dataset.name} has no class {name}; it has {', '.join(self.dataset.class_names)}"
                )
            if self.witness is not None and name not in self.witness.class_names:
                raise UserError(f"the witness knows no class {name}; it knows {', '.join(self.witness.class_names)}")
        if self.body in self.wings:
            raise UserError(f"the wings should be of another class than the body, {self.body}")

    def indices(self, name):
        """Return the indices of the training images of class `name`."""
        return np.flatnonzero(self.dataset.train_labels == self.dataset.class_names.index(name))

    def choose(self, name, count, generator):
        """Return indices of `count` training images of class `name`, drawn with equal chance."""
        return generator.choice(self.indices(name), count)

    def choose_wings(self, count, generator):
        """Return `count` class names of wings, drawn with equal chance."""
        return [self.wings[kind] for kind in generator.integers(len(self.wings), size=count)]

    def log_evidence(self, images):
        """Return (n,) the logarithm of the witness's evidence of both, differentiable by uint8-valued images.

        Raises `UserError` for a task without a witness.
        """
        if self.witness is None:
            command = training_command("witness", self.dataset.argument)
            raise UserError(f"a search needs a witness: train one with `{command}`")
        outputs = self.witness.model(images, training=False)
        return log_evidence(outputs, self.witness.class_names, self.body, self.wings)["both"]
