"""DiffAugment against what each transformation may do to an image, and habits of GAN practice in a training step."""

import dataclasses
import typing

import keras
import numpy
import pytest
from keras import ops
from test_gan_options import RATE, array, kernels, latents_of, linear_gan, random_items

from coursework.config.models import AdversarialConfig, LabelsConfig, WGANGPConfig
from coursework.config.networks import DCGANConfig, MLPConfig
from coursework.config.presets import PRESETS
from coursework.config.schema import Config
from coursework.data.dataset import Dataset
from coursework.models import GAN, WGANGP, build_model
from coursework.models.augmentation import AUGMENTATIONS, View, augment, colour, cutout, translation
from coursework.models.objectives import Objective, SoftLabels, build_objective
from coursework.models.wgan_gp import gradient_penalty
from coursework.networks.backend import value_and_gradients
from coursework.training.head_start import give_head_start
from coursework.training.interruption import Interrupted, Interruption
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend


def seeds(seed=0):
    return keras.random.SeedGenerator(seed)


def test_the_configuration_knows_every_augmentation():
    names, _ = typing.get_args(typing.get_type_hints(AdversarialConfig)["augmentations"])
    assert typing.get_args(names) == tuple(AUGMENTATIONS)


def test_translations_are_by_whole_pixels_and_bring_in_zeros():
    image = numpy.random.default_rng(0).uniform(0.1, 1, (32, 32, 3)).astype("float32")
    moved = array(translation(ops.convert_to_tensor(numpy.tile(image, (600, 1, 1, 1))), seeds()))
    padded = numpy.pad(image, ((4, 4), (4, 4), (0, 0)))
    found = []
    for one in moved:
        places = [(y, x) for y in range(9) for x in range(9) if numpy.array_equal(one, padded[y : y + 32, x : x + 32])]
        assert len(places) == 1
        found += places
    # Both ways by up to an eighth of 32, all places alike: 600 / 9 in each row and column.
    for axis in (0, 1):
        counts = numpy.bincount([place[axis] for place in found], minlength=9)
        assert counts.min() > 38 and counts.max() < 100


def test_a_hole_is_a_square_of_half_a_side_about_any_place():
    images = ops.ones((2000, 32, 32, 2))
    holes = array(cutout(images, seeds())) == 0
    for hole in holes[:200]:
        rows, columns = hole.any(axis=(1, 2)), hole.any(axis=(0, 2))
        assert hole.sum() == 2 * rows.sum() * columns.sum()
        for line in (rows, columns):
            places = numpy.flatnonzero(line)
            assert 8 <= len(places) <= 16 and len(places) == places[-1] - places[0] + 1
            assert len(places) == 16 or places[0] == 0 or places[-1] == 31
    # Of 33 centres 17 give 16 pixels, the others 8 to 15 twice: (456 / 33)^2 of 1,024 pixels.
    assert holes.mean() == pytest.approx((456 / 33) ** 2 / 1024, rel=0.03)


def test_colours_change_by_the_three_numbers_of_the_paper():
    """An image grey in one half and coloured in the other separates all three."""
    grey, pattern = numpy.linspace(-0.5, 0.5, 64).reshape(1, 8, 8, 1), numpy.zeros((1, 8, 8, 3))
    pattern[:, :, 4:] = [0.3, -0.1, -0.2]
    image = numpy.tile((grey + pattern).astype("float32"), (4000, 1, 1, 1))
    changed = array(colour(ops.convert_to_tensor(image), seeds())).astype("float64")
    mean = changed.mean(axis=-1, keepdims=True)
    brightness = changed.mean(axis=(1, 2, 3)) - image[0].mean()
    contrast = (mean * grey).sum(axis=(1, 2, 3)) / (grey**2).sum()
    saturation = ((changed - mean) * pattern).sum(axis=(1, 2, 3)) / (pattern**2).sum() / contrast
    for found, low, high in ((brightness, -0.5, 0.5), (contrast, 0.5, 1.5), (saturation, 0, 2)):
        assert low - 1e-5 < found.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < found.max() < high + 1e-5
        assert found.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
    assert abs(numpy.corrcoef([brightness, contrast, saturation])[numpy.triu_indices(3, 1)]).max() < 0.05


def test_a_gradient_flows_through_all_of_them():
    """Of the sum of an image's translation and hole by its pixels: one where the pixel is still to be seen."""
    variable = keras.Variable(numpy.zeros((4, 16, 16, 1), "float32"))
    _, (gradient,) = value_and_gradients(
        lambda: ops.sum(augment(ops.convert_to_tensor(variable), ("translation", "cutout"), seeds(3))), [variable]
    )
    gradient = array(gradient)
    assert set(numpy.unique(gradient)) == {0.0, 1.0} and 0.5 < gradient.mean() < 0.95
    _, (gradient,) = value_and_gradients(
        lambda: ops.sum(augment(ops.convert_to_tensor(variable), ("colour",), seeds(3))), [variable]
    )
    # Brightness alone changes the sum of an image: saturation and contrast turn about its means.
    numpy.testing.assert_allclose(array(gradient), 1, atol=1e-4)


def test_no_augmentation_is_none():
    images = ops.ones((2, 8, 8, 3))
    assert augment(images, (), seeds()) is images


# Labels.


def targets_of(labels, real_count, fake_count):
    """Return the targets of real and fake items that a model draws."""
    objective, draws = SoftLabels(labels), seeds()
    real = objective.targets("real", "fake", ops.zeros((real_count, 1)), draws)
    return array(real), array(objective.targets("fake", "real", ops.zeros((fake_count, 1)), draws))


def test_labels_are_drawn_between_their_bounds():
    labels = LabelsConfig(real_low=0.7, real_high=1.2, fake_low=0.0, fake_high=0.2)
    real, fake = targets_of(labels, 4000, 3000)
    assert real.shape == (4000, 1) and fake.shape == (3000, 1)
    assert 0.7 <= real.min() < 0.702 and 1.198 < real.max() <= 1.2 and real.mean() == pytest.approx(0.95, abs=0.01)
    assert 0 <= fake.min() < 0.001 and 0.199 < fake.max() <= 0.2 and fake.mean() == pytest.approx(0.1, abs=0.005)


def test_flipped_labels_are_the_other_kinds():
    labels = LabelsConfig(real_low=0.9, real_high=0.9, fake_low=0.1, fake_high=0.1, flipped=0.2)
    real, fake = targets_of(labels, 8000, 8000)
    assert numpy.unique(numpy.round(real, 6)).tolist() == numpy.unique(numpy.round(fake, 6)).tolist()
    assert (real < 0.5).mean() == pytest.approx(0.2, abs=0.015)
    assert (fake > 0.5).mean() == pytest.approx(0.2, abs=0.015)


def test_a_step_with_smooth_labels_is_the_one_written_out():
    """The gradient of the cross-entropy by a logit is sigmoid(logit) - target."""
    labels = LabelsConfig(real_low=0.9, real_high=0.9, fake_low=0.05, fake_high=0.05)
    model = linear_gan(GAN, objective=SoftLabels(labels))
    real, (generator, critic) = random_items(6, 3).astype("float32"), kernels(model)
    (latents,) = latents_of(model, 6)
    fake = latents @ generator

    def sigmoid(x):
        return 1 / (1 + numpy.exp(-x))

    gradient = (real.T @ (sigmoid(real @ critic) - 0.9) + fake.T @ (sigmoid(fake @ critic) - 0.05)) / 6
    model.update_discriminator(ops.convert_to_tensor(real))
    numpy.testing.assert_allclose(kernels(model)[1], critic - RATE * gradient, rtol=1e-4, atol=1e-6)


def test_ones_and_zeros_draw_nothing():
    assert type(build_objective(AdversarialConfig(labels=LabelsConfig()))) is Objective


@pytest.mark.parametrize("loss", ["hinge", "wasserstein"])
def test_other_losses_have_no_labels(loss):
    with pytest.raises(UserError, match=f"are for the non-saturating loss, not for {loss}"):
        build_objective(WGANGPConfig(loss=loss, labels=LabelsConfig(flipped=0.1)))


def test_points_take_no_augmentation():
    config = Config(preset="test", model=AdversarialConfig(augmentations=("cutout",)), network=MLPConfig())
    with pytest.raises(UserError, match="points take none"):
        build_model(config, (2,), steps=1)


# Augmentation and penalty.


def test_a_penalty_is_taken_at_the_images_and_not_at_their_augmentations(monkeypatch):
    """R1 at real images x of D(T(x)) for a T that doubles: the slope by x is twice D's, at x."""
    monkeypatch.setitem(AUGMENTATIONS, "cutout", lambda images, seed: 2.0 * images)
    source = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(source)
    square = keras.layers.Multiply()([flat, flat])
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    latents = keras.Input((2,))
    generator = keras.Model(latents, keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(latents)))
    settings = {"penalty_at": "real", "penalty_slope": 0.0, "penalty_weight": 1.0}
    model = WGANGP(generator, keras.Model(source, dense(square)), view=View(("cutout",)), **settings)
    real = numpy.random.default_rng(0).normal(size=(5, 4, 4, 1)).astype("float32")
    whole = model.discriminator_objective(ops.convert_to_tensor(real), ops.convert_to_tensor(real))
    # D(T(x)) = |2 x|^2, whose gradient by x is 8 x: the Wasserstein loss of equal images is zero.
    assert float(array(whole)) == pytest.approx((64 * (real**2).sum(axis=(1, 2, 3))).mean(), rel=1e-4)
    at_augmented = gradient_penalty(lambda x: model.discriminator(x), ops.convert_to_tensor(2.0 * real), 0.0)
    assert float(array(at_augmented)) == pytest.approx(float(array(whole)) / 4, rel=1e-4)


def test_images_of_a_pack_are_augmented_each_by_itself():
    view, draws = View(("cutout",), packing=2), seeds(1)
    packs = array(view(view.pack(ops.ones((400, 8, 8, 1))), draws))
    holes = packs == 0
    assert holes.any(axis=(1, 2)).all() and 0.5 < (holes[..., 0] != holes[..., 1]).any(axis=(1, 2)).mean() < 1


# All together, on images.

SMALL = DCGANConfig(latent_size=4, generator_width=32, discriminator_width=8)


def image_config(preset="gan", **settings):
    base = PRESETS[preset]
    network = dataclasses.replace(
        base.network, latent_size=4, generator_width=32, discriminator_width=8, generator_normalization="batch"
    )
    return dataclasses.replace(
        base, network=network, model=dataclasses.replace(base.model, **settings), batch_size=4, epochs=1, dataset="x"
    )


def images(count=12, size=16):
    return numpy.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=numpy.uint8)


@pytest.mark.parametrize("preset", ["gan", "sngan", "conditional-sngan", "wgan-gp"])
def test_the_discriminator_sees_real_and_fake_images_augmented(preset):
    """A hole in the images of each kind, by what reaches the discriminator."""
    config = image_config(preset, augmentations=("cutout",), critic_steps=1)
    model = build_model(config, (16, 16, 3), steps=2, class_count=3)
    seen, discriminate = [], model.discriminate

    def watched(*kinds):
        seen.extend(array(keras.tree.flatten(kind)[0]) for kind in kinds)
        return discriminate(*kinds)

    model.discriminate = watched
    real = model.real_items((ops.convert_to_tensor(images(4)), ops.convert_to_tensor(numpy.array([0, 1, 2, 0]))))
    model.update_discriminator(real)
    for kind in seen[:2]:
        holes = (kind == 0).all(axis=-1)
        assert len(kind) == 4 and all(16 <= hole.sum() <= 64 for hole in holes)
    before = [array(variable) for variable in model.generator.trainable_variables]
    assert numpy.isfinite(float(model.update_generator(real)))
    changes = [
        abs(array(variable) - value).max()
        for variable, value in zip(model.generator.trainable_variables, before, strict=True)
    ]
    assert max(changes) > 0


def test_the_options_of_a_configuration_reach_the_model():
    config = Config(
        preset="test",
        model=AdversarialConfig(augmentations=("colour", "cutout"), labels=LabelsConfig(flipped=0.1), head_start=3),
        network=SMALL,
    )
    model = build_model(config, (16, 16, 3), steps=1)
    assert model.view.augmentations == ("colour", "cutout") and model.objective.labels.flipped == 0.1
    assert Config.from_json(config.to_json()) == config
    changed = PRESETS["gan"].with_setting("augmentations", "translation,cutout").with_setting("labels.real_low", ".7")
    assert changed.model.augmentations == ("translation", "cutout") and changed.model.labels.real_low == 0.7
    with pytest.raises(UserError, match='expected colour, translation or cutout, found "blur"'):
        PRESETS["gan"].with_setting("augmentations", "blur")


# The head start.


def dataset():
    labels = numpy.arange(12) % 3
    return Dataset("x", images(), labels, images(3), labels[:3], ("a", "b", "c"), "0" * 64)


@pytest.mark.parametrize("preset, critic_steps", [("gan", 1), ("sngan", 2), ("conditional-sngan", 1)])
def test_a_head_start_trains_the_discriminator_alone(preset, critic_steps):
    config = image_config(preset, head_start=5, critic_steps=critic_steps)
    model = build_model(config, (16, 16, 3), steps=2, class_count=3)
    before = [array(variable) for variable in model.generator.trainable_variables]
    first = [array(variable) for variable in model.discriminator.trainable_variables]
    said = []
    give_head_start(model, config, dataset(), Interruption(), said.append)
    assert int(model.discriminator_optimizer.iterations) == 5 * critic_steps
    assert int(model.generator_optimizer.iterations) == 0
    after = [array(variable) for variable in model.discriminator.trainable_variables]
    assert max(abs(a - b).max() for a, b in zip(after, first, strict=True)) > 1e-4
    for variable, value in zip(model.generator.trainable_variables, before, strict=True):
        numpy.testing.assert_array_equal(array(variable), value)
    (line,) = said
    assert line.startswith("head start: 5 steps of the discriminator alone, its loss is ")


def test_a_head_start_ends_after_the_step_at_hand():
    config = image_config("gan", head_start=5)
    model = build_model(config, (16, 16, 3), steps=2, class_count=3)
    interruption = Interruption()
    interruption.requested = True
    with pytest.raises(Interrupted, match="^interrupted after 1 steps of 5 of the head start; nothing is saved$"):
        give_head_start(model, config, dataset(), interruption, print)
    assert int(model.discriminator_optimizer.iterations) == 1


def test_without_a_head_start_nothing_is_said():
    config, said = image_config(), []
    give_head_start(None, config, None, Interruption(), said.append)
    give_head_start(None, PRESETS["vae"], None, Interruption(), said.append)
    assert said == []
