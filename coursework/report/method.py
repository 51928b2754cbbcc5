"""What each kind of model minimises: a sentence and equations; numbers come from the run's own settings."""

from typing import Any

from coursework.config.models import LabelsConfig
from coursework.config.presets import AUTOENCODERS
from coursework.config.schema import Config
from coursework.report.document import Block, equation, heading
from coursework.report.objectives import objective_equations
from coursework.report.prose import inlines

TITLES = {
    "gan": "GAN",
    "sngan": "SNGAN",
    "conditional_sngan": "Conditional SNGAN",
    "wgan_gp": "WGAN-GP",
    "autoencoder": "Autoencoder",
    "dropout_autoencoder": "Dropout autoencoder",
    "denoising_autoencoder": "Denoising autoencoder",
    "vae": "VAE",
    "aae": "Adversarial autoencoder",
    "vqvae": "VQ-VAE",
    "acai": "ACAI",
}

# Sources of a preset's settings; what a run changes is in the table of settings.
SOURCES = {
    "gan": ("chainer-gan-lib",),
    "sngan": ("chainer-gan-lib",),
    "sngan-resnet": ("sngan",),
    "wgan-gp": ("wgan-gp", "chainer-gan-lib"),
    "conditional-sngan": ("chainer-gan-lib", "projection"),
    "conditional-sngan-resnet": ("projection",),
    "vae": ("rae",),
    **dict.fromkeys((config.preset for config in AUTOENCODERS), ("acai",)),
}


def sources_of(preset: str) -> tuple[str, ...]:
    """Return the keys of the works that a preset's settings are from, none for one of unknown origin."""
    stem = preset.removesuffix("-demo")
    return ("acai",) if stem.startswith("lines-") else SOURCES.get(stem, ())


def method_blocks(config: Config) -> list[Block]:
    """Return heading, text and equations on the model of a run's `Config`."""
    model: Any = config.model
    text, equations = _METHODS[model.name](model, config.network), objective_equations(config)
    return [
        heading(3, TITLES[model.name]),
        {"type": "paragraph", "content": inlines(text)},
        *(equation(source) for source in equations),
    ]


def _gan(model, network):
    what = "DCGAN [@dcgan]" if network.name == "dcgan" else "residual networks [@sngan]"
    text = f"Generator *G* and discriminator *D* play the game of [@gan] ({what}, {model.loss} loss)."
    return text + _habits(model)


def _sngan(model, network):
    text = (
        f"Every weight matrix of *D* is divided by its largest singular value [@sngan]; {model.loss} loss, "
        f"{model.critic_steps} critic step{'s' * (model.critic_steps > 1)}."
    )
    return text + _habits(model)


def _conditional_sngan(model, network):
    text = "An SNGAN with classes *y* in the generator's normalisations and a projection in *D* [@projection]."
    return text + _habits(model)


def _wgan_gp(model, network):
    where = "between real and generated images" if model.penalty_at == "between" else "at real images"
    text = (
        f"The slope of the critic *D* is held to {model.penalty_slope:g} {where} [@wgan-gp] "
        f"(λ\u00a0=\u00a0{model.penalty_weight:g}); {model.loss} loss, {model.critic_steps} critic "
        f"step{'s' * (model.critic_steps > 1)}."
    )
    return text + _habits(model)


def _habits(model):
    """Return a sentence on each option that the training makes use of."""
    labels, sentences = model.labels, []
    if model.augmentations:
        sentences.append(
            f"Before *D* real and generated images are augmented [@diffaugment]: {_and(model.augmentations)}."
        )
    if labels != LabelsConfig():
        real, fake = _range(labels.real_low, labels.real_high), _range(labels.fake_low, labels.fake_high)
        flipped = f", and {100 * labels.flipped:g}\u00a0% are swapped" if labels.flipped else ""
        sentences.append(f"Labels of real images are {real}, of generated ones {fake}{flipped} [@inception-score].")
    if model.head_start:
        sentences.append(f"*D* trains alone for the first {model.head_start} steps.")
    if model.ema_decay:
        sentences.append("Samples come from the moving average of *G* [@averaging].")
    return "".join(f" {sentence}" for sentence in sentences)


def _range(low, high):
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _and(names):
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _vae(model, network):
    return (
        "Encoder *q* and decoder maximise the evidence lower bound [@vae], its KL term weighted by β = "
        f"{model.beta:g} [@beta-vae]."
    )


def _acai(model, network):
    return (
        "A critic *d* guesses how far two codes were mixed, α\u00a0≤\u00a0½; the autoencoder makes it guess 0 [@acai] "
        f"(λ\u00a0=\u00a0{model.critic_weight:g}, γ\u00a0=\u00a0{model.critic_mix:g})."
    )


def _autoencoder(model, network):
    return "Encoder and decoder minimise the mean squared error."


def _dropout(model, network):
    return f"As the autoencoder; numbers of the code are kept with probability {model.keep:g} [@dropout]."


def _denoising(model, network):
    return f"As the autoencoder, from images with noise of standard deviation {model.noise:g} [@denoising]."


def _aae(model, network):
    return "A critic *d* tells codes from samples of a normal distribution; the encoder deceives it [@aae]."


def _vqvae(model, network):
    return f"Codes are replaced by the nearest codewords *e* [@vqvae], with commitment β = {model.commitment_weight:g}."


_METHODS = {
    "gan": _gan,
    "sngan": _sngan,
    "conditional_sngan": _conditional_sngan,
    "wgan_gp": _wgan_gp,
    "autoencoder": _autoencoder,
    "dropout_autoencoder": _dropout,
    "denoising_autoencoder": _denoising,
    "vae": _vae,
    "aae": _aae,
    "vqvae": _vqvae,
    "acai": _acai,
}
