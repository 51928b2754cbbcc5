"""Pegasus by interpolation: evidence in closed form, the right side of the mix, choice by rule, images made again."""

import dataclasses
import json

import numpy
import pytest
from PIL import Image

from coursework.data import sprites
from coursework.errors import UserError
from coursework.metrics.judge import Judge, build, class_fingerprints, extract, judge_folder, save
from coursework.models import build_model
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.evidence import evidence
from coursework.pegasus.interpolation import BODY_SHARE, interpolation
from coursework.pegasus.making import autoencoder_runs, make_pegasi
from coursework.presets import PRESETS
from coursework.run import Run
from coursework.sampling import TrainedRun
from coursework.training import save_trained

NAMES = ("airplane", "bird", "deer", "horse")
SMALL = {"vae": {"latent_size": 6, "width": 4}, "acai": {"depth": 2, "latent_channels": 2}}


def log(*beliefs):
    return numpy.log(numpy.array([beliefs]))


def test_evidence_is_twice_the_geometric_mean_of_both_beliefs():
    assert evidence(log(0.1, 0.2, 0.1, 0.6), NAMES, "horse", ("bird",)) == pytest.approx(2 * (0.6 * 0.2) ** 0.5)
    both = evidence(log(0.1, 0.2, 0.1, 0.6), NAMES, "horse", ("bird", "airplane"))
    assert both == pytest.approx(2 * (0.6 * 0.3) ** 0.5)


def test_evidence_is_one_for_an_even_split_and_none_where_one_is_missing():
    assert evidence(log(1e-12, 0.5, 1e-12, 0.5), NAMES, "horse", ("bird",)) == pytest.approx(1, abs=1e-9)
    assert evidence(log(1e-12, 1e-12, 1e-12, 1.0), NAMES, "horse", ("bird",)) == pytest.approx(0, abs=1e-5)
    # Adding a constant to all logits changes no belief.
    assert evidence(log(0.1, 0.2, 0.1, 0.6) + 800, NAMES, "horse", ("bird",)) == pytest.approx(0.6928, abs=1e-4)


def test_evidence_of_an_unknown_class_is_refused():
    with pytest.raises(UserError, match="knows no class dragon"):
        evidence(log(0.25, 0.25, 0.25, 0.25), NAMES, "horse", ("dragon",))


def test_joined_candidates_keep_their_order_and_latents_of_one_shape():
    def part(count, size, start):
        images = numpy.arange(start, start + count, dtype=numpy.uint8).reshape(count, 1, 1, 1)
        return Candidates(images, numpy.full((count, size), start, numpy.float32), [{"index": i} for i in range(count)])

    joined = Candidates.join([part(2, 3, 0), part(3, 3, 10)])
    assert joined.images.ravel().tolist() == [0, 1, 10, 11, 12] and joined.latents.shape == (5, 3)
    assert Candidates.join([part(2, 3, 0), part(3, 4, 10)]).latents.shape == (5, 0)
    chosen = joined.take(numpy.array([4, 0]))
    assert chosen.images.ravel().tolist() == [12, 0] and chosen.origins == [{"index": 2}, {"index": 0}]


def write_run(name, dataset):
    """Write an untrained autoencoder of sprites as `train` would leave it."""
    config = dataclasses.replace(
        PRESETS[name], dataset="sprites", network=dataclasses.replace(PRESETS[name].network, **SMALL[name])
    )
    run = Run(f"reports/runs/{name}")
    run.write_config(config)
    save_trained(run.path, build_model(config, dataset.image_shape, 1), dataset)
    return run


@pytest.fixture
def world(in_tmp, monkeypatch):
    """A working folder with a judge and runs of both autoencoders, all untrained; return the runs and the judge."""
    dataset = sprites.load(train_per_class=12, test_per_class=4)
    for module in ("coursework.data", "coursework.pegasus.making"):
        monkeypatch.setattr(f"{module}.load_dataset", lambda name, classes=(): dataset)
    judge = Judge(
        model=build(dataset.image_shape, 4, width=4),
        dataset="sprites",
        fingerprint=dataset.fingerprint,
        class_names=dataset.class_names,
        class_fingerprints=class_fingerprints(dataset),
        width=4,
        epochs=1,
        seed=0,
        seconds=0.0,
        accuracy=0.25,
        sha256="",
    )
    judge = save(judge, judge_folder("sprites"))
    return dataset, judge, [write_run(name, dataset) for name in ("acai", "vae")]


def test_candidates_lie_between_their_two_codes_on_the_side_of_the_body(world):
    dataset, _, runs = world
    for run in runs:
        trained = TrainedRun(run)
        found = interpolation(trained, dataset, "horse", ("bird", "airplane"), 12, seed=5)
        shares = [origin["body"]["share"] for origin in found.origins]
        assert BODY_SHARE[0] == 0.5 and min(shares) >= 0.5 and max(shares) <= BODY_SHARE[1]
        assert {origin["wings"]["class"] for origin in found.origins} == {"bird", "airplane"}
        for latent, origin in zip(found.latents, found.origins, strict=True):
            body, wings = origin["body"]["train_index"], origin["wings"]["train_index"]
            assert dataset.class_names[dataset.train_labels[body]] == "horse"
            assert dataset.class_names[dataset.train_labels[wings]] == origin["wings"]["class"]
            ends = trained.encode(dataset.train_images[[body, wings]])
            share = origin["body"]["share"]
            assert latent == pytest.approx(share * ends[0] + (1 - share) * ends[1], abs=2e-3)


def test_the_kept_are_those_with_the_most_evidence_and_come_out_alike_again(world, in_tmp):
    dataset, judge, runs = world
    records = make_pegasi(runs, count=4, seed=1, folder=in_tmp / "first", report=lambda line: None)
    make_pegasi(runs, count=4, seed=1, folder=in_tmp / "second", report=lambda line: None)
    for name in ("pegasus.png", "batch.png", "pegasus.json"):
        assert (in_tmp / "first" / name).read_bytes() == (in_tmp / "second" / name).read_bytes()
    assert json.loads((in_tmp / "first" / "pegasus.json").read_text()) == records
    # 16 candidates a kept image, shared equally between the runs, the second on the next seed.
    pools = [
        interpolation(TrainedRun(run), dataset, "horse", ("bird", "airplane"), 32, 1 + i) for i, run in enumerate(runs)
    ]
    images = numpy.concatenate([pool.images for pool in pools])
    values = evidence(extract(judge, images)["logits"], judge.class_names, "horse", ("bird", "airplane"))
    best = sorted(values, reverse=True)[:4]
    assert [record["scores"]["evidence"] for record in records] == pytest.approx(best, abs=1e-5)
    assert [record["rank"] for record in records] == [1, 2, 3, 4] and records[0]["candidates"] == 64
    written = numpy.asarray(Image.open(in_tmp / "first" / "pegasus.png"))
    assert numpy.array_equal(written, images[int(numpy.argmax(values))])
    other = make_pegasi(runs, count=4, seed=2, folder=in_tmp / "third", report=lambda line: None)
    assert other != records


def test_mistakes_are_named(world, in_tmp):
    _, _, runs = world
    with pytest.raises(UserError, match="no run of an autoencoder"):
        make_pegasi([])
    with pytest.raises(UserError, match="has no class unicorn"):
        make_pegasi(runs, body="unicorn", count=2, folder=in_tmp / "p", report=lambda line: None)
    gan = Run("reports/runs/gan")
    gan.write_config(dataclasses.replace(PRESETS["gan"], dataset="sprites"))
    with pytest.raises(UserError, match="has no encoder.keras"):
        make_pegasi([gan], count=2, folder=in_tmp / "p", report=lambda line: None)
    gan.write_config(PRESETS["gan"])
    with pytest.raises(UserError, match="several data sets"):
        make_pegasi([*runs, gan])
    assert [run.name for run in autoencoder_runs(Run.all(), "sprites")] == ["acai", "vae"]
    assert autoencoder_runs(Run.all(), "cifar10") == []
