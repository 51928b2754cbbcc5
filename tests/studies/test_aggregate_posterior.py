"""Codes compared with N(0, I): closed forms of discrepancies, linear autoencoders of known codes, what is written."""

import csv
import dataclasses
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import narrow, save_judge
from PIL import Image

from coursework import data
from coursework.cli import main as cli
from coursework.config.presets import PRESETS
from coursework.data import sprites
from coursework.evaluation.evaluate import evaluate
from coursework.metrics.codes import gaussian_mixture
from coursework.metrics.prior import SCALES, active_dimensions, discrepancy, kl_by_dimension, squared_discrepancy
from coursework.networks.saving import save_networks
from coursework.studies.aggregate_posterior import (
    COMPONENTS,
    SOURCES,
    draw_from_mixture,
    measure_posterior,
    run_aggregate_posterior,
    table,
)
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import write_text

pytest.importorskip("sklearn")
pytestmark = pytest.mark.backend

SIZE = 6


@pytest.fixture
def random():
    return np.random.default_rng(5)


# Discrepancy from the prior.


def kernel_of(squared, dimensions):
    return sum(2 * dimensions * scale / (2 * dimensions * scale + squared) for scale in SCALES)


def test_the_discrepancy_of_four_points_is_the_one_worked_out():
    x, y = np.array([[0.0], [2.0]]), np.array([[1.0], [4.0]])
    across = [kernel_of(squared, 1) for squared in (1, 16, 1, 4)]
    expected = kernel_of(4, 1) + kernel_of(9, 1) - 2 * np.mean(across)
    assert squared_discrepancy(x, y) == pytest.approx(expected, rel=1e-12)
    # Pairs of a row with itself, whose kernel is 1 at each scale, are left out.
    assert squared_discrepancy(x, x) == pytest.approx(kernel_of(4, 1) - len(SCALES), rel=1e-12)


def expected_kernel(shift, variance, dimensions):
    """Return E k of a difference from N(shift, variance I), by C / (C + r) = int_0^1 E[u^(r / C)] du, to 1e-9.

    With u = exp(-C t) the expectation of exp(-t r) is (1 + 2 t v)^(-d/2) exp(-t |shift|^2 / (1 + 2 t v)).
    """
    nodes, weights = np.polynomial.legendre.leggauss(400)
    u = (nodes + 1) / 2
    total = 0.0
    for scale in SCALES:
        t = -np.log(u) / (2 * dimensions * scale)
        spread = 1 + 2 * t * variance
        total += (weights / 2 * spread ** (-dimensions / 2) * np.exp(-t * shift**2 / spread)).sum()
    return total


@pytest.mark.parametrize("shift, deviation, dimensions", [(0.5, 1.0, 3), (0.0, 0.7, 20), (1.0, 1.5, 8)])
def test_the_discrepancy_of_gaussians_is_that_of_their_closed_form(random, shift, deviation, dimensions):
    expected = (
        expected_kernel(0, 2 * deviation**2, dimensions)
        + expected_kernel(0, 2, dimensions)
        - 2 * expected_kernel(shift, 1 + deviation**2, dimensions)
    )
    x = deviation * random.normal(size=(5000, dimensions)) + np.eye(dimensions)[0] * shift
    value, error = discrepancy(x, random.normal(size=(5000, dimensions)))
    assert 0 < error < expected / 10 and abs(value - expected) < 4 * error


def test_equal_distributions_have_none_of_either_sign(random):
    values, errors = zip(*(discrepancy(*random.normal(size=(2, 1000, 4))) for _ in range(8)), strict=True)
    assert min(values) < 0 < max(values) and abs(np.mean(values)) < 4 * np.mean(errors) / 8**0.5
    with pytest.raises(UserError, match="needs at least 4 feature rows"):
        discrepancy(*random.normal(size=(2, 3, 4)))


def test_kl_and_active_dimensions_have_closed_forms():
    mean, log_variance = np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]), np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    expected = [0, 0.5, 0.5 * (np.cosh(1) - 1)]
    assert kl_by_dimension(mean, log_variance) == pytest.approx(expected, abs=1e-12)
    assert active_dimensions(np.array([[0.0, 0.09, 0.11], [0.0, -0.09, -0.11]])) == 1


def test_a_mixture_draws_what_it_was_fitted_to_in_random_order(random):
    component = random.random(4000) < 0.25
    factor = np.array([[1.0, 0.8], [0.0, 0.6]])
    codes = 1e-3 * (np.where(component[:, None], [6.0, 0.0], [-2.0, 5.0]) + random.normal(size=(4000, 2)) @ factor)
    draws = draw_from_mixture(gaussian_mixture(2, 0), codes, 4000)
    right = draws[:, 0] > 2e-3
    assert draws.dtype == np.float32 and right.mean() == pytest.approx(0.25, abs=0.03)
    assert draws[right].mean(axis=0) == pytest.approx([6e-3, 0], abs=2e-4)
    assert np.cov(draws[~right].T) == pytest.approx(1e-6 * factor.T @ factor, abs=1e-7)
    assert right[:1000].mean() == pytest.approx(right[3000:].mean(), abs=0.08)


# Linear autoencoders, whose codes are known.


@pytest.fixture(scope="module")
def dataset():
    """Offer the data set "tiny": 200 training and 100 test images."""
    dataset = dataclasses.replace(sprites.load(train_per_class=50, test_per_class=25), name="tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.DATASETS, "tiny", lambda: dataset)
        yield dataset


def linear_run(name, dataset, scale=1.0, share=None):
    """Write a run that encodes images by their principal components, of variance `scale`^2 each, and return it.

    share: of the variance that the means of a variational encoder have; its posteriors have the rest.
    """
    flat = dataset.train_images.reshape(len(dataset.train_images), -1) / 127.5 - 1.0
    _, spread, directions = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    spread = spread[:SIZE] / len(flat) ** 0.5 / scale
    images, codes = keras.Input(dataset.image_shape), keras.Input((SIZE,))
    encode, decode = keras.layers.Dense(SIZE), keras.layers.Dense(flat.shape[1])
    outputs = encode(keras.layers.Flatten()(images))
    if share is not None:
        variance = keras.layers.Dense(SIZE, kernel_initializer="zeros")
        outputs = [outputs, variance(keras.layers.Flatten()(images))]
        variance.set_weights([variance.get_weights()[0], np.full(SIZE, np.log(1 - share))])
    decoder = keras.Model(codes, keras.layers.Reshape(dataset.image_shape)(decode(codes)))
    kernel = directions[:SIZE].T / spread * (1.0 if share is None else share**0.5)
    encode.set_weights([kernel, -flat.mean(axis=0) @ kernel])
    decode.set_weights([spread[:, None] * directions[:SIZE], flat.mean(axis=0)])
    run = Run(name)
    run.write_config(dataclasses.replace(narrow(PRESETS["acai" if share is None else "vae"], 1), dataset="tiny"))
    run.write_environment({"class_names": list(dataset.class_names)})
    save_networks(run.path, {"generator": decoder, "encoder": keras.Model(images, outputs)})
    return run


def quiet(line):
    """Report nothing."""


def test_codes_like_the_prior_are_found_to_be_so(in_tmp, dataset):
    judge = save_judge(dataset, "tiny")
    run = linear_run("like", dataset, share=0.36)
    row, codes, images = measure_posterior(run, report=quiet)
    assert codes.shape == (200, SIZE) and [len(images[name]) for name in SOURCES] == [100] * 4
    assert row["means"] == pytest.approx([0] * SIZE, abs=0.25)
    assert row["variances"] == pytest.approx([1] * SIZE, abs=0.35)
    # The means' variance .36 and the posteriors' .64 make one: of the KL only the logarithm is left.
    assert row["kls"] == pytest.approx([-0.5 * np.log(0.64)] * SIZE, rel=1e-4)
    assert row["kl"] == pytest.approx(sum(row["kls"]), rel=1e-5) and row["active"] == SIZE
    assert abs(row["mmd"]) < 5 * max(row["mmd_error"], row["mmd_floor_error"])
    assert row["fd_prior"] == pytest.approx(row["fd_gaussian"], rel=0.35)
    assert row["fd_floor"] < row["fd_reconstruction"]
    conditions = {key: row[key] for key in ("run", "model", "n", "codes", "seed", "extractor_sha256", "components")}
    assert list(conditions.values()) == ["like", "vae", 100, 200, 2020, judge.sha256, COMPONENTS]
    # Images of the prior and of the test split are those that `evaluate` scores.
    (record,) = evaluate(run, metrics=("fd",), report=quiet)
    assert row["fd_prior"] == pytest.approx(record["value"], rel=1e-6)
    assert row["fd_errors"]["prior"] == pytest.approx(record["error"], rel=1e-4)
    assert row["fd_floor"] == pytest.approx(record["floor"], rel=1e-6)


def test_what_the_prior_decodes_to_is_worse_where_codes_are_not_like_it(in_tmp, dataset):
    save_judge(dataset, "tiny")
    run, lines = linear_run("unlike", dataset, scale=0.05), []
    row, _, images = measure_posterior(run, samples=60, report=lines.append)
    assert row["variances"] == pytest.approx([0.0025] * SIZE, rel=1e-3) and row["active"] == 0
    assert row["kl"] is None and row["kls"] is None and row["n"] == 60
    assert row["mmd"] > 20 * row["mmd_error"] > 0 and abs(row["mmd_floor"]) < 0.2 * row["mmd"]
    assert max(row["fd_reconstruction"], row["fd_gaussian"], row["fd_mixture"]) < 0.5 * row["fd_prior"]
    # Twenty times too wide, the prior's latents leave hardly anything between black and white.
    extreme = {name: ((images[name] < 2) | (images[name] > 253)).mean() for name in SOURCES}
    assert extreme["prior"] > 0.7 > 0.2 > extreme["gaussian"]
    assert any(line.startswith("warning: 60 samples where 80 are wanted") for line in lines)


def test_rows_of_other_runs_stay_and_those_measured_again_are_replaced(in_tmp, dataset, capsys):
    save_judge(dataset, "tiny")
    linear_run("mine", dataset)
    other = {"run": "other", "kl": 12.5, "n": 7}
    write_text("out/scores.json", json.dumps([other, {"run": "mine", "n": 5}]))
    assert cli.main(["aggregate-posterior", "mine", "--samples", "80", "--folder", "out"]) == 0
    row, kept = json.loads(Path("out/scores.json").read_text())
    assert (row["run"], row["n"], kept) == ("mine", 80, other)
    shown = capsys.readouterr().out
    assert "\n".join(table([row])) in shown and f"{row['fd_prior']:.2f}" in table([row])[1]
    with open("out/table.csv", newline="") as file:
        header, *cells = csv.reader(file)
    assert [line[0] for line in cells] == ["mine", "other"]
    assert [line[header.index("KL from the prior, nats")] for line in cells] == ["", "12.5"]
    assert float(cells[0][header.index("FD-judge, N(0, I)")]) == pytest.approx(row["fd_prior"], rel=1e-5)
    with Image.open("out/mine.png") as figure:
        assert figure.width == 1340


def test_a_damaged_file_of_scores_is_named_before_anything_is_measured(in_tmp, dataset):
    write_text("out/scores.json", "{}")
    with pytest.raises(UserError, match="should hold a JSON list of objects: remove it"):
        run_aggregate_posterior([Run("none")], folder="out", report=quiet)


def test_what_is_missing_is_named(in_tmp, dataset, refused, monkeypatch):
    run = linear_run("linear", dataset)
    assert refused("aggregate-posterior").startswith("no trained autoencoder: train one with")
    assert refused("aggregate-posterior", "linear").startswith("no judge for tiny: train one with")
    save_judge(dataset, "tiny")
    assert refused("aggregate-posterior", "linear", "--samples", "101") == (
        "tiny:test holds 100 images, fewer than the 101 wanted"
    )
    run.network("encoder").unlink()
    assert refused("aggregate-posterior", "linear").startswith("linear has no encoder.keras")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "sklearn.mixture", None)
        assert refused("aggregate-posterior", "linear").startswith('this needs scikit-learn: pip install -e ".[')
    run.write_config(dataclasses.replace(PRESETS["gan"], dataset="tiny"))
    assert refused("aggregate-posterior", "linear").endswith("is of a model without codes: gan is no autoencoder")
