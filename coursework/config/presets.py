"""The named configurations, and where their settings come from: `SOURCES` by preset, `SETTING_SOURCES` by setting."""

# Settings check themselves as this file is imported; mypy cannot follow `replace` through a union of classes.
# mypy: disable-error-code="arg-type"

from dataclasses import replace

from coursework.config.models import ACAIConfig, AdversarialConfig, OptimizerConfig, VAEConfig, WGANGPConfig
from coursework.config.networks import AutoencoderConfig, DCGANConfig, ResNetConfig, VectorAutoencoderConfig
from coursework.config.presets_lines import LINES
from coursework.config.schema import Config

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

WGAN_GP = replace(
    GAN,
    preset="wgan-gp",
    model=WGANGPConfig(latent_distribution="uniform", ema_decay=0.999),
    network=DCGANConfig(discriminator_normalization="none"),
    epochs=640,
)

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

CONDITIONAL_SNGAN = replace(SNGAN, preset="conditional-sngan", model=replace(SNGAN.model, name="conditional_sngan"))
CONDITIONAL_SNGAN_RESNET = replace(
    SNGAN_RESNET,
    preset="conditional-sngan-resnet",
    model=replace(SNGAN_RESNET.model, name="conditional_sngan"),
)

# The class of winged horses, learned from collages together with the real classes. A quarter of the published width, so
# that two cores train it in a night.
PEGASUS_SNGAN = replace(
    CONDITIONAL_SNGAN,
    preset="pegasus-sngan",
    dataset="data/cifar10-pegasus",
    precision="auto",
    horizontal_flips=True,
    score_every=0,
    model=replace(CONDITIONAL_SNGAN.model, augmentations=("colour", "translation")),
    network=replace(CONDITIONAL_SNGAN.network, generator_width=128, discriminator_width=128),
)

VAE = Config(preset="vae", model=VAEConfig(beta=0.072), network=VectorAutoencoderConfig(), epochs=100, batch_size=100)

ACAI = Config(preset="acai", model=ACAIConfig(), network=AutoencoderConfig(), epochs=336)


def _of_images(lines, preset):
    """Return an autoencoder of the same paper with its settings on lines, and ACAI's size and length."""
    size = {"depth": ACAI.network.depth, "latent_width": ACAI.network.latent_width}
    return replace(ACAI, preset=preset, model=lines.model, network=replace(lines.network, **size))


# All seven, in the order of the paper's tables.
_SEVEN = ("autoencoder", "dropout-autoencoder", "denoising-autoencoder", "bernoulli-vae", "aae", "vqvae", "acai")
AUTOENCODERS = tuple(_of_images(lines, preset) for lines, preset in zip(LINES, _SEVEN, strict=True))

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
_CONDITIONAL_DEMOS = (CONDITIONAL_SNGAN_DEMO, PEGASUS_SNGAN_DEMO)
PRESETS = {config.preset: config for config in (*_PAPERS, *AUTOENCODERS, *LINES, *DEMO, *_CONDITIONAL_DEMOS)}

_CHAINER = "chainer-gan-lib (github.com/pfnet-research/chainer-gan-lib)"
_PROJECTION = "sngan_projection (github.com/pfnet-research/sngan_projection)"
_RAE = "Ghosh et al. 2020 (github.com/ParthaEth/Regularized_autoencoders-RAE-, configuration 9)"
_ACAI = "Berthelot et al. 2018 (github.com/brain-research/acai, runs/*.sh)"
# What all DCGAN presets do otherwise than chainer-gan-lib.
_DCGAN_DEPARTURES = (
    "Departures: batch normalisation after the generator's dense layer is per channel (512) as in Radford et al. 2016, "
    "there per unit (8,192); epsilon is 1e-5, PyTorch's, there 2e-5; the discriminator is updated first and on other "
    "fakes, there second and (but in stdgan) on the same ones; samples come from a moving average of the generator "
    "(0.999), there from the last weights."
)
_SPECTRAL_DEPARTURE = (
    "Real and generated images are judged in one call, with one power iteration per update (Miyato et al. 2018, "
    "algorithm 1); there in two calls."
)
_DEMO = "Chosen by trying: as many steps as two CPU cores make in a minute or two, on the built-in data, of the preset"
_LINES = f"{_ACAI}, lines32: depth 16, code of 2x2x16 numbers, batch 64, Adam 1e-4, 2^24 images (1,024 epochs)."
_CIFAR_AUTOENCODERS = (
    f"{_ACAI}, cifar10: depth 64, code of 4x4x16 numbers, batch 64, Adam 1e-4, 2^24 images (336 epochs)."
)

# Where the settings of each preset come from, and where they depart from it.
SOURCES: dict[str, str] = {
    "gan": (
        f"{_CHAINER}, algorithm dcgan: batch 64, 100,000 steps (128 epochs of 781), softplus losses, 128 uniform "
        f"latents, Adam 2e-4 with betas (0, 0.9). {_DCGAN_DEPARTURES} Batch normalisation of the discriminator has a "
        "gamma, there none."
    ),
    "sngan": (
        f"{_CHAINER}, algorithm stdgan with architecture sndcgan (its FID 23.6): as gan, with spectral normalisation "
        f"and Adam's betas (0.5, 0.999). {_DCGAN_DEPARTURES} {_SPECTRAL_DEPARTURE} The loss is hinge, there softplus."
    ),
    "wgan-gp": (
        "Gulrajani et al. 2017, algorithm 1: Wasserstein losses, lambda 10, five critic steps, batch 64, Adam 1e-4 "
        f"with betas (0, 0.9). Networks, latents and 100,000 generator steps (640 epochs): {_CHAINER}, algorithm "
        f"wgan_gp, whose FID of 28.2 is with Adam 2e-4. {_DCGAN_DEPARTURES}"
    ),
    "sngan-resnet": (
        f"{_PROJECTION}, sn_cifar10_unconditional.yml, the code of Miyato et al. 2018: discriminator's batch 64, "
        "generator's 128, 50,000 generator steps with five critic steps each (320 epochs), hinge, Adam 2e-4 with betas "
        "(0, 0.9), rate linear to zero, noise U(0, 1/128) on the images. Departures: batch normalisation has epsilon "
        f"1e-5, there 2e-5; the generator is updated after the critic steps, there before. {_SPECTRAL_DEPARTURE}"
    ),
    "conditional-sngan": (
        "Preset sngan with conditional batch normalisation and the projection of Miyato & Koyama 2018. Fakes are of "
        "the classes in the data's proportions, on CIFAR-10 the uniform ones of their code."
    ),
    "conditional-sngan-resnet": (
        f"{_PROJECTION}, sn_cifar10.yml, the code of Miyato & Koyama 2018: the settings of sngan-resnet, noise and the "
        "generator's batch of 128 included, with ten classes. Departures as in sngan-resnet; fakes are of the classes "
        "in the data's proportions, on CIFAR-10 the uniform ones of their code."
    ),
    "pegasus-sngan": (
        "Preset conditional-sngan with DiffAugment (Zhao et al. 2020) and mirror images, since a few hundred bodies "
        "and wings make all collages. Their policy for CIFAR-10 is colour, translation and cutout; a cutout would hide "
        "the wing. Departure: widths of 128, a quarter of the published ones."
    ),
    "vae": (
        f"{_RAE}: latent 128, 128 filters, batch 100, 100 epochs, squared error with KL weight 0.024. Departures: all "
        "50,000 training images (50,000 updates), there 40,000 and the rest for validation; batch normalisation has "
        "PyTorch's momentum 0.9 and epsilon 1e-5, there Keras's 0.99 and 1e-3, and follows the decoder's dense layer "
        "too; the log variance is 10 tanh(a / 10), there 10 tanh(a)."
    ),
    **{config.preset: _CIFAR_AUTOENCODERS for config in (ACAI, *AUTOENCODERS)},
    **{config.preset: _LINES for config in LINES},
    **{
        config.preset: f"{_DEMO} {config.preset.removesuffix('-demo')} an eighth as wide or less."
        for config in (*DEMO, *_CONDITIONAL_DEMOS)
    },
}

_DEMO_SETTINGS = {"model.ema_decay": "A short training needs a short average: of the last hundred steps."}
SETTING_SOURCES: dict[str, dict[str, str]] = {
    "wgan-gp": {
        "network": "chainer-gan-lib, algorithm wgan_gp.",
        "network.discriminator_normalization": "Gulrajani et al. 2017, section 4.",
        "model.latent_distribution": "chainer-gan-lib, algorithm wgan_gp.",
        "epochs": "chainer-gan-lib: 100,000 generator steps of five batches.",
    },
    "sngan": {
        "model.loss": (
            "Measured on CIFAR-10 (JPEG copy; widths 128, bfloat16, one seed): FD-judge of 2,000 samples after five "
            "epochs is 6.7 with hinge and 9.4 with softplus (reports/studies/sngan-loss.csv)."
        )
    },
    "vae": {
        "model.beta": "Three times theirs, 0.024: their squared error is a mean over the three channels, ours a sum.",
        "model.optimizer.rate": (
            "Keras's default for Adam, constant and not tuned. Theirs is 1e-4, halved when the validation loss has not "
            "improved for five epochs."
        ),
    },
    "bernoulli-vae": {"model.optimizer.rate": "The paper's Adam 1e-4, as for all seven."},
    "lines-vqvae": {
        "network.latent_width": "2, the width of the six others; the authors' script gives this one alone a 4."
    },
    "gan-demo": {
        **_DEMO_SETTINGS,
        "model.generator_optimizer.rate": (
            "Twice the preset's: FD-judge after five epochs is 0.67, with the preset's rate and average 1.51."
        ),
    },
    "sngan-demo": _DEMO_SETTINGS,
    "conditional-sngan-demo": _DEMO_SETTINGS,
    "pegasus-sngan-demo": _DEMO_SETTINGS,
    "acai-demo": {"model.optimizer.rate": "Ten times the paper's, for a few hundred steps; chosen by trying."},
}
