"""What searches climb: the witness's evidence of a body with wings, two critics of the run itself, a seam unseen.

A term is a function of (images in [-1, 1], given), a value (n,) for each; `given` holds what is fixed and the latents
that the images are decoded from.
"""

from collections.abc import Callable
from typing import TypeAlias

from keras import ops

from coursework.networks.backend import Tensor
from coursework.pegasus.task import Task
from coursework.training.sampling import TrainedRun

# A function of (images, given), see above.
Term: TypeAlias = Callable[[Tensor, dict[str, Tensor]], Tensor]
# What a unit of squared distance of colours along a seam costs, in nats. On sprites (200 candidates of a region search)
# the judge of truth called 28 % pegasi with none, 30 % with 2 and 22 % with 10; by eye the sky about the wings is no
# longer another one with 2.
SEAM = 2.0


def evidence_of(task: Task) -> Term:
    """Return the term of the task's witness: log evidence (n,) of images in [-1, 1]."""

    def term(images: Tensor, given: dict[str, Tensor]) -> Tensor:
        return task.log_evidence((images + 1.0) * 127.5)

    return term


def critics_of(trained: TrainedRun) -> Term:
    """Return the term log sigmoid D(image, body) + log sigmoid D(image, wings), D the run's own discriminator.

    A product of experts (Hinton 2002): the image should pass for a real one of either class. A sigmoid, where a plain
    sum of logits would let one class pay for the other. Read from `given`: "body" and "wings" (n, class_count).
    Raises `UserError` for a run that keeps no discriminator.
    """
    discriminator = trained.network("discriminator")

    def term(images: Tensor, given: dict[str, Tensor]) -> Tensor:
        logits = [discriminator([images, given[name]], training=False)[:, 0] for name in ("body", "wings")]
        return sum(ops.log_sigmoid(ops.cast(value, "float32")) for value in logits)

    return term


def seam_of(trained: TrainedRun) -> Term:
    """Return the term of two generations that should agree where one passes into the other.

    `SEAM` times minus the squared distance of their colours, each generation being decoded whole, in [-1, 1], averaged
    with weights m (1 - m) of the mask m: nothing but its edge counts. Read from `given`: latents as `mix_regions` takes
    them.
    """
    generator = trained.generator

    def term(images: Tensor, given: dict[str, Tensor]) -> Tensor:
        lower = generator([given["latents"], given["classes"]], training=False)
        upper = generator([given["upper_latents"], given["upper_classes"]], training=False)
        distances = ops.sum(ops.square(ops.cast(upper, "float32") - ops.cast(lower, "float32")), axis=-1)
        edge = given["mask"] * (1.0 - given["mask"])
        return -SEAM * ops.sum(edge * distances, axis=(1, 2)) / (ops.sum(edge, axis=(1, 2)) + 1e-6)

    return term
