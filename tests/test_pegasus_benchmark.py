"""The benchmark of strategies: every one gets its row, told by a judge that has seen true pegasi."""

import json

import numpy
import pytest
from conftest import narrow
from PIL import Image

from coursework import data, judging
from coursework import pegasus_benchmark as benchmark
from coursework.data import sprites
from coursework.pegasus import truth, witness_training
from coursework.pegasus.strategies import STRATEGIES, kind_of
from coursework.presets import CONDITIONAL_SNGAN_DEMO
from coursework.run import Run


@pytest.mark.slow
def test_every_strategy_has_a_row_and_nothing_is_made_twice(in_tmp, monkeypatch):
    monkeypatch.setitem(data.DATASETS, "sprites", lambda: sprites.load(train_per_class=96, test_per_class=40))
    for module in (judging, witness_training):
        monkeypatch.setattr(module, "FEWEST_UPDATES", 6)
    monkeypatch.setattr(witness_training, "WIDTHS", {"witness": 4, "second": 4})
    monkeypatch.setattr(truth, "WIDTH", 4)
    monkeypatch.setattr(benchmark, "TRUE_COUNT", 96)
    presets = [narrow(config, epochs=2) for config in benchmark.PRESETS]
    lines = []
    rows = benchmark.run_benchmark(in_tmp / "b", pool=64, presets=presets, report=lines.append, epochs=1)
    judge, witness = (
        json.loads((in_tmp / f"reports/judges/sprites/{n}.json").read_text()) for n in ("judge", "witness")
    )
    assert witness["judge_sha256"] == judge["sha256"]
    assert {run.read_config().epochs for run in Run.all(in_tmp / "b" / "runs")} == {1}
    kinds = [kind_of(config) for config in presets]
    # Codes of the VAE are vectors, which have no places.
    expected = sum(kinds.count(strategy.kind) for strategy in STRATEGIES.values()) - 1
    assert len(rows) == expected and {row["strategy"] for row in rows} == set(STRATEGIES)
    content = json.loads((in_tmp / "b/table.json").read_text())
    assert content["rows"] == rows and content["floor"] > 0 and content["ceiling"] > 0
    assert set(content["false_positive_rates"]) >= {"horse", "bird", "horse blend", "blurred", "all"}
    for row in rows:
        assert row["candidates"] == 64 and row["frechet"] > 0
        # Of 64 candidates the 64 ranked highest are all of them.
        assert row["share"] == row["share_top"] == row["share_batch"]
    assert Image.open(in_tmp / "b/best.png").height > 60 * len(rows)
    text = (in_tmp / "b/table.txt").read_text()
    assert f"have {content['floor']:.2f}, horses {content['ceiling']:.2f}" in text
    shares = [float(line.split("%")[1]) for line in text.splitlines()[1 : len(rows) + 1]]
    assert shares == sorted(shares, reverse=True)
    before = len(lines)
    again = benchmark.run_benchmark(in_tmp / "b", 64, 0, presets, lines.append, epochs=1)
    # The seconds too: those of making the candidates, not of finding them.
    assert again == rows and all(row["seconds"] > 0 for row in rows)
    assert not any("Epoch" in line for line in lines[before:])


def test_the_benchmark_s_pegasi_are_of_seeds_that_nothing_else_draws():
    seeds = {benchmark.TRUE_SEED, benchmark.FLOOR_SEED, truth.TRAINING_SEED, truth.HELD_OUT_SEED}
    assert len(seeds) == 4
    one, other = (sprites.pegasi(4, seed) for seed in (benchmark.TRUE_SEED, benchmark.FLOOR_SEED))
    assert not numpy.array_equal(one, other)
    assert CONDITIONAL_SNGAN_DEMO.model.name in {config.model.name for config in benchmark.PRESETS}
