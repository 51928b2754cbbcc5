"""Gradient penalty, unrolled steps and packing against closed forms and updates written out by hand."""

import dataclasses

import keras
import numpy
import pytest
from conftest import array
from keras import ops

from coursework.config.models import AdversarialConfig, LabelsConfig, OptimizerConfig, WGANGPConfig
from coursework.config.networks import DCGANConfig, MLPConfig
from coursework.config.presets import PRESETS
from coursework.config.schema import Config
from coursework.models import GAN, SNGAN, WGANGP, build_model, build_networks
from coursework.models.augmentation import View
from coursework.models.objectives import Objective, SoftLabels
from coursework.models.unrolling import Unrolled, at, look_ahead
from coursework.models.wgan_gp import gradient_penalty
from coursework.networks.backend import apply_gradients, compiled, value_and_gradients
from coursework.util.errors import UserError

pytestmark = pytest.mark.backend

WEIGHT = numpy.array([[0.5], [-1.5], [2.0]])
NORM = numpy.sqrt(6.5)
RATE = 0.1


def random_items(count, size, seed=0):
    return numpy.random.default_rng(seed).normal(size=(count, size))


# The gradient penalty.


@pytest.mark.parametrize("slope", [1.0, 0.0, 3.0])
def test_the_penalty_of_a_linear_critic_is_of_its_weight_alone(slope):
    """The gradient of w x by x is w, wherever x is; of (|w| - s)^2 by w it is 2 (|w| - s) w / |w|."""
    weight = keras.Variable(WEIGHT, dtype="float64")
    items = ops.convert_to_tensor(random_items(5, 3), dtype="float64")

    def penalty():
        return gradient_penalty(lambda x: x @ ops.convert_to_tensor(weight), items, slope)

    value, (gradient,) = value_and_gradients(penalty, [weight])
    assert array(value).dtype == "float64"
    assert float(value) == pytest.approx((NORM - slope) ** 2, rel=1e-10)
    numpy.testing.assert_allclose(array(gradient), 2 * (NORM - slope) * WEIGHT / NORM, rtol=1e-10)


def test_the_penalty_is_of_each_item_by_itself():
    """The gradient of x A x / 2 is A x for a symmetric A."""
    matrix = numpy.array([[2.0, 0.3, 0.0], [0.3, -1.0, 0.5], [0.0, 0.5, 0.7]])
    items = random_items(6, 3)
    found = gradient_penalty(
        lambda x: ops.sum((x @ ops.convert_to_tensor(matrix, dtype="float64")) * x, axis=1) / 2,
        ops.convert_to_tensor(items, dtype="float64"),
    )
    expected = ((numpy.linalg.norm(items @ matrix, axis=1) - 1) ** 2).mean()
    assert float(array(found)) == pytest.approx(expected, rel=1e-9)


def test_a_critic_without_slope_has_a_penalty_and_finite_gradients():
    weight = keras.Variable(numpy.zeros((3, 1)), dtype="float64")
    items = ops.convert_to_tensor(random_items(4, 3), dtype="float64")
    value, (gradient,) = value_and_gradients(
        lambda: gradient_penalty(lambda x: x @ ops.convert_to_tensor(weight), items), [weight]
    )
    assert float(value) == pytest.approx(1, abs=1e-5)
    numpy.testing.assert_array_equal(array(gradient), 0)


def linear(inputs, outputs, name, kernel=None):
    source = keras.Input((inputs,))
    initializer = keras.initializers.RandomNormal(0, 0.5) if kernel is None else keras.initializers.Constant(kernel)
    return keras.Model(
        source, keras.layers.Dense(outputs, use_bias=False, kernel_initializer=initializer)(source), name=name
    )


def linear_gan(kind, packing=1, size=3, optimizer=None, **settings):
    """Return a GAN of points with linear players, trained by gradient descent."""
    generator, critic = linear(2, size, "generator"), linear(packing * size, 1, "discriminator")
    model = kind(generator, critic, view=View(packing=packing), seed=3, **settings)
    model.compile(keras.optimizers.SGD(RATE), optimizer or keras.optimizers.SGD(RATE))
    return model


def kernels(model):
    return [
        array(network.trainable_variables[0]).astype("float64") for network in (model.generator, model.discriminator)
    ]


def latents_of(model, *counts):
    """Return the latents that the model is about to draw."""
    seeds = keras.random.SeedGenerator(model.seed)
    return [array(keras.random.normal((count, 2), seed=seeds)).astype("float64") for count in counts]


@pytest.mark.parametrize("settings, slope", [({}, 1), ({"penalty_at": "real", "penalty_slope": 0.0}, 0)])
def test_a_step_of_wgan_gp_is_the_one_written_out(settings, slope):
    """A linear critic has one slope everywhere, so that the points between play no part."""
    model = linear_gan(WGANGP, critic_steps=1, penalty_weight=2.0, **settings)
    real, (generator, critic) = random_items(6, 3).astype("float32"), kernels(model)
    (latents,) = latents_of(model, 6)
    fake = latents @ generator
    norm = numpy.linalg.norm(critic)
    loss = (fake @ critic).mean() - (real @ critic).mean() + 2 * (norm - slope) ** 2
    gradient = fake.mean(axis=0)[:, None] - real.mean(axis=0)[:, None] + 4 * (norm - slope) * critic / norm
    losses = model.train_step((ops.convert_to_tensor(real),))
    assert float(losses["critic_loss"]) == pytest.approx(loss, rel=1e-4)
    after = critic - RATE * gradient
    numpy.testing.assert_allclose(kernels(model)[1], after, rtol=1e-4, atol=1e-6)
    assert set(losses) == {"critic_loss", "generator_loss"}


def test_points_between_lie_on_the_lines_from_real_to_fake():
    model = linear_gan(WGANGP)
    real, fake = random_items(500, 3).astype("float32"), 5 + random_items(500, 3, seed=1).astype("float32")
    between = array(model.between(ops.convert_to_tensor(real), ops.convert_to_tensor(fake)))
    weights = (between - fake) / (real - fake)
    numpy.testing.assert_allclose(weights, weights[:, :1].repeat(3, axis=1), atol=1e-4)
    assert weights.min() > -1e-4 and weights.max() < 1 + 1e-4
    # Uniform: mean 1/2, variance 1/12.
    assert weights[:, 0].mean() == pytest.approx(0.5, abs=0.06)
    assert weights[:, 0].var() == pytest.approx(1 / 12, abs=0.015)


def test_the_preset_has_the_papers_settings():
    settings = PRESETS["wgan-gp"].model
    adam = OptimizerConfig(rate=1e-4, beta_1=0.0, beta_2=0.9)
    assert (settings.penalty_weight, settings.critic_steps, settings.loss) == (10.0, 5, "wasserstein")
    assert settings.generator_optimizer == settings.discriminator_optimizer == adam
    assert (settings.penalty_at, settings.penalty_slope) == ("between", 1.0)
    assert PRESETS["wgan-gp"].network.discriminator_normalization != "batch"


def test_batch_normalisation_in_the_critic_is_refused():
    config = PRESETS["wgan-gp"].with_setting("discriminator_normalization", "batch")
    config = config.with_setting("generator_width", "16").with_setting("discriminator_width", "16")
    with pytest.raises(UserError, match="without batch normalisation: use none or layer"):
        build_model(config, (8, 8, 3), steps=1)


def test_an_sngan_judges_real_and_fake_in_one_call_and_so_without_batch_normalisation():
    for preset in ("sngan", "conditional-sngan"):
        config = PRESETS[preset].with_setting("discriminator_normalization", "batch")
        config = config.with_setting("generator_width", "16").with_setting("discriminator_width", "16")
        with pytest.raises(UserError, match="an SNGAN needs a discriminator without batch normalisation"):
            build_model(config, (8, 8, 3), 1, 2)


def test_only_a_wasserstein_critic_has_a_loss_of_that_name():
    names = {loss: list(linear_gan(WGANGP, objective=loss).trackers) for loss in ("wasserstein", "non-saturating")}
    assert names["wasserstein"] == ["critic_loss", "generator_loss"]
    # The guard against a discriminator that has won reads this one.
    assert names["non-saturating"] == ["discriminator_loss", "generator_loss"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"real_low": 1.5}, "real_low 1.5 is above real_high 1: set both"),
        ({"real_low": 1.0, "real_high": 1.5}, "the mean of the real labels 1 to 1.5 is outside 0 to 1"),
        ({"fake_low": -0.5, "fake_high": 0.2}, "the mean of the fake labels -0.5 to 0.2 is outside 0 to 1"),
    ],
)
def test_labels_without_a_least_loss_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        SoftLabels(LabelsConfig(**settings))
    SoftLabels(LabelsConfig(real_low=0.7, real_high=1.2, fake_high=0.2))


def test_a_falling_rate_reaches_zero_with_the_last_update_after_a_head_start():
    config = PRESETS["gan"].with_setting("discriminator_optimizer.decay", "linear").with_setting("head_start", "3")
    config = config.with_setting("generator_width", "16").with_setting("discriminator_width", "16")
    optimizer = build_model(config, (8, 8, 3), steps=7).discriminator_optimizer
    rates = []
    for number in (0, 5, 10):
        optimizer.iterations.assign(number)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx([2e-4, 1e-4, 0.0], abs=1e-9)


# Unrolled steps.


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.05),
        lambda: keras.optimizers.SGD(0.05, momentum=0.8),
        lambda: keras.optimizers.Adam(0.05, beta_1=0.5, epsilon=1e-8),
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(0.05, 1000), beta_1=0.0, beta_2=0.9),
    ],
)
def test_looking_ahead_foresees_what_the_optimiser_does(make):
    """Three steps on a quadratic after two others; a decaying rate is taken as it stands."""
    starts = numpy.array([1.0, -2.0], "float32"), numpy.full((2, 2), 0.5, "float32")
    variables = [keras.Variable(start) for start in starts]

    def loss():
        first, second = (ops.convert_to_tensor(variable) for variable in variables)
        return ops.sum(ops.square(first - 0.3)) + ops.sum(ops.square(second @ ops.reshape(first, (2, 1)))) / 3

    optimizer = make()
    optimizer.build(variables)

    def update():
        apply_gradients(optimizer, value_and_gradients(loss, variables)[1], variables)

    for _ in range(2):
        update()
    before = [array(variable) for variable in variables]
    final, foreseen = look_ahead(loss, variables, optimizer, 3)
    foreseen = [array(tensor) for tensor in foreseen]
    for variable, value in zip(variables, before, strict=True):
        assert numpy.array_equal(array(variable), value)
    for _ in range(3):
        update()
    assert float(array(final)) == pytest.approx(float(array(loss())), rel=5e-4)
    for variable, value, old in zip(variables, foreseen, before, strict=True):
        numpy.testing.assert_allclose(array(variable), value, rtol=5e-4)
        assert abs(value - old).max() > 0.02


def test_every_step_ahead_draws_anew_and_nothing_is_drawn_twice():
    """A loss whose slope is what it draws: one draw for each of three steps and one for the value after them."""
    variable, draws, again = keras.Variable(1.0), keras.random.SeedGenerator(7), keras.random.SeedGenerator(7)
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([variable])
    loss, (ahead,) = look_ahead(
        lambda: ops.convert_to_tensor(variable) * keras.random.uniform((), seed=draws),
        [variable],
        optimizer,
        3,
        random=draws,
    )
    expected = [float(keras.random.uniform((), seed=again)) for _ in range(5)]
    assert 1.0 - array(ahead) == pytest.approx(sum(expected[:3]), abs=1e-6) and len(set(expected)) == 5
    assert float(array(loss)) == pytest.approx(float(array(ahead)) * expected[3], rel=1e-5)
    assert float(keras.random.uniform((), seed=draws)) == expected[4]


def test_other_states_are_carried_from_step_to_step_and_then_forgotten():
    """A loss whose slope is a counter that it increases: steps of 1, 2 and 3, then a value with 4."""
    variable, counter = keras.Variable(0.0), keras.Variable(0.0, trainable=False)
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([variable])

    def loss():
        counter.assign(counter + 1.0)
        return ops.convert_to_tensor(variable) * ops.convert_to_tensor(counter)

    value, (ahead,) = look_ahead(loss, [variable], optimizer, 3, [counter])
    assert float(array(ahead)) == -6 and float(array(value)) == -24
    assert array(variable) == 0 and array(counter) == 0


def test_other_values_stand_in_for_variables_for_a_while():
    variable, other = keras.Variable(1.0), keras.Variable(5.0)
    with at([variable], [ops.convert_to_tensor(3.0)]):
        assert float(ops.convert_to_tensor(variable)) == 3
        other.assign(7.0)
    assert array(variable) == 1 and array(other) == 5


@pytest.mark.parametrize("steps", [1, 3])
def test_an_unrolled_generator_minimises_the_negative_of_the_discriminators_whole_loss(steps):
    """For linear players: w_k = w + k r (E x - E g z), f = w_k (E x - E g z), df / dg = -E z (w_k + k r (E x - E g z)).

    Metz et al. (2017), equations 7 and 10: the real term E x depends on the generator through w_k.
    """
    model = linear_gan(GAN, objective=Unrolled(Objective("wasserstein"), steps))
    real, (generator, critic) = random_items(6, 3).astype("float32"), kernels(model)
    latents = latents_of(model, 6)[0].mean(axis=0)[:, None]
    difference = real.mean(axis=0)[:, None] - generator.T @ latents
    ahead = critic + steps * RATE * difference
    loss = float(model.update_generator(ops.convert_to_tensor(real)))
    assert loss == pytest.approx((ahead.T @ difference).item(), rel=1e-4)
    gradient = -latents @ (ahead + steps * RATE * difference).T
    after, same = kernels(model)
    numpy.testing.assert_allclose(after, generator - RATE * gradient, rtol=1e-4, atol=1e-6)
    assert numpy.array_equal(same, critic)


MEAN = numpy.array([3.0, -1.0], "float32")


def gan_at_the_solution(objective, steps):
    """Return a GAN of linear players whose generator makes N((3, -1), I) of its latents, and D = 1/2."""
    players = []
    for size, kernel, bias in ((2, numpy.eye(2), MEAN), (1, numpy.zeros((2, 1)), numpy.zeros(1))):
        source = keras.Input((2,))
        dense = keras.layers.Dense(size)
        players.append(keras.Model(source, dense(source)))
        dense.set_weights([kernel.astype("float32"), bias.astype("float32")])
    objective = Objective(objective)
    model = GAN(*players, Unrolled(objective, steps) if steps else objective, seed=3)
    model.compile(keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE))
    return model


@pytest.mark.parametrize("objective", ["non-saturating", "hinge"])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_the_distribution_of_the_data_is_a_stationary_point_for_every_number_of_steps(objective, steps):
    """With the fake term alone the gradient by the bias is (.075, -.025) after one step, hinge (.3, -.1)."""
    model = gan_at_the_solution(objective, steps)
    (latents,) = latents_of(model, 4000)
    _, gradients = model.generator_gradients(ops.convert_to_tensor(latents.astype("float32") + MEAN))
    by_kernel, by_bias = (array(gradient) for gradient in gradients)
    assert abs(by_bias).max() < 0.002 and abs(by_kernel).max() < 0.002
    # Away from the solution it points there: the bias's error is (1, 0).
    _, gradients = model.generator_gradients(ops.convert_to_tensor(latents.astype("float32") + MEAN - [1.0, 0.0]))
    if steps:
        assert array(gradients[1])[0] > 0.02


@pytest.mark.slow
def test_training_that_begins_at_the_solution_stays_there():
    """With the fake term alone 600 steps end at mean (2.80, -0.93) and a kernel with singular values 0.98 and 0.001."""
    model = gan_at_the_solution("non-saturating", 5)
    step, generator = compiled(lambda real: model.train_step((real,))), numpy.random.default_rng(0)
    for _ in range(600):
        step(ops.convert_to_tensor(generator.normal(MEAN, 1, (512, 2)).astype("float32")))
    kernel, bias = (array(weight) for weight in model.generator.weights)
    assert bias == pytest.approx(MEAN, abs=0.05)
    assert numpy.linalg.svd(kernel)[1] == pytest.approx([1, 1], abs=0.1)


def test_every_unrolled_step_advances_the_power_iteration_of_spectral_layers():
    """As a real discriminator update would: with a rate of zero K steps and the value make K + 1 iterations."""
    network = MLPConfig(generator_width=8, discriminator_width=8, spectral=True)
    settings = AdversarialConfig(name="sngan", loss="hinge", unrolled_steps=3)
    model = build_model(Config(preset="test", model=settings, network=network), (2,), steps=10)
    model.discriminator_optimizer.learning_rate.assign(0.0)
    for layer in model.discriminator.layers:
        if hasattr(layer, "u"):
            # Far from the largest singular vector: the first number alone.
            layer.u.assign(numpy.eye(1, layer.u.shape[0])[0])
    packs = ops.convert_to_tensor(random_items(4, 2).astype("float32"))
    ahead = float(array(model.objective.generator_loss(model, packs, packs + 1.0)))
    calls = [float(array(model.discriminator_objective(packs, packs + 1.0))) for _ in range(4)]
    assert ahead == pytest.approx(-calls[3], abs=2e-6)
    assert abs(ahead + calls[0]) > 1e-5


def test_an_unrolled_step_changes_nothing_of_the_discriminators_state():
    """Looking ahead makes power iterations of spectral layers, whose state is the discriminator's own."""
    network = MLPConfig(generator_width=8, discriminator_width=8, spectral=True)
    settings = AdversarialConfig(name="sngan", loss="hinge", unrolled_steps=2)
    config = Config(preset="test", model=settings, network=network)
    model = build_model(config, (2,), steps=10)
    assert isinstance(model, SNGAN)
    before = [array(variable) for variable in model.discriminator.variables]
    kernel = array(model.generator.trainable_variables[0])
    model.update_generator(ops.convert_to_tensor(random_items(4, 2).astype("float32")))
    changed = [
        variable.path
        for variable, value in zip(model.discriminator.variables, before, strict=True)
        if not numpy.array_equal(array(variable), value)
    ]
    # The generator's own look at the discriminator as it will be is forgotten too.
    assert changed == []
    assert not numpy.array_equal(array(model.generator.trainable_variables[0]), kernel)


# Packing.


def test_packs_hold_items_of_their_own_side_by_side():
    model = linear_gan(GAN, packing=2)
    packs = array(model.view.pack(ops.convert_to_tensor(numpy.arange(12.0).reshape(4, 3))))
    assert packs.tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


@pytest.mark.parametrize("packing", [1, 2, 3])
def test_a_packed_step_is_the_one_written_out(packing):
    model = linear_gan(GAN, packing=packing, objective="wasserstein")
    real, (generator, critic) = random_items(6, 3).astype("float32"), kernels(model)
    first, second = latents_of(model, 6, 6)

    def packs(items):
        return numpy.concatenate(numpy.split(items, packing), axis=1)

    of_fake, of_real = packs(first @ generator), packs(real)
    critic = critic + RATE * (of_real.mean(axis=0) - of_fake.mean(axis=0))[:, None]
    losses = model.train_step((ops.convert_to_tensor(real),))
    assert float(losses["generator_loss"]) == pytest.approx(-(packs(second @ generator) @ critic).mean(), rel=1e-3)
    # Every latent of a pack meets the critic's weights of its place.
    gradient = -sum(
        part.mean(axis=0)[:, None] @ weight.T
        for part, weight in zip(numpy.split(second, packing), numpy.split(critic, packing), strict=True)
    )
    numpy.testing.assert_allclose(kernels(model)[0], generator - RATE * gradient, rtol=1e-3, atol=1e-6)
    numpy.testing.assert_allclose(kernels(model)[1], critic, rtol=1e-3, atol=1e-6)


def test_any_network_can_judge_packs():
    images = DCGANConfig(latent_size=4, generator_width=32, discriminator_width=8)
    for network, shape, packed in ((images, (8, 8, 3), (8, 8, 6)), (MLPConfig(), (2,), (4,))):
        config = Config(preset="test", model=AdversarialConfig(packing=2), network=network, batch_size=16)
        networks = build_networks(config, shape)
        assert networks["discriminator"].input_shape[1:] == packed
        assert networks["generator"].output_shape[1:] == shape
        assert config.images_per_step == 32


def test_a_conditional_model_takes_no_packing():
    config = PRESETS["conditional-sngan"].with_setting("packing", "2")
    small = dataclasses.replace(config.network, generator_width=32, discriminator_width=8)
    with pytest.raises(UserError, match="takes no packing"):
        build_networks(dataclasses.replace(config, network=small), (8, 8, 3), 4)


def test_the_options_of_a_configuration_reach_the_model():
    settings = WGANGPConfig(
        unrolled_steps=2, packing=3, penalty_weight=0.5, penalty_at="real", penalty_slope=0.0, loss="hinge"
    )
    model = build_model(Config(preset="test", model=settings, network=MLPConfig()), (2,), steps=1)
    assert (model.objective.steps, model.view.packing, model.objective.name, model.critic_steps) == (2, 3, "hinge", 5)
    assert (model.penalty_weight, model.penalty_at, model.penalty_slope) == (0.5, "real", 0.0)


def test_all_options_go_together():
    """A step of the whole family at once moves both players and stays finite."""
    settings = WGANGPConfig(unrolled_steps=2, packing=2, critic_steps=2, ema_decay=0.9)
    config = Config(preset="test", model=settings, network=MLPConfig(generator_width=8, discriminator_width=8))
    model = build_model(config, (2,), steps=5)
    before = [array(variable) for variable in model.trainable_variables]
    losses = model.train_step((ops.convert_to_tensor(random_items(16, 2).astype("float32")),))
    assert all(numpy.isfinite(float(value)) for value in losses.values())
    assert any(
        not numpy.array_equal(array(variable), value)
        for variable, value in zip(model.trainable_variables, before, strict=True)
    )
    assert all(numpy.isfinite(array(variable)).all() for variable in model.variables)
