"""Training steps against updates written out in NumPy for linear networks, and every option's effect."""

import dataclasses
import typing

import keras
import numpy
import pytest
from conftest import array
from keras import layers, ops

from coursework.config.models import (
    ACAIConfig,
    AdversarialConfig,
    ModelConfig,
    OptimizerConfig,
    VAEConfig,
    WGANGPConfig,
)
from coursework.config.networks import AutoencoderConfig, DCGANConfig, VectorAutoencoderConfig
from coursework.config.schema import Config
from coursework.models import ACAI, GAN, MODELS, SNGAN, VAE, WGANGP, build_model
from coursework.models.augmentation import View
from coursework.models.base import build_optimizer, spread, to_uint8
from coursework.networks.layers import SpectralDense
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

SHAPE = (2, 2, 1)
PIXELS = 4
LATENTS = 3
GENERATOR_RATE, DISCRIMINATOR_RATE = 0.3, 0.2


def random_images(count, shape=SHAPE, seed=0):
    return numpy.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=numpy.uint8)


def flat(images):
    """Return uint8 images as float64 rows in [-1, 1]."""
    return images.reshape(len(images), -1) / 127.5 - 1


def weights(network):
    return [array(variable).astype("float64") for variable in network.trainable_variables]


def unchanged(before, after):
    return all(numpy.array_equal(one, two) for one, two in zip(before, after, strict=True))


def assert_close(actual, expected):
    numpy.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-6)


def linear(inputs, outputs, name, shape=None, use_bias=False, activation=None):
    """Return a network of one dense layer between flattened inputs and outputs of a shape."""
    source = keras.Input(inputs)
    x = layers.Flatten()(source)
    x = layers.Dense(outputs, use_bias=use_bias, kernel_initializer=keras.initializers.RandomNormal(0, 0.5))(x)
    if shape:
        x = layers.Reshape(shape)(x)
    if activation:
        x = layers.Activation(activation)(x)
    return keras.Model(source, x, name=name)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def softplus(x):
    return numpy.log1p(numpy.exp(-abs(x))) + numpy.maximum(x, 0)


def fit_once(model, images):
    """Train on all images as one batch by plain `fit`; return the epoch's losses."""
    history = model.fit(images, batch_size=len(images), shuffle=False, epochs=1, verbose=0).history
    return {name: values[0] for name, values in history.items()}


# The adversarial models.


def linear_gan(kind=GAN, rates=(GENERATOR_RATE, DISCRIMINATOR_RATE), **settings):
    generator = linear((LATENTS,), PIXELS, "generator", shape=SHAPE)
    discriminator = linear(SHAPE, 1, "discriminator", use_bias=True)
    model = kind(generator, discriminator, seed=5, **settings)
    model.compile(keras.optimizers.SGD(rates[0]), keras.optimizers.SGD(rates[1]))
    return model


class LinearGAN:
    """The step of a GAN with linear players under gradient descent, written out."""

    def __init__(self, model):
        (self.generator,), (self.weight, self.bias) = weights(model.generator), weights(model.discriminator)
        self.seeds = keras.random.SeedGenerator(model.seed)

    def latents(self, count):
        return array(keras.random.normal((count, LATENTS), seed=self.seeds)).astype("float64")

    def logits(self, images):
        return images @ self.weight + self.bias

    def discriminator_step(self, real, loss):
        fake = self.latents(len(real)) @ self.generator
        of_real, of_fake = self.logits(real), self.logits(fake)
        if loss == "hinge":
            value = numpy.maximum(0, 1 - of_real).mean() + numpy.maximum(0, 1 + of_fake).mean()
            by_real, by_fake = -1.0 * (of_real < 1), 1.0 * (of_fake > -1)
        else:
            value = softplus(-of_real).mean() + softplus(of_fake).mean()
            by_real, by_fake = -sigmoid(-of_real), sigmoid(of_fake)
        self.weight -= DISCRIMINATOR_RATE * (real.T @ by_real + fake.T @ by_fake) / len(real)
        self.bias -= DISCRIMINATOR_RATE * (by_real.mean() + by_fake.mean())
        return value

    def generator_step(self, count, loss):
        latents = self.latents(count)
        logits = self.logits(latents @ self.generator)
        value = -logits.mean() if loss == "hinge" else softplus(-logits).mean()
        by_logits = -numpy.ones_like(logits) if loss == "hinge" else -sigmoid(-logits)
        self.generator -= GENERATOR_RATE * latents.T @ (by_logits / count) @ self.weight.T
        return value


@pytest.mark.parametrize(
    "kind, loss, critic_steps, factor",
    [(GAN, "non-saturating", 1, 1), (GAN, "hinge", 3, 2), (SNGAN, "hinge", 1, 1), (SNGAN, "non-saturating", 3, 2)],
)
def test_an_adversarial_step_is_the_one_written_out(kind, loss, critic_steps, factor):
    """Equal only if each discriminator update sees images of its own and the generator its own batch and rate."""
    model = linear_gan(kind, objective=loss, critic_steps=critic_steps, generator_batch_factor=factor)
    expected, size = LinearGAN(model), 8
    for seed in (1, 2):
        images = random_images(size * critic_steps, seed=seed)
        losses = fit_once(model, images)
        for part in numpy.split(flat(images), critic_steps):
            discriminator_loss = expected.discriminator_step(part, loss)
        generator_loss = expected.generator_step(size * factor, loss)
        # The discriminator's loss is that of its last update.
        assert losses["discriminator_loss"] == pytest.approx(discriminator_loss, rel=1e-4)
        assert losses["generator_loss"] == pytest.approx(generator_loss, rel=1e-4, abs=1e-6)
        assert_close(weights(model.generator)[0], expected.generator)
        assert_close(weights(model.discriminator)[0], expected.weight)
        assert_close(weights(model.discriminator)[1], expected.bias)
    assert int(model.generator_optimizer.iterations) == 2
    assert int(model.discriminator_optimizer.iterations) == 2 * critic_steps


def test_each_player_moves_in_its_own_update_alone():
    model = linear_gan()
    generator, discriminator = weights(model.generator), weights(model.discriminator)
    model.update_discriminator(ops.convert_to_tensor(flat(random_images(4)).reshape(4, *SHAPE).astype("float32")))
    assert unchanged(generator, weights(model.generator))
    assert not unchanged(discriminator, weights(model.discriminator))
    discriminator = weights(model.discriminator)
    model.update_generator(ops.convert_to_tensor(flat(random_images(4)).reshape(4, *SHAPE).astype("float32")))
    assert not unchanged(generator, weights(model.generator))
    assert unchanged(discriminator, weights(model.discriminator))


@pytest.mark.parametrize("still", ["generator", "discriminator"])
def test_rates_belong_to_players(still):
    model = linear_gan(rates=(0.0, 0.1) if still == "generator" else (0.1, 0.0))
    before = {name: weights(getattr(model, name)) for name in ("generator", "discriminator")}
    fit_once(model, random_images(4))
    assert {name: unchanged(before[name], weights(getattr(model, name))) for name in before} == {
        name: name == still for name in before
    }


@pytest.mark.parametrize("kind, iterations", [(SNGAN, 1), (GAN, 2)])
def test_sngan_makes_one_power_iteration_an_update(kind, iterations):
    """Algorithm 1 of Miyato et al.; the plain GAN, which keeps BatchNorm statistics apart, calls once for each kind."""
    source = keras.Input(SHAPE)
    dense = SpectralDense(6)
    discriminator = keras.Model(source, layers.Dense(1)(dense(layers.Flatten()(source))))
    model = kind(linear((LATENTS,), PIXELS, "generator", shape=SHAPE), discriminator, critic_steps=1)
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.0))
    kernel, u = array(dense.kernel).astype("float64"), array(dense.u).astype("float64")
    for _ in range(iterations):
        v = kernel @ u
        u = kernel.T @ (v / numpy.linalg.norm(v))
        u /= numpy.linalg.norm(u)
    model.update_discriminator(ops.zeros((4, *SHAPE)))
    assert_close(array(dense.u), u)


def test_latents_have_the_distribution_of_their_name():
    count = 20_000
    uniform = array(linear_gan(latent_distribution="uniform").draw_latents(count))
    assert uniform.shape == (count, LATENTS)
    assert -1 <= uniform.min() < -0.999 and 0.999 < uniform.max() < 1
    assert uniform.mean() == pytest.approx(0, abs=0.01)
    assert uniform.var() == pytest.approx(1 / 3, abs=0.01)
    normal = array(linear_gan(latent_distribution="normal").draw_latents(count))
    assert normal.mean() == pytest.approx(0, abs=0.02)
    assert normal.var() == pytest.approx(1, abs=0.03)
    assert numpy.mean(normal**4) == pytest.approx(3, abs=0.2)


def test_dequantised_images_fill_the_gap_to_the_next_value():
    images = numpy.arange(256, dtype=numpy.uint8).repeat(64).reshape(-1, *SHAPE)
    seeds = keras.random.SeedGenerator(1)
    scaled = array(View(dequantize=True).scale(ops.convert_to_tensor(images), seeds)).astype("float64")
    noise = 128 * (scaled + 1) - images
    # Float32 near 1 resolves 1/128 into 2^17 parts.
    assert -1e-4 < noise.min() < 0.01 and 0.99 < noise.max() < 1 + 1e-4
    assert noise.mean() == pytest.approx(0.5, abs=0.02)
    assert noise.var() == pytest.approx(1 / 12, abs=0.005)
    plain = array(View().scale(ops.convert_to_tensor(images), seeds))
    assert (plain.min(), plain.max()) == (-1, 1)
    assert numpy.array_equal(to_uint8(plain), images)


class Recorder(keras.callbacks.Callback):
    """Keeps the generator's weights, statistics included, after every step."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(self.model.generator.get_weights())


def test_the_moving_average_follows_weights_and_statistics():
    model = adversarial_model(ema_decay=0.4)
    average = model.generator.get_weights()
    assert unchanged(average, model.average.network.get_weights())
    recorder = Recorder()
    model.fit(random_images(40, (8, 8, 3)), batch_size=8, epochs=1, verbose=0, callbacks=[recorder])
    assert len(recorder.weights) == 5
    names = [variable.name for variable in model.generator.weights]
    assert "moving_variance" in names and "kernel" in names
    for step, current in enumerate(recorder.weights, start=1):
        # 2/11, 3/12 and 4/13 are below .4, as is 5/14; 6/15 is .4 itself.
        decay = min(0.4, (1 + step) / (10 + step))
        average = [decay * old + (1 - decay) * new for old, new in zip(average, current, strict=True)]
    for name, actual, expected in zip(names, model.average.network.get_weights(), average, strict=True):
        numpy.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6, err_msg=name)
    # What is sampled, saved and resumed is the average.
    assert model.networks()["generator"] is model.average.network
    kept = {id(variable) for variable in model.state_variables()}
    assert all(id(variable) in kept for variable in model.average.network.weights + model.generator.weights)
    assert not unchanged(model.average.network.get_weights(), model.generator.get_weights())


# The variational autoencoder.


def linear_vae(likelihood, beta):
    source = keras.Input(SHAPE)
    x = layers.Flatten()(source)
    small = keras.initializers.RandomNormal(0, 0.3)
    heads = [layers.Dense(LATENTS, use_bias=False, kernel_initializer=small, name=name)(x) for name in ("mean", "log")]
    encoder = keras.Model(source, heads)
    decoder = linear((LATENTS,), PIXELS, "decoder", shape=SHAPE, activation="tanh")
    model = VAE(encoder, decoder, likelihood, beta, seed=5)
    model.compile(keras.optimizers.SGD(0.1))
    return model


@pytest.mark.parametrize("likelihood, beta", [("gaussian", 0.0), ("gaussian", 0.5), ("bernoulli", 3.0)])
def test_a_vae_step_is_the_one_written_out(likelihood, beta):
    model, images = linear_vae(likelihood, beta), random_images(8)
    (to_mean, to_log), (to_image,) = weights(model.encoder), weights(model.decoder)
    losses = fit_once(model, images)
    x, count = flat(images), len(images)
    targets = (x + 1) / 2
    noise = array(keras.random.normal((count, LATENTS), seed=keras.random.SeedGenerator(5))).astype("float64")
    mean, log_variance = x @ to_mean, x @ to_log
    deviation = numpy.exp(log_variance / 2)
    latents = mean + deviation * noise
    output = numpy.tanh(latents @ to_image)
    probability = (output + 1) / 2
    if likelihood == "gaussian":
        reconstruction = ((targets - probability) ** 2).sum() / count
        by_preimage = (probability - targets) * (1 - output**2) / count
    else:
        # The cross-entropy of probabilities, directly; by the number before the tanh it is twice the logit's.
        entropy = targets * numpy.log(probability) + (1 - targets) * numpy.log(1 - probability)
        reconstruction = -entropy.sum() / count
        by_preimage = 2 * (probability - targets) / count
    kl = 0.5 * (mean**2 + deviation**2 - 1 - log_variance).sum() / count
    assert losses["reconstruction"] == pytest.approx(reconstruction, rel=1e-4)
    assert losses["kl"] == pytest.approx(kl, rel=1e-4)
    assert losses["loss"] == pytest.approx(reconstruction + beta * kl, rel=1e-4)
    by_latents = by_preimage @ to_image.T
    by_mean = by_latents + beta * mean / count
    by_log = by_latents * deviation * noise / 2 + beta * (deviation**2 - 1) / (2 * count)
    assert_close(weights(model.decoder)[0], to_image - 0.1 * latents.T @ by_preimage)
    assert_close(weights(model.encoder)[0], to_mean - 0.1 * x.T @ by_mean)
    assert_close(weights(model.encoder)[1], to_log - 0.1 * x.T @ by_log)


# ACAI.


def linear_acai(critic_weight=0.5, critic_mix=0.2, rates=(0.3, 0.2)):
    encoder = linear(SHAPE, LATENTS, "encoder")
    decoder = linear((LATENTS,), PIXELS, "decoder", shape=SHAPE)
    critic = linear(SHAPE, 1, "critic", use_bias=True)
    model = ACAI(encoder, decoder, critic, critic_weight, critic_mix, seed=5)
    model.compile(*(keras.optimizers.SGD(rate) for rate in rates))
    return model


@pytest.mark.parametrize("critic_weight, critic_mix", [(0.5, 0.2), (2.0, 0.9)])
def test_an_acai_step_is_the_one_written_out(critic_weight, critic_mix):
    """Both updates come from one forward pass; the partner is the reversed batch, the regulariser mean(d^2)."""
    model, images = linear_acai(critic_weight, critic_mix), random_images(6)
    (encode,), (decode,), (weight, bias) = (weights(part) for part in (model.encoder, model.decoder, model.critic))
    losses = fit_once(model, images)
    x, count = flat(images), len(images)
    uniform = array(keras.random.uniform((count, 1), seed=keras.random.SeedGenerator(5))).astype("float64")
    alpha = 0.5 - abs(uniform - 0.5)
    assert numpy.all((alpha >= 0) & (alpha <= 0.5))
    code = x @ encode
    mixed_code = alpha * code + (1 - alpha) * code[::-1]
    decoded, mixed = code @ decode, mixed_code @ decode
    guess = mixed @ weight + bias
    reconstruction, regularizer = ((x - decoded) ** 2).mean(), (guess**2).mean()
    assert losses["reconstruction"] == pytest.approx(reconstruction, rel=1e-4)
    assert losses["regularizer"] == pytest.approx(regularizer, rel=1e-4)
    assert losses["loss"] == pytest.approx(reconstruction + critic_weight * regularizer, rel=1e-4)
    by_decoded = 2 * (decoded - x) / x.size
    by_mixed = critic_weight * 2 * guess / count @ weight.T
    by_mixed_code = by_mixed @ decode.T
    by_code = by_decoded @ decode.T + alpha * by_mixed_code + ((1 - alpha) * by_mixed_code)[::-1]
    assert_close(weights(model.decoder)[0], decode - 0.3 * (code.T @ by_decoded + mixed_code.T @ by_mixed))
    assert_close(weights(model.encoder)[0], encode - 0.3 * x.T @ by_code)
    data = decoded + critic_mix * (x - decoded)
    error, of_data = guess - alpha, data @ weight + bias
    assert losses["critic_loss"] == pytest.approx((error**2).mean() + (of_data**2).mean(), rel=1e-4)
    assert_close(weights(model.critic)[0], weight - 0.2 * 2 * (mixed.T @ error + data.T @ of_data) / count)
    assert_close(weights(model.critic)[1], bias - 0.2 * 2 * (error.mean() + of_data.mean()))


def test_mixing_goes_from_the_reversed_partner_to_the_image_itself():
    code = numpy.arange(32, dtype="float32").reshape(4, 2, 2, 2)
    mix = linear_acai().mix
    assert numpy.array_equal(array(mix(ops.convert_to_tensor(code), ops.ones((4, 1)))), code)
    assert numpy.array_equal(array(mix(ops.convert_to_tensor(code), ops.zeros((4, 1)))), code[::-1])
    alpha = ops.convert_to_tensor(numpy.array([[0.25], [0.5], [0.0], [1.0]], "float32"))
    expected = [0.25 * code[0] + 0.75 * code[3], 0.5 * (code[1] + code[2]), code[1], code[3]]
    numpy.testing.assert_allclose(array(mix(ops.convert_to_tensor(code), alpha)), expected, rtol=1e-6)


@pytest.mark.parametrize("count", [3, 5])
def test_in_a_batch_of_odd_size_no_image_is_its_own_partner(count):
    """The middle one of a reversed batch would be: its mix would be itself, for which the critic's target is alpha."""
    code = numpy.arange(count, dtype="float32").reshape(count, 1)
    partners = array(linear_acai().mix(ops.convert_to_tensor(code), ops.zeros((count, 1)))).ravel()
    assert sorted(partners) == list(range(count)) and (partners != code.ravel()).all()


def test_the_code_statistics_are_those_of_all_kinds_of_images():
    """A data set sorted by class must not be fitted by its first class alone."""
    model = linear_acai()
    dark, bright = numpy.zeros((9000, *SHAPE), numpy.uint8), numpy.full((9000, *SHAPE), 255, numpy.uint8)
    (encode,) = weights(model.encoder)
    statistics = model.code_statistics(numpy.concatenate([dark, bright]))
    ends = numpy.full((2, PIXELS), [[-1.0], [1.0]]) @ encode
    assert_close(statistics["mean"], [0, 0, 0])
    covariance = numpy.outer(ends[1], ends[1])
    numpy.testing.assert_allclose(statistics["factor"] @ statistics["factor"].T, covariance, rtol=1e-3, atol=1e-4)


def test_spread_takes_even_distances_and_repeats_where_there_are_too_few():
    images = numpy.arange(10)
    assert spread(images, 4).tolist() == [0, 3, 6, 9]
    assert spread(images, 10).tolist() == list(range(10))
    assert sorted(set(spread(images, 16).tolist())) == list(range(10))
    assert spread(images[:1], 3).tolist() == [0, 0, 0]


# What all models share. Small networks of the package, images of 8x8 or 16x16 pixels.


def adversarial_config(name="gan", **settings):
    network = DCGANConfig(
        latent_size=4,
        generator_width=32,
        discriminator_width=8,
        discriminator_normalization="batch" if name == "gan" else "none",
        spectral=name == "sngan",
    )
    return Config(preset="test", model=AdversarialConfig(name=name, **settings), network=network, batch_size=8)


def adversarial_model(name="gan", **settings):
    return build_model(adversarial_config(name, **settings), (8, 8, 3), steps=5)


CONFIGS = {
    "gan": adversarial_config("gan", ema_decay=0.9),
    "sngan": adversarial_config("sngan", loss="hinge", critic_steps=2, latent_distribution="uniform"),
    "wgan_gp": Config(
        preset="test",
        model=WGANGPConfig(critic_steps=2, packing=2),
        network=DCGANConfig(
            latent_size=4, generator_width=32, discriminator_width=8, discriminator_normalization="layer"
        ),
        batch_size=2,
    ),
    "vae": Config(preset="test", model=VAEConfig(), network=VectorAutoencoderConfig(latent_size=4, width=4)),
    "acai": Config(
        preset="test", model=ACAIConfig(), network=AutoencoderConfig(depth=4, latent_width=4, latent_channels=2)
    ),
}
IMAGE = (16, 16, 3)


@pytest.fixture(scope="module", params=CONFIGS)
def trained(request):
    """Return a model of each kind after two steps of plain `fit`, and the history."""
    model = build_model(CONFIGS[request.param], IMAGE, steps=2)
    history = model.fit(random_images(16, IMAGE), batch_size=8, epochs=1, verbose=0).history
    # After two steps images differ by less than a grey level: make the differences visible.
    kernel = model.networks()["generator"].get_layer("to_image").kernel
    kernel.assign(array(kernel) * 1e5)
    return model, history


def test_plain_fit_reports_every_loss(trained):
    model, history = trained
    assert set(history) == set(model.trackers)
    assert all(numpy.isfinite(values).all() and len(values) == 1 for values in history.values())
    assert [int(optimizer.iterations) for optimizer in model.optimizers().values()] == (
        [2, 4] if isinstance(model, SNGAN | WGANGP) else [2] * len(model.optimizers())
    )


def test_nothing_keeps_a_graph_after_a_step(trained):
    """Under PyTorch a loss or an average with a history would keep every step in memory."""
    model, _ = trained
    losses = model.train_step((ops.convert_to_tensor(random_images(8, IMAGE)),))
    tensors = [*losses.values(), *(variable.value for variable in model.state_variables())]
    tensors += [variable.value for tracker in model.metrics for variable in tracker.variables]
    assert all(getattr(tensor, "grad_fn", None) is None for tensor in tensors)
    assert all(getattr(variable.value, "grad", None) is None for variable in model.variables)


@pytest.mark.parametrize("name", ["gan", "vae", "acai"])
def test_a_smaller_last_batch_counts_as_a_step_of_its_own(name):
    """The training loop drops it; plain `fit` trains on it, with an odd number of images too."""
    model = build_model(CONFIGS[name], IMAGE, steps=2)
    history = model.fit(random_images(11, IMAGE), batch_size=8, epochs=1, verbose=0).history
    assert all(numpy.isfinite(values[0]) for values in history.values())
    assert {int(optimizer.iterations) for optimizer in model.optimizers().values()} == {2}


@pytest.mark.parametrize("name", ["sngan", "wgan_gp"])
def test_a_batch_that_does_not_divide_into_critic_steps_and_packs_is_an_error(name):
    model = build_model(CONFIGS[name], IMAGE, steps=2)
    with pytest.raises(Exception, match="(?i)split|divi|equal"):
        model.fit(random_images(11, IMAGE), batch_size=11, epochs=1, verbose=0)


def test_samples_and_previews_are_images_that_the_seed_decides(trained):
    model, _ = trained
    images = random_images(20, IMAGE, seed=3)
    first, again, other = (model.sample(5, seed, images) for seed in (1, 1, 2))
    assert first.shape == (5, *IMAGE)
    assert first.dtype == numpy.uint8
    assert numpy.array_equal(first, again)
    assert not numpy.array_equal(first, other)
    preview = model.preview(images[:16])
    assert preview.shape == (64, *IMAGE)
    assert preview.dtype == numpy.uint8
    assert numpy.array_equal(preview, model.preview(images[:16]))


def test_previews_of_autoencoders_hold_their_images(trained):
    model, _ = trained
    images = random_images(16, IMAGE, seed=3)
    grid = model.preview(images).reshape(8, 8, *IMAGE)
    if isinstance(model, VAE):
        assert numpy.array_equal(grid[[0, 2]], images.reshape(2, 8, *IMAGE))
        mean, _ = model.encoder.predict(flat(images).reshape(-1, *IMAGE).astype("float32"), verbose=0)
        expected = to_uint8(model.decoder.predict(mean, verbose=0)).reshape(2, 8, *IMAGE)
        assert abs(grid[[1, 3]].astype(int) - expected).max() <= 1
    elif isinstance(model, ACAI):
        assert numpy.array_equal(grid[:, 0], images[:8])
        assert numpy.array_equal(grid[:, 7], images[8:])


def test_a_run_keeps_the_networks_of_its_model(trained):
    model, _ = trained
    expected = {"generator", "discriminator"}
    if not isinstance(model, GAN):
        expected = {"generator", "encoder"} | ({"discriminator"} if isinstance(model, ACAI) else set())
    assert set(model.networks()) == expected


def test_the_state_holds_players_optimisers_and_random_streams(trained):
    model, _ = trained
    kept = {id(variable) for variable in model.state_variables()}
    needed = [*model.variables, model.random.state]
    for optimizer in model.optimizers().values():
        needed += optimizer.variables
        # Iterations and rate, then Adam's two moments of every trainable weight.
        assert len(optimizer.variables) >= 2 + 2 * len(optimizer._trainable_variables) > 2
    if isinstance(model, VAE):
        needed.append(model.sampling.seed_generator.state)
    trackers = {id(variable) for tracker in model.metrics for variable in tracker.variables}
    assert {id(variable) for variable in needed} - trackers == kept
    assert len(model.state_variables()) == len(kept)


# The graph of the penalty's second derivatives is long in building.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "wgan_gp" else name for name in CONFIGS]
)
def test_mixed_precision_computes_low_and_keeps_float32(name):
    images = random_images(16, IMAGE)
    losses = {}
    for precision in ("float32", "mixed_bfloat16"):
        model = build_model(dataclasses.replace(CONFIGS[name], precision=precision), IMAGE, steps=2)
        compute = "float32" if precision == "float32" else "bfloat16"
        for network in model.networks().values():
            weighted = [layer for layer in network.layers if getattr(layer, "kernel", None) is not None]
            low = [layer.compute_dtype for layer in weighted if layer.compute_dtype == compute]
            # Heads that give logits or moments compute in float32.
            assert len(low) >= len(weighted) - 2 > 0
            assert {output.dtype for output in network.outputs} == {"float32"}
            assert {variable.dtype for variable in network.weights} == {"float32"}
        losses[precision] = fit_once(model, images)
    assert keras.config.dtype_policy().name == "float32"
    for loss, value in losses["float32"].items():
        assert losses["mixed_bfloat16"][loss] == pytest.approx(value, rel=0.05, abs=0.02), loss
    assert losses["mixed_bfloat16"] != losses["float32"]


@pytest.mark.parametrize("name, rate", [("adam", 0.01), ("sgd", 0.1)])
def test_a_linear_decay_ends_at_zero(name, rate):
    steps, variable = 10, keras.Variable([1.0])
    optimizer = build_optimizer(OptimizerConfig(name=name, rate=rate, decay="linear"), steps)
    optimizer.build([variable])
    seen = []
    for _ in range(steps):
        seen.append(float(optimizer.learning_rate))
        optimizer.apply([ops.ones((1,))], [variable])
    numpy.testing.assert_allclose(seen, [rate * (1 - step / steps) for step in range(steps)], rtol=1e-5)
    assert float(optimizer.learning_rate) == 0
    constant = build_optimizer(OptimizerConfig(name=name, rate=rate), steps)
    assert float(constant.learning_rate) == pytest.approx(rate)


def test_the_decay_of_both_players_ends_with_the_training():
    decaying = OptimizerConfig(rate=0.01, decay="linear")
    config = adversarial_config("sngan", critic_steps=3, generator_optimizer=decaying, discriminator_optimizer=decaying)
    model = build_model(config, (8, 8, 3), steps=4)
    images = random_images(24, (8, 8, 3))
    model.fit(images, batch_size=12, epochs=1, verbose=0)
    assert [float(optimizer.learning_rate) for optimizer in model.optimizers().values()] == pytest.approx([0.005] * 2)
    model.fit(images, batch_size=12, epochs=1, verbose=0)
    assert [float(optimizer.learning_rate) for optimizer in model.optimizers().values()] == [0, 0]


def test_optimisers_take_their_settings():
    adam = build_optimizer(OptimizerConfig(rate=0.02, beta_1=0.1, beta_2=0.7, epsilon=1e-3), 1)
    assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.1, 0.7, 1e-3)
    sgd = build_optimizer(OptimizerConfig(name="sgd", rate=0.02, beta_1=0.1), 1)
    assert isinstance(sgd, keras.optimizers.SGD)
    assert sgd.momentum == 0.1


def test_the_settings_of_a_configuration_reach_its_model():
    model = adversarial_model(
        "sngan",
        loss="non-saturating",
        critic_steps=4,
        generator_batch_factor=3,
        latent_distribution="uniform",
        dequantize=True,
        generator_optimizer=OptimizerConfig(rate=0.01),
        discriminator_optimizer=OptimizerConfig(rate=0.02),
    )
    assert isinstance(model, SNGAN)
    assert (model.objective.name, model.critic_steps, model.generator_batch_factor) == ("non-saturating", 4, 3)
    assert (model.latent_distribution, model.view.dequantize, model.average) == ("uniform", True, None)
    assert float(model.generator_optimizer.learning_rate) == pytest.approx(0.01)
    assert float(model.discriminator_optimizer.learning_rate) == pytest.approx(0.02)
    vae = build_model(dataclasses.replace(CONFIGS["vae"], model=VAEConfig(beta=2.0, likelihood="bernoulli")), IMAGE, 1)
    assert (vae.beta, vae.likelihood) == (2.0, "bernoulli")
    acai = build_model(
        dataclasses.replace(CONFIGS["acai"], model=ACAIConfig(critic_weight=0.1, critic_mix=0.7)), IMAGE, 1
    )
    assert (acai.critic_weight, acai.critic_mix) == (0.1, 0.7)


def test_the_defaults_of_sngan_are_the_papers():
    model = linear_gan(SNGAN)
    assert (model.objective.name, model.critic_steps) == ("hinge", 5)


def test_a_model_with_networks_of_another_kind_is_refused():
    config = dataclasses.replace(CONFIGS["gan"], network=CONFIGS["vae"].network)
    with pytest.raises(
        UserError, match="model gan needs a network 'generator'; vector_autoencoder has encoder, decoder"
    ):
        build_model(config, IMAGE, steps=1)
    unions = typing.get_args(ModelConfig)[0]
    names = [
        name for config in typing.get_args(unions) for name in typing.get_args(typing.get_type_hints(config)["name"])
    ]
    assert sorted(MODELS) == sorted(names)
