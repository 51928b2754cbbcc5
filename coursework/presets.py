"""The named configurations. Sources stand beside the settings they give; derived presets say what they change."""

from dataclasses import replace

from coursework.config import (
    ACAIConfig,
    AdversarialConfig,
    AutoencoderConfig,
    Config,
    DCGANConfig,
    OptimizerConfig,
    ResNetConfig,
    VAEConfig,
    VectorAutoencoderConfig,
    WGANGPConfig,
)
from coursework.presets_lines import LINES

# chainer-gan-lib, DCGAN: batch 64, 100,000 steps (128 epochs of 781 steps), softplus losses, uniform latents of
# 128 numbers, Adam 2e-4 with betas (0, .9), one discriminator step.
_CHAINER_DCGAN_ADAM = OptimizerConfig(rate=2e-4, beta_1=0.0, beta_2=0.9)
GAN = Config(
    preset="gan",
    model=AdversarialConfig(
        name="gan",
        latent_distribution="uniform",
        ema_decay=0.999,
        generator_optimizer=_CHAINER_DCGAN_ADAM,
        discriminator_optimizer=_CHAINER_DCGAN_ADAM,
    ),
    network=DCGANConfig(),
    epochs=128,
)

# chainer-gan-lib, SN-DCGAN: as above with spectral normalisation in place of the discriminator's batch
# normalisation and betas (.5, .999). Its loss by measurement: on CIFAR-10 (JPEG copy; widths 128, bfloat16, one seed)
# FD-judge of 2,000 samples after five epochs is 6.7 with hinge and 9.4 with softplus (reports/studies/sngan-loss.csv).
_SN_DCGAN_ADAM = OptimizerConfig(rate=2e-4, beta_1=0.5, beta_2=0.999)
SNGAN = replace(
    GAN,
    preset="sngan",
    model=replace(
        GAN.model,
        name="sngan",
        loss="hinge",
        generator_optimizer=_SN_DCGAN_ADAM,
        discriminator_optimizer=_SN_DCGAN_ADAM,
    ),
    network=DCGANConfig(discriminator_normalization="none", spectral=True),
)

# Gulrajani et al. 2017, algorithm 1: Wasserstein losses, lambda 10, five critic steps, batch 64, Adam 1e-4 with betas
# (0, .9), no batch normalisation in the critic (section 4; layer normalisation is --set
# discriminator_normalization=layer). Networks, latents and length of chainer-gan-lib's WGAN-GP, for which it gives
# FID 28.2: those of its DCGAN, here with 100,000 generator steps of five batches (640 epochs).
WGAN_GP = replace(
    GAN,
    preset="wgan-gp",
    model=WGANGPConfig(latent_distribution="uniform", ema_decay=0.999),
    network=DCGANConfig(discriminator_normalization="none"),
    epochs=640,
)

# Miyato et al. 2018, unconditional CIFAR-10: D batch 64, G batch 128, 50,000 generator steps with five critic steps
# each (16 million images, 320 epochs), hinge, Adam 2e-4 with betas (0, .9), rate linear to zero.
_SNGAN_ADAM = OptimizerConfig(rate=2e-4, beta_1=0.0, beta_2=0.9, decay="linear")
SNGAN_RESNET = Config(
    preset="sngan-resnet",
    model=AdversarialConfig(
        name="sngan",
        loss="hinge",
        critic_steps=5,
        generator_batch_factor=2,
        dequantize=True,
        generator_optimizer=_SNGAN_ADAM,
        discriminator_optimizer=_SNGAN_ADAM,
    ),
    network=ResNetConfig(),
    epochs=320,
)

# Miyato & Koyama 2018, their code's settings for conditional CIFAR-10 (sn_cifar10.yml): those of the unconditional run
# above, without noise on the images. The other is SN-DCGAN with their two changes and otherwise as it was.
CONDITIONAL_SNGAN = replace(SNGAN, preset="conditional-sngan", model=replace(SNGAN.model, name="conditional_sngan"))
CONDITIONAL_SNGAN_RESNET = replace(
    SNGAN_RESNET,
    preset="conditional-sngan-resnet",
    model=replace(SNGAN_RESNET.model, name="conditional_sngan", dequantize=False),
)

# The class of winged horses, learned from collages (`coursework collages`) beside the real classes: SN-DCGAN with the
# projection discriminator of Miyato & Koyama 2018 as above, and, since a few hundred bodies and wings make all
# collages, DiffAugment (Zhao et al. 2020) with mirror images; its policy for CIFAR-10 is colour, translation and
# cutout, of which a hole would hide the wing that is to be learned. A quarter of the width of the papers' network and
# bfloat16 let two cores end it in a night.
PEGASUS_SNGAN = replace(
    CONDITIONAL_SNGAN,
    preset="pegasus-sngan",
    dataset="data/cifar10-pegasus",
    precision="mixed_bfloat16",
    horizontal_flips=True,
    score_every=0,
    model=replace(CONDITIONAL_SNGAN.model, augmentations=("colour", "translation")),
    network=replace(CONDITIONAL_SNGAN.network, generator_width=128, discriminator_width=128),
)

# Ghosh et al. 2020 (RAE), their VAE on CIFAR-10: latent 128, 128 filters, batch 100, 100 epochs, squared error with KL
# weight .024. Their squared error is a mean over the three channels, ours a sum: hence three times the weight. The rate
# is Keras's own default for Adam, stated; theirs starts lower and is made for ten times as many updates.
VAE = Config(preset="vae", model=VAEConfig(beta=0.072), network=VectorAutoencoderConfig(), epochs=100, batch_size=100)

# Berthelot et al. 2018 on CIFAR-10: depth 64, latent 4x4x16, batch 64, Adam 1e-4, 2^24 images (336 epochs).
ACAI = Config(preset="acai", model=ACAIConfig(), network=AutoencoderConfig(), epochs=336)


def _of_images(lines, preset):
    """Return an autoencoder of the same paper with its settings on lines, and ACAI's size and length."""
    size = {"depth": ACAI.network.depth, "latent_width": ACAI.network.latent_width}
    return replace(ACAI, preset=preset, model=lines.model, network=replace(lines.network, **size))


# All seven, in the order of the paper's tables.
_SEVEN = ("autoencoder", "dropout-autoencoder", "denoising-autoencoder", "bernoulli-vae", "aae", "vqvae", "acai")
AUTOENCODERS = tuple(_of_images(lines, preset) for lines, preset in zip(LINES, _SEVEN, strict=True))

# The demo's: the same algorithms on the built-in data, an eighth as wide or less and as many steps as two CPU cores
# make in a minute or two, chosen by trying. So few steps want small batches, a moving average of the last hundred steps
# and, for the GAN, twice the rate: after five epochs its FD-judge is .67, with the paper's rate and average 1.51.
_DEMO_ADAM = OptimizerConfig(rate=1e-3, beta_1=0.9)
_SMALL_DCGAN = {"latent_size": 64, "generator_width": 64, "discriminator_width": 64}


def _demo(config, preset, epochs, **optimizer):
    """Return the demo's form of a GAN of the papers; optimizer: settings of both players' optimisers."""
    model = config.model
    return replace(
        config,
        preset=preset,
        dataset="sprites",
        epochs=epochs,
        batch_size=32,
        model=replace(
            model,
            ema_decay=0.99,
            generator_optimizer=replace(model.generator_optimizer, **optimizer),
            discriminator_optimizer=replace(model.discriminator_optimizer, **optimizer),
        ),
        network=replace(config.network, **_SMALL_DCGAN),
    )


GAN_DEMO = _demo(GAN, "gan-demo", epochs=5, rate=4e-4)
SNGAN_DEMO = _demo(SNGAN, "sngan-demo", epochs=8)
CONDITIONAL_SNGAN_DEMO = _demo(CONDITIONAL_SNGAN, "conditional-sngan-demo", epochs=8)
PEGASUS_SNGAN_DEMO = replace(
    _demo(PEGASUS_SNGAN, "pegasus-sngan-demo", epochs=8), dataset="data/sprites-pegasus", precision="float32"
)
VAE_DEMO = replace(
    VAE,
    preset="vae-demo",
    dataset="sprites",
    epochs=3,
    batch_size=50,
    network=VectorAutoencoderConfig(latent_size=64, width=16),
)
ACAI_DEMO = replace(
    ACAI,
    preset="acai-demo",
    dataset="sprites",
    epochs=3,
    batch_size=32,
    model=replace(ACAI.model, optimizer=_DEMO_ADAM, critic_optimizer=_DEMO_ADAM),
    network=AutoencoderConfig(depth=8, latent_width=4, latent_channels=16),
)
DEMO = (GAN_DEMO, SNGAN_DEMO, VAE_DEMO, ACAI_DEMO)

_PAPERS = (GAN, SNGAN, SNGAN_RESNET, WGAN_GP, CONDITIONAL_SNGAN, CONDITIONAL_SNGAN_RESNET, PEGASUS_SNGAN, VAE, ACAI)
_CONDITIONAL_DEMO = (CONDITIONAL_SNGAN_DEMO, PEGASUS_SNGAN_DEMO)
PRESETS = {config.preset: config for config in (*_PAPERS, *AUTOENCODERS, *LINES, *DEMO, *_CONDITIONAL_DEMO)}
