"""Training the discriminator alone before the first step, one of the habits of GAN practice."""

from keras import ops

from coursework.config.schema import Config
from coursework.data.dataset import Dataset
from coursework.data.pipeline import Batches
from coursework.models.base import GenerativeModel
from coursework.networks.backend import compiled
from coursework.training.interruption import Interrupted, Interruption
from coursework.training.run import Report


def give_head_start(
    model: GenerativeModel, config: Config, dataset: Dataset, interruption: Interruption, report: Report = print
) -> None:
    """Update the discriminator of a `GAN` that is at its start as `config.model.head_start` training steps would.

    It sees the first batches of the first epoch, in order and from the beginning again where there are too few, and
    fakes of the untrained generator. Other models, and a head start of 0, are left as they are. Raises `Interrupted`
    after the step at hand where the `Interruption` has been requested: nothing of a head start is saved.
    """
    steps = getattr(config.model, "head_start", 0)
    if not steps:
        return
    labels = dataset.train_labels if model.conditional else None
    batches = Batches(dataset.train_images, config.images_per_step, config.seed, labels, config.horizontal_flips)
    update = compiled(lambda *data: model.update_discriminator_alone(data)[0])
    for step in range(steps):
        loss = update(*(ops.convert_to_tensor(part) for part in batches[step % len(batches)]))
        if interruption.requested:
            raise Interrupted(f"interrupted after {step + 1} steps of {steps} of the head start; nothing is saved")
    report(f"head start: {steps} steps of the discriminator alone, its loss is {float(loss):.3g}")
