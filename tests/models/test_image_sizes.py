"""Images of any size from 16 to 128, square or not, grey or in colour: models train on them as they are."""

import numpy
import pytest
from conftest import narrow
from keras import ops

from coursework.config.presets import PRESETS
from coursework.models import build_model

pytestmark = pytest.mark.backend


def kernels(model):
    return {
        f"{role}/{variable.path}": ops.convert_to_numpy(variable)
        for role in ("generator", "discriminator", "encoder", "decoder", "critic")
        for variable in getattr(getattr(model, role, None), "trainable_variables", ())
        if variable.path.endswith("kernel")
    }


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 48, 3), (17, 16, 3), (128, 100, 1)])
@pytest.mark.parametrize("preset", ["gan", "sngan", "wgan-gp", "vae", "acai"])
def test_one_step_moves_every_kernel_and_samples_have_the_images_size(preset, shape):
    config = narrow(PRESETS[preset], 1)
    images = numpy.random.default_rng(0).integers(0, 256, (4 * config.critic_steps, *shape), numpy.uint8)
    model = build_model(config, shape, 10)
    before = kernels(model)
    losses = model.train_step((images,))
    assert all(numpy.isfinite(float(loss)) for loss in losses.values())
    # What is cropped away takes part in nothing, but no layer lies there alone.
    unmoved = [name for name, kernel in kernels(model).items() if numpy.array_equal(kernel, before[name])]
    assert before and not unmoved
    samples = model.sample(3, 0, images)
    assert samples.shape == (3, *shape) and samples.dtype == numpy.uint8
    assert model.preview(numpy.resize(images, (16, *shape))).shape[1:] == shape


def test_the_cross_entropy_of_a_vae_counts_the_images_pixels_alone():
    shape, latents = (28, 20, 1), numpy.zeros((2, 8), numpy.float32)
    config = narrow(PRESETS["vae"], 1).with_setting("likelihood", "bernoulli")
    model = build_model(config, shape, 10)
    images = ops.convert_to_tensor(numpy.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype("float32"))
    found = float(model.reconstruction_loss(images, latents))
    shades = (ops.convert_to_numpy(model.decoder(latents, training=True)).astype(float) + 1) / 2
    targets = (ops.convert_to_numpy(images).astype(float) + 1) / 2
    expected = -(targets * numpy.log(shades) + (1 - targets) * numpy.log(1 - shades)).sum() / 2
    assert found == pytest.approx(expected, rel=1e-4)
