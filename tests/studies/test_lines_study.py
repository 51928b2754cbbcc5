"""The lines study: its rounds, budgets, table and figures, with training stood in for, and once as it is."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy
import pytest
from PIL import Image

from coursework import data
from coursework.config.presets_lines import AAE, ACAI, BASELINE, LINES
from coursework.data import lines as dataset_lines
from coursework.studies.lines import study as lines
from coursework.studies.lines.figures import draw_curves, draw_interpolations
from coursework.studies.lines.study import milestones, run_lines, table
from coursework.training.loop import train
from coursework.training.run import Run
from coursework.util.errors import UserError

EPOCH = 2**14


def test_scores_are_taken_at_doublings_and_at_the_end():
    assert milestones(1) == [1]
    assert milestones(4) == [1, 2, 4]
    assert milestones(13) == [1, 2, 4, 8, 13]
    assert milestones(16) == [1, 2, 4, 8, 16]


class Stand:
    """Stands in for training and for a trained run: the more epochs, the less a mix of pixels is one.

    `seconds`: what an epoch of a preset takes.
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self.trained = []

    def train(self, config, run, report):
        done = run.read_environment().get("epochs_done", 0)
        assert done < config.epochs
        self.trained.append((run.name, config.epochs))
        run.write_config(config)
        each = self.seconds[config.preset]
        rows = "".join(f"{epoch},{each}\n" for epoch in range(1, config.epochs + 1))
        run.log_file.write_text("epoch,seconds\n" + rows)
        run.network("generator").write_text("")
        run.write_environment(
            {
                "epochs_done": config.epochs,
                "images_seen": EPOCH * config.epochs,
                "seconds": each * config.epochs,
                "dataset_fingerprint": "f",
            }
        )

    def interpolations(self, run):
        """Return four interpolations: one or two turn, the rest stand still; a pixel is off, less with every epoch."""
        config, epochs = run.read_config(), run.read_environment()["epochs_done"]
        turn = 2 * numpy.pi / 10_000 * numpy.arange(16)
        if config.preset == "lines-acai":
            angles = numpy.stack([100 * turn, 50 * turn, 0 * turn, 0 * turn])
        else:
            angles = numpy.stack([0 * turn, (turn > turn[7]) * 2500 * turn[1], 0 * turn, 0 * turn])
        images = dataset_lines.draw_lines(angles).reshape(4, 16, 32, 32, 1)
        images[..., 0, 0, 0] += 10.0 / (epochs + config.seed)
        return images


@pytest.fixture
def stand(monkeypatch, in_tmp):
    stand = Stand({"lines-baseline": 10.0, "lines-acai": 30.0})
    monkeypatch.setattr(lines, "train", stand.train)
    monkeypatch.setattr(lines, "interpolations", stand.interpolations)
    monkeypatch.setattr(lines, "draw_curves", lambda *arguments: None)
    monkeypatch.setattr(lines, "draw_interpolations", lambda *arguments: None)
    return stand


def run_small(images=8 * EPOCH, **settings):
    printed = []
    content = run_lines("study", images, presets=(BASELINE, ACAI), report=printed.append, **settings)
    return content, printed


def distance(epochs, seed):
    """Return the cosine distance of a line to itself with one pixel of -1 moved by 10 / (epochs + seed)."""
    line = dataset_lines.draw_line(0.0).astype(float)
    blurred = line.copy()
    blurred[0, 0, 0] += 10.0 / (epochs + seed)
    return 1 - (line * blurred).sum() / numpy.linalg.norm(line) / numpy.linalg.norm(blurred)


def test_all_models_are_trained_and_scored_in_rounds(stand):
    content, printed = run_small(seeds=2)
    names = ["lines-baseline-s0", "lines-acai-s0", "lines-baseline-s1", "lines-acai-s1"]
    assert stand.trained == [(name, epochs) for epochs in (1, 2, 4, 8) for name in names]
    assert content == json.loads(Path("study/scores.json").read_text())
    assert content["images"] == 8 * EPOCH
    baseline, acai = content["models"]
    assert (baseline["preset"], acai["preset"]) == ("lines-baseline", "lines-acai")
    # A jump is 1 - 1/15, an even turn 0; what stands still is left out.
    assert baseline["smoothness"] == {
        "mean": pytest.approx(14 / 15, abs=1e-9),
        "spread": pytest.approx(0, abs=1e-9),
        "seeds": 2,
        "published": 0.44,
    }
    assert acai["smoothness"]["mean"] == pytest.approx(0, abs=1e-9)
    expected = [distance(8, seed) for seed in (0, 1)]
    # Lines differ a little in their norms.
    assert baseline["mean_distance"]["mean"] == pytest.approx(numpy.mean(expected), rel=0.03)
    assert baseline["mean_distance"]["spread"] == pytest.approx(numpy.std(expected, ddof=1), rel=0.03)
    assert [(record["preset"], record["seed"], record["images"]) for record in content["records"]] == [
        (preset, seed, epochs * EPOCH)
        for preset in ("lines-baseline", "lines-acai")
        for seed in (0, 1)
        for epochs in (1, 2, 4, 8)
    ]
    assert content["records"][3]["seconds"] == 80
    assert any("lines-acai-s1: to 131,072 of 131,072 images" in line for line in printed)


def test_every_score_carries_its_conditions(stand):
    run_small()
    first, second, *rest = Run("study/runs/lines-acai-s0").read_metrics()
    assert [first["name"], second["name"]] == ["mean_distance", "smoothness"] and len(rest) == 6
    assert first == first | {
        "n": 4096,
        "reference": "lines:templates",
        "reference_n": 10_000,
        "seed": 0,
        "weights": "last",
        "extractor": None,
        "epochs": 1,
        "images_seen": EPOCH,
        "dataset_fingerprint": "f",
    }


def test_a_larger_budget_continues_and_a_smaller_one_changes_nothing(stand):
    first, _ = run_small()
    stand.trained.clear()
    again, _ = run_small()
    assert again == first and not stand.trained
    more, _ = run_small(images=15 * EPOCH + 1)
    assert [epochs for _, epochs in stand.trained] == [16, 16]
    assert more["records"][0] == first["records"][0]
    assert [record["images"] // EPOCH for record in more["records"]] == 2 * [1, 2, 4, 8, 16]
    stand.trained.clear()
    less, _ = run_small(images=4 * EPOCH)
    assert not stand.trained
    assert less["models"][0]["mean_distance"]["mean"] == first["records"][2]["mean_distance"]


def test_a_smaller_budget_at_which_nothing_was_scored_is_refused(stand, in_tmp):
    """Its table would be empty: weights of fewer epochs are gone. In minutes it is what the longest run has."""
    run_small(images=5 * EPOCH)
    before = (in_tmp / "study" / "table.csv").read_text()
    stand.trained.clear()
    with pytest.raises(
        UserError, match=f"s0 has {5 * EPOCH:,} images behind it and no scores at {3 * EPOCH:,}: give --i"
    ):
        run_small(images=3 * EPOCH)
    assert not stand.trained and (in_tmp / "study" / "table.csv").read_text() == before
    content, _ = run_small(minutes=2)
    assert content["images"] == 5 * EPOCH and not stand.trained
    assert all(model["mean_distance"]["seeds"] == 1 for model in content["models"])


@pytest.mark.parametrize(("minutes", "epochs"), [(4, 6), (0.1, 1), (10.0, 15)])
def test_minutes_are_those_of_all_runs_together(stand, minutes, epochs):
    """An epoch of both takes 40 seconds."""
    content, _ = run_small(minutes=minutes)
    assert content["images"] == epochs * EPOCH
    assert stand.trained[:2] == [("lines-baseline-s0", 1), ("lines-acai-s0", 1)]
    # A second call measures without training.
    stand.trained.clear()
    assert run_small(minutes=minutes)[0] == content and not stand.trained


def test_the_precision_reaches_every_run(stand):
    run_small(precision="mixed_bfloat16")
    for name in ("lines-baseline-s0", "lines-acai-s0"):
        assert Run(f"study/runs/{name}").read_config().precision == "mixed_bfloat16"


def test_settings_reach_the_runs_that_have_them_and_are_recorded_with_the_scores(stand):
    settings = [("initial_scale", "1.414"), ("critic_optimizer.rate", "5e-4")]
    content, printed = run_small(precision="mixed_bfloat16", settings=settings)
    baseline, acai = (Run(f"study/runs/lines-{name}-s0").read_config() for name in ("baseline", "acai"))
    assert baseline.network.initial_scale == acai.network.initial_scale == 1.414
    assert (acai.model.critic_optimizer.rate, acai.model.optimizer.rate) == (5e-4, 1e-4)
    assert content["settings"] == ["initial_scale=1.414", "critic_optimizer.rate=5e-4"]
    assert "(mixed_bfloat16, initial_scale=1.414, critic_optimizer.rate=5e-4)" in printed[-2]
    with pytest.raises(UserError, match='has a setting "beta"'):
        run_small(settings=[("beta", "2")])
    with pytest.raises(UserError, match="lines-baseline: rates that fall over the whole of training do not go with"):
        run_small(settings=[("optimizer.decay", "linear")])


def test_a_study_does_not_mix_precisions(stand, monkeypatch):
    run_small()
    monkeypatch.setattr(lines, "train", train)
    with pytest.raises(UserError, match="precision is float32 there, mixed_bfloat16 here"):
        run_small(precision="mixed_bfloat16")


@pytest.mark.parametrize("settings", [{"images": 0}, {"seeds": 0}])
def test_a_budget_of_nothing_is_refused(stand, settings):
    with pytest.raises(UserError, match="nothing to train"):
        run_small(**settings)


def test_the_table_shows_the_papers_values_next_to_ours(stand):
    content, printed = run_small(seeds=2)
    lines_of_table = table(content)
    assert all(line in printed[-2] for line in lines_of_table)
    baseline, acai = lines_of_table[2:]
    assert baseline.split()[0] == "baseline" and baseline.split()[-1] == "0.44"
    mean, spread = (1e3 * content["models"][0]["mean_distance"][key] for key in ("mean", "spread"))
    assert f"{mean:.2f} ± {spread:.2f}   6.88" in baseline
    assert acai.split()[-1] == "0.10" and "   0.24 " in acai
    with open("study/table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["lines-baseline", "lines-acai"]
    assert float(rows[0]["mean_distance mean"]) == pytest.approx(mean / 1e3, rel=1e-5)
    assert rows[1]["smoothness published"] == "0.1"
    still = {"mean": None, "spread": None, "seeds": 0, "published": 0.44}
    content["models"][0]["smoothness"] = still
    assert "undefined" in table(content)[2]


def test_the_figures_show_every_model(stand, monkeypatch):
    for draw in (draw_curves, draw_interpolations):
        monkeypatch.setattr(lines, draw.__name__, draw)
    run_small()
    sheet = numpy.asarray(Image.open("study/interpolations.png"))
    # The true lines and both models, 32 pixels twice enlarged with gaps of two.
    assert sheet.shape[0] == 3 * 66 + 2 and sheet.shape[1] > 16 * 66
    assert 0.02 < (sheet[2:66, -1000:] == 255).mean() < 0.2
    curves = numpy.asarray(Image.open("study/curves.png").convert("RGB")).reshape(-1, 3)
    for color in ("0072B2", "D55E00"):
        assert (curves == tuple(bytes.fromhex(color))).all(axis=1).sum() > 50


class Trained:
    """A trained run whose encoder's outputs are made of images by `outputs`, and whose decoder is the identity."""

    def __init__(self, outputs):
        self.outputs = outputs

    def __call__(self, run):
        return self

    def network(self, name):
        assert name == "encoder"
        return self

    @property
    def generator(self):
        return Trained(lambda codes: codes)

    def predict(self, images, **_):
        return self.outputs(images)


def test_a_variational_encoder_is_sampled_and_any_other_taken_at_its_word(monkeypatch):
    monkeypatch.setattr(lines, "TrainedRun", Trained(lambda images: images))
    plain = lines.interpolations(None)
    assert plain.shape == (256, 16, 32, 32, 1)
    monkeypatch.setattr(lines, "TrainedRun", Trained(lambda images: [images, 0 * images + numpy.log(0.25)]))
    noise = (lines.interpolations(None) - plain)[:, [0, -1]]
    assert noise.std() == pytest.approx(0.5, rel=0.01) and noise.mean() == pytest.approx(0, abs=0.005)
    again = (lines.interpolations(None) - plain)[:, [0, -1]]
    assert numpy.array_equal(noise, again)


def test_the_published_table_covers_the_presets():
    assert list(lines.PUBLISHED) == [config.preset for config in LINES]
    best = min(lines.PUBLISHED, key=lambda preset: lines.PUBLISHED[preset]["mean_distance"])
    assert best == min(lines.PUBLISHED, key=lambda preset: lines.PUBLISHED[preset]["smoothness"]) == "lines-acai"


@pytest.mark.slow
def test_the_study_runs_as_it_is(in_tmp, monkeypatch):
    dataset = dataset_lines.load(train_count=64, test_count=16)
    monkeypatch.setitem(data.DATASETS, "lines", lambda: dataset)
    monkeypatch.setattr(lines, "TRAIN_COUNT", 64)
    small = {"depth": 2, "latent_channels": 2}
    preset = dataclasses.replace(AAE, batch_size=16, network=dataclasses.replace(AAE.network, **small))
    printed = []
    for epochs in (1, 2):
        content = run_lines("study", 64 * epochs, presets=[preset], report=printed.append)
    assert [record["images"] for record in content["records"]] == [64, 128]
    # Untrained or nearly so: far from any line, and nothing turns.
    assert all(0.005 < record["mean_distance"] < 0.3 for record in content["records"])
    assert any("resuming" in line for line in printed)
    for name in ("scores.json", "table.csv", "curves.png", "interpolations.png"):
        assert (in_tmp / "study" / name).is_file()
