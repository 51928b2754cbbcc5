"""RESULTS.md: made of what is kept, and not stale."""

import json
import os
import re
from pathlib import Path

import pytest
from report_runs import full_run, pegasus_folder

from coursework.cli import main as cli
from coursework.report.context import gather
from coursework.report.results_page import COMMANDS, results_page
from coursework.training.run import Run

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.skipif((CHECKOUT / "reports/earlier").is_dir(), reason="results of your own are there")
def test_the_committed_page_is_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    page = results_page(gather(Run.all(), Path("reports"), tmp_path))
    kept = Path("reports/RESULTS.md").read_text(encoding="utf-8")
    assert kept.splitlines() == page.splitlines(), "reports/RESULTS.md is stale: make tables"
    # Each table is titled, and has as many cells in each row as columns.
    tables = re.findall(r"\*\*([\w-]+)\.\*\* .+\n\n((?:\|.*\n)+)", kept)
    assert len(tables) > 25
    for name, rows in tables:
        header, rule, *lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in rows.splitlines()]
        assert lines and all(len(line) == len(header) == len(rule) for line in lines), name
    names = {name for name, _ in tables}
    assert all(any(name == start or name.startswith(f"{start}-") for name in names) for start in COMMANDS)


def test_the_verb_writes_the_page_of_all_results_and_of_no_selection(in_tmp, capsys):
    run = full_run(in_tmp / "reports", name="a|b<i>", preset="gan")
    pegasus_folder(in_tmp / "reports" / "pegasus")
    page = in_tmp / "reports" / "RESULTS.md"
    assert cli.main(["tables", "scores"]) == 0 and cli.main(["tables", "--runs", str(run.path)]) == 0
    assert not page.exists()
    assert cli.main(["tables"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "| a\\|b\\<i\\> | CIFAR-10 (JPEG copy) | nothing | 0 | 128 | 6,400,000 | 12 min | not recorded |" in text
    assert "| a\\|b\\<i\\> | 12.50 ± 0.04<br>untrained 21.90 | not measured |" in text
    assert "| FD-judge | judge abababababababab | 10,000 | cifar10:train (50,000) | none | not recorded |" in text
    assert "| a\\|b\\<i\\> | 1: 60.00, 2: 50.00 |" in text and "`make evaluate-PRESET`" in text
    assert "| best | ranks | 0.500 | 0.984 |" in text
    before = page.stat().st_mtime_ns
    os.utime(page, ns=(before, before - 10**9))
    run.write_metrics([])
    assert cli.main(["tables"]) == 0 and "12.50" not in page.read_text(encoding="utf-8")


def test_benchmarks_beside_the_reports_are_on_the_page(in_tmp):
    (in_tmp / "reports" / "stage").mkdir(parents=True)
    folder = in_tmp / "benchmarks" / "results"
    folder.mkdir(parents=True)
    step = {"preset": "gan", "precision": "float32", "gflop": 100.0, "peak_gflops": 200.0}
    step["milliseconds"] = {"coursework": 1000.0, "torch": 1250.0, "torch-compiled": 2000.0}
    content = {"machine": {"machine": "a machine"}, "startup_seconds": 11.4, "steps": [step]}
    (folder / "training_step.json").write_text(json.dumps(content))
    text = results_page(gather([], in_tmp / "reports", in_tmp / "reports" / "stage"))
    assert "| gan | float32 | 1,000 | 1,250 | 2,000 | 0.80 | 50 |" in text
    assert "first step: 11.4 s. a machine." in text and "`python -m benchmarks.training_step`" in text
