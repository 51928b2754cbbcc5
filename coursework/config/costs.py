"""What it costs to train a preset: the size of its networks and the time of an epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """parameters: of all networks of a preset. minutes_per_epoch: of one core of a server, rounded."""

    parameters: int
    minutes_per_epoch: float


# Measured in float32 with TensorFlow 2.21 on one core of an AMD EPYC, from the processor time of a step.
COSTS: dict[str, Cost] = {}
