"""What it costs to train a preset: the size of its networks and the time of an epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """parameters: of all networks of a preset. minutes_per_epoch: of one core of a server, rounded."""

    parameters: int
    minutes_per_epoch: float


# Minutes: processor time of a step in float32 with TensorFlow 2.21, on one core of an AMD EPYC; variants whose step has
# the same networks have the time of the one that was measured.
COSTS = {
    "gan": Cost(9_672_900, 34.2),
    "sngan": Cost(9_669_381, 34.2),
    "sngan-resnet": Cost(5_335_428, 86.6),
    "wgan-gp": Cost(9_667_524, 54.6),
    "conditional-sngan": Cost(9_692_293, 34.9),
    "conditional-sngan-resnet": Cost(5_364_484, 86.6),
    "vae": Cost(30_966_531, 84.3),
    "acai": Cost(6_088_611, 48.3),
    "vqvae": Cost(9_965_075, 18.5),
}
