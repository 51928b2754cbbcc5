"""What it costs to train a preset: the size of its networks and the time of an epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Cost of a preset. parameters: of all its networks. minutes_per_epoch: of one core of a server."""

    parameters: int
    minutes_per_epoch: float


# Minutes: from the processor time of a step in float32 with TensorFlow 2.21, on one core of an AMD EPYC.
COSTS = {
    "gan": Cost(9_672_900, 34.0),
    "sngan": Cost(9_669_381, 34.0),
    "sngan-resnet": Cost(5_335_428, 87.0),
    "wgan-gp": Cost(9_667_524, 55.0),
    "conditional-sngan": Cost(9_692_293, 35.0),
    "conditional-sngan-resnet": Cost(5_364_484, 86.0),
    "vae": Cost(30_966_531, 84.0),
    "acai": Cost(6_088_611, 48.0),
    "autoencoder": Cost(3_653_907, 16.0),
    "dropout-autoencoder": Cost(3_653_907, 16.0),
    "denoising-autoencoder": Cost(3_653_907, 16.0),
    "bernoulli-vae": Cost(3_785_491, 16.0),
    "aae": Cost(3_653_907, 17.0),
    "vqvae": Cost(9_965_075, 18.0),
    "lines-baseline": Cost(941_457, 0.64),
    "lines-dropout": Cost(941_457, 0.65),
    "lines-denoising": Cost(941_457, 0.65),
    "lines-vae": Cost(949_777, 0.68),
    "lines-aae": Cost(941_457, 0.7),
    "lines-vqvae": Cost(2_409_041, 0.85),
    "lines-acai": Cost(1_568_929, 1.7),
    "gan-demo": Cost(202_780, 0.3),
    "sngan-demo": Cost(202_341, 0.28),
    "vae-demo": Cost(929_987, 0.39),
    "acai-demo": Cost(115_987, 0.42),
    "conditional-sngan-demo": Cost(205_205, 0.28),
}
