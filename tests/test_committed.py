"""Committed results load and print as before: networks, runs, the judge, tables."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursework.cli import main as cli
from coursework.extractors import judge as judges
from coursework.extractors.recorded import extract
from coursework.figures.scores import newest_score
from coursework.pegasus.batch_files import CONDITIONS, LATENTS, RECORDS, SHEET, cut, read_records
from coursework.pegasus.candidates import read_latents
from coursework.pegasus.decoding import remake
from coursework.training.run import Run
from coursework.training.sampling import TrainedRun
from coursework.util.files import read_json, sha256

REPORTS = Path(__file__).parents[1] / "reports"
# Where `make begin` moves the results that came with the package.
EARLIER = REPORTS / "earlier"
# FD-judge and epochs of each committed run.
FD_JUDGE = {
    "acai-cifar10-s0": (12.68, 9),
    "conditional-sngan-cifar10-s0": (0.38, 60),
    "gan-cifar10-s0": (4.32, 23),
    "pegasus-sngan-cifar10-pegasus-s0": (0.19, 41),
    "sngan-cifar10-s0": (3.41, 16),
    "vae-cifar10-s0": (12.21, 9),
    "wgan-gp-cifar10-s0": (5.49, 12),
}
# Runs whose generator is committed, in float16.
GENERATORS = ("sngan-cifar10-s0", "conditional-sngan-cifar10-s0", "pegasus-sngan-cifar10-pegasus-s0")
TWINS = [f"{model}-64-s{seed}" for model in ("gan", "sngan") for seed in range(3)]
# A line of each table: what all of its cells must hold.
LINES = (
    ("acai-cifar10-s0", "12.68 ± 0.05", "0.0977 ± 0.0005", "0.743 ± 0.004", "0.097 ± 0.022"),
    ("conditional-sngan-cifar10-s0", "0.38 ± 0.02", "0.751 ± 0.011"),
    ("sngan-cifar10-s0", "0.923 ± 0.007", "0.535 ± 0.006"),
    ("winged class", "0.032", "0.940", "0.733", "0.883"),
    ("region search", "26.3", "59.4", "10.16"),
    ("PyTorch", "8.10 ± 0.38", "0.785 ± 0.025", "249,920"),
    ("soft and noisy labels", "11.23 ± 1.12", "+2.11 ± 0.68"),
    ("width 256", "8.59", "199,936", "20.4"),
    ("acai", "5.51 ± 0.77", "0.24", "0.61 ± 0.07", "0.10"),
    ("r1", "25.00 ± 0.00", "97.5 ± 0.2", "10 of 10", "50,000"),
    ("autoencoder-cifar10-s0", "46.2 ± 0.5", "47.9", "21.8 ± 0.4"),
    ("bernoulli-vae-cifar10-s0", "212", "29.8", "15.85", "13.97"),
)


def kept():
    """Return the folder with the package's own results; None if a user's results have replaced them."""
    home = EARLIER if EARLIER.is_dir() else REPORTS
    names = [f"pegasus/{name}" for name in (LATENTS, RECORDS, SHEET)]
    names += [f"runs/{name}/generator.keras" for name in GENERATORS]
    return home if all((home / name).is_file() for name in names) else None


pytestmark = pytest.mark.skipif(kept() is None, reason="your own results have replaced those of the package")


@pytest.mark.parametrize("name", FD_JUDGE)
def test_runs_are_read_with_their_scores(name):
    run, (value, epochs) = Run(kept() / "runs" / name), FD_JUDGE[name]
    config, log, environment = run.read_config(), run.read_log(), run.read_environment()
    assert f"{config.preset}-{Path(config.dataset).name}-s{config.seed}" == name
    assert environment["finished"] and environment["epochs_done"] == config.epochs == epochs
    assert log["epoch"] == list(range(1, epochs + 1))
    record = newest_score(run.read_metrics(), "fd_judge", "judge")
    assert record["value"] == pytest.approx(value, abs=0.005) and record["floor"] < 0.06
    # The format has not changed: every committed setting is written as it was read.
    written = json.loads(config.to_json())
    for key, setting in read_json(run.config_file, dict).items():
        assert written[key] == (written[key] | setting if isinstance(setting, dict) else setting), key


@pytest.mark.parametrize("name", TWINS)
def test_pairs_with_pytorch_are_read(name):
    home = kept() / "peers"
    own, twin = Run(home / "runs" / name), Run(home / name)
    assert own.read_config().epochs == twin.read_config().epochs == 5
    for run in (own, twin):
        assert run.read_environment()["images_seen"] == 249_920
        assert 6.0 < newest_score(run.read_metrics(), "fd_judge", "judge")["value"] < 9.0


def sheet(home):
    """Return the committed batch of Pegasi, uint8 (64, 32, 32, 3)."""
    with Image.open(home / "pegasus" / SHEET) as file:
        return cut(np.asarray(file.convert("RGB")), 32, 32)


@pytest.mark.skipif(EARLIER.is_dir(), reason="after `make begin` the judge may be your own")
def test_the_judge_gives_the_same_answers():
    judge = judges.load(REPORTS / "judges" / "cifar10")
    assert judge.sha256.startswith("14cb85ea186e") and judge.accuracy == pytest.approx(0.8619)
    found = extract(judge, sheet(kept()))
    assert found["features"].shape == (64, 192) and found["features"].mean() == pytest.approx(0.1770, abs=2e-4)
    classes = np.bincount(found["logits"].argmax(axis=1), minlength=10)
    named = {name: int(count) for name, count in zip(judge.class_names, classes, strict=True) if count}
    assert named == {"airplane": 1, "deer": 1, "horse": 62}
    assert found["logits"][0, judge.class_names.index("horse")] == pytest.approx(3.7550, abs=2e-3)


def test_tables_print_the_same_values(in_tmp, capsys):
    left_out = shutil.ignore_patterns("*.png", "*.gif", "*.keras", "*.npz", "*.html", "*.pdf", "earlier")
    shutil.copytree(kept(), in_tmp / "reports", ignore=left_out)
    assert cli.main(["tables"]) == 0
    # Stars mark the best value of a column.
    lines = capsys.readouterr().out.replace("*", "").splitlines()
    for cells in LINES:
        assert any(all(cell in line for cell in cells) for line in lines), cells


@pytest.mark.backend
def test_the_batch_is_remade_from_what_is_kept():
    """From the float16 weights that it was made from, within rounding."""
    home = kept()
    folder = home / "pegasus"
    recorded = read_json(folder / CONDITIONS, dict)["weights"]
    assert recorded
    for name, digest in recorded.items():
        assert sha256(home / "runs" / name / "generator.keras") == digest
    records, latents = read_records(folder / RECORDS), read_latents(folder / LATENTS)
    trained = {}

    def run_named(name, weights):
        if (name, weights) not in trained:
            trained[name, weights] = TrainedRun(Run(home / "runs" / name), weights == "best")
        return trained[name, weights]

    images = remake(run_named, [record["origin"] for record in records], latents)
    shown = sheet(home)
    off = np.abs(images.astype(int) - shown.astype(int))
    assert images.shape == shown.shape == (len(records), 32, 32, 3)
    assert off.mean() < 0.01 and off.max() <= 1
    # Other latents are other images.
    other = images[1:].astype(int) - shown[:-1].astype(int)
    assert np.abs(other).mean() > 20
