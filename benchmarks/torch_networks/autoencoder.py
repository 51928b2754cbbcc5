"""The ACAI paper's autoencoder and critic by hand in PyTorch."""

from torch import nn
from torch.nn import functional


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


def build(settings, channels, size):
    scales = (size // settings.latent_width).bit_length() - 1
    return {
        "encoder": AutoencoderBody(settings, channels, scales, "to_code"),
        "decoder": AutoencoderDecoder(settings, channels, scales),
        "critic": Critic(settings, channels, scales, "to_score"),
    }
