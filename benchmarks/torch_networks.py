"""The presets' networks written by hand in PyTorch, channels last, with the layer names of the Keras originals.

Everything is laid out for speed: a dense layer's output is viewed as channels-last maps, so that no transposition is
ever needed, and normalisation, convolution and activation are PyTorch's own.
"""

import torch
from torch import nn
from torch.nn import functional


def build(config, channels=3, size=32):
    """Return {role: nn.Module} for a `coursework.config.Config`, untrained; its images are `size` squares."""
    builders = {
        "dcgan": _build_dcgan,
        "resnet": _build_resnet,
        "autoencoder": _build_autoencoder,
        "vector_autoencoder": _build_vector_autoencoder,
    }
    networks = builders[config.network.name](config.network, channels, size)
    return {role: network.to(memory_format=torch.channels_last) for role, network in networks.items()}


class SpectralNormalized(nn.Module):
    """Mixin: `normalized()` is weight / sigma after one power iteration that moves the buffer `u`."""

    def add_state(self):
        self.register_buffer("u", torch.zeros(self.weight.shape[0]))

    def normalized(self):
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            v = functional.normalize(matrix.T @ self.u, dim=0)
            u = functional.normalize(matrix @ v, dim=0)
            self.u.copy_(u)
        return self.weight / torch.dot(u, matrix @ v)


class SpectralConv2d(SpectralNormalized, nn.Conv2d):
    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.add_state()

    def forward(self, inputs):
        with torch.autocast("cpu", enabled=False):
            weight = self.normalized()
        return self._conv_forward(inputs, weight, self.bias)


class SpectralLinear(SpectralNormalized, nn.Linear):
    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.add_state()

    def forward(self, inputs):
        with torch.autocast("cpu", enabled=False):
            weight = self.normalized()
        return functional.linear(inputs, weight, self.bias)


def _batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)


def _maps(inputs, size):
    """View (n, size * size * channels) as channels-last maps (n, channels, size, size), as Keras's Reshape does."""
    return inputs.view(len(inputs), size, size, -1).permute(0, 3, 1, 2)


def _flat(maps):
    """Flatten channels-last maps in the order of Keras's Flatten, without a copy."""
    return maps.permute(0, 2, 3, 1).flatten(1)


class DCGANGenerator(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        width = settings.generator_width
        self.start = size // 8
        self.dense = nn.Linear(settings.latent_size, self.start**2 * width, bias=False)
        self.normalization_0 = _batch_norm(width)
        for index in (1, 2, 3):
            up = nn.ConvTranspose2d(width >> (index - 1), width >> index, 4, 2, 1, bias=False)
            self.add_module(f"upsample_{index}", up)
            self.add_module(f"normalization_{index}", _batch_norm(width >> index))
        self.to_image = nn.Conv2d(width >> 3, channels, 3, padding=1)

    def forward(self, latents):
        x = functional.relu(self.normalization_0(_maps(self.dense(latents), self.start)), inplace=True)
        for up, norm in (
            (self.upsample_1, self.normalization_1),
            (self.upsample_2, self.normalization_2),
            (self.upsample_3, self.normalization_3),
        ):
            x = functional.relu(norm(up(x)), inplace=True)
        return torch.tanh(self.to_image(x).float())


class DCGANDiscriminator(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        width = settings.discriminator_width
        self.normalized = settings.discriminator_normalization == "batch"
        convolution, linear = (SpectralConv2d, SpectralLinear) if settings.spectral else (nn.Conv2d, nn.Linear)
        inputs = channels
        for index in range(7):
            outputs = width >> (3 - (index + 1) // 2)
            kernel, stride = (4, 2) if index % 2 else (3, 1)
            bias = index == 0 or not self.normalized
            self.add_module(f"convolution_{index}", convolution(inputs, outputs, kernel, stride, 1, bias=bias))
            if not bias:
                self.add_module(f"normalization_{index}", _batch_norm(outputs))
            inputs = outputs
        self.logits = linear((size // 8) ** 2 * width, 1)

    def forward(self, images):
        x = images
        for index in range(7):
            x = getattr(self, f"convolution_{index}")(x)
            if index and self.normalized:
                x = getattr(self, f"normalization_{index}")(x)
            x = functional.leaky_relu(x, 0.2, inplace=True)
        return _float_logits(self.logits, _flat(x))


def _build_dcgan(settings, channels, size):
    return {
        "generator": DCGANGenerator(settings, channels, size),
        "discriminator": DCGANDiscriminator(settings, channels, size),
    }


def _float_logits(linear, features):
    """Apply the last layer in float32, as the original does under any precision."""
    with torch.autocast("cpu", enabled=False):
        return linear(features.float())


class UpBlock(nn.Module):
    def __init__(self, inputs, channels):
        super().__init__()
        self.normalization_1 = _batch_norm(inputs)
        self.convolution_1 = nn.Conv2d(inputs, channels, 3, padding=1)
        self.normalization_2 = _batch_norm(channels)
        self.convolution_2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, channels, 1)

    def forward(self, inputs):
        x = functional.relu(self.normalization_1(inputs), inplace=True)
        x = self.convolution_1(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        x = self.convolution_2(functional.relu(self.normalization_2(x), inplace=True))
        return x + functional.interpolate(self.shortcut(inputs), scale_factor=2.0, mode="nearest")


class ResNetGenerator(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        width = settings.generator_width
        self.start = size // 8
        self.dense = nn.Linear(settings.latent_size, self.start**2 * width)
        self.up_1, self.up_2, self.up_3 = (UpBlock(width, width) for _ in range(3))
        self.normalization = _batch_norm(width)
        self.to_image = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, latents):
        x = _maps(self.dense(latents), self.start)
        x = self.up_3(self.up_2(self.up_1(x)))
        x = functional.relu(self.normalization(x), inplace=True)
        return torch.tanh(self.to_image(x).float())


class DownBlock(nn.Module):
    def __init__(self, inputs, channels, first=False, downsample=True):
        super().__init__()
        self.first = first
        self.downsample = downsample
        self.convolution_1 = SpectralConv2d(inputs, channels, 3, padding=1)
        self.convolution_2 = SpectralConv2d(channels, channels, 3, padding=1)
        if downsample:
            self.shortcut = SpectralConv2d(inputs, channels, 1)

    def forward(self, inputs):
        x = inputs if self.first else functional.relu(inputs)
        x = self.convolution_2(functional.relu(self.convolution_1(x), inplace=True))
        if not self.downsample:
            return x + inputs
        return functional.avg_pool2d(x, 2) + self.shortcut(functional.avg_pool2d(inputs, 2))


class ResNetDiscriminator(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        width = settings.discriminator_width
        self.down_1 = DownBlock(channels, width, first=True)
        self.down_2 = DownBlock(width, width)
        self.block_3 = DownBlock(width, width, downsample=False)
        self.block_4 = DownBlock(width, width, downsample=False)
        self.logits = SpectralLinear(width, 1, bias=False)

    def forward(self, images):
        x = self.block_4(self.block_3(self.down_2(self.down_1(images))))
        return _float_logits(self.logits, functional.relu(x).float().sum(dim=(2, 3)))


def _build_resnet(settings, channels, size):
    return {
        "generator": ResNetGenerator(settings, channels, size),
        "discriminator": ResNetDiscriminator(settings, channels, size),
    }


class AutoencoderBody(nn.Module):
    """The ACAI paper's encoder, and its critic's body: `last` names the layer that makes the outputs."""

    def __init__(self, settings, channels, scales, last):
        super().__init__()
        depth = settings.depth
        self.scales = scales
        self.from_image = nn.Conv2d(channels, depth, 1)
        inputs = depth
        for scale in range(scales):
            for index in (1, 2):
                layer = nn.Conv2d(inputs, depth << scale, 3, padding=1)
                self.add_module(f"scale_{scale}_convolution_{index}", layer)
                inputs = depth << scale
        self.last_convolution = nn.Conv2d(inputs, depth << scales, 3, padding=1)
        self.last = last
        self.add_module(last, nn.Conv2d(depth << scales, settings.latent_channels, 3, padding=1))

    def forward(self, images):
        x = self.from_image(images)
        for scale in range(self.scales):
            for index in (1, 2):
                x = getattr(self, f"scale_{scale}_convolution_{index}")(x)
                x = functional.leaky_relu(x, 0.2, inplace=True)
            x = functional.avg_pool2d(x, 2)
        x = functional.leaky_relu(self.last_convolution(x), 0.2, inplace=True)
        return getattr(self, self.last)(x).float()


class Critic(AutoencoderBody):
    def forward(self, images):
        return super().forward(images).mean(dim=(1, 2, 3)).unsqueeze(1)


class AutoencoderDecoder(nn.Module):
    def __init__(self, settings, channels, scales):
        super().__init__()
        depth, inputs = settings.depth, settings.latent_channels
        self.scales = scales
        for scale in reversed(range(scales)):
            for index in (1, 2):
                layer = nn.Conv2d(inputs, depth << scale, 3, padding=1)
                self.add_module(f"scale_{scale}_convolution_{index}", layer)
                inputs = depth << scale
        self.last_convolution = nn.Conv2d(inputs, depth, 3, padding=1)
        self.to_image = nn.Conv2d(depth, channels, 3, padding=1)

    def forward(self, code):
        x = code
        for scale in reversed(range(self.scales)):
            for index in (1, 2):
                x = getattr(self, f"scale_{scale}_convolution_{index}")(x)
                x = functional.leaky_relu(x, 0.2, inplace=True)
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.to_image(functional.leaky_relu(self.last_convolution(x), 0.2, inplace=True)).float()


def _build_autoencoder(settings, channels, size):
    scales = (size // settings.latent_width).bit_length() - 1
    return {
        "encoder": AutoencoderBody(settings, channels, scales, "to_code"),
        "decoder": AutoencoderDecoder(settings, channels, scales),
        "critic": Critic(settings, channels, scales, "to_score"),
    }


class VectorEncoder(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        inputs = channels
        for index in range(4):
            outputs = settings.width << index
            self.add_module(f"convolution_{index}", nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False))
            self.add_module(f"normalization_{index}", _batch_norm(outputs))
            inputs = outputs
        features = (size // 16) ** 2 * inputs
        self.mean = nn.Linear(features, settings.latent_size)
        self.log_variance = nn.Linear(features, settings.latent_size)

    def forward(self, images):
        x = images
        for index in range(4):
            x = getattr(self, f"normalization_{index}")(getattr(self, f"convolution_{index}")(x))
            x = functional.relu(x, inplace=True)
        features = _flat(x)
        log_variance = _float_logits(self.log_variance, features)
        # The bound that keeps the KL term finite.
        return _float_logits(self.mean, features), 10.0 * torch.tanh(log_variance / 10.0)


class VectorDecoder(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        width = settings.width * 8
        self.start = size // 4
        self.dense = nn.Linear(settings.latent_size, self.start**2 * width, bias=False)
        self.normalization_0 = _batch_norm(width)
        for index in (1, 2):
            up = nn.ConvTranspose2d(width >> (index - 1), width >> index, 4, 2, 1, bias=False)
            self.add_module(f"upsample_{index}", up)
            self.add_module(f"normalization_{index}", _batch_norm(width >> index))
        # Keras pads an even kernel by one before and two behind.
        self.to_image = nn.Conv2d(width >> 2, channels, 4, padding="same")

    def forward(self, latents):
        x = functional.relu(self.normalization_0(_maps(self.dense(latents), self.start)), inplace=True)
        x = functional.relu(self.normalization_1(self.upsample_1(x)), inplace=True)
        x = functional.relu(self.normalization_2(self.upsample_2(x)), inplace=True)
        return torch.tanh(self.to_image(x).float())


def _build_vector_autoencoder(settings, channels, size):
    return {"encoder": VectorEncoder(settings, channels, size), "decoder": VectorDecoder(settings, channels, size)}
