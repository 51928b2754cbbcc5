"""Generative adversarial network (Goodfellow et al. 2014)."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops, random

from coursework.config.schema import Config
from coursework.models.augmentation import View
from coursework.models.base import PREVIEW_COUNT, GenerativeModel, MovingAverage, build_optimizer, images_of, to_uint8
from coursework.models.objectives import Objective, build_objective
from coursework.models.unrolling import Unrolled
from coursework.networks.backend import Tensor, apply_gradients, value_and_gradients, without_gradient
from coursework.networks.latents import draw_latents
from coursework.util.errors import UserError


class GAN(GenerativeModel):
    """A generator against a discriminator, in alternating updates.

    generator: (latent_size,) -> image in [-1, 1]; discriminator: image -> logit (1,).
    objective: an `Objective` or its name: "non-saturating", "hinge", or "wasserstein", which needs a critic with a
    bounded slope (`WGANGP`).
    critic_steps: discriminator updates before each generator update, each on an equal part of a batch of data.
    generator_batch_factor: size of the generator's batch in multiples of the discriminator's.
    latent_distribution: "normal" or "uniform" in [-1, 1]. ema_decay: of the generator's moving average, 0 for none.
    view: what the discriminator gets of items, a `View`; by default the items themselves.

    Items are what the discriminator judges: images or points, in a subclass a list of tensors for its inputs.
    """

    # Settings of a configuration that are arguments of the constructor as they are.
    own_settings: tuple[str, ...] = ("critic_steps", "generator_batch_factor", "latent_distribution", "ema_decay")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        objective: Objective | str = "non-saturating",
        critic_steps: int = 1,
        generator_batch_factor: int = 1,
        latent_distribution: str = "normal",
        ema_decay: float = 0.0,
        view: View | None = None,
        seed: int = 0,
    ) -> None:
        objective = Objective(objective) if isinstance(objective, str) else objective
        # A Wasserstein critic's loss is negative, and near zero when the critic has lost, not when it has won.
        player = "critic" if objective.name == "wasserstein" else "discriminator"
        super().__init__((f"{player}_loss", "generator_loss"), seed)
        self.generator = generator
        self.discriminator = discriminator
        self.objective = objective
        self.critic_steps = critic_steps
        self.generator_batch_factor = generator_batch_factor
        self.latent_size = generator.inputs[0].shape[-1]
        self.latent_distribution = latent_distribution
        self.view = view or View()
        self.average = MovingAverage(generator, ema_decay) if ema_decay else None
        # Keras tracks the averaged network's variables only as an attribute of the model.
        self.shown_generator = self.average.network if self.average else generator

    @classmethod
    def from_config(cls, config: Config, networks: dict[str, keras.Model], steps: int, **more: Any) -> Self:
        """Return the compiled model of a `Config`; `steps` counts generator updates over the whole training.

        more: further arguments of the constructor.
        """
        settings: Any = config.model
        if settings.augmentations and len(networks["generator"].output_shape) != 4:
            raise UserError("augmentations are for images: points take none")
        objective = build_objective(settings)
        model = cls(
            networks["generator"],
            networks["discriminator"],
            objective=Unrolled(objective, settings.unrolled_steps) if settings.unrolled_steps else objective,
            view=View(settings.augmentations, settings.packing, settings.dequantize),
            seed=config.seed,
            **{name: getattr(settings, name) for name in cls.own_settings},
            **more,
        )
        model.compile(
            build_optimizer(settings.generator_optimizer, steps),
            # A head start counts as training: a rate that falls reaches zero with the last update.
            build_optimizer(settings.discriminator_optimizer, (steps + settings.head_start) * settings.critic_steps),
        )
        return model

    def compile(
        self, generator_optimizer: keras.optimizers.Optimizer, discriminator_optimizer: keras.optimizers.Optimizer
    ) -> None:
        super().compile(optimizer=None, jit_compile=False)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Make `critic_steps` discriminator updates, each on other images, then one generator update."""
        discriminator_loss, real = self.update_discriminator_alone(data)
        generator_loss = self.update_generator(real)
        if self.average:
            self.average.update(self.generator_optimizer.iterations)
        return self.track(**dict(zip(self.trackers, (discriminator_loss, generator_loss), strict=True)))

    def update_discriminator_alone(self, data: Any) -> tuple[Tensor, Any]:
        """Make the discriminator's updates of a training step; return the last one's loss and its real items."""
        for real in split_items(self.real_items(data), self.critic_steps):
            loss = self.update_discriminator(real)
        return loss, real

    def update_discriminator(self, real: Any) -> Tensor:
        """Update the discriminator on the items `real` and as many fresh fakes; return its loss."""
        fake = without_gradient(self.fake_items, item_count(real))
        packs = self.view.pack(real), self.view.pack(fake)
        variables = self.discriminator.trainable_variables
        value, gradients = value_and_gradients(lambda: self.discriminator_objective(*packs), variables)
        apply_gradients(self.discriminator_optimizer, gradients, variables)
        return value

    def update_generator(self, real: Any) -> Tensor:
        """Update the generator on fresh latents, `generator_batch_factor` for each item of `real`; return its loss."""
        value, gradients = self.generator_gradients(real)
        apply_gradients(self.generator_optimizer, gradients, self.generator.trainable_variables)
        return value

    def generator_gradients(self, real: Any) -> tuple[Tensor, list[Tensor]]:
        """Return the generator's loss on fresh latents and its gradients by the generator's variables."""
        count, packs = item_count(real) * self.generator_batch_factor, self.view.pack(real)

        def loss() -> Tensor:
            return self.objective.generator_loss(self, packs, self.view.pack(self.fake_items(count)))

        return value_and_gradients(loss, self.generator.trainable_variables)

    def discriminator_objective(self, real: Any, fake: Any) -> Tensor:
        """Return the discriminator's loss on packs of real and fake items."""
        logits = self.discriminate(self.view(real, self.random), self.view(fake, self.random))
        return self.objective.discriminator_loss(*logits, self.random)

    def discriminate(self, real: Any, fake: Any) -> tuple[Tensor, Tensor]:
        """Return the logits of both kinds, from separate calls: BatchNorm must not mix the two."""
        return self.discriminator(real, training=True), self.discriminator(fake, training=True)

    def judge(self, packs: Any) -> Tensor:
        """Return the discriminator's logits of its view of packs."""
        return self.discriminator(self.view(packs, self.random), training=True)

    def real_items(self, data: Any) -> Any:
        """Return the items of what `fit` passes to `train_step`."""
        return self.view.scale(images_of(data), self.random)

    def fake_items(self, count: int) -> Any:
        """Return `count` fresh fakes as items."""
        return self.generator(self.draw_latents(count), training=True)

    def draw_latents(self, count: int) -> Tensor:
        """Return `count` latents of `latent_distribution`."""
        shape = (count, self.latent_size)
        if self.latent_distribution == "uniform":
            return random.uniform(shape, -1.0, 1.0, seed=self.random)
        return random.normal(shape, seed=self.random)

    def gradient_size(self, data: Sequence[np.ndarray]) -> float:
        """Return the root mean square of the generator's gradient on `data`, (images[, labels]); nothing changes."""
        count = len(data[0]) // self.view.packing * self.view.packing
        with keras.StatelessScope():
            real = self.real_items(tuple(ops.convert_to_tensor(part[:count]) for part in data))
            _, gradients = self.generator_gradients(real)
        flat = np.concatenate([np.ravel(ops.convert_to_numpy(gradient)) for gradient in gradients])
        return float(np.sqrt(np.mean(np.square(flat, dtype=np.float64))))

    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        return {"generator": self.generator_optimizer, "discriminator": self.discriminator_optimizer}

    def networks(self) -> dict[str, keras.Model]:
        """Return the generator (its moving average where there is one) and the discriminator."""
        return {"generator": self.shown_generator, "discriminator": self.discriminator}

    def sample(self, count: int, seed: int, training_images: np.ndarray | None) -> np.ndarray:
        """Return `count` uint8 images of random latents; `training_images` are not used."""
        latents = draw_latents(self.latent_distribution, count, (self.latent_size,), seed)
        return to_uint8(self.shown_generator.predict(latents, batch_size=250, verbose=0))

    def preview(self, images: np.ndarray | None) -> np.ndarray:
        return self.sample(PREVIEW_COUNT, self.seed, images)


def require_no_batch_normalization(network: keras.Model, reason: str) -> None:
    """Raise `UserError`, which begins with `reason`, where a layer normalises by the statistics of a batch."""
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers):
        raise UserError(f"{reason} without batch normalisation: use none or layer")


def item_count(items: Any) -> Any:
    """Return the number of items."""
    return ops.shape(keras.tree.flatten(items)[0])[0]


def split_items(items: Any, parts: int) -> list[Any]:
    """Return the items in `parts` equal parts."""
    if isinstance(items, list):
        return [list(part) for part in zip(*(ops.split(item, parts) for item in items), strict=True)]
    return ops.split(items, parts)
