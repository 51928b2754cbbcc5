"""The SNGAN paper's ResNet by hand in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_networks.layers import SpectralConv2d, SpectralLinear, batch_norm, float_logits, maps


class UpBlock(nn.Module):
    def __init__(self, inputs, channels):
        super().__init__()
        self.normalization_1 = batch_norm(inputs)
        self.convolution_1 = nn.Conv2d(inputs, channels, 3, padding=1)
        self.normalization_2 = batch_norm(channels)
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
        self.normalization = batch_norm(width)
        self.to_image = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, latents):
        x = maps(self.dense(latents), self.start)
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
        return float_logits(self.logits, functional.relu(x).float().sum(dim=(2, 3)))


def build(settings, channels, size):
    return {
        "generator": ResNetGenerator(settings, channels, size),
        "discriminator": ResNetDiscriminator(settings, channels, size),
    }
