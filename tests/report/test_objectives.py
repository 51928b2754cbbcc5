"""Every printed objective, written out in NumPy for linear players, against the loss of the model on one batch."""

import dataclasses

import keras
import numpy
import pytest
from keras import layers, ops, random

from coursework.config.models import AdversarialConfig, OptimizerConfig, WGANGPConfig
from coursework.config.networks import MLPConfig
from coursework.config.presets import PRESETS
from coursework.config.schema import Config
from coursework.models import MODELS
from coursework.models.augmentation import AUGMENTATIONS
from coursework.networks.vector_quantizer import VectorQuantizer
from coursework.report.objectives import objective_equations

COUNT, SIZE, RATE = 6, 3, 0.2


def array(tensor):
    return ops.convert_to_numpy(tensor).astype("float64")


def dense(inputs, outputs, use_bias=False):
    source = keras.Input((inputs,))
    weights = keras.initializers.RandomNormal(0, 0.5, seed=inputs + 10 * outputs)
    return keras.Model(source, layers.Dense(outputs, use_bias=use_bias, kernel_initializer=weights)(source))


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


# The players of a GAN of points: D(x) = w x + b as a logit.

ADVERSARIAL = {
    "gan": AdversarialConfig(),
    "hinge": AdversarialConfig(name="sngan", loss="hinge"),
    "wgan-gp": WGANGPConfig(critic_steps=1, penalty_weight=3.0),
    "r1": WGANGPConfig(loss="non-saturating", penalty_at="real", penalty_slope=0.0, penalty_weight=0.7),
    "packed": AdversarialConfig(packing=2),
    "labels": dataclasses.replace(
        AdversarialConfig(),
        labels=dataclasses.replace(
            AdversarialConfig().labels, real_low=0.9, real_high=0.9, fake_low=0.1, fake_high=0.1
        ),
    ),
    "unrolled": AdversarialConfig(unrolled_steps=2, discriminator_optimizer=OptimizerConfig("sgd", RATE, beta_1=0.0)),
}
PLAIN = "cal(L)_D = -EE_x [log D(x)] - EE_z [log(1 - D(G(z)))]"
PRINTED = {
    "gan": (f"{PLAIN}, quad cal(L)_G = -EE_z [log D(G(z))]",),
    "hinge": ("cal(L)_D = EE_x [max(0, 1 - D(x))] + EE_z [max(0, 1 + D(G(z)))], quad cal(L)_G = -EE_z [D(G(z))]",),
    "wgan-gp": (
        "cal(L)_D = EE_z [D(G(z))] - EE_x [D(x)] + lambda EE_(hat(x)) [(norm(nabla_(hat(x)) D(hat(x))) - 1)^2]",
        "cal(L)_G = -EE_z [D(G(z))]",
        'hat(x) = u x + (1 - u) G(z), quad u "∼" "U"(0, 1)',
    ),
    "r1": (f"{PLAIN} + lambda EE_x [norm(nabla_x D(x))^2], quad cal(L)_G = -EE_z [log D(G(z))]",),
    "packed": (
        PLAIN,
        "cal(L)_G = -EE_z [log D(G(z))]",
        'x = (x_1, "…", x_2), quad G(z) = (G(z_1), "…", G(z_2))',
    ),
    "labels": (
        "cal(L)_D = -EE_x [t log D(x) + (1 - t) log(1 - D(x))] -EE_z [s log D(G(z)) + (1 - s) log(1 - D(G(z)))]",
        "cal(L)_G = -EE_z [log D(G(z))]",
        "t = 0.9, quad s = 0.1",
    ),
    "unrolled": (
        PLAIN,
        "cal(L)_G = -cal(L)_D (theta_2)",
        'theta_0 = theta_D, quad theta_(k + 1) = "SGD"(theta_k, nabla cal(L)_D (theta_k))',
    ),
}


def evaluated(name, x, fake, w, b):
    """Return (L_D, L_G) of the printed form `name`; x and fake are what D sees of the data and of G(z)."""
    real_logit, fake_logit = x @ w + b, fake @ w + b
    d_x, d_fake = sigmoid(real_logit), sigmoid(fake_logit)
    plain = -numpy.log(d_x).mean() - numpy.log(1 - d_fake).mean(), -numpy.log(d_fake).mean()
    if name == "hinge":
        return numpy.maximum(0, 1 - real_logit).mean() + numpy.maximum(0, 1 + fake_logit).mean(), -fake_logit.mean()
    if name == "wgan-gp":
        # The gradient of D is w at every point.
        penalty = 3.0 * (numpy.linalg.norm(w) - 1) ** 2
        return fake_logit.mean() - real_logit.mean() + penalty, -fake_logit.mean()
    if name == "r1":
        return plain[0] + 0.7 * numpy.linalg.norm(w) ** 2, plain[1]
    if name == "labels":
        of_real = 0.9 * numpy.log(d_x) + 0.1 * numpy.log(1 - d_x)
        of_fake = 0.1 * numpy.log(d_fake) + 0.9 * numpy.log(1 - d_fake)
        return -of_real.mean() - of_fake.mean(), plain[1]
    if name == "unrolled":
        for _ in range(2):
            by_real, by_fake = sigmoid(x @ w + b) - 1, sigmoid(fake @ w + b)
            w, b = (
                w - RATE * (x.T @ by_real + fake.T @ by_fake) / len(x),
                b - RATE * (by_real.mean() + by_fake.mean()),
            )
        return plain[0], -evaluated("gan", x, fake, w, b)[0]
    return plain


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_printed_losses_of_a_gan_are_what_it_minimises(name):
    model = ADVERSARIAL[name]
    config = Config(preset="test", model=model, network=MLPConfig())
    assert objective_equations(config) == PRINTED[name]
    networks = {"generator": dense(2, SIZE), "discriminator": dense(model.packing * SIZE, 1, use_bias=True)}
    trained = MODELS[model.name].from_config(config, networks, 10)
    data = numpy.random.default_rng(0).normal(size=(2, COUNT, SIZE)).astype("float32")
    packs = [trained.view.pack(ops.convert_to_tensor(items)) for items in data]
    w, b = (array(weight) for weight in networks["discriminator"].weights)
    x, fake = (numpy.concatenate(numpy.split(items, model.packing), axis=1) for items in data.astype("float64"))
    expected = evaluated(name, x, fake, w, b)
    assert float(array(trained.discriminator_objective(*packs))) == pytest.approx(expected[0], rel=1e-4)
    assert float(array(trained.objective.generator_loss(trained, *packs))) == pytest.approx(expected[1], rel=1e-4)


def test_the_printed_losses_of_a_conditional_gan_are_what_it_minimises(monkeypatch):
    """With an augmentation T that doubles, and noise on the data."""
    monkeypatch.setitem(AUGMENTATIONS, "cutout", lambda images, seed: 2.0 * images)
    model = AdversarialConfig(name="conditional_sngan", loss="hinge", augmentations=("cutout",), dequantize=True)
    config = Config(preset="test", model=model, network=MLPConfig())
    assert objective_equations(config) == (
        'D(x, y) = v_y dot phi(x) + psi(phi(x)), quad y "∼" p(y)',
        "cal(L)_D = EE_(x, y) [max(0, 1 - D(T(x), y))] + EE_(z, y) [max(0, 1 + D(T(G(z, y)), y))]",
        "cal(L)_G = -EE_(z, y) [D(T(G(z, y)), y)]",
        'x = frac(k, 128) - 1 + u, quad k in [0, 255], quad u "∼" "U"(0, frac(1, 128))',
    )
    images, classes, latents, rows = (keras.Input(shape) for shape in ((2, 2, 1), (2,), (3,), (1, 2)))
    logits = layers.Dense(1)(layers.Concatenate()([layers.Flatten()(images), classes]))
    painted = layers.Reshape((2, 2, 1))(layers.Dense(4)(layers.Concatenate()([latents, layers.Flatten()(rows)])))
    networks = {
        "generator": keras.Model([latents, rows], painted),
        "discriminator": keras.Model([images, classes], logits),
    }
    trained = MODELS[model.name].from_config(config, networks, 10)
    k = numpy.random.default_rng(0).integers(0, 256, (COUNT, 2, 2, 1), dtype="uint8")
    labels = numpy.array([0, 1, 1, 0, 1, 0])
    real = trained.real_items((ops.convert_to_tensor(k), ops.convert_to_tensor(labels)))
    u = array(random.uniform(k.shape, 0, 1 / 128, seed=keras.random.SeedGenerator(config.seed)))
    x, y = k / 128 - 1 + u, numpy.eye(2)[labels]
    numpy.testing.assert_allclose(array(real[0]), x, atol=1e-6)
    fake = trained.fake_items(COUNT)
    w, b = (array(weight) for weight in networks["discriminator"].weights)

    def judge(images, y):
        return numpy.concatenate([2 * images.reshape(COUNT, -1), y], axis=1) @ w + b

    of_x, of_fake = judge(x, y), judge(array(fake[0]), array(fake[1]))
    expected = numpy.maximum(0, 1 - of_x).mean() + numpy.maximum(0, 1 + of_fake).mean()
    assert float(array(trained.discriminator_objective(real, fake))) == pytest.approx(expected, rel=1e-4)
    found = float(array(trained.objective.generator_loss(trained, real, fake)))
    assert found == pytest.approx(-of_fake.mean(), rel=1e-4, abs=1e-6)


# Autoencoders: f(x) = x E, g(z) = z F, d(x) = x w + b; n = 4 values of an image, l = 2 of a code.

SQUARED = "frac(1, n) EE_x norm(x - hat(x))^2"
RANGE = "x in [-1, 1]^n"
KL = 'beta EE_x "KL"(q(z | x) parallel cal(N)(0, I))'
AUTOENCODERS = {
    "autoencoder": (f"cal(L) = {SQUARED}, quad hat(x) = g(f(x)), quad {RANGE}",),
    "dropout-autoencoder": (
        f'cal(L) = {SQUARED}, quad hat(x) = g(frac(m, 0.5) f(x)), quad m "∼" "Bernoulli"(0.5), quad {RANGE}',
    ),
    "denoising-autoencoder": (
        f'cal(L) = {SQUARED}, quad hat(x) = g(f(x + 1 epsilon)), quad epsilon "∼" cal(N)(0, I), quad {RANGE}',
    ),
    "vae": (f"cal(L) = EE_x EE_(q(z | x)) norm(x - hat(x)(z))^2 + {KL}, quad x in [0, 1]^n",),
    "bernoulli-vae": (
        f"cal(L) = -EE_x EE_(q(z | x)) [log p(x | z)] + {KL}",
        'p(x | z) = "Bernoulli"(hat(x)(z)), quad x in [0, 1]^n',
    ),
    "aae": (
        f"cal(L) = {SQUARED} - EE_x [log d(f(x))], quad hat(x) = g(f(x)), quad {RANGE}",
        'cal(L)_d = -EE_z [log d(z)] - EE_x [log(1 - d(f(x)))], quad z "∼" cal(N)(0, I)',
    ),
    "vqvae": (f"cal(L) = {SQUARED} + beta frac(1, l) EE_x norm(z - e)^2, quad hat(x) = g(e), quad {RANGE}",),
    "acai": (
        f"cal(L) = {SQUARED} + lambda EE [d(hat(x)_alpha)^2], quad "
        f"hat(x)_alpha = g(alpha z_1 + (1 - alpha) z_2), quad {RANGE}",
        "cal(L)_d = EE [(d(hat(x)_alpha) - alpha)^2] + EE [d(gamma x + (1 - gamma) hat(x))^2]",
    ),
}
SHAPE, CODE = (2, 2, 1), 2


def autoencoder_networks(name):
    """Return {role: network}, linear but for a VAE's tanh and a VQ-VAE's quantizer."""
    small = keras.initializers.RandomNormal(0, 0.4, seed=3)
    images, codes = keras.Input(SHAPE), keras.Input((CODE,))
    flat = layers.Flatten()(images)
    heads = [layers.Dense(CODE, use_bias=False, kernel_initializer=small)(flat) for _ in range(2)]
    x = codes
    if name == "vqvae":
        vectors = layers.Reshape((1, CODE))(codes)
        x = layers.Flatten()(VectorQuantizer(4, seed=1)(vectors)[0])
    x = layers.Reshape(SHAPE)(layers.Dense(4, use_bias=False, kernel_initializer=small)(x))
    x = layers.Activation("tanh")(x) if "vae" in name and name != "vqvae" else x
    encoder = keras.Model(images, heads if name in ("vae", "bernoulli-vae") else heads[0])
    critic = keras.Model(images, layers.Dense(1, kernel_initializer=small)(flat))
    return {
        "encoder": encoder,
        "decoder": keras.Model(codes, x),
        "critic": critic,
        "code_critic": dense(CODE, 1, use_bias=True),
    }


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_the_printed_loss_of_an_autoencoder_is_what_it_minimises(name):
    config = PRESETS[name]
    assert objective_equations(config) == AUTOENCODERS[name]
    networks = autoencoder_networks(name)
    model = MODELS[config.model.name].from_config(config, networks, 10)
    x = numpy.random.default_rng(0).uniform(-1, 1, (COUNT, 4))
    images = ops.convert_to_tensor(x.reshape(COUNT, *SHAPE).astype("float32"))
    encode, decode = (array(networks[role].trainable_variables[0]) for role in ("encoder", "decoder"))
    draws = keras.random.SeedGenerator(config.seed)
    z = x @ encode
    if name == "dropout-autoencoder":
        z = z * array(random.dropout(ops.ones((COUNT, CODE)), 0.5, seed=draws))
    if name == "denoising-autoencoder":
        z = (x + array(random.normal((COUNT, *SHAPE), seed=draws)).reshape(COUNT, 4)) @ encode
    expected = ((x - z @ decode) ** 2).sum(axis=1).mean() / 4
    of_critic, settings = None, config.model
    if name in ("vae", "bernoulli-vae"):
        log_variance = x @ array(networks["encoder"].trainable_variables[1])
        noise = array(random.normal((COUNT, CODE), seed=keras.random.SeedGenerator(config.seed)))
        probability = (numpy.tanh((z + numpy.exp(log_variance / 2) * noise) @ decode) + 1) / 2
        x = (x + 1) / 2
        kl = 0.5 * (z**2 + numpy.exp(log_variance) - 1 - log_variance).sum(axis=1).mean()
        if name == "vae":
            expected = ((x - probability) ** 2).sum(axis=1).mean() + settings.beta * kl
        else:
            log_p = x * numpy.log(probability) + (1 - x) * numpy.log(1 - probability)
            expected = -log_p.sum(axis=1).mean() + settings.beta * kl
    if name == "aae":
        w, b = (array(weight) for weight in networks["code_critic"].weights)
        expected -= numpy.log(sigmoid(z @ w + b)).mean()
        drawn = array(random.normal((COUNT, CODE), seed=draws))
        of_critic = -numpy.log(sigmoid(drawn @ w + b)).mean() - numpy.log(1 - sigmoid(z @ w + b)).mean()
    if name == "vqvae":
        codebook = array(model.quantizer.codebook)
        e = codebook[((z[:, None] - codebook) ** 2).sum(axis=2).argmin(axis=1)]
        commitment = ((z - e) ** 2).sum(axis=1).mean() / CODE
        expected = ((x - e @ decode) ** 2).sum(axis=1).mean() / 4 + settings.commitment_weight * commitment
    if name == "acai":
        w, b = (array(weight) for weight in networks["critic"].weights)
        alpha = 0.5 - abs(array(random.uniform((COUNT, 1), seed=draws)) - 0.5)
        guess = (alpha * z + (1 - alpha) * z[::-1]) @ decode @ w + b
        expected += settings.critic_weight * (guess**2).mean()
        between = settings.critic_mix * x + (1 - settings.critic_mix) * z @ decode
        of_critic = ((guess - alpha) ** 2).mean() + ((between @ w + b) ** 2).mean()
    value, (_, kept) = model.objective(images)
    assert float(array(value)) == pytest.approx(expected, rel=1e-4)
    if of_critic is not None:
        assert float(array(model.critic_objective(images, *kept))) == pytest.approx(of_critic, rel=1e-4)


def test_every_preset_prints_one_of_the_forms_that_are_tried_here():
    """Up to its numbers, its loss and the options that are tried one by one."""
    for preset, config in PRESETS.items():
        assert config.model.name in {"gan", "sngan", "wgan_gp", "conditional_sngan"} or objective_equations(config) in [
            *AUTOENCODERS.values()
        ], preset
