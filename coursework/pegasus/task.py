"""What is asked for, as every strategy is told it: which body, which wings, how a class is sampled, who judges."""

from dataclasses import dataclass

import numpy as np

from coursework.data import Dataset
from coursework.extractors.recorded import training_command
from coursework.networks.backend import Tensor
from coursework.pegasus.evidence import log_evidence
from coursework.pegasus.witness import Witness
from coursework.util.errors import UserError


@dataclass(frozen=True)
class Sampling:
    """How a class of winged animals is sampled.

    truncation: factor that draws latents towards their mean, 1 for none (the truncation trick of Karras et al. 2019).
    body_share: share of the body's class in the class embedding, 0 for the winged class alone. Raises `UserError` for
    numbers out of range.
    """

    truncation: float = 1.0
    body_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.truncation <= 1:
            raise UserError(f"the truncation should be above 0 and no more than 1, not {self.truncation}")
        if not 0 <= self.body_share < 1:
            raise UserError(f"the share of the body should be 0 or more, and less than 1, not {self.body_share}")


@dataclass(frozen=True)
class Task:
    """A body of one class with wings of others.

    dataset: the images that strategies may look at (its training split alone). body: class name; wings: class names,
    each an equally good source of wings. witness: who tells evidence of body and of wings, for strategies that search.
    sampling: of a winged class. Raises `UserError` for a class that the data set or the witness lacks, and for wings
    that are the body's class.
    """

    dataset: Dataset
    body: str
    wings: tuple[str, ...]
    witness: Witness | None = None
    sampling: Sampling = Sampling()

    def __post_init__(self) -> None:
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

    def indices(self, name: str) -> np.ndarray:
        """Return the indices of the training images of class `name`."""
        return np.flatnonzero(self.dataset.train_labels == self.dataset.class_names.index(name))

    def choose(self, name: str, count: int, generator: np.random.Generator) -> np.ndarray:
        """Return indices of `count` training images of class `name`, drawn with equal chance."""
        return generator.choice(self.indices(name), count)

    def choose_wings(self, count: int, generator: np.random.Generator) -> list[str]:
        """Return `count` class names of wings, drawn with equal chance."""
        return [self.wings[kind] for kind in generator.integers(len(self.wings), size=count)]

    def log_evidence(self, images: Tensor) -> Tensor:
        """Return (n,) the logarithm of the witness's evidence of both, differentiable by uint8-valued images.

        Raises `UserError` for a task without a witness.
        """
        if self.witness is None:
            command = training_command("witness", self.dataset.argument)
            raise UserError(f"a search needs a witness: train one with `{command}`")
        outputs = self.witness.model(images, training=False)
        return log_evidence(outputs, self.witness.class_names, self.body, self.wings)["both"]
