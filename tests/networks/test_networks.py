"""Networks against the papers: parameters counted by hand, initial weights, shapes, and equalities of blocks."""

import dataclasses
import math

import numpy
import pytest
from conftest import noise
from keras import layers, ops

from coursework.config.networks import (
    AutoencoderConfig,
    DCGANConfig,
    QuantizedAutoencoderConfig,
    ResNetConfig,
    VectorAutoencoderConfig,
)
from coursework.networks import NETWORKS
from coursework.networks.blocks import crop, pad
from coursework.networks.layers import SpectralNormalization
from coursework.networks.saving import load_network, save_networks
from coursework.networks.vector_autoencoder import soft_clamp

pytestmark = pytest.mark.backend

CIFAR = (32, 32, 3)
SMALL = {
    "dcgan": DCGANConfig(latent_size=5, generator_width=16, discriminator_width=16),
    "resnet": ResNetConfig(latent_size=5, generator_width=8, discriminator_width=8),
    "autoencoder": AutoencoderConfig(depth=4, latent_channels=3),
    "vector_autoencoder": VectorAutoencoderConfig(latent_size=5, width=4),
}


def build(config, image_shape=CIFAR, seed=0):
    return NETWORKS[config.name](config, image_shape, seed)


def trainable_count(network):
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def run(network, inputs, training=False):
    """Return the network's outputs as an array, or as a list of arrays."""
    outputs = network(ops.convert_to_tensor(inputs), training=training)
    if isinstance(outputs, list | tuple):
        return [ops.convert_to_numpy(output) for output in outputs]
    return ops.convert_to_numpy(outputs)


def kernels(network):
    return {v.path: ops.convert_to_numpy(v) for v in network.trainable_variables if v.path.endswith("kernel")}


# Parameters at the sizes of the presets; a convolution has kernel * kernel * inputs * outputs weights.


def test_dcgan_has_the_parameters_of_the_paper():
    networks = build(DCGANConfig())
    dense, to_image = 128 * (4 * 4 * 512), 3 * 3 * 64 * 3 + 3
    upsampling = 4 * 4 * (512 * 256 + 256 * 128 + 128 * 64)
    scales_and_offsets = 2 * (512 + 256 + 128 + 64)
    assert trainable_count(networks["generator"]) == dense + upsampling + scales_and_offsets + to_image
    pairs = [(3, 3, 64), (4, 64, 128), (3, 128, 128), (4, 128, 256), (3, 256, 256), (4, 256, 512), (3, 512, 512)]
    convolutions = sum(kernel**2 * inputs * outputs for kernel, inputs, outputs in pairs)
    last = 4 * 4 * 512 + 1
    scales_and_offsets = 2 * (128 + 128 + 256 + 256 + 512 + 512)
    # Only the first convolution has biases: the others' would be taken out by the normalisation.
    assert trainable_count(networks["discriminator"]) == convolutions + 64 + scales_and_offsets + last
    spectral = build(DCGANConfig(discriminator_normalization="none", spectral=True))["discriminator"]
    biases = 64 + 128 + 128 + 256 + 256 + 512 + 512
    assert trainable_count(spectral) == convolutions + biases + last
    # The state of the power iteration: a vector as long as each layer's outputs.
    assert sum(math.prod(v.shape) for v in spectral.non_trainable_variables) == biases + 1


def test_resnet_has_the_parameters_of_the_paper():
    networks = build(ResNetConfig())
    block = 2 * (9 * 256 * 256 + 256) + (256 * 256 + 256) + 2 * (2 * 256)
    expected = (128 * 4096 + 4096) + 3 * block + 2 * 256 + (9 * 256 * 3 + 3)
    assert trainable_count(networks["generator"]) == expected
    convolution, shortcut = 9 * 128 * 128 + 128, 128 * 128 + 128
    first = (9 * 3 * 128 + 128) + convolution + (3 * 128 + 128)
    # Two blocks halve the image; the last two keep it and add their input as it is. No bias at the end.
    assert trainable_count(networks["discriminator"]) == first + (2 * convolution + shortcut) + 4 * convolution + 128


def test_autoencoder_has_the_parameters_of_the_paper():
    networks = build(AutoencoderConfig())
    pairs = [(64, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 16)]
    encoder = (3 * 64 + 64) + sum(9 * inputs * outputs + outputs for inputs, outputs in pairs)
    pairs = [(16, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64), (64, 64), (64, 3)]
    decoder = sum(9 * inputs * outputs + outputs for inputs, outputs in pairs)
    counts = {name: trainable_count(network) for name, network in networks.items()}
    code_critic = (256 * 100 + 100) + (100 * 100 + 100) + (100 + 1)
    assert counts == {"encoder": encoder, "decoder": decoder, "critic": encoder, "code_critic": code_critic}


def test_vector_autoencoder_has_the_parameters_of_the_paper():
    networks = build(VectorAutoencoderConfig())
    convolutions = 16 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024)
    heads = 2 * (2 * 2 * 1024 * 128 + 128)
    assert trainable_count(networks["encoder"]) == convolutions + 2 * (128 + 256 + 512 + 1024) + heads
    dense, upsampling = 128 * 8 * 8 * 1024, 16 * (1024 * 512 + 512 * 256)
    to_image = 16 * 256 * 3 + 3
    assert trainable_count(networks["decoder"]) == dense + upsampling + 2 * (1024 + 512 + 256) + to_image


# Shapes and ranges.


def assert_in_range(generator, latents):
    """Assert that images reach -1 and 1, given large numbers before the tanh, and nothing beyond."""
    kernel = generator.get_layer("to_image").kernel
    kernel.assign(ops.convert_to_numpy(kernel) * 1e6)
    images = run(generator, latents, training=True)
    assert images.min() == -1
    assert images.max() == 1


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize("image_shape", [CIFAR, (16, 16, 1)])
def test_adversarial_networks_map_latents_to_images_to_logits(name, image_shape):
    networks = build(SMALL[name], image_shape)
    images = run(networks["generator"], noise(6, 5), training=True)
    assert images.shape == (6, *image_shape)
    assert images.dtype == numpy.float32
    assert_in_range(networks["generator"], noise(6, 5))
    assert run(networks["discriminator"], images).shape == (6, 1)


@pytest.mark.parametrize(
    "image_shape, latent_width, code_shape",
    [(CIFAR, 4, (4, 4, 3)), ((32, 32, 1), 2, (2, 2, 3)), ((16, 16, 3), 1, (1, 1, 3))],
)
def test_the_autoencoder_fits_its_depth_to_the_width_of_the_code(image_shape, latent_width, code_shape):
    networks = build(AutoencoderConfig(depth=4, latent_width=latent_width, latent_channels=3), image_shape)
    codes = run(networks["encoder"], noise(2, *image_shape))
    assert codes.shape == (2, *code_shape)
    assert run(networks["decoder"], codes).shape == (2, *image_shape)
    # One pool and one upsampling a scale.
    scales = int(math.log2(image_shape[0] / latent_width))
    assert sum(isinstance(layer, layers.AveragePooling2D) for layer in networks["encoder"].layers) == scales
    assert sum(isinstance(layer, layers.UpSampling2D) for layer in networks["decoder"].layers) == scales


def test_the_autoencoder_ends_linear_and_its_critic_in_a_mean():
    networks = build(SMALL["autoencoder"])
    assert numpy.abs(run(networks["decoder"], 1000 * noise(2, 4, 4, 3))).max() > 1
    critic, images = networks["critic"], noise(3, *CIFAR)
    before = run(type(critic)(critic.inputs, critic.get_layer("to_score").output), images)
    assert before.shape == (3, 4, 4, 3)
    numpy.testing.assert_allclose(run(critic, images), before.mean(axis=(1, 2, 3))[:, None], rtol=1e-5, atol=1e-6)


def test_the_vector_encoder_gives_mean_and_bounded_log_variance():
    networks = build(SMALL["vector_autoencoder"])
    mean, log_variance = run(networks["encoder"], 1e6 * noise(3, *CIFAR))
    assert mean.shape == log_variance.shape == (3, 5)
    assert numpy.abs(mean).max() > 100
    assert 9 < numpy.abs(log_variance).max() <= 10
    assert run(networks["decoder"], noise(3, 5)).shape == (3, *CIFAR)
    assert_in_range(networks["decoder"], noise(3, 5))


def test_soft_clamp_is_the_identity_near_zero_and_bounded():
    values = numpy.array([-1000.0, -10.0, -0.1, 0.0, 0.1, 5.0, 1000.0], "float32")
    expected = [-10, -7.615942, -0.0999967, 0, 0.0999967, 4.621172, 10]
    numpy.testing.assert_allclose(ops.convert_to_numpy(soft_clamp(ops.convert_to_tensor(values))), expected, rtol=1e-5)


SIZES = [(28, 28, 1), (32, 48, 3), (17, 16, 3), (100, 128, 1)]


@pytest.mark.parametrize("image_shape", SIZES)
@pytest.mark.parametrize("name", SMALL)
def test_images_of_any_size_go_in_and_come_out(name, image_shape):
    """The first layer pads, the one before the last activation crops: nothing outside sees another size."""
    networks = build(SMALL[name], image_shape)
    enters, leaves = ("discriminator", "generator") if "generator" in networks else ("encoder", "decoder")
    images = run(networks[leaves], noise(2, *networks[leaves].input_shape[1:]), training=True)
    assert images.shape == (2, *image_shape)
    outputs = run(networks[enters], images)
    if enters == "encoder":
        code = outputs[0] if isinstance(outputs, list) else outputs
        assert code.shape == (2, *networks["decoder"].input_shape[1:])
    else:
        assert outputs.shape == (2, 1)


@pytest.mark.parametrize(
    "name, image_shape, size",
    [
        ("dcgan", (28, 28, 1), (32, 32)),
        ("dcgan", (32, 48, 3), None),
        ("resnet", (17, 16, 3), (24, 16)),
        ("vector_autoencoder", (32, 40, 3), (32, 48)),
        ("autoencoder", (28, 28, 1), (32, 32)),
        ("autoencoder", (32, 48, 3), (64, 64)),
        ("autoencoder", (16, 16, 3), None),
        ("autoencoder", (4, 4, 3), (8, 8)),
    ],
)
def test_the_padded_size_is_the_next_that_the_network_takes(name, image_shape, size):
    networks = build(SMALL[name], image_shape)
    enters, leaves = ("discriminator", "generator") if "generator" in networks else ("encoder", "decoder")
    padded = [layer.output.shape[1:3] for layer in networks[enters].layers if isinstance(layer, layers.ZeroPadding2D)]
    cropped = [layer.input.shape[1:3] for layer in networks[leaves].layers if isinstance(layer, layers.Cropping2D)]
    assert padded == cropped == ([] if size is None else [size])


def test_images_are_cropped_where_they_were_padded():
    images = noise(2, 5, 6, 3)
    padded = pad(ops.convert_to_tensor(images), (8, 9))
    assert numpy.array_equal(ops.convert_to_numpy(padded)[:, 1:6, 1:7], images)
    assert numpy.count_nonzero(ops.convert_to_numpy(padded)) == numpy.count_nonzero(images)
    assert numpy.array_equal(ops.convert_to_numpy(crop(padded, (5, 6))), images)


# Initial weights.


def test_dcgan_starts_from_a_normal_distribution_of_deviation_002():
    networks = build(DCGANConfig(generator_width=128, discriminator_width=128))
    weights = {**kernels(networks["generator"]), **kernels(networks["discriminator"])}
    assert len(weights) == 5 + 8
    for path, kernel in weights.items():
        assert kernel.std() == pytest.approx(0.02, rel=5 / math.sqrt(2 * kernel.size)), path
    together = numpy.concatenate([kernel.ravel() for kernel in weights.values()]) / 0.02
    # 4.55 % of a normal distribution lie beyond two deviations; of a truncated one, none.
    assert numpy.mean(numpy.abs(together) > 2) == pytest.approx(0.0455, abs=0.002)


def test_the_autoencoder_starts_from_the_deviation_of_the_authors_code():
    networks = build(AutoencoderConfig(depth=16))
    for network in (networks[role] for role in ("encoder", "decoder", "critic")):
        for path, kernel in kernels(network).items():
            height, width, inputs, _ = kernel.shape
            expected = 1 / math.sqrt((1 + 0.2**2) * height * width * inputs)
            assert kernel.std() == pytest.approx(expected, rel=5 / math.sqrt(2 * kernel.size)), path
        biases = [v for v in network.trainable_variables if v.path.endswith("bias")]
        assert biases and not any(ops.convert_to_numpy(bias).any() for bias in biases)


def test_resnet_starts_from_glorot_with_a_gain_inside_its_branches():
    networks = build(ResNetConfig(generator_width=16, discriminator_width=16))
    for network in networks.values():
        for path, kernel in kernels(network).items():
            receptive = math.prod(kernel.shape[:-2])
            gain = math.sqrt(2) if "convolution" in path else 1
            limit = gain * math.sqrt(6 / (receptive * (kernel.shape[-2] + kernel.shape[-1])))
            assert 0.8 * limit < numpy.abs(kernel).max() <= limit * (1 + 1e-6), path
            # Of a uniform distribution; the margin is five standard errors.
            assert kernel.std() == pytest.approx(limit / math.sqrt(3), rel=5 / math.sqrt(5 * kernel.size)), path


@pytest.mark.parametrize("name", SMALL)
def test_equal_seeds_give_equal_weights(name):
    first, second, other = (build(SMALL[name], seed=seed) for seed in (3, 3, 4))
    for role in first:
        for one, two, three in zip(
            kernels(first[role]).values(), kernels(second[role]).values(), kernels(other[role]).values(), strict=True
        ):
            assert numpy.array_equal(one, two)
            assert numpy.mean(one == three) < 0.01
    # No two layers share a stream: the first numbers of their kernels differ.
    starts = [kernel.ravel()[0] / kernel.std() for network in first.values() for kernel in kernels(network).values()]
    assert len({round(float(start), 4) for start in starts}) == len(starts)


# Blocks.


def part(network, layer):
    """Return the network up to the layer of that name."""
    return type(network)(network.inputs, network.get_layer(layer).output)


def test_the_cheap_order_in_resnet_shortcuts_is_the_papers_function():
    networks = build(SMALL["resnet"])
    pool, upsample = layers.AveragePooling2D(2), layers.UpSampling2D(2, interpolation="nearest")
    # Biases other than zero, or half of what could differ would not show.
    for network in networks.values():
        for variable in network.trainable_variables:
            if variable.path.endswith("bias"):
                variable.assign(noise(*variable.shape))
    discriminator, images = networks["discriminator"], noise(2, *CIFAR)
    paper = pool(discriminator.get_layer("down_1_shortcut")(ops.convert_to_tensor(images)))
    ours = run(part(discriminator, "down_1_shortcut"), images)
    numpy.testing.assert_allclose(ours, ops.convert_to_numpy(paper), rtol=1e-4, atol=1e-5)
    generator, latents = networks["generator"], noise(2, 5)
    before = ops.convert_to_tensor(run(part(generator, "reshape"), latents))
    paper = generator.get_layer("up_1_shortcut")(upsample(before))
    ours = run(part(generator, "up_1_shortcut_upsample"), latents)
    numpy.testing.assert_allclose(ours, ops.convert_to_numpy(paper), rtol=1e-4, atol=1e-5)


def test_resnet_discriminator_blocks_are_those_of_the_paper():
    discriminator, images = build(SMALL["resnet"])["discriminator"], noise(2, *CIFAR)
    layer, relu, pool = discriminator.get_layer, ops.relu, layers.AveragePooling2D(2)
    x = ops.convert_to_tensor(images)
    # The first block has no activation before its first convolution, the last two no convolution in the shortcut.
    branch = layer("down_1_convolution_2")(relu(layer("down_1_convolution_1")(x)))
    x = pool(branch) + pool(layer("down_1_shortcut")(x))
    branch = layer("down_2_convolution_2")(relu(layer("down_2_convolution_1")(relu(x))))
    x = pool(branch) + pool(layer("down_2_shortcut")(x))
    for name in ("block_3", "block_4"):
        x = x + layer(f"{name}_convolution_2")(relu(layer(f"{name}_convolution_1")(relu(x))))
    logits = layer("logits")(ops.sum(relu(x), axis=(1, 2)))
    numpy.testing.assert_allclose(run(discriminator, images), ops.convert_to_numpy(logits), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_spectral_layers_are_where_the_settings_say(name):
    for spectral in (True, False):
        config = type(SMALL[name])(latent_size=5, generator_width=8, discriminator_width=8, spectral=spectral)
        networks = build(config)
        for role, expected in (("generator", False), ("discriminator", spectral)):
            weighted = [layer for layer in networks[role].layers if hasattr(layer, "kernel")]
            assert len(weighted) >= 5
            assert all(isinstance(layer, SpectralNormalization) == expected for layer in weighted)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize("kind", ["batch", "instance", "none"])
def test_only_batch_normalisation_mixes_the_images_of_a_batch(name, kind):
    config = type(SMALL[name])(
        latent_size=5,
        generator_width=8,
        discriminator_width=8,
        generator_normalization=kind,
        discriminator_normalization=kind,
        spectral=False,
    )
    networks = build(config)
    latents = noise(4, 5)
    companions = numpy.concatenate([latents[:1], 3 + noise(3, 5, seed=1)])
    images = noise(4, *CIFAR)
    other_images = numpy.concatenate([images[:1], 3 + noise(3, *CIFAR, seed=1)])
    for network, inputs, others in (
        (networks["generator"], latents, companions),
        (networks["discriminator"], images, other_images),
    ):
        alone, mixed = (run(network, batch, training=True)[0] for batch in (inputs, others))
        difference = numpy.abs(alone - mixed).max() / numpy.abs(alone).max()
        assert difference > 1e-2 if kind == "batch" else difference < 1e-4


def test_instance_normalisation_takes_each_channels_mean_and_deviation_out():
    config = DCGANConfig(latent_size=5, generator_width=16, generator_normalization="instance")
    network = part(build(config)["generator"], "normalization_2")
    maps = run(network, noise(3, 5))
    numpy.testing.assert_allclose(maps.mean(axis=(1, 2)), 0, atol=1e-4)
    # Epsilon makes the deviation a little less than one where the input's is small.
    assert numpy.all((maps.std(axis=(1, 2)) > 0.9) & (maps.std(axis=(1, 2)) < 1.001))


SAVED = {
    **SMALL,
    "spectral dcgan": dataclasses.replace(SMALL["dcgan"], spectral=True),
    "spectral resnet": dataclasses.replace(SMALL["resnet"], spectral=True),
    "quantized_autoencoder": QuantizedAutoencoderConfig(depth=4, latent_channels=3, codebook_size=7),
}


@pytest.mark.parametrize("name", SAVED)
def test_networks_survive_a_file(name, tmp_path):
    networks = build(SAVED[name])
    save_networks(tmp_path, networks)
    for role, network in networks.items():
        inputs, loaded = noise(2, *network.input_shape[1:]), load_network(tmp_path / f"{role}.keras")
        assert numpy.ptp(run(network, inputs)) > 0
        assert numpy.array_equal(run(network, inputs), run(loaded, inputs))
        for layer, copy in zip(network.layers, loaded.layers, strict=True):
            assert type(copy) is type(layer) and copy.get_config() == layer.get_config()
