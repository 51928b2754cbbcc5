"""The ACAI paper's autoencoders: steps against updates written out in NumPy, networks, resuming, settings."""

import dataclasses

import keras
import numpy
import pytest
from conftest import array
from keras import layers, ops
from test_models import assert_close, flat, random_images, weights

from coursework import data
from coursework.config.presets import ACAI, AUTOENCODERS, PRESETS
from coursework.config.presets_lines import LINES
from coursework.data import lines
from coursework.models import (
    AAE,
    VQVAE,
    Autoencoder,
    DenoisingAutoencoder,
    DropoutAutoencoder,
    build_model,
    build_networks,
)
from coursework.models.base import to_uint8
from coursework.networks import NETWORKS
from coursework.networks.latents import draw_latents
from coursework.networks.vector_quantizer import VectorQuantizer
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.training.state import Position, load_state, save_state, states
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

SHAPE, PIXELS, CODE = (2, 2, 1), 4, 4
RATE, CRITIC_RATE, COUNT = 0.3, 0.2, 6
IMAGE = (4, 4, 1)


def dense(inputs, units, name, shape=None, use_bias=False, bottleneck=None):
    """Return a network of one dense layer between flattened inputs and outputs of a shape."""
    source = keras.Input(inputs)
    x = layers.Flatten()(source)
    if bottleneck:
        x, _ = bottleneck(layers.Reshape((CODE // 2, 2))(x))
        x = layers.Flatten()(x)
    x = layers.Dense(units, use_bias=use_bias, kernel_initializer=keras.initializers.RandomNormal(0, 0.5))(x)
    return keras.Model(source, layers.Reshape(shape)(x) if shape else x, name=name)


def linear_model(kind, critic=None, bottleneck=None, **settings):
    networks = [dense(SHAPE, CODE, "encoder"), dense((CODE,), PIXELS, "decoder", SHAPE, bottleneck=bottleneck)]
    networks += [critic] if critic else []
    model = kind(*networks, seed=5, **settings)
    model.compile(*(keras.optimizers.SGD(rate) for rate in (RATE, CRITIC_RATE)[: 1 + bool(critic)]))
    return model


def step(model, images):
    """Make one step without compiling it, and return its losses."""
    return {name: float(value) for name, value in model.train_step((ops.convert_to_tensor(images),)).items()}


# Each step, written out.


@pytest.mark.parametrize("kind", [Autoencoder, DropoutAutoencoder, DenoisingAutoencoder])
def test_a_step_on_the_squared_error_is_the_one_written_out(kind):
    settings = {DropoutAutoencoder: {"keep": 0.75}, DenoisingAutoencoder: {"noise": 0.5}}.get(kind, {})
    model, images = linear_model(kind, **settings), random_images(COUNT)
    (encode,), (decode,) = weights(model.encoder), weights(model.decoder)
    losses = step(model, images)
    x, random = flat(images), keras.random.SeedGenerator(5)
    seen, mask = x, numpy.ones((COUNT, CODE))
    if kind is DropoutAutoencoder:
        # The random stream decides; what is kept must be divided by the share that is.
        mask = array(keras.random.dropout(ops.ones((COUNT, CODE)), 0.25, seed=random))
        assert set(numpy.unique(mask.round(6))) == {0, numpy.float32(4 / 3).round(6)}
    if kind is DenoisingAutoencoder:
        seen = x + 0.5 * array(keras.random.normal((COUNT, *SHAPE), seed=random)).reshape(COUNT, PIXELS)
    code = mask * (seen @ encode)
    decoded = code @ decode
    assert losses == {"loss": pytest.approx(((x - decoded) ** 2).mean(), rel=1e-4)}
    by_decoded = 2 * (decoded - x) / x.size
    assert_close(weights(model.decoder)[0], decode - RATE * code.T @ by_decoded)
    assert_close(weights(model.encoder)[0], encode - RATE * seen.T @ (mask * (by_decoded @ decode.T)))


def test_an_aae_step_is_the_one_written_out():
    """The code should look like a sample of N(0, I) to the critic; both updates come from one forward pass."""
    model, images = linear_model(AAE, critic=dense((CODE,), 1, "critic", use_bias=True)), random_images(COUNT)
    (encode,), (decode,), (weight, bias) = (weights(part) for part in (model.encoder, model.decoder, model.critic))
    losses = step(model, images)
    x = flat(images)
    code = x @ encode
    decoded, logit = code @ decode, code @ weight + bias
    samples = array(keras.random.normal((COUNT, CODE), seed=keras.random.SeedGenerator(5))).astype("float64")
    of_samples = samples @ weight + bias
    reconstruction, regularizer = ((x - decoded) ** 2).mean(), numpy.log1p(numpy.exp(-logit)).mean()
    assert losses["reconstruction"] == pytest.approx(reconstruction, rel=1e-4)
    assert losses["regularizer"] == pytest.approx(regularizer, rel=1e-4)
    assert losses["loss"] == pytest.approx(reconstruction + regularizer, rel=1e-4)
    critic_loss = (numpy.log1p(numpy.exp(-of_samples)) + numpy.log1p(numpy.exp(logit))).mean()
    assert losses["critic_loss"] == pytest.approx(critic_loss, rel=1e-4)
    by_decoded = 2 * (decoded - x) / x.size
    by_code = by_decoded @ decode.T - 1 / (1 + numpy.exp(logit)) / COUNT @ weight.T
    assert_close(weights(model.decoder)[0], decode - RATE * code.T @ by_decoded)
    assert_close(weights(model.encoder)[0], encode - RATE * x.T @ by_code)
    by_samples, by_logit = -1 / (1 + numpy.exp(of_samples)) / COUNT, 1 / (1 + numpy.exp(-logit)) / COUNT
    assert_close(weights(model.critic)[0], weight - CRITIC_RATE * (samples.T @ by_samples + code.T @ by_logit))
    assert_close(weights(model.critic)[1], bias - CRITIC_RATE * (by_samples.sum() + by_logit.sum()))


def test_a_vqvae_step_is_the_one_written_out():
    model = linear_model(VQVAE, bottleneck=VectorQuantizer(5, seed=1), commitment_weight=3.0)
    codebook = numpy.random.default_rng(1).normal(size=(5, 2))
    model.quantizer.codebook.assign(codebook)
    images = random_images(COUNT)
    (encode,), (decode,) = weights(model.encoder), weights(model.decoder)
    losses = step(model, images)
    x = flat(images)
    code = x @ encode
    vectors = code.reshape(-1, 2)
    nearest = ((vectors[:, None] - codebook) ** 2).sum(axis=2).argmin(axis=1)
    codewords = codebook[nearest].reshape(COUNT, CODE)
    decoded = codewords @ decode
    reconstruction, commitment = ((x - decoded) ** 2).mean(), ((code - codewords) ** 2).mean()
    assert losses["reconstruction"] == pytest.approx(reconstruction, rel=1e-4)
    assert losses["commitment"] == pytest.approx(commitment, rel=1e-4)
    assert losses["loss"] == pytest.approx(reconstruction + 3 * commitment, rel=1e-4)
    by_decoded = 2 * (decoded - x) / x.size
    by_code = by_decoded @ decode.T + 3 * 2 * (code - codewords) / code.size
    assert_close(weights(model.decoder)[0], decode - RATE * codewords.T @ by_decoded)
    assert_close(weights(model.encoder)[0], encode - RATE * x.T @ by_code)
    # At its first use a codeword jumps to its vectors' mean, that of the codes before the update.
    means = [vectors[nearest == index].mean(axis=0) if index in nearest else codebook[index] for index in range(5)]
    assert_close(array(model.quantizer.codebook), means)


def test_the_likelihood_of_the_gaussian_autoencoder_is_that_of_its_logits():
    """Bernoulli pixels with the last convolution's output as logits; images are twice their probability, less one."""
    model, images = small_model("lines-vae"), random_images(3, IMAGE)
    latents = numpy.random.default_rng(0).normal(0, 3, (3, *model.decoder.input_shape[1:])).astype("float32")
    kernel = model.decoder.get_layer("to_image").kernel
    before = keras.Model(model.decoder.input, model.decoder.get_layer("to_image").output)
    kernel.assign(2 * array(kernel) / array(before(latents)).std())
    logits = array(before(latents)).astype("float64")
    assert logits.std() == pytest.approx(2, rel=1e-3)
    probability = 1 / (1 + numpy.exp(-logits))
    numpy.testing.assert_allclose(array(model.decoder(latents)), 2 * probability - 1, atol=1e-5)
    targets = images / 255
    expected = -(targets * numpy.log(probability) + (1 - targets) * numpy.log(1 - probability)).sum() / 3
    scaled = ops.convert_to_tensor((2 * targets - 1).astype("float32"))
    assert array(model.reconstruction_loss(scaled, latents)) == pytest.approx(expected, rel=1e-4)


# The networks.


def test_the_networks_have_the_papers_sizes():
    """Counted by hand for depth 16 and codes of 2x2x16; four scales; dense layers of 64 numbers."""

    def convolutions(*channels):
        return sum(9 * a * b + b for a, b in zip(channels, channels[1:], strict=False))

    encoder = 1 * 16 + 16 + convolutions(16, 16, 16, 32, 32, 64, 64, 128, 128, 256, 16)
    decoder = convolutions(16, 128, 128, 64, 64, 32, 32, 16, 16, 16, 1)
    plain = {"encoder": encoder, "decoder": decoder, "critic": encoder, "code_critic": 6500 + 10_100 + 101}
    quantized = 64 * 640 + 640 + 2**14 * 64 + 2**14 + 640 * 512 + 512 + 512 * 64 + 64
    expected = {
        "autoencoder": plain,
        "gaussian_autoencoder": {"encoder": encoder + 2 * (64 * 64 + 64), "decoder": decoder},
        "quantized_autoencoder": {"encoder": encoder, "decoder": decoder + quantized},
    }
    for settings in {config.network for config in LINES}:
        networks = NETWORKS[settings.name](settings, (32, 32, 1))
        assert {role: network.count_params() for role, network in networks.items()} == expected.pop(settings.name)
    assert not expected


def test_the_settings_are_the_papers():
    for config in LINES:
        assert (config.dataset, config.batch_size, config.precision) == ("lines", 64, "float32")
        assert config.epochs * lines.TRAIN_COUNT == 2**24
        players = [value for name, value in vars(config.model).items() if name.endswith("optimizer")]
        assert {(adam.name, adam.rate, adam.beta_1, adam.beta_2, adam.epsilon) for adam in players} == {
            ("adam", 1e-4, 0.9, 0.999, 1e-8)
        }
        network = config.network
        assert (network.depth, network.latent_width, network.latent_channels) == (16, 2, 16)
    models = {config.preset.removeprefix("lines-"): config.model for config in LINES}
    assert list(models) == ["baseline", "dropout", "denoising", "vae", "aae", "vqvae", "acai"]
    assert (models["dropout"].keep, models["denoising"].noise) == (0.5, 1.0)
    assert (models["vae"].likelihood, models["vae"].beta) == ("bernoulli", 1.0)
    assert (models["vqvae"].commitment_weight, PRESETS["lines-vqvae"].network.discrete_latents) == (10.0, 10)
    assert (models["acai"].critic_weight, models["acai"].critic_mix) == (0.5, 0.2)


def test_the_seven_of_images_differ_from_those_of_lines_in_size_and_data_alone():
    assert [config.preset for config in AUTOENCODERS] == list(
        ("autoencoder", "dropout-autoencoder", "denoising-autoencoder", "bernoulli-vae", "aae", "vqvae", "acai")
    )
    assert AUTOENCODERS[-1] == ACAI and PRESETS["acai"] is PRESETS[AUTOENCODERS[-1].preset]
    for images, of_lines in zip(AUTOENCODERS, LINES, strict=True):
        assert images.model == of_lines.model and images.dataset == "cifar10"
        assert images.network.name == of_lines.network.name
        assert (images.network.depth, images.network.latent_width, images.network.latent_channels) == (64, 4, 16)
        assert (images.batch_size, images.epochs) == (64, 336)


@pytest.mark.parametrize("preset", ["lines-acai", "lines-vae", "lines-vqvae"])
def test_weights_begin_at_a_multiple_of_the_papers(preset):
    config = small_config(preset)
    networks = build_networks(config, IMAGE)
    larger = build_networks(
        dataclasses.replace(config, network=dataclasses.replace(config.network, initial_scale=2.5)), IMAGE
    )
    checked = 0
    for role, network in networks.items():
        for layer, other in zip(network.layers, larger[role].layers, strict=True):
            for before, after in zip(layer.get_weights(), other.get_weights(), strict=True):
                factor = 2.5 if before.ndim == 4 else 1.0
                assert after == pytest.approx(factor * before, rel=1e-5)
                checked += before.ndim == 4
    # Five convolutions of the encoder, four of the decoder.
    assert checked >= 9


# All of them, small: 4x4 images, codes of 2x2x3 numbers.


def small_config(preset, seed=0, **changes):
    config = PRESETS[preset]
    small = {"depth": 2, "latent_width": 2, "latent_channels": 3}
    if "codebook_size" in vars(config.network):
        small |= {"codebook_size": 16, "discrete_latents": 3, "hidden_size": 8}
    return dataclasses.replace(config, seed=seed, network=dataclasses.replace(config.network, **small), **changes)


def small_model(preset, seed=0):
    return build_model(small_config(preset, seed), IMAGE, steps=10)


@pytest.mark.parametrize("preset", ["lines-denoising", "lines-vae", "lines-aae", "lines-vqvae"])
def test_a_model_resumes_exactly_where_its_state_was_saved(preset, tmp_path):
    """Weights, optimisers, random streams, codebook: a second step from a saved state equals one without a break."""
    before, images = (random_images(8, IMAGE, seed) for seed in (0, 1))
    model, other = small_model(preset), small_model(preset, seed=7)
    step(model, before)
    save_state(tmp_path, model, Position(1))
    assert load_state(tmp_path, other) == Position(1)
    # The means over the epoch so far are part of the state.
    losses = step(model, images)
    assert step(other, images) == pytest.approx(losses, rel=1e-6)
    assert set(losses) == set(model.trackers) and all(numpy.isfinite(list(losses.values())))
    for one, two in zip(model.state_variables(), other.state_variables(), strict=True):
        numpy.testing.assert_allclose(array(one), array(two), rtol=1e-5, atol=1e-7, err_msg=one.path)


@pytest.mark.parametrize("preset", ["lines-dropout", "lines-denoising", "lines-vqvae"])
def test_inference_knows_nothing_of_noise(preset):
    model, images = small_model(preset), random_images(4, IMAGE)
    codes = model.encoded(images)
    assert numpy.array_equal(model.encoded(images), codes)
    assert codes.shape == (4, 2, 2, 3)
    assert numpy.array_equal(model.decoded(codes), model.decoded(codes))
    assert not numpy.allclose(array(model.encode(ops.cast(images, "float32"))), codes, atol=1e-6)


@pytest.mark.parametrize("preset", ["lines-aae", "lines-baseline"])
def test_samples_come_from_the_prior_or_from_a_gaussian_fitted_to_codes(preset):
    model, images = small_model(preset), random_images(64, IMAGE)
    kernel = model.decoder.get_layer("to_image").kernel
    kernel.assign(1e4 * array(kernel))
    statistics = model.code_statistics(images)
    if preset == "lines-aae":
        assert statistics is None
        latents = draw_latents("normal", 5, (2, 2, 3), 3)
    else:
        codes = model.encoded(images).reshape(64, -1)
        numpy.testing.assert_allclose(statistics["mean"], codes.mean(axis=0), atol=1e-6)
        noise = draw_latents("normal", 5, (12,), 3)
        latents = (statistics["mean"] + noise @ statistics["factor"].T).reshape(5, 2, 2, 3)
    expected = to_uint8(model.decoder.predict(latents, verbose=0))
    samples = model.sample(5, 3, images)
    assert samples.shape == (5, *IMAGE) and samples.dtype == numpy.uint8 and numpy.ptp(samples) > 0
    assert abs(samples.astype(int) - expected).max() <= 1


# Pairs of model and network.


@pytest.mark.parametrize(
    ("model", "network", "message"),
    [
        ("lines-vae", "lines-baseline", "use network vector_autoencoder or gaussian_autoencoder"),
        ("lines-vqvae", "lines-baseline", "use network quantized_autoencoder"),
        (
            "lines-aae",
            "lines-vae",
            "model aae needs a network 'code_critic'; gaussian_autoencoder has encoder, decoder",
        ),
        ("lines-acai", "vae", "model acai needs a network 'critic'; vector_autoencoder has encoder, decoder"),
    ],
)
def test_a_model_with_networks_of_another_kind_is_refused(model, network, message):
    network = PRESETS[network].network if network == "vae" else small_config(network).network
    if hasattr(network, "width"):
        network = dataclasses.replace(network, width=4, latent_size=3)
    with pytest.raises(UserError, match=message):
        build_model(dataclasses.replace(small_config(model), network=network), (16, 16, 1), steps=1)


def test_a_plain_autoencoder_takes_the_mean_of_a_gaussian_encoder():
    config = dataclasses.replace(small_config("lines-baseline"), network=small_config("lines-vae").network)
    model, images = build_model(config, IMAGE, steps=1), random_images(4, IMAGE)
    mean, _ = model.encoder.predict(images / 127.5 - 1, verbose=0)
    assert_close(model.encoded(images), mean)
    assert numpy.isfinite(step(model, images)["loss"])


# Whole runs with one channel.


@pytest.mark.slow
def test_a_run_on_lines_resumes_exactly_and_can_be_sampled(in_tmp, monkeypatch):
    dataset = lines.load(train_count=64, test_count=16)
    monkeypatch.setitem(data.DATASETS, "lines", lambda: dataset)
    config = small_config("lines-vqvae", batch_size=16, sample_every=1)
    straight, resumed = Run(in_tmp / "straight"), Run(in_tmp / "resumed")
    train(dataclasses.replace(config, epochs=2), straight)
    for epochs in (1, 2):
        train(dataclasses.replace(config, epochs=epochs), resumed)
    one, two = (load_all(states(run.backup)[0][1]) for run in (straight, resumed))
    assert list(one) == list(two)
    for name in one:
        numpy.testing.assert_allclose(one[name], two[name], rtol=1e-4, atol=1e-6, err_msg=name)
    assert resumed.read_log()["commitment"] == pytest.approx(straight.read_log()["commitment"], rel=1e-4)
    assert [file.name for file in resumed.sample_files()] == ["0001.png", "0002.png"]
    trained = TrainedRun(resumed)
    assert trained.sample(4).shape == (4, 32, 32, 1)
    resumed.code_statistics.unlink()
    with pytest.raises(UserError, match="codes.npz"):
        trained.sample(4)


def load_all(file):
    with numpy.load(file, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}
