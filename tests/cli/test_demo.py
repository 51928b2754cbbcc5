"""The demo from nothing to a report, with narrow networks and few epochs."""

import json

import pytest
from conftest import narrow, save_judge

from coursework import data
from coursework.cli import demo
from coursework.config.presets import DEMO, PEGASUS_SNGAN_DEMO
from coursework.data import sprites
from coursework.extractors.judge import judge_folder
from coursework.pegasus import winged_training
from coursework.pegasus.collages import dataset as collages
from coursework.training.run import Run


@pytest.mark.slow
def test_the_demo_writes_runs_scores_a_pegasus_and_a_report(in_tmp, monkeypatch):
    monkeypatch.setitem(data.DATASETS, "sprites", lambda: sprites.load(train_per_class=160, test_per_class=80))
    for name, value in (("JUDGE_WIDTH", 4), ("COLLAGES", 40)):
        monkeypatch.setattr(demo, name, value)
    # A judge of so few images is sure of none: bodies and wings are chosen by their outlines alone.
    for module in (collages, winged_training):
        monkeypatch.setattr(module, "find_judge", lambda dataset: None)
    monkeypatch.setattr(winged_training, "MEASURED", 40)
    monkeypatch.setattr(demo, "WINGED_JUDGE", {"epochs": 1, "width": 4, "count": 60})
    presets = [narrow(config, epochs=2) for config in (*DEMO, PEGASUS_SNGAN_DEMO)]
    lines = []
    demo.run_demo(in_tmp / "demo", presets, report=lines.append)
    folder = in_tmp / "demo"
    assert (folder / "report.pdf").read_bytes()[:5] == b"%PDF-"
    batch = json.loads((folder / "pegasus" / "pegasus.json").read_text())
    assert len(batch) == 64 and {record["run"] for record in batch} == {"pegasus-sngan-demo"}
    assert (folder / "pegasus" / "collages.png").is_file()
    for config in presets[:-1]:
        run = Run(folder / "runs" / config.preset)
        record, *others = run.read_metrics()
        assert run.is_finished() and record["n"] == 320 and record["reference_n"] == 640
        assert 0 < record["floor"] < record["value"]
        names = [other["name"] for other in others]
        assert names == ["precision", "recall", "density", "coverage"]
    judges = in_tmp / "reports" / "judges" / "sprites"
    ranked_by = json.loads((folder / "pegasus" / "comparison.json").read_text())["winged_judge_sha256"]
    assert ranked_by == json.loads((judges / "winged.json").read_text())["sha256"]
    content = json.loads((judges / "judge.json").read_text())
    assert content["sha256"][:8] in (folder / "appendix.html").read_text()
    times = [(run.path / "generator.keras").stat().st_mtime_ns for run in Run.all(folder / "runs")]
    demo.run_demo(folder, presets, report=lines.append)
    assert [(run.path / "generator.keras").stat().st_mtime_ns for run in Run.all(folder / "runs")] == times


def test_the_demo_keeps_existing_judges_and_witness(in_tmp, monkeypatch):
    """They may score other runs; a damaged one is replaced."""
    dataset = sprites.load(train_per_class=4, test_per_class=2)
    judge, asked = save_judge(dataset, "sprites"), []
    assert demo._kept(demo.find_judge, dataset).sha256 == judge.sha256
    monkeypatch.setattr(demo, "load_dataset", lambda name: dataset)
    for name in ("train_judge", "train_witness", "train_winged_judge"):
        monkeypatch.setattr(demo, name, lambda *arguments, name=name, **settings: asked.append(name))
    for name in ("make_pegasi", "build", "write_collages"):
        monkeypatch.setattr(demo, name, lambda *arguments, **settings: None)
    demo.run_demo(in_tmp / "demo", [], report=lambda line: None)
    assert asked == ["train_witness", "train_winged_judge"]
    judge_folder(dataset).joinpath("judge.keras").write_bytes(b"damaged")
    demo.run_demo(in_tmp / "demo", [], report=lambda line: None)
    assert asked[2:] == ["train_judge", "train_witness", "train_winged_judge"]


def test_the_demo_trains_four_models_on_the_built_in_data_and_one_on_collages():
    assert [config.model.name for config in demo.PRESETS] == ["gan", "sngan", "vae", "acai", "conditional_sngan"]
    assert [config.dataset for config in demo.PRESETS] == 4 * ["sprites"] + ["data/sprites-pegasus"]
    assert [config.epochs for config in demo.PRESETS] == [2, 3, 3, 3, 8]
