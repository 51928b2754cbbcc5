"""Presets of the rings study: a small GAN for mixtures of Gaussians, and options meant to prevent mode collapse.

Moving average and packing change nothing else. Spectral normalisation comes with the hinge loss, unrolling with a
lower rate, WGAN-GP with its own loss, rates and five critic steps, R1 with the moving average.
"""

# Settings check themselves as this file is imported; mypy cannot follow `replace` through a union of classes.
# mypy: disable-error-code="arg-type"

from dataclasses import replace

from coursework.config.models import AdversarialConfig, OptimizerConfig, WGANGPConfig
from coursework.config.networks import MLPConfig
from coursework.config.schema import Config

# Fully connected networks, N(0, I) latents and Adam with beta_1 0.5 as in the toy experiments of Metz et al. 2017 and
# VEEGAN; two latent numbers as in PacGAN, so that they can be plotted. The rest by trial on one seed, with a penalty:
# on the grid 60 % of the samples are of high quality after 8,000 steps with rate 0.001 and beta_2 0.999, and 96 %
# after 25,000 steps of the settings below.
_ADAM = OptimizerConfig(rate=4e-3, beta_1=0.5, beta_2=0.99, decay="linear")
_PLAYERS = {"generator_optimizer": _ADAM, "discriminator_optimizer": _ADAM}
GAN = Config(
    preset="rings-gan",
    model=AdversarialConfig(**_PLAYERS),
    network=MLPConfig(latent_size=2, generator_depth=3, discriminator_depth=3),
    dataset="ring",
    epochs=25,
    batch_size=128,
    score_every=0,
)
# The part of the moving average in the results of R1.
GAN_EMA = replace(GAN, preset="rings-gan-ema", model=replace(GAN.model, ema_decay=0.999))
# Each setting has the better of the rates 0.004 and 0.001, by results on the ring and on the grid.
# Unrolling: no mode of the ring at 0.004 (seed 0); all 8, and all 25 of the grid, at 0.001 (seeds 0 and 1).
# WGAN-GP: 7 and 11.5 modes, 60 and 2 % of high quality at 0.004; 8 and 9 modes, 93 and 7 % at 0.001.
# Plain and in packs of two (one seed): 98 and 94 %, 98 and 84 % at 0.004; 97 and 85 %, 95 and 61 % at 0.001.
# Spectral normalisation (eight seeds): 3.7 and 2 modes at 0.004, 3.8 and 1 at 0.001.
_SLOWER = replace(_ADAM, rate=1e-3)
_SLOWER_PLAYERS = {"generator_optimizer": _SLOWER, "discriminator_optimizer": _SLOWER}
# Five steps as in VEEGAN's comparison.
UNROLLED = replace(GAN, preset="rings-unrolled", model=replace(GAN.model, unrolled_steps=5, **_SLOWER_PLAYERS))
PACKED_2 = replace(GAN, preset="rings-packed-2", model=replace(GAN.model, packing=2))
PACKED_4 = replace(GAN, preset="rings-packed-4", model=replace(GAN.model, packing=4))
SNGAN = replace(
    GAN,
    preset="rings-sngan",
    model=replace(GAN.model, name="sngan", loss="hinge"),
    network=replace(GAN.network, spectral=True),
)
# Gulrajani et al. 2017: five critic steps, lambda 10, betas (0, .9).
_WGAN_ADAM = replace(_SLOWER, beta_1=0.0, beta_2=0.9)
WGAN_GP = replace(
    GAN,
    preset="rings-wgan-gp",
    model=WGANGPConfig(generator_optimizer=_WGAN_ADAM, discriminator_optimizer=_WGAN_ADAM),
)
# Mescheder et al. 2018: the plain GAN with a penalty on the discriminator's gradient at real points.
R1 = replace(
    GAN,
    preset="rings-r1",
    model=WGANGPConfig(
        loss="non-saturating",
        critic_steps=1,
        penalty_weight=0.003,
        penalty_at="real",
        penalty_slope=0.0,
        ema_decay=0.999,
        **_PLAYERS,
    ),
)
# Both together: a third of this penalty alone loses a mode of the ring (seed 0), and none with packs of two.
R1_PACKED = replace(R1, preset="rings-r1-packed-2", model=replace(R1.model, packing=2))

RINGS = (GAN, GAN_EMA, UNROLLED, PACKED_2, PACKED_4, SNGAN, WGAN_GP, R1, R1_PACKED)


def _networks(name, **network):
    """Return the preset with penalty and packing, with other networks."""
    return replace(R1_PACKED, preset=f"rings-{name}", network=replace(R1.network, **network))


# Networks of the lesson, by what they change. Wide and deep generators have as many weights as the others.
LESSON = (
    _networks("wide", generator_width=6734, generator_depth=1),
    _networks("128x3"),
    _networks("deep", generator_width=74, generator_depth=7),
    _networks("latents-1", latent_size=1),
    _networks("latents-16", latent_size=16),
    _networks("poor-generator", generator_width=8, generator_depth=1),
    _networks("poor-discriminator", discriminator_width=8, discriminator_depth=1),
)
