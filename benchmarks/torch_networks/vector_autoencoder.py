"""The autoencoder with vector codes by hand in PyTorch."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_networks.layers import batch_norm, flat, float_logits, maps


class VectorEncoder(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        inputs = channels
        for index in range(4):
            outputs = settings.width << index
            self.add_module(f"convolution_{index}", nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False))
            self.add_module(f"normalization_{index}", batch_norm(outputs))
            inputs = outputs
        features = (size // 16) ** 2 * inputs
        self.mean = nn.Linear(features, settings.latent_size)
        self.log_variance = nn.Linear(features, settings.latent_size)

    def forward(self, images):
        x = images
        for index in range(4):
            x = getattr(self, f"normalization_{index}")(getattr(self, f"convolution_{index}")(x))
            x = functional.relu(x, inplace=True)
        features = flat(x)
        log_variance = float_logits(self.log_variance, features)
        # The bound that keeps the KL term finite.
        return float_logits(self.mean, features), 10.0 * torch.tanh(log_variance / 10.0)


class VectorDecoder(nn.Module):
    def __init__(self, settings, channels, size):
        super().__init__()
        width = settings.width * 8
        self.start = size // 4
        self.dense = nn.Linear(settings.latent_size, self.start**2 * width, bias=False)
        self.normalization_0 = batch_norm(width)
        for index in (1, 2):
            up = nn.ConvTranspose2d(width >> (index - 1), width >> index, 4, 2, 1, bias=False)
            self.add_module(f"upsample_{index}", up)
            self.add_module(f"normalization_{index}", batch_norm(width >> index))
        # Keras pads an even kernel by one before and two behind.
        self.to_image = nn.Conv2d(width >> 2, channels, 4, padding="same")

    def forward(self, latents):
        x = functional.relu(self.normalization_0(maps(self.dense(latents), self.start)), inplace=True)
        x = functional.relu(self.normalization_1(self.upsample_1(x)), inplace=True)
        x = functional.relu(self.normalization_2(self.upsample_2(x)), inplace=True)
        return torch.tanh(self.to_image(x).float())


def build(settings, channels, size):
    return {"encoder": VectorEncoder(settings, channels, size), "decoder": VectorDecoder(settings, channels, size)}
