"""What the networks share: spectral normalisation, and views between vectors and channels-last maps."""

import torch
from torch import nn
from torch.nn import functional


class SpectralNormalized(nn.Module):
    """Mixin: `normalized()` is weight / sigma after one power iteration that moves the buffer `u`."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.register_buffer("u", torch.zeros(self.weight.shape[0]))

    def normalized(self):
        # In float32 under any precision, as the original is.
        with torch.autocast("cpu", enabled=False):
            matrix = self.weight.flatten(1)
            with torch.no_grad():
                v = functional.normalize(matrix.T @ self.u, dim=0)
                u = functional.normalize(matrix @ v, dim=0)
                self.u.copy_(u)
            return self.weight / torch.dot(u, matrix @ v)


class SpectralConv2d(SpectralNormalized, nn.Conv2d):
    def forward(self, inputs):
        return self._conv_forward(inputs, self.normalized(), self.bias)


class SpectralLinear(SpectralNormalized, nn.Linear):
    def forward(self, inputs):
        return functional.linear(inputs, self.normalized(), self.bias)


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)


def maps(inputs, size):
    """View (n, size * size * channels) as channels-last maps (n, channels, size, size), as Keras's Reshape does."""
    return inputs.view(len(inputs), size, size, -1).permute(0, 3, 1, 2)


def flat(maps):
    """Flatten channels-last maps in the order of Keras's Flatten, without a copy."""
    return maps.permute(0, 2, 3, 1).flatten(1)


def float_logits(linear, features):
    """Apply the last layer in float32, as the original does under any precision."""
    with torch.autocast("cpu", enabled=False):
        return linear(features.float())
