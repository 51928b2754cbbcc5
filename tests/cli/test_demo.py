"""The demo from nothing to a report, with narrow networks and few epochs."""

import json

import pytest
from conftest import narrow, save_judge

from coursework import data
from coursework.cli import demo
from coursework.config.presets import DEMO
from coursework.data import sprites
from coursework.extractors.judge import judge_folder
from coursework.training.run import Run


@pytest.mark.slow
def test_the_demo_writes_runs_scores_a_pegasus_and_a_report(in_tmp, monkeypatch):
    monkeypatch.setitem(data.DATASETS, "sprites", lambda: sprites.load(train_per_class=160, test_per_class=80))
    monkeypatch.setattr(demo, "JUDGE_WIDTH", 4)
    presets = [narrow(config, epochs=2) for config in DEMO]
    lines = []
    demo.run_demo(in_tmp / "demo", presets, report=lines.append)
    folder = in_tmp / "demo"
    assert (folder / "report.pdf").read_bytes()[:5] == b"%PDF-"
    assert len(json.loads((folder / "pegasus" / "pegasus.json").read_text())) == 64
    for config in presets:
        run = Run(folder / "runs" / config.preset)
        record, *others = run.read_metrics()
        assert run.is_finished() and record["n"] == 320 and record["reference_n"] == 640
        assert 0 < record["floor"] < record["value"]
        names = [other["name"] for other in others]
        assert names == ["precision", "recall", "density", "coverage"]
    content = json.loads((in_tmp / "reports" / "judges" / "sprites" / "judge.json").read_text())
    assert content["sha256"][:8] in (folder / "report.html").read_text()
    times = [(run.path / "generator.keras").stat().st_mtime_ns for run in Run.all(folder / "runs")]
    demo.run_demo(folder, presets, report=lines.append)
    assert [(run.path / "generator.keras").stat().st_mtime_ns for run in Run.all(folder / "runs")] == times


def test_the_demo_keeps_an_existing_judge_and_witness(in_tmp, monkeypatch):
    """They may score other runs; a damaged one is replaced."""
    dataset = sprites.load(train_per_class=4, test_per_class=2)
    judge, asked = save_judge(dataset, "sprites"), []
    assert demo._kept(demo.find_judge, dataset).sha256 == judge.sha256
    monkeypatch.setattr(demo, "load_dataset", lambda name: dataset)
    for name in ("train_judge", "train_witness"):
        monkeypatch.setattr(demo, name, lambda *arguments, name=name, **settings: asked.append(name))
    for name in ("make_pegasi", "build"):
        monkeypatch.setattr(demo, name, lambda *arguments, **settings: None)
    demo.run_demo(in_tmp / "demo", [], report=lambda line: None)
    assert asked == ["train_witness"]
    judge_folder("sprites").joinpath("judge.keras").write_bytes(b"damaged")
    demo.run_demo(in_tmp / "demo", [], report=lambda line: None)
    assert asked == ["train_witness", "train_judge", "train_witness"]


def test_the_demo_trains_the_four_models_on_the_built_in_data():
    assert [config.model.name for config in DEMO] == ["gan", "sngan", "vae", "acai"]
    assert {config.dataset for config in DEMO} == {"sprites"}
