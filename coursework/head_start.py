"""Training the discriminator alone before the first step, one of the habits of GAN practice."""

from keras import ops

from coursework.data.pipeline import Batches
from coursework.gradients import compiled


def give_head_start(model, config, dataset, report=print):
    """Update the discriminator of a `GAN` that is at its start as `config.model.head_start` training steps would.

    It sees the first batches of the first epoch, in order and from the beginning again where there are too few, and
    fakes of the untrained generator. Other models, and a head start of 0, are left as they are.
    """
    steps = getattr(config.model, "head_start", 0)
    if not steps:
        return
    labels = dataset.train_labels if model.conditional else None
    batches = Batches(dataset.train_images, config.images_per_step, config.seed, labels, config.horizontal_flips)
    update = compiled(lambda *data: model.update_discriminator_alone(data)[0])
    for step in range(steps):
        loss = update(*(ops.convert_to_tensor(part) for part in batches[step % len(batches)]))
    report(f"head start: {steps} steps of the discriminator alone, its loss is {float(loss):.3g}")
