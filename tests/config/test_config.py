"""Configurations: the round trip, every refusal, settings by name, and the presets against their sources."""

import dataclasses
import json
import random

import pytest

from coursework.config.models import VAEConfig
from coursework.config.networks import VectorAutoencoderConfig
from coursework.config.presets import PRESETS
from coursework.config.schema import Config, with_settings
from coursework.util.errors import UserError


def changed(config, *path, value):
    """Return the configuration's JSON with one value replaced; a value of `...` removes the key."""
    content = json.loads(config.to_json())
    node = content
    for key in path[:-1]:
        node = node[key]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_round_trip(name):
    config = PRESETS[name]
    assert config.preset == name
    assert Config.from_json(config.to_json()) == config


def test_values_survive_the_round_trip_exactly():
    config = Config(
        preset="vae",
        model=VAEConfig(beta=0.1 + 0.2),
        network=VectorAutoencoderConfig(latent_size=7),
        classes=("naïve", "horse"),
        seed=2**31 - 1,
        horizontal_flips=True,
    )
    again = Config.from_json(config.to_json())
    assert again == config
    assert again.model.beta == 0.30000000000000004
    assert again.classes == ("naïve", "horse")


def test_absent_keys_take_their_defaults_and_whole_numbers_serve_as_floats():
    text = '{"preset": "p", "model": {"name": "vae", "beta": 2}, "network": {"name": "vector_autoencoder"}}'
    config = Config.from_json(text)
    assert config == Config("p", VAEConfig(beta=2.0), VectorAutoencoderConfig())
    assert type(config.model.beta) is float


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("colour",), 1, 'unknown key "colour"'),
        (("model", "rate"), 1, 'unknown key "model.rate"'),
        (("preset",), ..., 'key "preset" is missing'),
        (("model",), ..., 'key "model" is missing'),
        (("model", "name"), "wgan", 'model: unknown name "wgan"; use gan, sngan, conditional_sngan, wgan_gp, '),
        (("network", "name"), "vae", 'network: unknown name "vae"'),
        (("network",), [], 'network: expected an object with a "name", found []'),
        (("model", "generator_optimizer"), 3, "expected an object, found 3"),
        (("epochs",), "10", 'epochs: expected a whole number, found "10"'),
        (("epochs",), 10.0, "epochs: expected a whole number, found 10.0"),
        (("epochs",), True, "epochs: expected a whole number, found true"),
        (("epochs",), 0, "epochs: must be at least 1, found 0"),
        (("seed",), -1, "seed: must be at least 0, found -1"),
        (("seed",), 2**31, "seed: must be at most 2147483647, found 2147483648"),
        (("batch_size",), None, "batch_size: expected a whole number, found null"),
        (("horizontal_flips",), 1, "horizontal_flips: expected true or false, found 1"),
        (("precision",), "float16", 'precision: expected float32, mixed_bfloat16 or auto, found "float16"'),
        (("classes",), "horse", 'classes: expected a list, found "horse"'),
        (("classes",), [1], "classes.0: expected text, found 1"),
        (("dataset",), 5, "dataset: expected text, found 5"),
        (("model", "generator_optimizer", "rate"), 0, "model.generator_optimizer.rate: must be above 0.0, found 0"),
        (("model", "generator_optimizer", "rate"), float("inf"), "rate: expected a finite number, found Infinity"),
        (("model", "generator_optimizer", "rate"), 10**400, "rate: expected a "),
        (("model", "generator_optimizer", "rate"), float("nan"), "rate: expected a finite number, found NaN"),
        (("model", "generator_optimizer", "beta_1"), float("nan"), "beta_1: expected a finite number, found NaN"),
        (("model", "ema_decay"), 1.0, "model.ema_decay: must be at most 0.999999, found 1.0"),
    ],
)
def test_anything_else_is_refused(path, value, message):
    with pytest.raises(UserError) as caught:
        Config.from_json(changed(PRESETS["gan"], *path, value=value), source="config.json")
    assert str(caught.value).startswith("config.json: ") and message in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"gan"', "\ufffd", '{"preset": "gan"'])
def test_broken_json_is_refused(text):
    with pytest.raises(UserError, match=r"^runs/x/config\.json"):
        Config.from_json(text, source="runs/x/config.json")


@pytest.mark.parametrize(
    ("preset", "key", "text", "path", "value"),
    [
        ("gan", "epochs", "3", ("epochs",), 3),
        ("gan", "dataset", "5", ("dataset",), "5"),
        ("gan", "classes", "horse,bird,", ("classes",), ("horse", "bird")),
        ("gan", "horizontal_flips", "true", ("horizontal_flips",), True),
        ("gan", "latent_size", "10", ("network", "latent_size"), 10),
        ("gan", "network.latent_size", "10", ("network", "latent_size"), 10),
        ("gan", "generator_optimizer.rate", "1e-3", ("model", "generator_optimizer", "rate"), 1e-3),
        ("gan", "ema_decay", ".99", ("model", "ema_decay"), 0.99),
        ("vae", "rate", "1", ("model", "optimizer", "rate"), 1.0),
        ("vae", "optimizer.name", "sgd", ("model", "optimizer", "name"), "sgd"),
        ("acai", "optimizer.rate", "0.5", ("model", "optimizer", "rate"), 0.5),
        ("acai", "critic_optimizer.rate", "0.5", ("model", "critic_optimizer", "rate"), 0.5),
    ],
)
def test_settings_by_name(preset, key, text, path, value):
    before, after = PRESETS[preset], PRESETS[preset].with_setting(key, text)
    expected = json.loads(changed(before, *path, value=value))
    assert json.loads(after.to_json()) == expected
    assert json.loads(after.to_json()) != json.loads(before.to_json())
    assert after.preset == preset


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("colour", "1", 'preset gan has no setting "colour"; it has augmentations, batch_size, '),
        ("preset", "vae", 'no setting "preset"'),
        ("name", "vae", 'setting "name" is ambiguous'),
        ("model.name", "vae", 'no setting "model.name"'),
        ("poch", "3", 'no setting "poch"'),
        ("rate", "1", 'setting "rate" is ambiguous: model.generator_optimizer.rate or model.discriminator_optimizer.r'),
        ("epochs", "many", '--set epochs=many: epochs: expected a whole number, found "many"'),
        ("epochs", "", "--set epochs=: epochs: expected a whole number"),
        ("generator_width", "7", "network.generator_width: must be at least 8, found 7"),
        ("loss", "wasserstein", 'model.loss: expected non-saturating or hinge, found "wasserstein"'),
    ],
)
def test_settings_that_do_not_fit_are_refused(key, text, message):
    with pytest.raises(UserError) as caught:
        PRESETS["gan"].with_setting(key, text)
    assert message in str(caught.value)


def test_a_setting_changes_the_configurations_that_have_it():
    configs = [PRESETS["acai"], PRESETS["autoencoder"]]
    assert [config.has_setting("critic_optimizer.rate") for config in configs] == [True, False]
    acai, plain = with_settings(configs, [("critic_optimizer.rate", "0.5"), ("depth", "8")])
    assert (acai.model.critic_optimizer.rate, acai.model.optimizer.rate) == (0.5, 1e-4)
    assert plain.model == PRESETS["autoencoder"].model
    assert (acai.network.depth, plain.network.depth) == (8, 8)
    with pytest.raises(UserError, match='^none of acai, autoencoder has a setting "beta"$'):
        with_settings(configs, [("beta", "1")])
    with pytest.raises(UserError, match="--set depth=x: network.depth: expected a whole number"):
        with_settings(configs, [("depth", "x")])


def test_a_message_names_the_option_that_the_user_gave():
    with pytest.raises(UserError, match='^--epochs x: epochs: expected a whole number, found "x"$'):
        PRESETS["gan"].with_setting("epochs", "x", option="--epochs x")


def test_any_text_sets_a_value_or_is_refused():
    generator = random.Random(0)
    pieces = [
        "1",
        "-",
        ".",
        "e9",
        "NaN",
        "Infinity",
        "[",
        "]",
        "{",
        "}",
        '"',
        ",",
        "true",
        "null",
        " ",
        "\0",
        "é",
        "\\",
    ]
    settings = ["epochs", "beta", "likelihood", "classes", "horizontal_flips", "rate", "dataset", "latent_size"]
    set_count = 0
    for _ in range(2000):
        text = "".join(generator.choices(pieces, k=generator.randrange(6)))
        try:
            config = PRESETS["vae"].with_setting(generator.choice(settings), text)
        except UserError:
            continue
        set_count += 1
        assert Config.from_json(config.to_json()) == config
    assert 200 < set_count < 1800


def test_configurations_are_values():
    assert hash(PRESETS["gan"]) != hash(PRESETS["sngan"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS["gan"].epochs = 1


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"epochs": "3"}, {"classes": ["horse"]}, {"model": {"name": "gan"}}, {"colour": 1}]
)
def test_replacing_a_value_checks_it(change):
    with pytest.raises((ValueError, TypeError), match=next(iter(change))):
        dataclasses.replace(PRESETS["gan"], **change)
    assert dataclasses.replace(PRESETS["gan"], epochs=3).epochs == 3


def test_presets_hold_their_sources_settings():
    gan, sngan, resnet, vae, acai = (PRESETS[name] for name in ("gan", "sngan", "sngan-resnet", "vae", "acai"))
    # chainer-gan-lib: 100,000 steps of 64 images are 128 epochs of 50,000; uniform latents of 128 numbers.
    assert gan.epochs == round(100_000 / (50_000 // 64)) == 128
    assert (gan.batch_size, gan.network.latent_size, gan.model.latent_distribution) == (64, 128, "uniform")
    adam = gan.model.discriminator_optimizer
    assert (adam.name, adam.rate, adam.beta_1, adam.beta_2) == ("adam", 2e-4, 0.0, 0.9)
    adam = sngan.model.generator_optimizer
    assert (adam.rate, adam.beta_1, adam.beta_2, sngan.model.critic_steps) == (2e-4, 0.5, 0.999, 1)
    assert sngan.network.spectral and sngan.network.discriminator_normalization == "none"
    # Miyato et al. 2018: 50,000 generator steps with five critic batches of 64 are 320 epochs.
    assert resnet.epochs == 50_000 * 5 * 64 / 50_000 == 320
    model = resnet.model
    assert (model.loss, model.critic_steps, model.generator_batch_factor, model.dequantize) == ("hinge", 5, 2, True)
    assert (model.generator_optimizer.decay, model.generator_optimizer.beta_1) == ("linear", 0.0)
    assert (resnet.network.generator_width, resnet.network.discriminator_width) == (256, 128)
    # Miyato & Koyama's settings for conditional CIFAR-10 are those of the unconditional run, noise included.
    for name in ("sngan", "sngan-resnet"):
        conditional, plain = PRESETS[f"conditional-{name}"], PRESETS[name]
        model = dataclasses.replace(plain.model, name="conditional_sngan")
        assert conditional == dataclasses.replace(plain, preset=f"conditional-{name}", model=model)
    # Ghosh et al. 2020.
    assert (vae.batch_size, vae.epochs, vae.model.beta, vae.network.latent_size) == (100, 100, 0.072, 128)
    assert (vae.model.optimizer.rate, vae.model.optimizer.beta_1, vae.network.width) == (1e-3, 0.9, 128)
    # Berthelot et al. 2018: 2^24 images are 336 epochs.
    assert acai.epochs == round(2**24 / 50_000) == 336
    assert (acai.network.depth, acai.network.latent_width, acai.network.latent_channels) == (64, 4, 16)
    assert (acai.model.critic_weight, acai.model.critic_mix, acai.model.optimizer.rate) == (0.5, 0.2, 1e-4)
