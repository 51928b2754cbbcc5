"""Generative adversarial network (Goodfellow et al. 2014), and the options that any of its kind may have."""

import keras
from keras import ops, random

from coursework.config.models import LabelsConfig
from coursework.models.augmentation import augment
from coursework.models.base import PREVIEW_COUNT, GenerativeModel, images_of, to_uint8, to_unit_range
from coursework.models.label_targets import check_targets, draw_targets
from coursework.models.losses import DISCRIMINATOR_LOSSES, GENERATOR_LOSSES
from coursework.models.moving_average import MovingAverage
from coursework.models.optimizers import build_optimizer
from coursework.models.unrolling import at, look_ahead
from coursework.networks.backend import apply_gradients, value_and_gradients, without_gradient
from coursework.networks.latents import draw_latents
from coursework.util.errors import UserError

# Settings that other places heed, or that have another name here.
NOT_ARGUMENTS = ("name", "loss", "head_start", "generator_optimizer", "discriminator_optimizer")


class GAN(GenerativeModel):
    """A generator against a discriminator, in alternating updates.

    generator: (latent_size,) -> image in [-1, 1]; discriminator: image -> logit (1,).
    objective: "non-saturating" (Goodfellow et al. 2014, section 3), "hinge" (Miyato et al. 2018, eq. 16 and 17) or
    "wasserstein", which wants a critic that is held to a slope (`WGANGP`).
    critic_steps: discriminator updates before each generator update; a batch of data holds as many parts, so that
    each update sees fresh images.
    unrolled_steps: the generator is trained against what the discriminator will be after so many more updates, through
    which its gradient flows (Metz et al. 2017, equations 7 to 10).
    packing: how many items the discriminator judges at once, joined along their last axis (PacGAN, Lin et al. 2018);
    its input is as many times as deep.
    augmentations: what is done to images, real and fake, before the discriminator sees them (Zhao et al. 2020), names
    in `AUGMENTATIONS`.
    labels: a `LabelsConfig`, the targets of the non-saturating loss; a `UserError` with another loss.

    Items are what the discriminator judges: images here, in a subclass perhaps a list of tensors for its inputs.
    """

    def __init__(
        self,
        generator,
        discriminator,
        objective="non-saturating",
        critic_steps=1,
        generator_batch_factor=1,
        latent_distribution="normal",
        ema_decay=0.0,
        dequantize=False,
        unrolled_steps=0,
        packing=1,
        augmentations=(),
        labels=None,
        seed=0,
    ):
        # A Wasserstein critic's loss is no cross-entropy: negative, and near zero when it is lost, not when it has won.
        judge = "critic" if objective == "wasserstein" else "discriminator"
        super().__init__((f"{judge}_loss", "generator_loss"), seed)
        if labels == LabelsConfig():
            labels = None
        if labels and objective != "non-saturating":
            raise UserError(f"soft, noisy and flipped labels are for the non-saturating loss, not for {objective}")
        if labels:
            check_targets(labels)
        if augmentations and len(generator.output_shape) != 4:
            raise UserError("augmentations are of images: points take none")
        self.generator = generator
        self.discriminator = discriminator
        self.objective = objective
        self.critic_steps = critic_steps
        self.generator_batch_factor = generator_batch_factor
        self.latent_size = generator.inputs[0].shape[-1]
        self.latent_distribution = latent_distribution
        self.dequantize = dequantize
        self.unrolled_steps = unrolled_steps
        self.packing = packing
        # Not a list, which Keras would wrap for tracking.
        self.augmentations = tuple(augmentations)
        self.labels = labels
        self.average = MovingAverage(generator, ema_decay) if ema_decay else None
        # Keras tracks the averaged network's variables only as an attribute of the model.
        self.shown_generator = self.average.network if self.average else generator

    @classmethod
    def from_config(cls, config, networks, steps):
        """Return the compiled model of a `Config`; `steps` counts generator updates over the whole training."""
        settings = config.model
        others = {name: value for name, value in vars(settings).items() if name not in NOT_ARGUMENTS}
        players = networks["generator"], networks["discriminator"]
        model = cls(*players, objective=settings.loss, **others, seed=config.seed)
        model.compile(
            build_optimizer(settings.generator_optimizer, steps),
            # A head start is training too: a rate that falls reaches zero with the last update.
            build_optimizer(settings.discriminator_optimizer, (steps + settings.head_start) * settings.critic_steps),
        )
        return model

    def compile(self, generator_optimizer, discriminator_optimizer):
        """Set and build the two optimisers."""
        super().compile(optimizer=None, jit_compile=False)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data):
        """`critic_steps` discriminator updates, each on images of its own, then one generator update."""
        discriminator_loss, real = self.update_discriminator_alone(data)
        generator_loss = self.update_generator(real)
        if self.average:
            self.average.update(self.generator_optimizer.iterations)
        return self.track(**dict(zip(self.trackers, (discriminator_loss, generator_loss), strict=True)))

    def update_discriminator_alone(self, data):
        """Make the discriminator's updates of a training step; return the last one's loss and its real items."""
        for real in split_items(self.real_items(data), self.critic_steps):
            loss = self.update_discriminator(real)
        return loss, real

    def update_discriminator(self, real):
        """Update the discriminator on the items `real` (images in [-1, 1]) and as many fresh fakes; return its loss."""
        real, fake = self.judged(real), self.judged(without_gradient(self.fake_items, item_count(real)))
        variables = self.discriminator.trainable_variables
        value, gradients = value_and_gradients(lambda: self.discriminator_objective(real, fake), variables)
        apply_gradients(self.discriminator_optimizer, gradients, variables)
        return value

    def update_generator(self, real):
        """Update the generator on fresh latents, `generator_batch_factor` for each item of `real`; return its loss.

        The items themselves play a part only in the discriminator's updates that an unrolled generator looks ahead.
        """
        count = item_count(real) * self.generator_batch_factor
        variables = self.generator.trainable_variables
        value, gradients = value_and_gradients(lambda: self.generator_objective(real, count), variables)
        apply_gradients(self.generator_optimizer, gradients, variables)
        return value

    def discriminator_objective(self, real, fake):
        """Return the discriminator's loss on packs of real and fake items."""
        logits = self.discriminate(real, fake)
        targets = draw_targets(self.labels, *logits, self.random) if self.labels else {}
        return DISCRIMINATOR_LOSSES[self.objective](*logits, **targets)

    def generator_objective(self, real, count):
        """Return the generator's loss on `count` fresh fakes, before the discriminator as it is or as it will be."""
        fake = self.judged(self.fake_items(count))
        if not self.unrolled_steps:
            return GENERATOR_LOSSES[self.objective](self.discriminator(fake, training=True))
        variables, optimizer, real = (
            self.discriminator.trainable_variables,
            self.discriminator_optimizer,
            self.judged(real),
        )

        def objective():
            return self.discriminator_objective(real, fake)

        future = look_ahead(objective, variables, optimizer, self.unrolled_steps, self.random)
        with at(variables, future):
            return GENERATOR_LOSSES[self.objective](self.discriminator(fake, training=True))

    def judged(self, items):
        """Return items as the discriminator gets them: augmented, in packs."""
        return self.pack(self.augment(items))

    def augment(self, items):
        """Return the items with their images augmented."""
        return augment(items, self.augmentations, self.random)

    def pack(self, items):
        """Return the items in packs of `packing`, joined along their last axis."""
        return items if self.packing == 1 else ops.concatenate(ops.split(items, self.packing), axis=-1)

    def real_items(self, data):
        """Return the items of what `fit` hands to `train_step`."""
        return self.scale(images_of(data))

    def fake_items(self, count):
        """Return `count` fresh fakes as items."""
        return self.generator(self.draw_latents(count), training=True)

    def discriminate(self, real, fake):
        """Return the logits of real and of fake items, in calls apart: BatchNorm must not mix the two."""
        return self.discriminator(real, training=True), self.discriminator(fake, training=True)

    def draw_latents(self, count):
        """Return `count` latents: standard normal, or uniform in [-1, 1]."""
        shape = (count, self.latent_size)
        if self.latent_distribution == "uniform":
            return random.uniform(shape, -1.0, 1.0, seed=self.random)
        return random.normal(shape, seed=self.random)

    def scale(self, images):
        """Map uint8 images to [-1, 1]; with `dequantize` to x / 128 - 1 + U(0, 1/128), as the SNGAN code does.

        Points (n, d) are in their units already.
        """
        if len(images.shape) == 2:
            return ops.cast(images, "float32")
        if not self.dequantize:
            return to_unit_range(images)
        images = ops.cast(images, "float32") / 128.0 - 1.0
        return images + random.uniform(ops.shape(images), 0.0, 1.0 / 128.0, seed=self.random)

    def optimizers(self):
        """Return both players' optimisers."""
        return {"generator": self.generator_optimizer, "discriminator": self.discriminator_optimizer}

    def networks(self):
        """Return the generator (its moving average where there is one) and the discriminator."""
        return {"generator": self.shown_generator, "discriminator": self.discriminator}

    def sample(self, count, seed, training_images):
        """Return `count` uint8 images of random latents; `training_images` play no part."""
        latents = draw_latents(self.latent_distribution, count, (self.latent_size,), seed)
        return to_uint8(self.shown_generator.predict(latents, batch_size=250, verbose=0))

    def preview(self, images):
        """Return what the generator makes of fixed latents; `images` play no part."""
        return self.sample(PREVIEW_COUNT, self.seed, images)


def has_batch_normalization(network):
    """Tell whether any layer of a network normalises by the statistics of a batch."""
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)


def item_count(items):
    """Return how many items there are."""
    return ops.shape(keras.tree.flatten(items)[0])[0]


def split_items(items, parts):
    """Return the items as `parts` equal parts of them."""
    if isinstance(items, list):
        return [list(part) for part in zip(*(ops.split(item, parts) for item in items), strict=True)]
    return ops.split(items, parts)
