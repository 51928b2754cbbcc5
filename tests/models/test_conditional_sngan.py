"""The conditional model: its step written out in NumPy, labels in both players, samples of every class, small runs."""

import dataclasses

import keras
import numpy
import pytest
from conftest import array
from keras import layers, ops, random

from coursework.config.models import AdversarialConfig
from coursework.config.networks import AutoencoderConfig, DCGANConfig
from coursework.config.presets import PRESETS
from coursework.config.schema import Config
from coursework.data import Dataset, sprites
from coursework.extractors.judge_training import train_judge
from coursework.extractors.recorded import extract
from coursework.metrics.classification import class_accuracy
from coursework.models import ConditionalSNGAN, build_model, build_networks, conditional_sngan
from coursework.models.base import to_uint8
from coursework.models.sngan import SNGAN
from coursework.networks.latents import draw_latents
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

SHAPE, PIXELS, LATENTS, CLASSES, ROWS = (2, 2, 1), 4, 3, 3, 2
GENERATOR_RATE, DISCRIMINATOR_RATE = 0.3, 0.2


def random_batch(count, shape=SHAPE, classes=CLASSES, seed=0):
    generator = numpy.random.default_rng(seed)
    return generator.integers(0, 256, (count, *shape), dtype=numpy.uint8), generator.integers(0, classes, count)


def fit_once(model, images, labels):
    """Train on all as one batch by plain `fit`; return the losses."""
    history = model.fit(images, labels, batch_size=len(images), shuffle=False, epochs=1, verbose=0).history
    return {name: values[0] for name, values in history.items()}


# The step.


def linear_model(**settings):
    """Return a model whose players are linear in [latents, classes] and in [pixels, classes]."""
    weights = keras.initializers.RandomNormal(0, 0.5)
    latents, rows = keras.Input((LATENTS,)), keras.Input((ROWS, CLASSES))
    x = layers.Concatenate()([latents, layers.Flatten()(rows)])
    x = layers.Dense(PIXELS, use_bias=False, kernel_initializer=weights)(x)
    generator = keras.Model([latents, rows], layers.Reshape(SHAPE)(x))
    images, classes = keras.Input(SHAPE), keras.Input((CLASSES,))
    x = layers.Concatenate()([layers.Flatten()(images), classes])
    discriminator = keras.Model([images, classes], layers.Dense(1, kernel_initializer=weights)(x))
    model = ConditionalSNGAN(generator, discriminator, seed=5, **settings)
    model.compile(keras.optimizers.SGD(GENERATOR_RATE), keras.optimizers.SGD(DISCRIMINATOR_RATE))
    return model


class LinearGAN:
    """The step of `linear_model`, written out."""

    def __init__(self, model):
        (self.generator,) = (array(v).astype("float64") for v in model.generator.trainable_variables)
        self.weight, self.bias = (array(v).astype("float64") for v in model.discriminator.trainable_variables)
        self.seeds = keras.random.SeedGenerator(model.seed)

    def fakes(self, count):
        """Return (the generator's inputs, the discriminator's) of fresh fakes."""
        one_hot = numpy.eye(CLASSES)[array(random.randint((count,), 0, CLASSES, seed=self.seeds))]
        latents = array(random.normal((count, LATENTS), seed=self.seeds)).astype("float64")
        inputs = numpy.concatenate([latents] + [one_hot] * ROWS, axis=1)
        return inputs, numpy.concatenate([inputs @ self.generator, one_hot], axis=1)

    def losses_and_slopes(self, logits, loss, real):
        sign = -1.0 if real else 1.0
        if loss == "hinge":
            return numpy.maximum(0, 1 + sign * logits).mean(), sign * (1 + sign * logits > 0)
        return numpy.log1p(numpy.exp(sign * logits)).mean(), sign / (1 + numpy.exp(-sign * logits))

    def discriminator_step(self, images, labels, loss):
        real = numpy.concatenate([images.reshape(len(images), -1) / 127.5 - 1, numpy.eye(CLASSES)[labels]], axis=1)
        _, fake = self.fakes(len(real))
        value = 0
        by_weight, by_bias = 0, 0
        for items, kind in ((real, True), (fake, False)):
            part, slopes = self.losses_and_slopes(items @ self.weight + self.bias, loss, kind)
            value += part
            by_weight = by_weight + items.T @ slopes / len(items)
            by_bias = by_bias + slopes.mean()
        self.weight, self.bias = self.weight - DISCRIMINATOR_RATE * by_weight, self.bias - DISCRIMINATOR_RATE * by_bias
        return value

    def generator_step(self, count, loss):
        inputs, items = self.fakes(count)
        logits = items @ self.weight + self.bias
        if loss == "hinge":
            value, slopes = -logits.mean(), -numpy.ones_like(logits)
        else:
            value, slopes = self.losses_and_slopes(logits, loss, True)
        self.generator -= GENERATOR_RATE * inputs.T @ (slopes / count) @ self.weight[:PIXELS].T
        return value


@pytest.mark.parametrize(
    "loss, critic_steps, factor", [("hinge", 1, 1), ("hinge", 3, 2), ("non-saturating", 1, 2), ("non-saturating", 2, 1)]
)
def test_a_conditional_step_is_the_one_written_out(loss, critic_steps, factor):
    """Equal only if real images keep their own labels through the critic steps, and fakes are judged as what they
    were made for."""
    model = linear_model(objective=loss, critic_steps=critic_steps, generator_batch_factor=factor)
    expected, size = LinearGAN(model), 8
    for seed in (1, 2):
        images, labels = random_batch(size * critic_steps, seed=seed)
        losses = fit_once(model, images, labels)
        for part in range(critic_steps):
            chosen = slice(part * size, (part + 1) * size)
            discriminator_loss = expected.discriminator_step(images[chosen], labels[chosen], loss)
        generator_loss = expected.generator_step(size * factor, loss)
        assert losses["discriminator_loss"] == pytest.approx(discriminator_loss, rel=1e-4)
        assert losses["generator_loss"] == pytest.approx(generator_loss, rel=1e-4, abs=1e-6)
        (generator,), (weight, bias) = model.generator.trainable_variables, model.discriminator.trainable_variables
        for found, value in ((generator, expected.generator), (weight, expected.weight), (bias, expected.bias)):
            numpy.testing.assert_allclose(array(found), value, rtol=2e-4, atol=2e-6)


def test_the_step_is_that_of_the_unconditional_model():
    assert ConditionalSNGAN.train_step is SNGAN.train_step
    assert ConditionalSNGAN.update_discriminator is SNGAN.update_discriminator
    assert ConditionalSNGAN.update_generator is SNGAN.update_generator
    assert ConditionalSNGAN.discriminate is SNGAN.discriminate
    model = linear_model()
    assert (model.objective.name, model.critic_steps, model.rows, model.class_count) == ("hinge", 5, ROWS, CLASSES)


def test_fakes_are_of_all_classes_alike():
    _, classes = linear_model().fake_items(6000)
    assert numpy.array_equal(array(classes).sum(axis=1), numpy.ones(6000))
    # The deviation of a binomial share is .006.
    assert array(classes).mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.025)


@pytest.mark.parametrize("counts", [[90, 10, 0], [1, 2, 3]])
def test_fakes_are_of_the_classes_in_the_datas_proportions(counts):
    """Uniform classes on data of 90 to 10 have a Fréchet distance of 2.97 where the floor is .002."""
    model = linear_model(class_counts=counts)
    shares = numpy.array(counts) / sum(counts)
    assert array(model.fake_items(6000)[1]).mean(axis=0) == pytest.approx(shares, abs=0.025)
    asked = []
    model.generate = lambda latents, classes: asked.extend(classes)
    model.sample(100, 0, None)
    assert abs(numpy.bincount(asked, minlength=3) - 100 * shares).max() < 1


def test_classes_of_equal_size_are_drawn_as_those_of_unknown_size():
    labels = [array(linear_model(class_counts=counts).draw_labels(50)) for counts in (None, [7, 7, 7])]
    assert numpy.array_equal(*labels)


# With the package's networks.


def config(**settings):
    model = AdversarialConfig(name="conditional_sngan", loss="hinge", **settings)
    network = DCGANConfig(
        latent_size=4,
        generator_width=32,
        discriminator_width=16,
        discriminator_normalization="none",
        spectral=True,
    )
    return Config(preset="test", model=model, network=network, batch_size=8)


IMAGE = (16, 16, 3)


def small_model(spectral=True, precision="float32", **settings):
    chosen = config(**settings)
    network = dataclasses.replace(chosen.network, spectral=spectral)
    return build_model(dataclasses.replace(chosen, network=network, precision=precision), IMAGE, 4, CLASSES)


def test_each_player_learns_from_the_classes_that_it_meets(monkeypatch):
    """Real images of class 0 and fakes of class 1: nobody learns of class 2."""
    monkeypatch.setattr(conditional_sngan.random, "randint", lambda shape, *rest, seed: ops.ones(shape, "int32"))
    model = small_model(spectral=False, critic_steps=1)
    embedding = model.discriminator.get_layer("embedding").kernel
    tables = [v for v in model.generator.trainable_variables if v.name in ("gamma", "beta")]
    assert len(tables) == 2 * 4
    before = [array(v) for v in (embedding, *tables)]
    images, _ = random_batch(8, IMAGE)
    fit_once(model, images, numpy.zeros(8, int))
    moved = [numpy.abs(array(v) - old).max(axis=1) > 0 for v, old in zip((embedding, *tables), before, strict=True)]
    assert moved[0].tolist() == [True, True, False]
    assert all(rows.tolist() == [False, True, False] for rows in moved[1:])


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_plain_fit_trains_with_average_and_critic_steps(precision):
    model = small_model(precision=precision, critic_steps=2, ema_decay=0.9)
    images, labels = random_batch(32, IMAGE)
    history = model.fit(images, labels, batch_size=16, epochs=1, verbose=0).history
    # Near the start a hinge loss is about two, one for each kind.
    assert history["discriminator_loss"][0] == pytest.approx(2, abs=0.3)
    assert abs(history["generator_loss"][0]) < 0.3
    iterations = {name: int(optimizer.iterations) for name, optimizer in model.optimizers().items()}
    assert iterations == {"generator": 2, "discriminator": 4}
    assert model.networks()["generator"] is model.average.network
    kept = {id(variable) for variable in model.state_variables()}
    for network in (model.generator, model.discriminator, model.average.network):
        assert {id(variable) for variable in network.variables} <= kept
        assert {variable.dtype for variable in network.weights} == {"float32"}
    tensors = [variable.value for variable in model.state_variables()]
    assert all(getattr(tensor, "grad_fn", None) is None for tensor in tensors)


def test_samples_are_of_all_classes_in_turn_and_previews_show_one_a_row():
    model = small_model()
    for index, layer in enumerate(model.generator.layers):
        if layer.name.startswith("normalization"):
            layer.beta.assign(numpy.random.default_rng(index).normal(size=layer.beta.shape))
    images = model.sample(7, 3, None)
    latents = draw_latents("normal", 7, (4,), 3)

    def made(latents, labels):
        rows = numpy.eye(CLASSES, dtype="float32")[labels][:, None].repeat(4, axis=1)
        return to_uint8(model.generator([latents, rows])).astype(int)

    assert abs(images - made(latents, [0, 1, 2, 0, 1, 2, 0])).max() <= 1
    assert abs(images - made(latents, [1, 1, 2, 0, 1, 2, 0])).max() > 1
    preview = model.preview(None).reshape(CLASSES, 8, *IMAGE)
    latents = draw_latents("normal", 8, (4,), 0)
    for label in range(CLASSES):
        assert abs(preview[label] - made(latents, [label] * 8)).max() <= 1
    assert numpy.array_equal(model.preview(None), preview.reshape(-1, *IMAGE))


def test_networks_without_classes_are_refused():
    chosen = dataclasses.replace(config(), network=AutoencoderConfig())
    with pytest.raises(UserError, match="conditional_sngan needs a network that takes classes: dcgan or resnet, not "):
        build_networks(chosen, IMAGE, CLASSES)
    with pytest.raises(ValueError, match="needs the number of classes"):
        build_networks(config(), IMAGE)


@pytest.mark.slow
def test_a_few_epochs_on_sprites_make_what_was_asked_for(tmp_path):
    """Halved sprites, ten epochs: a judge names far more samples than chance would as the class they were made for."""

    def halved(images):
        blocks = images.reshape(len(images), 16, 2, 16, 2, 3)
        return blocks.mean(axis=(2, 4)).round().astype(numpy.uint8)

    whole = sprites.load(train_per_class=1000, test_per_class=100)
    splits = (halved(whole.train_images), whole.train_labels, halved(whole.test_images), whole.test_labels)
    dataset = Dataset.from_arrays("halved", *splits, whole.class_names)
    judge = train_judge(dataset, tmp_path, epochs=8, width=8, progress=False, report=lambda line: None)
    assert judge.accuracy > 0.85
    preset = PRESETS["conditional-sngan-demo"]
    network = dataclasses.replace(preset.network, generator_width=64, discriminator_width=64)
    # A shorter average than that of a long training.
    model = dataclasses.replace(preset.model, ema_decay=0.98)
    trained = build_model(dataclasses.replace(preset, network=network, model=model), dataset.image_shape, 1, 4)
    trained.fit(dataset.train_images, dataset.train_labels, batch_size=32, epochs=10, verbose=0)
    logits = extract(judge, trained.sample(400, 1, None))["logits"]
    labels = numpy.arange(400) % 4
    found = class_accuracy(logits, labels, dataset.class_names, judge.class_names)
    # Chance is a quarter, with a standard error of .022.
    assert 0.45 < found["mean"] < 0.95
    # And as the class after that one, fewer than by chance.
    assert class_accuracy(logits, (labels + 1) % 4, dataset.class_names, judge.class_names)["mean"] < 0.25
