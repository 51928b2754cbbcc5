"""The presets' training steps written by hand in PyTorch, in the fastest plain form for a CPU.

Channels last, fused Adam, no unused gradients, autocast for bfloat16, and optionally each network compiled.
`Trainer.step(images)` takes uint8 images (n, height, width, channels) and returns the losses by name.
"""

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

from benchmarks import torch_networks
from coursework.config.models import OptimizerConfig
from coursework.config.schema import Config

# Adam and the schedule of its learning rate.
Optimizer = tuple[torch.optim.Adam, torch.optim.lr_scheduler.LambdaLR]


class TorchDraws:
    """Normal and uniform numbers from PyTorch's own generator, for timing."""

    def normal(self, shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randn(shape)

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> torch.Tensor:
        return torch.rand(shape).mul_(high - low).add_(low)


class Trainer:
    """What the training algorithms share. draws: `TorchDraws`, or `SharedDraws` for a comparison."""

    def __init__(self, config: Config, steps: int, compiled: bool = False) -> None:
        self.settings = config.model
        self.latent_size = config.network.latent_size if hasattr(config.network, "latent_size") else None
        self.total_steps = steps
        self.draws = TorchDraws()
        self.bfloat16 = config.precision == "mixed_bfloat16"
        self.networks = torch_networks.build(config)
        run = torch.compile if compiled else lambda network: network
        self.run = {role: run(network) for role, network in self.networks.items()}

    def step(self, images: np.ndarray) -> dict[str, float]:
        """Make one training step; return {name: loss}."""
        losses = self.train(torch.from_numpy(images).permute(0, 3, 1, 2))
        return {name: value.item() for name, value in losses.items()}

    def optimizer(self, settings: OptimizerConfig, *roles: str, updates: int) -> Optimizer:
        """Return fused Adam for the networks `roles`, with a linear decay of the rate over `updates` if set."""
        parameters = [parameter for role in roles for parameter in self.networks[role].parameters()]
        adam = torch.optim.Adam(
            parameters, settings.rate, (settings.beta_1, settings.beta_2), settings.epsilon, fused=True
        )
        factor = (lambda step: 1 - step / updates) if settings.decay == "linear" else (lambda step: 1.0)
        return adam, torch.optim.lr_scheduler.LambdaLR(adam, factor)

    def update(self, optimizer: Optimizer, loss: torch.Tensor) -> None:
        """Compute the gradients of `loss` and apply them."""
        adam, schedule = optimizer
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        schedule.step()

    def autocast(self) -> contextlib.AbstractContextManager:
        return torch.autocast("cpu", torch.bfloat16) if self.bfloat16 else contextlib.nullcontext()

    def random(self, kind: str, shape: tuple[int, ...], *bounds: float) -> torch.Tensor:
        return torch.as_tensor(getattr(self.draws, kind)(shape, *bounds))

    @contextlib.contextmanager
    def frozen(self, role: str) -> Iterator[None]:
        """Treat the network `role` as a constant, so that no gradients by its weights are computed."""
        self.networks[role].requires_grad_(False)
        try:
            yield
        finally:
            self.networks[role].requires_grad_(True)


class GAN(Trainer):
    """Non-saturating or hinge loss, moving average; real and fake in separate calls, except for an SNGAN."""

    def __init__(self, config: Config, steps: int, compiled: bool = False) -> None:
        super().__init__(config, steps, compiled)
        settings = self.settings
        self.together = settings.name == "sngan"
        self.generator_optimizer = self.optimizer(settings.generator_optimizer, "generator", updates=steps)
        self.discriminator_optimizer = self.optimizer(
            settings.discriminator_optimizer, "discriminator", updates=steps * settings.critic_steps
        )
        self.average = None
        self.updates = 0

    def train(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        if self.settings.dequantize:
            shape = (len(images), *images.shape[2:], images.shape[1])
            noise = self.random("uniform", shape, 0.0, 1.0 / 128.0).permute(0, 3, 1, 2)
            images = images.float() / 128.0 - 1.0 + noise
        else:
            images = images.float() / 127.5 - 1.0
        size = len(images) // self.settings.critic_steps
        for real in images.split(size):
            discriminator_loss = self.update_discriminator(real)
        generator_loss = self.update_generator(size * self.settings.generator_batch_factor)
        if self.settings.ema_decay:
            self.update_average()
        return {"discriminator_loss": discriminator_loss, "generator_loss": generator_loss}

    def update_discriminator(self, real: torch.Tensor) -> torch.Tensor:
        with self.autocast():
            with torch.no_grad():
                fake = self.run["generator"](self.latents(len(real)))
            discriminate = self.run["discriminator"]
            if self.together:
                real_logits, fake_logits = discriminate(torch.cat([real, fake])).chunk(2)
            else:
                real_logits, fake_logits = discriminate(real), discriminate(fake)
        if self.settings.loss == "hinge":
            loss = functional.relu(1 - real_logits).mean() + functional.relu(1 + fake_logits).mean()
        else:
            loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        self.update(self.discriminator_optimizer, loss)
        return loss.detach()

    def update_generator(self, count: int) -> torch.Tensor:
        with self.frozen("discriminator"):
            with self.autocast():
                logits = self.run["discriminator"](self.run["generator"](self.latents(count)))
            loss = -logits.mean() if self.settings.loss == "hinge" else functional.softplus(-logits).mean()
            self.update(self.generator_optimizer, loss)
        return loss.detach()

    def latents(self, count: int) -> torch.Tensor:
        if self.settings.latent_distribution == "uniform":
            return self.random("uniform", (count, self.latent_size), -1.0, 1.0)
        return self.random("normal", (count, self.latent_size))

    @torch.no_grad()
    def update_average(self) -> None:
        state = [value for value in self.networks["generator"].state_dict().values() if value.is_floating_point()]
        if self.average is None:
            self.average = [value.clone() for value in state]
        self.updates += 1
        decay = min(self.settings.ema_decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self.average, state, 1 - decay)


class VAE(Trainer):
    """Squared error summed over an image in [0, 1], and the KL term weighted by beta."""

    def __init__(self, config: Config, steps: int, compiled: bool = False) -> None:
        super().__init__(config, steps, compiled)
        if self.settings.likelihood != "gaussian":
            raise ValueError("the PyTorch side has only the Gaussian likelihood")
        self.autoencoder_optimizer = self.optimizer(self.settings.optimizer, "encoder", "decoder", updates=steps)

    def train(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        images = images.float() / 127.5 - 1.0
        with self.autocast():
            mean, log_variance = self.run["encoder"](images)
            latents = mean + torch.exp(0.5 * log_variance) * self.random("normal", tuple(mean.shape))
            decoded = self.run["decoder"](latents)
        reconstruction = 0.25 * (images - decoded).square().sum() / len(images)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() / len(images)
        loss = reconstruction + self.settings.beta * kl
        self.update(self.autoencoder_optimizer, loss)
        return {"loss": loss.detach(), "reconstruction": reconstruction.detach(), "kl": kl.detach()}


class ACAI(Trainer):
    """An autoencoder and a critic of its interpolations, both updated from one forward pass."""

    def __init__(self, config: Config, steps: int, compiled: bool = False) -> None:
        super().__init__(config, steps, compiled)
        settings = self.settings
        self.autoencoder_optimizer = self.optimizer(settings.optimizer, "encoder", "decoder", updates=steps)
        self.critic_optimizer = self.optimizer(settings.critic_optimizer, "critic", updates=steps)

    def train(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        images = images.float() / 127.5 - 1.0
        alpha = 0.5 - (self.random("uniform", (len(images), 1), 0.0, 1.0) - 0.5).abs()
        encoder, decoder, critic = (self.run[role] for role in ("encoder", "decoder", "critic"))
        with self.frozen("critic"):
            with self.autocast():
                code = encoder(images)
                mix = alpha[:, :, None, None]
                # One call of the decoder for both batches: it has no BatchNorm.
                decoded, mixed = decoder(torch.cat([code, mix * code + (1 - mix) * code.flip(0)])).chunk(2)
                reconstruction = (images - decoded).square().mean()
                regularizer = critic(mixed).square().mean()
            loss = reconstruction + self.settings.critic_weight * regularizer
            # The critic's loss uses the decoder's output from before this update, so the order of updates is free.
            self.update(self.autoencoder_optimizer, loss)
        decoded, mixed = decoded.detach(), mixed.detach()
        with self.autocast():
            guesses = critic(torch.cat([mixed, decoded + self.settings.critic_mix * (images - decoded)]))
            of_mixed, of_data = guesses.chunk(2)
        critic_loss = (of_mixed - alpha).square().mean() + of_data.square().mean()
        self.update(self.critic_optimizer, critic_loss)
        return {
            "loss": loss.detach(),
            "reconstruction": reconstruction.detach(),
            "critic_loss": critic_loss.detach(),
            "regularizer": regularizer.detach(),
        }


TRAINERS = {"gan": GAN, "sngan": GAN, "vae": VAE, "acai": ACAI}
