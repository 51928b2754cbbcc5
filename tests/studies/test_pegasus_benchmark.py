"""The benchmark of strategies: every one gets its row, told by a judge that has seen true pegasi."""

import functools
import json
import sys
import types

import numpy
import pytest
from conftest import narrow
from PIL import Image

from coursework import data
from coursework.config.presets import CONDITIONAL_SNGAN_DEMO
from coursework.data import sprites
from coursework.extractors import judge_training as judging
from coursework.metrics.frechet import frechet_distance
from coursework.pegasus import truth, winged_training, witness_training
from coursework.pegasus.collages import dataset as collages
from coursework.pegasus.collages import selection
from coursework.pegasus.ranking import choose_batch
from coursework.pegasus.scores import CandidateScores
from coursework.pegasus.strategies import STRATEGIES, kind_of
from coursework.studies import pegasus_benchmark as benchmark
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import sha256


@pytest.mark.slow
def test_every_strategy_has_a_row_and_nothing_is_made_twice(in_tmp, monkeypatch):
    monkeypatch.setitem(data.DATASETS, "sprites", lambda: sprites.load(train_per_class=96, test_per_class=40))
    drawers = set()
    draw = sprites.pegasi

    def recorded(count, seed):
        drawers.add(sys._getframe(1).f_globals["__name__"])
        return draw(count, seed)

    monkeypatch.setattr(sprites, "pegasi", recorded)
    for module in (judging, witness_training):
        monkeypatch.setattr(module, "FEWEST_UPDATES", 6)
    monkeypatch.setattr(witness_training, "WIDTHS", {"witness": 4, "second": 4})
    monkeypatch.setattr(truth, "WIDTH", 4)
    monkeypatch.setattr(benchmark, "TRUE_COUNT", 96)
    monkeypatch.setattr(benchmark, "COLLAGES", 40)
    # A judge of so few images is sure of none: bodies and wings are chosen by their outlines alone.
    for module in (collages, winged_training):
        monkeypatch.setattr(module, "find_judge", lambda dataset: None)
    monkeypatch.setattr(selection, "FEWEST_WINGS", 1)
    small = functools.partial(winged_training.train_winged_judge, epochs=1, width=4, count=60, progress=False)
    for name, value in (("train_winged_judge", small), ("MEASURED", 40)):
        monkeypatch.setattr(winged_training, name, value)
    monkeypatch.setattr(benchmark, "MEASURED", 40)
    presets = [narrow(config, epochs=2) for config in benchmark.PRESETS]
    lines = []
    rows = benchmark.run_benchmark(in_tmp / "b", pool=64, presets=presets, report=lines.append, epochs=1)
    # A quick look leaves what was made in earnest alone.
    quick = in_tmp / "b" / "epochs-1"
    assert {path.name for path in (in_tmp / "b").iterdir()} == {"epochs-1", "truth", "collages"}
    judge, witness, winged = (
        json.loads((in_tmp / f"reports/judges/sprites/{n}.json").read_text()) for n in ("judge", "witness", "winged")
    )
    assert witness["judge_sha256"] == judge["sha256"]
    assert {run.read_config().epochs for run in Run.all(quick / "runs")} == {1}
    kinds = [kind_of(Run(quick / "runs" / config.preset)) for config in presets]
    # Codes of the VAE are vectors, which have no places.
    expected = sum(kinds.count(strategy.kind) for strategy in STRATEGIES.values()) - 1
    assert len(rows) == expected and {row["strategy"] for row in rows} == set(STRATEGIES)
    content = json.loads((quick / "table.json").read_text())
    assert content["witness_sha256"] == witness["sha256"] and content["seed"] == 0
    assert content["epochs"] == {config.preset: 1 for config in presets}
    for name, weights in content["weights"].items():
        assert weights == sha256(quick / "runs" / name / "generator.keras")
    assert content["rows"] == rows and content["floor"] > 0 and content["ceiling"] > 0
    assert set(content["false_positive_rates"]) >= {"horse", "bird", "horse blend", "blurred", "all"}
    assert {name: content["winged_judge"][name] for name in ("sha256", "auc", "robust_auc")} == {
        name: winged[name] for name in ("sha256", "auc", "robust_auc")
    }
    assert 0 <= content["winged_judge"]["truth_robust_auc"] < content["winged_judge"]["truth_auc"] <= 1
    # True pegasi are seen by the judge of truth, and by the benchmark to compare with, and by nothing else.
    assert drawers == {"coursework.pegasus.truth", "coursework.studies.pegasus_benchmark"}
    for row in rows:
        assert 0 < row["recognisability_winged"] < 1
        assert row["candidates"] == 64 and row["frechet"] > 0
        # Of 64 candidates the 64 ranked highest are all of them.
        assert row["share"] == row["share_top"] == row["share_batch"]
    assert Image.open(quick / "best.png").height > 60 * len(rows)
    text = (quick / "table.txt").read_text()
    floors = f"have {content['floor']:.2f}, 64 of them {content['floor_top']:.2f}"
    assert f"{floors}, horses {content['ceiling']:.2f}" in " ".join(text.split())
    shares = [float(line.split("%")[1]) for line in text.splitlines()[1 : len(rows) + 1]]
    assert shares == sorted(shares, reverse=True)
    before = len(lines)
    again = benchmark.run_benchmark(in_tmp / "b", 64, 0, presets, lines.append, epochs=1)
    # The seconds too: those of making the candidates, not of finding them.
    assert again == rows and all(row["seconds"] > 0 for row in rows)
    assert not any("Epoch" in line for line in lines[before:])


def test_a_row_tells_all_the_highest_ranked_and_the_batch_apart(monkeypatch):
    monkeypatch.setattr(benchmark, "COUNT", 2)
    features = numpy.random.default_rng(0).standard_normal((4, 40, 2))
    measure = types.SimpleNamespace(
        truth=types.SimpleNamespace(pegasus=lambda images: numpy.array([0.9, 0.8, 0.2, 0.6, 0.1])),
        features={"true": features[0]},
        _features=lambda images: features[1],
    )
    ones = numpy.ones(5)
    belief, other = numpy.array([0.1, 0.9, 0.8, 0.7, 0.6]), numpy.array([0.0, 0.5, 0.25, 0.1, 0.1])
    # The second in the ranking is a copy of the first, the third is not.
    places = numpy.array([[9.0, 0], [0, 0], [0, 0], [5, 0], [7, 0]])
    scores = CandidateScores(belief, ones, ones)
    appraisal = types.SimpleNamespace(
        scores=scores,
        winged=belief / 2,
        batch=lambda indices, count, ranking: indices[choose_batch(ranking, [(places, 1.0)], count)],
    )
    second = types.SimpleNamespace(scores=CandidateScores(other, ones, ones))
    row = benchmark._Truth.row(measure, numpy.zeros((5, 1)), appraisal, scores, second)
    assert row == {
        "share": pytest.approx(0.6),
        "share_top": 0.5,
        "share_batch": 1.0,
        "frechet": pytest.approx(frechet_distance(features[1], features[0])),
        # Of the two ranked highest.
        "frechet_top": pytest.approx(frechet_distance(features[1][[1, 2]], features[0])),
        "recognisability": pytest.approx(0.62),
        "recognisability_second": pytest.approx(0.19),
        "recognisability_top_second": pytest.approx(0.375),
        "recognisability_winged": pytest.approx(0.31),
    }


def test_too_few_candidates_are_told_before_anything_is_trained(in_tmp):
    with pytest.raises(UserError, match="the 64 candidates ranked highest: 32 are too few"):
        benchmark.run_benchmark(in_tmp / "b", pool=32)
    assert not (in_tmp / "b").exists()


def test_the_benchmark_s_pegasi_are_of_seeds_that_nothing_else_draws():
    seeds = {benchmark.TRUE_SEED, benchmark.FLOOR_SEED, truth.TRAINING_SEED, truth.HELD_OUT_SEED}
    assert len(seeds) == 4
    one, other = (sprites.pegasi(4, seed) for seed in (benchmark.TRUE_SEED, benchmark.FLOOR_SEED))
    assert not numpy.array_equal(one, other)
    assert CONDITIONAL_SNGAN_DEMO.model.name in {config.model.name for config in benchmark.PRESETS}
