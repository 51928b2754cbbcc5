"""The PyTorch twin of a run: its start, its resume, its samples, its place in the table."""

import dataclasses
import json

import numpy
import pytest

pytest.importorskip("torch")

import torch
from report_runs import full_run

from benchmarks import peers, torch_networks
from coursework.config.presets import PRESETS
from coursework.data.dataset import Dataset
from coursework.training.run import Run
from coursework.util.errors import UserError


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


def scored(folder, value, seconds=56.7, images=6_400_000, settings=None, **record):
    """Write what the table reads of a run or a twin."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "environment.json").write_text(json.dumps({"images_seen": images, "processor_seconds": seconds}))
    own = {"name": "fd_judge", "extractor": "judge", "value": value, "error": 0.0432, "n": 10_000}
    (folder / "metrics.json").write_text(json.dumps([own | {"extractor_sha256": "a" * 64} | record]))
    seed = int(folder.name[-1])
    (folder / "config.json").write_text((settings or config()).to_json().replace('"seed": 0', f'"seed": {seed}'))


def pair(name, value, other, **settings):
    scored(peers.FOLDER / "runs" / name, value, **settings)
    scored(peers.FOLDER / name, other)


def test_the_table_sets_a_run_beside_its_twin(in_tmp):
    """One seed has its own error; several have theirs, whether runs stand in reports/runs or beside the twins."""
    scored(in_tmp / "reports" / "runs" / "gan-cifar10-s0", 4.3)
    scored(peers.FOLDER / "gan-cifar10-s0", 5.4321)
    for seed, (value, other) in enumerate(((4.0, 7.0), (5.0, 5.0), (6.0, 6.0))):
        pair(f"sngan-64-s{seed}", value, other, seconds=60.0 * seed)
    header, *rows = peers.table()
    assert header[:7] == ["run", "by", "seeds", "images", "processor minutes", "FD-judge", "FD-judge, standard error"]
    assert len(set(header)) == len(header) == 11
    assert rows[0] == ["gan-cifar10", "here", "1", "6400000", "0.9", "4.3000", "0.0432", *[""] * 4]
    assert rows[1] == ["gan-cifar10", "PyTorch", "1", "6400000", "0.9", "5.4321", "0.0432", *[""] * 4]
    assert rows[2][:7] == ["sngan-64", "here", "3", "6400000", "1.0", "5.0000", "0.5774"]
    assert rows[3][:7] == ["sngan-64", "PyTorch", "3", "6400000", "0.9", "6.0000", "0.5774"]


def test_only_scores_under_equal_conditions_are_compared(in_tmp):
    """Of the last weights, of as many samples: others of the same run are passed over."""
    pair("gan-64-s0", 4.0, 5.0)
    file = peers.FOLDER / "runs" / "gan-64-s0" / "metrics.json"
    (own,) = json.loads(file.read_text())
    others = [
        own | {"value": 99.0} | other for other in ({"weights": "best"}, {"n": 2_000}, {"extractor": "inception"})
    ]
    file.write_text(json.dumps([*others, own | {"weights": "last"}]))
    assert [row[5] for row in peers.table()[1:]] == ["4.0000", "5.0000"]
    file.write_text(json.dumps(others))
    assert [row[5] for row in peers.table()[1:]] == ["", "5.0000"]


@pytest.mark.parametrize("folder", ["runs/sngan-64-s1", "sngan-64-s1"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        # Neither the mean of a longer and a shorter training nor one beside the other is a comparison.
        ({"images": 50}, "sngan-64: 50 and 6400000 images make no pair: train the rest"),
        (
            {"settings": config(horizontal_flips=True)},
            "sngan-64: horizontal_flips is False in .*s0, True in .*s1: they",
        ),
        ({"extractor_sha256": "b" * 64}, "sngan-64: scored by 2 judges: evaluate its runs again, then"),
    ],
)
def test_what_was_trained_or_scored_otherwise_is_no_pair(in_tmp, monkeypatch, folder, settings, message):
    for seed in range(2):
        pair(f"sngan-64-s{seed}", 5.0, 5.0)
    scored(peers.FOLDER / folder, 5.0, **settings)
    monkeypatch.setattr("sys.argv", ["peers", "--show"])
    with pytest.raises(SystemExit, match=f"^peers: {message}"):
        peers.main()
    assert not (in_tmp / "reports" / "peers" / "table.csv").exists()
    # How often a run looks at itself makes no other training.
    scored(peers.FOLDER / folder, 5.0, settings=config(score_every=1))
    assert len(peers.table()) == 3


def test_the_table_is_kept(in_tmp, capsys, monkeypatch):
    pair("gan-64-s0", 4.0, 5.4321)
    monkeypatch.setattr("sys.argv", ["peers", "--show"])
    peers.main()
    assert capsys.readouterr().out.splitlines()[2].split() == [
        *("gan-64", "PyTorch", "1", "6400000", "0.9", "5.4321", "0.0432")
    ]
    assert (in_tmp / "reports" / "peers" / "table.csv").read_text().startswith("run,by,seeds,images,")


def changed(**settings):
    """Return a GAN's configuration with these settings, each under its name on the command line."""
    found = config()
    for key, text in settings.items():
        found = found.with_setting(key.replace("__", "."), text)
    return found


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"augmentations": "cutout"}, "model.augmentations"),
        ({"real_high": "1.2"}, "model.labels"),
        ({"packing": "2"}, "model.packing"),
        ({"unrolled_steps": "1"}, "model.unrolled_steps"),
        ({"head_start": "9"}, "model.head_start"),
        ({"generator_optimizer__name": "sgd"}, "model.generator_optimizer.name"),
        ({"discriminator_optimizer__name": "sgd"}, "model.discriminator_optimizer.name"),
        ({"generator_normalization": "instance"}, "network.generator_normalization"),
        ({"discriminator_normalization": "layer"}, "network.discriminator_normalization"),
        ({"classes": "horse"}, "classes"),
    ],
)
def test_a_run_whose_settings_a_twin_would_lack_has_none(in_tmp, settings, name):
    scored(peers.FOLDER / "runs" / "gan-64-s0", 4.0, settings=changed(**settings))
    with pytest.raises(UserError, match=f"gan-64-s0 has no twin, which would lack its {name}$"):
        peers.compare(Run(peers.FOLDER / "runs" / "gan-64-s0"))
    assert not (peers.FOLDER / "gan-64-s0").exists()


def test_a_run_without_its_own_score_is_told_before_its_twin_is_trained(in_tmp):
    scored(peers.FOLDER / "runs" / "gan-64-s0", 4.0, n=2_000)
    with pytest.raises(
        UserError, match="s0 has no FD-judge of 10,000 samples: python -m coursework evaluate .*s0 --met"
    ):
        peers.compare(Run(peers.FOLDER / "runs" / "gan-64-s0"))


def test_a_twin_goes_on_only_from_the_beginning_of_its_own_training(in_tmp, dataset, monkeypatch):
    """More epochs are gone on to; another seed is another training, from its start."""
    run, folder = Run(peers.FOLDER / "runs" / "gan-64-s0"), peers.FOLDER / "gan-64-s0"
    monkeypatch.setattr(peers, "load_dataset", lambda *arguments: dataset)
    monkeypatch.setattr(peers, "sample", lambda trainer: dataset.test_images)
    measured = []

    def measure(*arguments):
        measured.append(arguments)
        return [record | {"extractor_sha256": judge}]

    record, judge = {"name": "fd_judge", "extractor": "judge", "n": 10_000, "value": 1.0}, "a" * 64
    monkeypatch.setattr(peers, "measure", measure)
    logs = []
    for settings in ({"epochs": 1}, {"epochs": 1}, {"epochs": 2}, {"epochs": 2, "seed": 5}):
        scored(run.path, 4.0)
        run.write_config(config(**settings))
        peers.compare(run)
        logs.append((folder / "log.csv").read_text().splitlines())
    assert [len(log) for log in logs] == [2, 2, 3, 3] and logs[0] == logs[1] == logs[2][:2] and len(measured) == 3
    assert logs[3][1].split(",")[:3] != logs[2][1].split(",")[:3]
    # Another judge is another score of the same twin.
    judge = "b" * 64
    scored(run.path, 4.0, extractor_sha256=judge)
    run.write_config(config(epochs=2, seed=5))
    peers.compare(run)
    assert len(measured) == 4 and (folder / "log.csv").read_text().splitlines() == logs[3]
    # Another width would not fit the state.
    network = dataclasses.replace(config().network, generator_width=16)
    run.write_config(dataclasses.replace(config(), network=network))
    peers.compare(run)
    assert json.loads((folder / "environment.json").read_text())["epochs_done"] == 2


def test_models_without_a_twin_are_refused(in_tmp):
    full_run(in_tmp / "reports", "vae-cifar10-s0", "vae")
    with pytest.raises(UserError, match="only GAN and SNGAN have a twin, not vae"):
        peers.compare(Run.existing("vae-cifar10-s0"))
