"""The PyTorch twin of a run: its start, its resume, its samples, its place in the table."""

import dataclasses
import json

import numpy
import pytest

pytest.importorskip("torch")

import torch
from report_runs import full_run

from benchmarks import peers, torch_networks
from coursework.data.dataset import Dataset
from coursework.errors import UserError
from coursework.presets import PRESETS
from coursework.run import Run


def config(preset="gan", epochs=2, **settings):
    base = PRESETS[preset]
    network = dataclasses.replace(base.network, latent_size=4, generator_width=32, discriminator_width=16)
    return dataclasses.replace(base, network=network, epochs=epochs, batch_size=4, dataset="x", **settings)


@pytest.fixture
def dataset():
    generator = numpy.random.default_rng(0)
    images = generator.integers(0, 256, (14, 32, 32, 3), dtype=numpy.uint8)
    labels = numpy.zeros(14, numpy.int64)
    return Dataset.from_arrays("x", images, labels, images[:4], labels[:4], ("a",))


def decaying(base):
    rate = dataclasses.replace(base.model.generator_optimizer, decay="linear")
    return dataclasses.replace(
        base, model=dataclasses.replace(base.model, generator_optimizer=rate, discriminator_optimizer=rate)
    )


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch's threads wait by spinning, which beside other tests is slow."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["gan", "sngan"])
def test_a_twin_goes_on_where_it_stopped(preset, dataset, tmp_path):
    """Two epochs at once, and one by one: equal weights, averages, slots, samples and log, bit for bit."""
    whole = decaying(config(preset))
    at_once = peers.train(whole, tmp_path / "whole", dataset)
    # The first half of the same schedule, as a killed process leaves it.
    (tmp_path / "half").mkdir()
    stopped = [(tmp_path / "whole" / name).read_text() for name in ("log.csv", "environment.json")]
    first = peers.TRAINERS[whole.model.name]
    steps = len(dataset.train_images) // whole.images_per_step
    torch.manual_seed(whole.seed)
    trainer = first(whole, steps * whole.epochs)
    peers.initialize(trainer.networks, whole.seed)
    batches = peers.Batches(dataset.train_images, whole.images_per_step, whole.seed)
    for index in range(len(batches)):
        trainer.step(batches[index][0])
    peers.save(tmp_path / "half" / "state.npz", trainer, 1)
    (tmp_path / "half" / "log.csv").write_text("\n".join(stopped[0].splitlines()[:2]) + "\n")
    (tmp_path / "half" / "environment.json").write_text(stopped[1])
    resumed = peers.train(whole, tmp_path / "half", dataset)
    found, expected = peers.tensors(resumed), peers.tensors(at_once)
    assert set(found) == set(expected) and len(found) > 30
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    numpy.testing.assert_array_equal(peers.sample(resumed, 8), peers.sample(at_once, 8))
    logs = [
        [line.split(",")[:3] for line in (tmp_path / name / "log.csv").read_text().split()]
        for name in ("half", "whole")
    ]
    assert logs[0] == logs[1] and len(logs[0]) == 3
    environment = json.loads((tmp_path / "half" / "environment.json").read_text())
    assert environment["epochs_done"] == 2 and environment["images_seen"] == 2 * 12


def test_initial_weights_are_those_of_the_paper():
    networks = torch_networks.build(PRESETS["sngan"])
    peers.initialize(networks, 0)
    for network in networks.values():
        for name, value in network.named_parameters():
            value = value.detach()
            if value.dim() > 1:
                assert float(value.std()) == pytest.approx(0.02, rel=0.1), name
                assert abs(float(value.mean())) < 0.003
            elif "normalization" not in name:
                assert float(value.abs().max()) == 0, name
    norms = [float(value.norm()) for name, value in networks["discriminator"].named_buffers() if name.endswith("u")]
    assert len(norms) == 8 and norms == pytest.approx([1] * 8)


def test_samples_are_of_the_moving_average(dataset, tmp_path):
    trainer = peers.train(config(epochs=1), tmp_path / "run", dataset)
    floating = [value for value in trainer.networks["generator"].state_dict().values() if value.is_floating_point()]
    for average in trainer.average:
        average.zero_()
    images = peers.sample(trainer, 5)
    # All weights zero: tanh of 0 is grey.
    assert images.shape == (5, 32, 32, 3) and images.dtype == numpy.uint8
    assert set(numpy.unique(images)) <= {127, 128}
    assert len(trainer.average) == len(floating)


def twin(folder, value, seconds=56.7, images=6_400_000):
    folder.mkdir(parents=True)
    (folder / "environment.json").write_text(json.dumps({"images_seen": images, "processor_seconds": seconds}))
    record = {"name": "fd_judge", "extractor": "judge", "value": value, "error": 0.0432}
    (folder / "metrics.json").write_text(json.dumps([record]))


def test_the_table_sets_a_run_beside_its_twin(in_tmp):
    """One seed has its own error; several have theirs, whether runs stand in reports/runs or beside the twins."""
    full_run(in_tmp / "reports", "gan-cifar10-s0", "gan")
    twin(peers.FOLDER / "gan-cifar10-s0", 5.4321)
    for seed, (value, other) in enumerate(((4.0, 7.0), (5.0, 5.0), (6.0, 6.0))):
        twin(peers.FOLDER / "runs" / f"sngan-64-s{seed}", value, 60.0 * seed)
        (peers.FOLDER / "runs" / f"sngan-64-s{seed}" / "config.json").write_text("{}")
        twin(peers.FOLDER / f"sngan-64-s{seed}", other)
    header, *rows = peers.table()
    assert header[:7] == ["run", "by", "seeds", "images", "processor minutes", "FD-judge", "FD-judge, standard error"]
    assert len(set(header)) == len(header) == 11
    ours = next(each for each in Run.existing("gan-cifar10-s0").read_metrics() if each["name"] == "fd_judge")
    assert rows[0][:2] == ["gan-cifar10", "here"] and rows[0][5:7] == [f"{ours[key]:.4f}" for key in ("value", "error")]
    assert rows[1] == ["gan-cifar10", "PyTorch", "1", "6400000", "0.9", "5.4321", "0.0432", *[""] * 4]
    assert rows[2][:7] == ["sngan-64", "here", "3", "6400000", "1.0", "5.0000", "0.5774"]
    assert rows[3][:7] == ["sngan-64", "PyTorch", "3", "6400000", "0.9", "6.0000", "0.5774"]


@pytest.mark.parametrize("folder", ["runs/sngan-64-s1", "sngan-64-s1"])
def test_what_has_seen_fewer_images_is_no_pair(in_tmp, capsys, monkeypatch, folder):
    """Neither the mean of a longer and a shorter training nor one beside the other is a comparison."""
    for seed in range(2):
        for place in (f"runs/sngan-64-s{seed}", f"sngan-64-s{seed}"):
            twin(peers.FOLDER / place, 5.0, images=50 if place == folder else 100)
        (peers.FOLDER / "runs" / f"sngan-64-s{seed}" / "config.json").write_text("{}")
    monkeypatch.setattr("sys.argv", ["peers", "--show"])
    with pytest.raises(SystemExit, match="^peers: sngan-64: 50 and 100 images make no pair: train the rest$"):
        peers.main()
    assert not (in_tmp / "reports" / "peers" / "table.csv").exists()


def test_the_table_is_kept(in_tmp, capsys, monkeypatch):
    full_run(in_tmp / "reports", "gan-cifar10-s0", "gan")
    twin(peers.FOLDER / "gan-cifar10-s0", 5.4321)
    monkeypatch.setattr("sys.argv", ["peers", "--show"])
    peers.main()
    assert capsys.readouterr().out.splitlines()[2].split()[:7] == [
        *("gan-cifar10", "PyTorch", "1", "6400000", "0.9", "5.4321", "0.0432")
    ]
    assert (in_tmp / "reports" / "peers" / "table.csv").read_text().startswith("run,by,seeds,images,")


def test_models_without_a_twin_are_refused(in_tmp):
    full_run(in_tmp / "reports", "vae-cifar10-s0", "vae")
    with pytest.raises(UserError, match="only GAN and SNGAN have a twin, not vae"):
        peers.compare(Run.existing("vae-cifar10-s0"))
