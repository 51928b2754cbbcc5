"""The figures of a run: which are drawn, arithmetic in closed form."""

import dataclasses

import numpy
import pytest

from coursework.config.presets import PRESETS
from coursework.data import sprites
from coursework.models import build_model
from coursework.training.illustration import arithmetic, illustrate
from coursework.training.run import Run
from coursework.training.task import save_trained
from coursework.util.errors import UserError

SMALL = {
    "gan": {"latent_size": 4, "generator_width": 8, "discriminator_width": 8},
    "conditional-sngan": {"latent_size": 4, "generator_width": 8, "discriminator_width": 8},
    "acai": {"depth": 2, "latent_channels": 2},
}


@pytest.fixture
def dataset(monkeypatch):
    dataset = sprites.load(train_per_class=8, test_per_class=8)
    monkeypatch.setattr("coursework.training.illustration.load_data", lambda run, report: dataset)
    return dataset


def write_run(folder, name, dataset):
    preset = PRESETS[name]
    config = dataclasses.replace(preset, dataset="sprites", network=dataclasses.replace(preset.network, **SMALL[name]))
    run = Run(folder)
    run.write_config(config)
    run.log_file.write_text("epoch,loss\n1,2.0\n2,1.0\n")
    save_trained(run.path, build_model(config, dataset.image_shape, 1, len(dataset.class_names)), dataset)
    return run


@pytest.mark.parametrize(
    ("name", "only_there"),
    [("gan", set()), ("conditional-sngan", {"mixing.png"}), ("acai", {"reconstructions.png", "arithmetic.png"})],
)
def test_each_model_gets_the_figures_that_it_allows(tmp_path, dataset, name, only_there):
    run = write_run(tmp_path / name, name, dataset)
    files = illustrate(run, report=lambda line: None)
    everywhere = {"architecture.png", "curves.png", "interpolation-linear.png", "interpolation-spherical.png"}
    assert {file.name for file in files} == everywhere | only_there
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in files)
    assert (run.figures / "architecture.json").is_file()


class LinearRun:
    """Stands for a trained run whose code of an image is its mean brightness."""

    def encode(self, images):
        return images.astype(numpy.float64).mean(axis=(1, 2, 3))[:, None]

    def decode(self, codes):
        return numpy.rint(codes).astype(numpy.int64)


def test_arithmetic_adds_the_difference_of_two_class_means(dataset):
    trained = LinearRun()
    (first, images), (_, decoded), (title, mixed) = arithmetic(trained, dataset, count=3)

    def mean(name):
        chosen = dataset.train_images[dataset.train_labels == dataset.class_names.index(name)]
        return trained.encode(chosen).mean()

    assert first == "horse" and title == "- deer + bird" and len(images) == 3
    shift = mean("bird") - mean("deer")
    assert abs(shift) > 1
    assert mixed[:, 0] == pytest.approx(trained.encode(images)[:, 0] + shift, abs=0.5)
    assert decoded[:, 0] == pytest.approx(trained.encode(images)[:, 0], abs=0.5)


def test_arithmetic_needs_its_classes(dataset):
    with pytest.raises(UserError, match="has no class frog"):
        arithmetic(LinearRun(), dataset, classes=("horse", "frog", "bird"))
