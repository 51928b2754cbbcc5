"""Studies of variations: pairs by seed, what is kept and what is trained again, runs that diverge, the table."""

import csv
import json
import shutil

import pytest
from conftest import narrow, save_judge
from PIL import Image

from coursework.config.presets import PRESETS
from coursework.figures import grids
from coursework.studies.variations import figure as study_figure
from coursework.studies.variations import study
from coursework.studies.variations.rows import BASE, run_of
from coursework.studies.variations.study import run_study, varied
from coursework.training.guards import Diverged
from coursework.training.run import Run
from coursework.util.errors import UserError

SGD = "discriminator_optimizer.name=sgd"


class Stand:
    """Stands in for training and scoring; `values` {(rate, seed): score}, where None diverges.

    seconds: {rate: processor seconds of an epoch}; the first one takes 20 more in each call, the compilation.
    """

    def __init__(self, values, seconds=None):
        self.values = values
        self.seconds = seconds or {}
        self.trained, self.scored = [], []
        # How much longer the epochs after the first take.
        self.slower = 1

    def train(self, config, run, report):
        key = config.model.generator_optimizer.rate, config.seed
        self.trained.append((*key, config.epochs))
        run.write_config(config)
        content = {"epochs_done": config.epochs, "images_seen": 1000 * config.epochs, "processor_seconds": 90.0}
        if self.seconds:
            before = run.read_environment()
            more = config.epochs - before.get("epochs_done", 0)
            slower = self.slower if before.get("epochs_done") else 1
            spent = before.get("processor_seconds", 0) + 20 + slower * self.seconds[key[0]] * more
            content["processor_seconds"] = spent
        if self.values[key] is None:
            incident = {"kind": "not finite", "epoch": 1, "step": 3, "text": "lost"}
            run.write_environment({**content, "incidents": [incident], "finished": False})
            raise Diverged("not finite", 1, 3, "lost", "lower the rate")
        run.log_file.write_text("epoch,loss,fd_judge,seconds\n1,1,20,1\n2,1,,1\n3,1,10,1\n")
        run.drop_metrics("last")
        run.network("generator").write_text("")
        run.backup.mkdir(exist_ok=True)
        (run.backup / f"state-{config.epochs}.0-{64 * '0'}.npz").write_text("")
        run.write_environment({**content, "incidents": [], "finished": True})

    def evaluate(self, run, samples, metrics, report):
        config = run.read_config()
        self.scored.append(run.name)
        assert metrics == ["fd"]
        value = self.values[config.model.generator_optimizer.rate, config.seed] / config.epochs
        record = {"name": "fd_judge", "value": value, "error": 0.1, "n": samples, **self.conditions}
        run.add_metrics([record], ("name", "n", "extractor_sha256", "seed", "weights"))


@pytest.fixture
def stand(in_tmp, image_folder, small_dataset, monkeypatch):
    judge = save_judge(small_dataset, "animals")

    def use(values, seconds=None):
        stand = Stand(values, seconds)
        stand.conditions = {"extractor_sha256": judge.sha256, "seed": 2020, "weights": "last"}
        monkeypatch.setattr(study, "train", stand.train)
        monkeypatch.setattr(study, "evaluate", stand.evaluate)
        return stand

    return use


def config(**settings):
    found = narrow(PRESETS["gan"].with_setting("dataset", "animals").with_setting("batch_size", "16"), 2)
    for key, text in settings.items():
        found = found.with_setting(key, text)
    return found


VARY = "generator_optimizer.rate=0.1"
VALUES = {(2e-4, 0): 20.0, (2e-4, 1): 24.0, (2e-4, 2): 28.0, (0.1, 0): 12.0, (0.1, 1): 14.0, (0.1, 2): 22.0}


def test_differences_are_taken_seed_by_seed(stand, in_tmp):
    stand(VALUES)
    base, other = run_study("rates", config(), [VARY], seeds=3, report=lambda line: None)["rows"]
    # Two epochs halve the scores: 10, 12, 14 and 6, 7, 11; differences -4, -5, -3.
    assert (base["mean"], base["difference"]) == (12.0, None)
    assert base["error"] == pytest.approx(2 / 3**0.5)
    assert (other["mean"], other["difference"]) == (8.0, -4.0)
    assert other["error"] == pytest.approx(7**0.5 / 3**0.5)
    assert other["difference_error"] == pytest.approx(1 / 3**0.5)
    assert other["runs"][2] == {"seed": 2, "value": 11.0, "error": 0.1, "curve": other["runs"][2]["curve"]}
    # 90 seconds for two epochs.
    assert other["runs"][2]["curve"] == {"epochs": [1, 3], "minutes": [0.75, 2.25], "values": [20, 10]}
    assert (other["images"], other["processor_seconds"], other["diverged"]) == (2000, 90.0, 0)
    with open(in_tmp / "reports" / "studies" / "rates.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:6] == ["variation", "settings", "seeds", "FD-judge", "standard error", "difference"]
    assert len(set(rows[0])) == len(rows[0])
    assert rows[1] == ["as it is", "", "3", "12.00", "1.15", "", "", "2000", "1.5"]
    assert rows[2] == [VARY, VARY, "3", "8.00", "1.53", "-4.00", "0.58", "2000", "1.5"]
    content = json.loads((in_tmp / "reports" / "studies" / "rates.json").read_text())
    assert (content["n"], len(content["extractor_sha256"])) == (32, 64)
    assert content["config"]["preset"] == "gan" and content["rows"][1]["difference"] == -4.0
    with Image.open(in_tmp / "reports" / "studies" / "rates.png") as image:
        assert image.size[0] > 1000


def test_finished_runs_are_kept_and_a_larger_budget_continues(stand, in_tmp):
    found = stand(VALUES)
    run_study("rates", config(), [VARY], seeds=2, report=lambda line: None)
    # Of every seed all rows, before the next seed.
    assert found.trained == [(2e-4, 0, 2), (0.1, 0, 2), (2e-4, 1, 2), (0.1, 1, 2)]
    run_study("rates", config(), [VARY], seeds=2, report=lambda line: None)
    assert len(found.trained) == len(found.scored) == 4
    rows = run_study("rates", config(), [VARY], seeds=3, report=lambda line: None)["rows"]
    assert found.trained[4:] == [(2e-4, 2, 2), (0.1, 2, 2)] and rows[0]["seeds"] == 3
    rows = run_study("rates", config(epochs="4"), [VARY], seeds=1, report=lambda line: None)["rows"]
    assert found.trained[6:] == [(2e-4, 0, 4), (0.1, 0, 4)]
    # Scores of the shorter training are not taken for those of the longer.
    assert [row["mean"] for row in rows] == [5.0, 3.0]
    # More samples are another score of the same run.
    run_study("rates", config(epochs="4"), [VARY], seeds=1, samples=64, report=lambda line: None)
    assert len(found.trained) == 8 and len(found.scored) == 10


def test_scores_under_other_conditions_are_not_taken(stand, in_tmp):
    found = stand(VALUES)
    run_study("rates", config(), [VARY], report=lambda line: None)
    run = run_of(study.FOLDER, "rates", VARY, 0)
    own = run.read_metrics()[0]
    others = [{"weights": "best"}, {"extractor_sha256": "another"}, {"n": 64}, {"seed": 7}]
    run.write_metrics([own | other | {"value": 99.0} for other in others])
    rows = run_study("rates", config(), [VARY], report=lambda line: None)["rows"]
    # None of them: it is measured again.
    assert rows[1]["mean"] == 6.0 and found.scored[2:] == [run.name]


def test_equal_time_in_place_of_equal_images(stand, in_tmp):
    """Each run has as many epochs as fit in its minutes, the time to compile among them, and is then left as it is."""
    found = stand(VALUES, {2e-4: 40.0, 0.1: 10.0})
    said = []
    timed = run_study("time", config(), [VARY], minutes=10, report=said.append)
    # 600 seconds. The first epoch takes 60, so 10 seem to fit; ten take 20 + 20 + 400 = 440, so 13 do: 20 + 440 + 120 =
    # 580, and no 14th. The other: 30, so 20; 40 + 200 = 240, so 50; 20 + 240 + 300 = 560, so 53; 610, which are enough.
    assert found.trained == [(2e-4, 0, 1), (2e-4, 0, 10), (2e-4, 0, 13)] + [(0.1, 0, n) for n in (1, 20, 50, 53)]
    assert timed["minutes"] == 10
    assert [row["images"] for row in timed["rows"]] == [13_000, 53_000]
    assert [row["processor_seconds"] for row in timed["rows"]] == [580.0, 610.0]
    # Scored once, at the end: 20 / 13 and 12 / 53.
    assert found.scored == [run_of(study.FOLDER, "time", title, 0).name for title in (BASE, VARY)]
    assert timed["rows"][0]["mean"] == pytest.approx(20 / 13)
    assert timed["rows"][0]["runs"][0]["curve"]["minutes"] == pytest.approx([580 / 13 / 60, 3 * 580 / 13 / 60])
    with Image.open(in_tmp / "reports" / "studies" / "time.png") as image:
        assert image.size[0] > 1000
    assert run_study("time", config(), [VARY], minutes=10, report=said.append) == timed
    assert len(found.trained) == 7 and len(found.scored) == 2
    # A machine that has become slower may exceed its time, but not by this much.
    with pytest.raises(UserError, match=r"s0 has 9.7 processor minutes behind it: --minutes 7 is less; give the study"):
        run_study("time", config(), [VARY], minutes=7, report=said.append)
    run_study("time", config(), [VARY], minutes=12, report=said.append)
    assert found.trained[7:] == [(2e-4, 0, 16), (0.1, 0, 62)]


def test_a_machine_that_becomes_slower_does_not_end_a_study(stand):
    """Whatever the epochs after the first have cost, the run is scored, and the rest of the study trained."""
    found = stand(VALUES, {2e-4: 40.0, 0.1: 10.0})
    found.slower = 3
    rows = run_study("time", config(), [VARY], minutes=10, report=lambda line: None)["rows"]
    # As above, the first epoch makes ten seem to fit; they take 20 + 40 + 20 + 9 x 120 = 1,160 seconds.
    assert found.trained[:2] == [(2e-4, 0, 1), (2e-4, 0, 10)] and rows[0]["processor_seconds"] == 1160
    assert rows[0]["mean"] == 2.0 and rows[1]["mean"] is not None
    # Nor does it end the next call, which finds all of it done.
    assert run_study("time", config(), [VARY], minutes=10, report=lambda line: None)["rows"] == rows
    with pytest.raises(UserError, match="s0 has 19.3 processor minutes behind it: --minutes 9 is less"):
        run_study("time", config(), [VARY], minutes=9, report=lambda line: None)


def test_an_epoch_is_trained_where_none_fits(stand):
    found = stand(VALUES, {2e-4: 40.0, 0.1: 10.0})
    rows = run_study("time", config(), [VARY], minutes=0.25, report=lambda line: None)["rows"]
    assert found.trained == [(2e-4, 0, 1), (0.1, 0, 1)] and rows[0]["mean"] == 20


@pytest.mark.parametrize(
    ("minutes", "text", "message"),
    [
        (10, "generator_optimizer.decay=linear", "decay=linear: rates that fall need a fixed number of epochs"),
        (0, VARY, "no time to train: 0 minutes"),
        (float("nan"), VARY, "no time to train"),
    ],
)
def test_time_that_cannot_be_kept(stand, minutes, text, message):
    found = stand(VALUES)
    with pytest.raises(UserError, match=message):
        run_study("time", config(), [text], minutes=minutes, report=lambda line: None)
    assert found.trained == []


@pytest.mark.parametrize("text", ["epochs=1", "dataset=sprites", "classes=horse", "seed=3", "score_every=1"])
def test_what_all_rows_share_is_no_variation(stand, text):
    found = stand(VALUES)
    with pytest.raises(UserError, match=f"--vary {text}: all rows of a study share {text.split('=')[0]}"):
        run_study("x", config(), [text], report=lambda line: None)
    assert found.trained == []


LONG = " ".join(
    f"{player}_optimizer.{key}"
    for player in ("generator", "discriminator")
    for key in (
        "rate=0.000123456789",
        "beta_1=0.123456789012345",
        "beta_2=0.987654321098765",
        "epsilon=0.00000123456789",
    )
)


@pytest.mark.parametrize(
    ("variations", "message"),
    [
        (["loss=hinge flipped=.05"], "^loss=hinge flipped=.05: .*hinge"),
        (["upside down: real_low=1.2"], "^upside down: real_low 1.2 is above real_high 1: set both$"),
        (["batch_size=200"], "^batch_size=200: 64 training images do not fill one batch of 200$"),
        (["a/b: critic_steps=2", "a-b: critic_steps=3"], "^a-b and a/b would be in one folder, a-b: give one of them"),
        (
            [LONG],
            '^generator_optimizer.rate=0.* is too long for a folder\'s name: put "NAME: " in front of the settings$',
        ),
    ],
)
def test_what_could_not_be_trained_is_refused_at_once(stand, variations, message):
    """Before anything is trained, though it is another row's turn first."""
    found = stand(VALUES)
    with pytest.raises(UserError, match=message):
        run_study("x", config(), variations, report=lambda line: None)
    assert found.trained == []


def test_what_other_trainings_left_is_refused_at_once_and_kept(stand, in_tmp):
    found = stand(VALUES)
    run_study("x", config(), [f"fast: {VARY}"], seeds=2, report=lambda line: None)
    scores = run_of(study.FOLDER, "x", "fast", 1).read_metrics()
    for changed, variation, message in (
        (
            config(),
            "fast: critic_steps=2",
            "fast-s0 holds another configuration .*: give the study or that variation an",
        ),
        (
            config(critic_steps="2"),
            f"fast: {VARY}",
            r"as-it-is-s0 holds another configuration \(model.critic_steps is 1",
        ),
        (config(epochs="1"), f"fast: {VARY}", "as-it-is-s0 has 2 epochs behind it: --epochs 1 is less; give the study"),
    ):
        with pytest.raises(UserError, match=message):
            run_study("x", changed, [variation], seeds=2, report=lambda line: None)
    assert len(found.trained) == 4 and scores
    assert run_of(study.FOLDER, "x", "fast", 1).read_metrics() == scores
    # Records alone are no beginning: they are trained anew.
    for run in (in_tmp / "reports" / "studies" / "x" / "runs").iterdir():
        shutil.copytree(run, in_tmp / "reports" / "studies" / "y" / "runs" / run.name)
    for place in (in_tmp / "reports" / "studies" / "y" / "runs").iterdir():
        shutil.rmtree(place / "backup")
        (place / "generator.keras").unlink()
    run_study("y", config(epochs="1"), [f"fast: {VARY}"], report=lambda line: None)
    assert found.trained[4:] == [(2e-4, 0, 1), (0.1, 0, 1)] and len(found.scored) == 6
    del found.trained[4:], found.scored[4:]
    # How often a run looks at itself makes no other training.
    run_study("x", config(sample_every="7"), [f"fast: {VARY}"], seeds=2, report=lambda line: None)
    assert len(found.trained) == len(found.scored) == 4


def test_the_table_is_made_again_from_records_alone(stand, in_tmp):
    """Scores of the whole training need no network."""
    found = stand(VALUES)
    rows = run_study("x", config(), [VARY], report=lambda line: None)["rows"]
    for title in (BASE, VARY):
        run_of(study.FOLDER, "x", title, 0).network("generator").unlink()
    assert run_study("x", config(), [VARY], report=lambda line: None)["rows"] == rows
    assert len(found.trained) == len(found.scored) == 2


def test_a_run_that_diverged_with_other_settings_is_none_of_this_row(stand):
    found = stand(VALUES | {(0.1, 0): None})
    run_study("x", config(), [f"fast: {VARY}"], report=lambda line: None)
    with pytest.raises(UserError, match="fast-s0 has the records, without the networks, of another"):
        run_study("x", config(), ["fast: generator_optimizer.rate=0.01"], report=lambda line: None)
    assert len(found.trained) == 2


def test_a_run_that_diverges_is_counted_and_not_tried_again(stand, in_tmp):
    found, said = stand(VALUES | {(0.1, 1): None}), []
    rows = run_study("rates", config(), [VARY], seeds=3, report=said.append)["rows"]
    assert rows[1]["diverged"] == 1 and rows[1]["runs"][1]["value"] is None
    # Without the second seed: 6 and 11 compared with 10 and 14.
    assert (rows[1]["mean"], rows[1]["difference"]) == (8.5, -3.5)
    assert sum("lost; lower the rate" in line for line in said) == 1
    assert any(line.split("  ")[0] == VARY and "2 (1 diverged)" in line for line in said[-2].splitlines())
    run_study("rates", config(), [VARY], seeds=3, report=said.append)
    assert len(found.trained) == 6


def test_variations_are_settings(stand):
    base = config()
    assert varied(base, "critic_steps=3  horizontal_flips=true").critic_steps == 3
    assert varied(base, SGD).model.discriminator_optimizer.name == "sgd"
    for text, message in (("critic_steps", '--vary takes "KEY=VALUE KEY=VALUE", not "critic_steps"'), ("a=1", '"a"')):
        found = stand(VALUES)
        with pytest.raises(UserError, match=message):
            run_study("x", base, [VARY, text], report=lambda line: None)
        assert found.trained == []
    for arguments in ({"seeds": 0}, {"name": "a/b"}):
        with pytest.raises(UserError):
            run_study(**{"name": "x", "config": base, "variations": [VARY], **arguments})


def test_without_a_judge_nothing_is_trained(in_tmp, image_folder):
    with pytest.raises(UserError, match="judge"):
        run_study("x", config(), [VARY], report=lambda line: None)
    assert not (in_tmp / "reports" / "studies").exists()


@pytest.mark.parametrize(("lengths", "panels"), [((2, 1), 2), ((1, 1), 1), ((0, 1), 1)])
def test_curves_are_drawn_where_a_run_has_one(tmp_path, monkeypatch, lengths, panels):
    figures = []
    monkeypatch.setattr(grids, "save_figure", lambda figure, *rest: figures.append(figure))
    rows = [
        {
            "variation": f"row {length}",
            "mean": 5.0,
            "error": None,
            "runs": [
                {"value": 5.0, "curve": {"epochs": [*range(length)], "minutes": [0] * length, "values": [6.0] * length}}
            ],
        }
        for length in lengths
    ]
    study_figure.draw_study({"rows": rows, "n": 32, "minutes": None}, tmp_path / "x.png", 16)
    assert len(figures[0].axes) == panels
    assert [text.get_text() for text in figures[0].axes[0].get_yticklabels()] == [row["variation"] for row in rows]


def test_a_variation_may_have_a_name(stand, in_tmp):
    found, said = stand(VALUES), []
    rows = run_study("rates", config(), [f"a large rate: {VARY}"], report=said.append)["rows"]
    assert [(row["variation"], row["settings"]) for row in rows] == [("as it is", ""), ("a large rate", VARY)]
    assert run_of(study.FOLDER, "rates", "a large rate", 0).path.name == "a-large-rate-s0" and len(found.trained) == 2
    table = said[-2].splitlines()
    assert [line.split("  ")[0] for line in table] == ["", "variation", "as it is", "a large rate"]
    assert not any(VARY in line for line in table)
    with pytest.raises(UserError, match="another variation is called a large rate"):
        run_study("rates", config(), [f"a large rate: {VARY}", "a large rate: critic_steps=2"])
    with pytest.raises(UserError, match="another variation is called as it is"):
        run_study("rates", config(), ["as it is: critic_steps=2"])


def test_the_first_row_may_have_a_name(stand, in_tmp):
    stand(VALUES)
    said = []
    rows = run_study("rates", config(), [VARY], seeds=2, first="rate .0002", report=said.append)["rows"]
    assert [(row["variation"], row["settings"]) for row in rows] == [("rate .0002", ""), (VARY, VARY)]
    assert (rows[0]["difference"], rows[1]["difference"]) == (None, -4.5)
    assert run_of(study.FOLDER, "rates", "rate .0002", 0).is_finished()
    assert said[0].endswith("seed 1 of 2, 1 of 2: rate .0002")
    with pytest.raises(UserError, match="another variation is called rate .0002"):
        run_study("rates", config(), ["rate .0002: critic_steps=2"], first="rate .0002")


def test_a_study_is_written_after_each_seed_that_brings_news(stand, in_tmp, monkeypatch):
    """A study that is stopped leaves the table of the seeds that all rows have."""
    found = stand(VALUES)
    del found.values[0.1, 1]
    with pytest.raises(KeyError):
        run_study("rates", config(), [VARY], seeds=3, report=lambda line: None)
    file = in_tmp / "reports" / "studies" / "rates.csv"
    table = list(csv.reader(file.read_text().splitlines()))
    assert [line[2:4] for line in table[1:]] == [["1", "10.00"], ["1", "6.00"]]
    assert file.with_suffix(".png").is_file() and len(json.loads(file.with_suffix(".json").read_text())["rows"]) == 2
    # What is there already is not written again seed by seed: a table of more seeds may be there.
    written = []
    monkeypatch.setattr(study, "draw_study", lambda content, *rest: written.append(content["rows"][0]["seeds"]))
    found.values[0.1, 1] = 14.0
    run_study("rates", config(), [VARY], seeds=2, report=lambda line: None)
    run_study("rates", config(), [VARY], seeds=2, report=lambda line: None)
    run_study("rates", config(), [VARY], seeds=3, report=lambda line: None)
    run_study("rates", config(epochs="4"), [VARY], seeds=2, report=lambda line: None)
    assert written == [2, 2, 3, 1, 2]
    # Where the runs are gone, as after git, a table of three seeds is not overwritten by one of the first.
    written.clear()
    run_study("again", config(), [VARY], seeds=3, report=lambda line: None)
    shutil.rmtree(in_tmp / "reports" / "studies" / "again" / "runs")
    run_study("again", config(), [VARY], seeds=3, report=lambda line: None)
    assert written == [1, 2, 3, 3]


@pytest.mark.slow
def test_a_study_as_it_is(in_tmp, image_folder, small_dataset, refused):
    """Two variations of one epoch, trained and scored in earnest; then again, which trains nothing."""
    save_judge(small_dataset, "animals")
    base = narrow(PRESETS["gan"].with_setting("dataset", "animals").with_setting("batch_size", "16"), 1)
    said = []
    rows = run_study("habits", base, ["augmentations=cutout", SGD], report=said.append)["rows"]
    assert [row["variation"] for row in rows] == ["as it is", "augmentations=cutout", SGD]
    values = [row["mean"] for row in rows]
    assert len(set(values)) == 3 and all(value > 0 for value in values)
    assert rows[1]["difference"] == pytest.approx(values[1] - values[0]) and rows[1]["images"] == 64
    run = run_of(study.FOLDER, "habits", SGD, 0)
    assert Run(run.path).read_config().model.discriminator_optimizer.name == "sgd"
    before = run.network("generator").stat().st_mtime_ns
    again = run_study("habits", base, ["augmentations=cutout", SGD], report=said.append)["rows"]
    assert again == rows and run.network("generator").stat().st_mtime_ns == before
    # Equal time: an epoch takes seconds, so that more than one fits in fifteen.
    timed = run_study("timed", base, [], minutes=0.25, report=said.append)["rows"][0]
    assert timed["images"] > 64 and 5 < timed["processor_seconds"] < 30
    assert refused("study", "habits", "gan", "--vary", "poch=3").startswith('preset gan has no setting "poch"')
