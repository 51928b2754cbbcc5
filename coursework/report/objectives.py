"""The printed objectives: what each model minimises, in Typst's mathematics, with every option of the run.

EE is the mean over a batch. In logarithms D and d are probabilities, elsewhere logits.
"""

from typing import Any

from coursework.config.models import LabelsConfig
from coursework.config.schema import Config

_SPECTRAL = "hat(W) = frac(W, sigma(W)), quad sigma(W) approx u^T W v"
_PROJECTION = 'D(x, y) = v_y dot phi(x) + psi(phi(x)), quad y "∼" p(y)'
# n: number of values of an image.
_SQUARED = "frac(1, n) EE_x norm(x - hat(x))^2"
_RANGE = "x in [-1, 1]^n"
_KL = 'beta EE_x "KL"(q(z | x) parallel cal(N)(0, I))'


def objective_equations(config: Config) -> tuple[str, ...]:
    """Return the equations of what the model of a `Config` minimises."""
    model: Any = config.model
    network: Any = config.network
    if hasattr(model, "latent_distribution"):
        return _adversarial(model, network)
    return _AUTOENCODERS[model.name](model)


def _adversarial(model: Any, network: Any) -> tuple[str, ...]:
    conditional = model.name == "conditional_sngan"
    classes, latents = (", y", "z, y") if conditional else ("", "z")
    over_data, over_latents = (f"EE_({over})" if conditional else f"EE_{over}" for over in (f"x{classes}", latents))

    def judged(item: str) -> str:
        return f"D(T({item}){classes})" if model.augmentations else f"D({item}{classes})"

    real, fake = judged("x"), judged(f"G({latents})")
    soft = model.labels != LabelsConfig()
    of_discriminator = {
        "non-saturating": f"-{over_data} [log {real}] - {over_latents} [log(1 - {fake})]",
        "hinge": f"{over_data} [max(0, 1 - {real})] + {over_latents} [max(0, 1 + {fake})]",
        "wasserstein": f"{over_latents} [{fake}] - {over_data} [{real}]",
    }[model.loss]
    if soft:
        of_discriminator = " ".join(
            f"-{over} [{target} log {answer} + (1 - {target}) log(1 - {answer})]"
            for over, target, answer in ((over_data, "t", real), (over_latents, "s", fake))
        )
    of_generator = f"-{over_latents} [{'log ' if model.loss == 'non-saturating' else ''}{fake}]"
    notes = []
    if soft:
        notes += _label_notes(model.labels)
    if hasattr(model, "penalty_weight"):
        point, over = ("x", "x") if model.penalty_at == "real" else ("hat(x)", "(hat(x))")
        slope = f"norm(nabla_{over} {judged(point)})"
        squared = f"({slope} - {model.penalty_slope:g})^2" if model.penalty_slope else f"{slope}^2"
        of_discriminator += f" + lambda EE_{over} [{squared}]"
        if point != "x":
            notes.append('hat(x) = u x + (1 - u) G(z), quad u "∼" "U"(0, 1)')
    if model.unrolled_steps:
        of_generator = f"-cal(L)_D (theta_{_argument(model.unrolled_steps)})"
        rule = {"adam": "Adam", "sgd": "SGD"}[model.discriminator_optimizer.name]
        notes.append(f'theta_0 = theta_D, quad theta_(k + 1) = "{rule}"(theta_k, nabla cal(L)_D (theta_k))')
    if model.packing > 1:
        last = _argument(model.packing)
        notes.append(f'x = (x_1, "…", x_{last}), quad G(z) = (G(z_1), "…", G(z_{last}))')
    if model.dequantize:
        notes.append('x = frac(k, 128) - 1 + u, quad k in [0, 255], quad u "∼" "U"(0, frac(1, 128))')
    losses = [f"cal(L)_D = {of_discriminator}", f"cal(L)_G = {of_generator}"]
    if not notes and not conditional:
        losses = [", quad ".join(losses)]
    spectral = (_SPECTRAL,) if getattr(network, "spectral", False) else ()
    return (*((_PROJECTION,) if conditional else ()), *spectral, *losses, *notes)


def _label_notes(labels: Any) -> list[str]:
    """Return what the targets t of real and s of generated images are."""
    real, fake = (
        f"{name} = {low:g}" if low == high else f'{name} "∼" "U"({low:g}, {high:g})'
        for name, low, high in (("t", labels.real_low, labels.real_high), ("s", labels.fake_low, labels.fake_high))
    )
    swapped = f', quad "of the other kind with probability" {labels.flipped:g}' if labels.flipped else ""
    return [f"{real}, quad {fake}{swapped}"]


def _argument(number: int) -> str:
    """Return a number as a subscript."""
    return str(number) if number < 10 else f"({number})"


def _vae(model: Any) -> tuple[str, ...]:
    if model.likelihood == "bernoulli":
        return (
            f"cal(L) = -EE_x EE_(q(z | x)) [log p(x | z)] + {_KL}",
            'p(x | z) = "Bernoulli"(hat(x)(z)), quad x in [0, 1]^n',
        )
    return (f"cal(L) = EE_x EE_(q(z | x)) norm(x - hat(x)(z))^2 + {_KL}, quad x in [0, 1]^n",)


_AUTOENCODERS = {
    "autoencoder": lambda model: (f"cal(L) = {_SQUARED}, quad hat(x) = g(f(x)), quad {_RANGE}",),
    "dropout_autoencoder": lambda model: (
        f"cal(L) = {_SQUARED}, quad hat(x) = g(frac(m, {model.keep:g}) f(x)), quad "
        f'm "∼" "Bernoulli"({model.keep:g}), quad {_RANGE}',
    ),
    "denoising_autoencoder": lambda model: (
        f"cal(L) = {_SQUARED}, quad hat(x) = g(f(x + {model.noise:g} epsilon)), quad "
        f'epsilon "∼" cal(N)(0, I), quad {_RANGE}',
    ),
    "vae": _vae,
    "aae": lambda model: (
        f"cal(L) = {_SQUARED} - EE_x [log d(f(x))], quad hat(x) = g(f(x)), quad {_RANGE}",
        'cal(L)_d = -EE_z [log d(z)] - EE_x [log(1 - d(f(x)))], quad z "∼" cal(N)(0, I)',
    ),
    # l: number of values of a code.
    "vqvae": lambda model: (
        f"cal(L) = {_SQUARED} + beta frac(1, l) EE_x norm(z - e)^2, quad hat(x) = g(e), quad {_RANGE}",
    ),
    "acai": lambda model: (
        f"cal(L) = {_SQUARED} + lambda EE [d(hat(x)_alpha)^2], quad "
        f"hat(x)_alpha = g(alpha z_1 + (1 - alpha) z_2), quad {_RANGE}",
        "cal(L)_d = EE [(d(hat(x)_alpha) - alpha)^2] + EE [d(gamma x + (1 - gamma) hat(x))^2]",
    ),
}
