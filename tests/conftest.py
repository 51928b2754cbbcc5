"""Shared by the tests: quiet libraries, equal seeds, small data sets, command lines run in this process."""

import dataclasses
import json
import os

# Before anything imports TensorFlow, which reads it once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from PIL import Image

from coursework.cli import main as cli
from coursework.data import sprites

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(autouse=True)
def equal_seeds():
    """Start every test from the same random states; Keras is seeded only if it is imported."""
    random.seed(0)
    numpy.random.seed(0)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture
def in_tmp(tmp_path, monkeypatch):
    """Work in an empty folder, where relative paths such as reports/runs do no harm; return it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSEWORK_CACHE", str(tmp_path / ".cache"))
    monkeypatch.delenv("COURSEWORK_DATA", raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def small_dataset():
    """Sprites: 64 training and 32 test images of 32x32 pixels in four equal classes."""
    return sprites.load(train_per_class=16, test_per_class=8)


def write_image_folder(folder, dataset, suffix=".png"):
    """Write `dataset` to `folder` as train/<class>/<index><suffix> and test/<class>/<index><suffix>; return it."""
    for split in ("train", "test"):
        images, labels = dataset.split(split)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            file = folder / split / dataset.class_names[label] / f"{index:05d}{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)
    return folder


@pytest.fixture
def image_folder(in_tmp, small_dataset):
    """Return the folder "animals" in an empty working folder: `small_dataset` as PNG files."""
    return write_image_folder(in_tmp / "animals", small_dataset)


def save_judge(dataset, name, width=2):
    """Save an untrained judge of `dataset` where the judge of a data set called `name` is expected; return it."""
    from coursework.extractors import judge as judges
    from coursework.extractors.recorded import class_fingerprints, save

    judge = judges.Judge(
        model=judges.build(dataset.image_shape, len(dataset.class_names), width=width),
        dataset=name,
        fingerprint=dataset.fingerprint,
        class_names=dataset.class_names,
        class_fingerprints=class_fingerprints(dataset),
        width=width,
        epochs=1,
        seed=0,
        seconds=1.0,
        accuracy=0.25,
        sha256="",
    )
    return save(judge, judges.JUDGES / name)


NARROW = {
    "dcgan": {"latent_size": 8, "generator_width": 16, "discriminator_width": 16},
    "vector_autoencoder": {"latent_size": 8, "width": 4},
    "autoencoder": {"depth": 4, "latent_channels": 4},
}


def array(tensor):
    """Return a tensor of either backend as an array."""
    from keras import ops

    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def normal(*shape, seed=0):
    """Return float64 numbers from N(0, 1)."""
    return numpy.random.default_rng(seed).normal(size=shape)


def noise(*shape, seed=0):
    """Return float32 numbers from N(0, 1)."""
    return normal(*shape, seed=seed).astype("float32")


@pytest.fixture(scope="session")
def reference_scores():
    """Offer ({"fake", "real", "logits": features}, {name: torch-fidelity's value of them})."""
    with numpy.load(REFERENCE / "metrics.npz") as arrays:
        return dict(arrays), json.loads((REFERENCE / "metrics.json").read_text())


def narrow(config, epochs):
    """Return `config` with a network that trains in seconds, for `epochs` epochs."""
    network = dataclasses.replace(config.network, **NARROW[config.network.name])
    return dataclasses.replace(config, epochs=epochs, network=network)


def write_untrained_run(config, dataset):
    """Write a run of a configuration, with untrained networks, as `train` would leave it; its name is the preset's."""
    from coursework.models import build_model
    from coursework.training.run import Run
    from coursework.training.task import save_trained

    run = Run(f"reports/runs/{config.preset}")
    run.write_config(config)
    run.write_environment({"class_names": list(dataset.class_names)})
    save_trained(run.path, build_model(config, dataset.image_shape, 1, len(dataset.class_names)), dataset)
    return run


def untrained_record(dataset, seed):
    """Return the fields that an untrained `Judge` and `Witness` of width 4 share."""
    from coursework.extractors.recorded import class_fingerprints

    return {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "class_names": dataset.class_names,
        "class_fingerprints": class_fingerprints(dataset),
        "width": 4,
        "epochs": 1,
        "seed": seed,
        "seconds": 1.5,
        "accuracy": 0.5,
        "sha256": "",
    }


def untrained_witness(dataset, role="witness", seed=0, **options):
    """Return an untrained `Witness` of `dataset`, of width 4; options: of its network."""
    from coursework.pegasus.witness import Witness
    from coursework.pegasus.witness_network import NETWORKS

    return Witness(
        model=NETWORKS[role](dataset.image_shape, len(dataset.class_names), width=4, seed=seed, **options),
        role=role,
        judge_sha256="",
        presence_auc=0.5,
        unity_auc=0.5,
        calibration_error=0.25,
        **untrained_record(dataset, seed),
    )


@pytest.fixture
def refused(capfd):
    """Return a function that runs a command line, checks how it fails and returns its one line."""

    def run(*arguments):
        capfd.readouterr()
        assert cli.main(list(arguments)) == 2
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) == 1, lines
        assert lines[0].startswith("coursework: error: ")
        return lines[0].removeprefix("coursework: error: ")

    return run


def command(*arguments, **options):
    """Run `python -m coursework` in a process of its own and return it when it has finished."""
    return subprocess.run(
        [sys.executable, "-m", "coursework", *arguments], capture_output=True, text=True, timeout=300, **options
    )


def listen_to_interruptions():
    """Let a child process receive SIGINT, which a shell that runs the tests in the background makes it ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment(**variables):
    """Return this process's environment, with the package on the path, and `variables`."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(cli.__file__)))
    return {**os.environ, "PYTHONPATH": package, **variables}


@pytest.fixture(scope="session")
def handed_in(tmp_path_factory):
    """Reports that meet every rule of the coursework, made once."""
    from submission_folder import write_reports

    home = tmp_path_factory.mktemp("submission")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        return home / write_reports(home)


@pytest.fixture
def reports(handed_in, in_tmp):
    """Return the folder reports/, which meets every rule, in an empty working folder."""
    return shutil.copytree(handed_in, in_tmp / "reports")
