"""DCGAN and SN-DCGAN by hand in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_networks.layers import SpectralConv2d, SpectralLinear, batch_norm, flat, float_logits, maps


class DCGANGenerator(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        width = settings.generator_width
        self.start = size // 8
        self.dense = nn.Linear(settings.latent_size, self.start**2 * width, bias=False)
        self.normalization_0 = batch_norm(width)
        for index in (1, 2, 3):
            up = nn.ConvTranspose2d(width >> (index - 1), width >> index, 4, 2, 1, bias=False)
            self.add_module(f"upsample_{index}", up)
            self.add_module(f"normalization_{index}", batch_norm(width >> index))
        self.to_image = nn.Conv2d(width >> 3, channels, 3, padding=1)

    def forward(self, latents):
        x = functional.relu(self.normalization_0(maps(self.dense(latents), self.start)), inplace=True)
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
                self.add_module(f"normalization_{index}", batch_norm(outputs))
            inputs = outputs
        self.logits = linear((size // 8) ** 2 * width, 1)

    def forward(self, images):
        x = images
        for index in range(7):
            x = getattr(self, f"convolution_{index}")(x)
            if index and self.normalized:
                x = getattr(self, f"normalization_{index}")(x)
            x = functional.leaky_relu(x, 0.2, inplace=True)
        return float_logits(self.logits, flat(x))


def build(settings, channels, size):
    return {
        "generator": DCGANGenerator(settings, channels, size),
        "discriminator": DCGANDiscriminator(settings, channels, size),
    }
