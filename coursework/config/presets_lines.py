"""Presets of the lines task: the seven autoencoders of Berthelot et al. 2018."""

# Settings check themselves as this file is imported; mypy cannot follow `replace` through a union of classes.
# mypy: disable-error-code="arg-type"

from dataclasses import replace

from coursework.config.models import (
    AAEConfig,
    ACAIConfig,
    DenoisingAutoencoderConfig,
    DropoutAutoencoderConfig,
    OptimizerConfig,
    PlainAutoencoderConfig,
    VAEConfig,
    VQVAEConfig,
)
from coursework.config.networks import AutoencoderConfig, QuantizedAutoencoderConfig
from coursework.config.schema import Config

# 1,024 epochs of 16,384 lines are the authors' 2^24 images. No judge scores lines.
_CODE = {"depth": 16, "latent_width": 2, "latent_channels": 16}
BASELINE = Config(
    preset="lines-baseline",
    model=PlainAutoencoderConfig(),
    network=AutoencoderConfig(**_CODE),
    dataset="lines",
    epochs=1024,
    sample_every=32,
    score_every=0,
)
DROPOUT = replace(BASELINE, preset="lines-dropout", model=DropoutAutoencoderConfig())
DENOISING = replace(BASELINE, preset="lines-denoising", model=DenoisingAutoencoderConfig())
VAE = replace(
    BASELINE,
    preset="lines-vae",
    model=VAEConfig(likelihood="bernoulli", beta=1.0, optimizer=OptimizerConfig(rate=1e-4, beta_1=0.9)),
    network=AutoencoderConfig(name="gaussian_autoencoder", **_CODE),
)
AAE = replace(BASELINE, preset="lines-aae", model=AAEConfig())
VQVAE = replace(BASELINE, preset="lines-vqvae", model=VQVAEConfig(), network=QuantizedAutoencoderConfig(**_CODE))
ACAI = replace(BASELINE, preset="lines-acai", model=ACAIConfig())

# In the order of the paper's table.
LINES = (BASELINE, DROPOUT, DENOISING, VAE, AAE, VQVAE, ACAI)
