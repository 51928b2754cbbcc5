"""Every table of the report again as text, what a run's peers scored beside it, and strategies by the truth."""

import json

import pytest
from report_runs import ENVIRONMENT, SCORE, bare_run, full_run, pages_of, pegasus_folder, staged, table

from coursework.cli import main as cli
from coursework.config.presets import PRESETS
from coursework.report import stage
from coursework.report.context import gather
from coursework.report.document import cell, cite, row, strong
from coursework.report.document import table as table_block
from coursework.report.model_card import model_card
from coursework.report.text_tables import chosen_tables, result_tables, table_lines
from coursework.report.variations import pair_blocks
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import sha256

TRUTH = {
    "rows": [
        {
            "strategy": "interpolation",
            "run": "vae",
            "share": 0.02,
            "share_top": 0.0,
            "share_batch": 0.0,
            "frechet": 9.0,
        },
        {"strategy": "region_search", "run": "c", "share": 0.25, "share_top": 0.5, "share_batch": 0.4, "frechet": 4.5},
    ],
    "floor": 0.01,
    "ceiling": 18.5,
    "true_positive_rate": 0.99,
    "false_positive_rates": {"horse blend": 0.03},
}


@pytest.fixture
def home(in_tmp):
    """Work in an empty folder, where reports/runs is empty too."""
    return in_tmp


def peer_of(run, home, value, **settings):
    """Write what another program scored with the configuration of `run`."""
    peer = Run(home / "peers" / run.name)
    config = json.loads(run.read_config().to_json()) | settings
    peer.path.mkdir(parents=True)
    peer.config_file.write_text(json.dumps(config))
    peer.write_metrics([SCORE | {"value": value, "floor": 1.0}])


def test_a_table_in_text_has_columns_details_and_small_print():
    small = table_block("", ["Score", "n"], [row("FD", "10")])
    block = table_block(
        "scores",
        ["Run", cell(strong("FD"), detail="judge")],
        [row("a", cell(strong("1.5"), " ± 0.1")), row("long name", "12", ruled=True)],
        ["As in ", cite("acai", "rae"), "."],
        notes=small,
    )
    assert table_lines(block) == [
        "scores: As in [acai, rae].",
        "",
        "Run                 FD",
        "                 judge",
        "----------------------",
        "a          *1.5* ± 0.1",
        "----------------------",
        "long name           12",
        "",
        "Score   n",
        "---------",
        "FD     10",
    ]


def test_long_captions_are_broken_and_tables_without_one_bear_their_name():
    block = table_block("lines", ["Model", ""], [row("vae", "1")], ["word " * 40])
    lines = table_lines(block)
    assert max(map(len, lines)) <= 100 and " ".join(lines).startswith("lines: word word") and lines.index("") == 3
    assert table_lines(block | {"caption": []})[0] == "lines"


def test_tables_are_chosen_by_name_and_by_its_beginning():
    blocks = [table_block(target, [], []) for target in ("rings-ring", "rings-grid", "ringsider", "scores")]
    chosen = [block["target"] for block in chosen_tables(blocks, ["rings", "scores"])]
    assert chosen == ["rings-ring", "rings-grid", "scores"] and chosen_tables(blocks, []) == blocks
    with pytest.raises(UserError, match="no table ring; there are rings-ring, rings-grid, ringsider, scores"):
        chosen_tables(blocks, ["scores", "ring"])


def test_runs_stand_beside_their_twins(home):
    (home / "peers").mkdir()
    file = home / "peers" / "table.csv"
    header = "run,by,seeds,images,processor minutes,FD-judge,"
    header += '"FD-judge, standard error",precision,"precision, standard error",recall,"recall, standard error"\n'
    ours, other = "sngan-64,here,3,249920,5.2,7.1234,.4,.81,.004,.5,.01", "sngan-64,PyTorch,3,249920,5.9,8,,.7,,.4,"
    file.write_text(header + f"{ours}\n{other}\ngan-64,here,1,10,.5,9,,,,,\n")
    (block,) = pair_blocks(home)
    shown = [[cell["content"][0]["text"] if cell["content"] else "" for cell in row["cells"]] for row in block["rows"]]
    assert shown == [
        ["sngan-64", "here", "7.12 ± 0.40", "0.810 ± 0.004", "0.500 ± 0.010", "3", "249,920", "5.2"],
        ["", "PyTorch", "8.00", "0.700", "0.400", "3", "249,920", "5.9"],
        ["gan-64", "here", "9.00", "undefined", "undefined", "1", "10", ".5"],
    ]
    assert [row["ruled"] for row in block["rows"]] == [False, False, True]
    content, folder = staged([bare_run(home)], home)
    assert table(content, "peers")[1][0] == "sngan-64"
    pages_of(folder, "appendix")
    assert "over seeds or, of one, over its samples" in json.dumps(block, ensure_ascii=False)
    file.write_text(header + f"{ours}\n{other}\n")
    assert "(± standard error over seeds)" in json.dumps(pair_blocks(home), ensure_ascii=False)
    # Another table is shown as it is.
    file.write_text("run,score\na,1\n")
    assert pair_blocks(home)[0]["target"] == "table" and not pair_blocks(home / "elsewhere")


def test_all_results_are_among_the_tables(home):
    run = full_run(home)
    pegasus_folder(home / "pegasus")
    (home / "studies").mkdir()
    (home / "studies" / "loss.csv").write_text("epoch,hinge\n1,2.5\n")
    (home / "pegasus-benchmark").mkdir()
    (home / "pegasus-benchmark" / "table.json").write_text(json.dumps(TRUTH))
    (home / "stage").mkdir()
    blocks = result_tables(gather([run], home, home / "stage"))
    assert [block["target"] for block in blocks] == [
        *("scores", "settings", "pegasus-scores", "truth", "pegasus-ranking", "loss", "full")
    ]
    assert all(len(table_lines(block)) >= 4 for block in blocks)


def test_the_verb_prints_them_without_touching_a_file(home, capsys):
    full_run(home / "reports")
    before = {file: file.stat().st_mtime_ns for file in home.rglob("*")}
    assert cli.main(["tables", "scores"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("scores: Scores on CIFAR-10 (JPEG copy)") and "12.50 ± 0.04  not measured" in shown
    assert {file: file.stat().st_mtime_ns for file in home.rglob("*")} == before
    assert cli.main(["tables", "scores", "lines"]) == 2
    assert "error: there is no table lines; there are scores, settings," in capsys.readouterr().err


def test_without_any_result_the_verb_says_what_to_do(home, capsys):
    assert cli.main(["tables"]) == 2
    assert "no results in reports: train a run with" in capsys.readouterr().err


def test_tables_need_no_run(home):
    (home / "pegasus-benchmark").mkdir()
    (home / "pegasus-benchmark" / "table.json").write_text(json.dumps(TRUTH))
    (home / "stage").mkdir()
    assert [block["target"] for block in result_tables(gather([], home, home / "stage"))] == ["truth"]


def test_a_peer_stands_beneath_its_run_and_takes_part_in_the_race(home):
    run, other = full_run(home, "full", score=3.0), full_run(home, "other", score=5.0)
    peer_of(run, home, 2.5)
    content, folder = staged([run, other], home)
    scores = table(content, "comparison")
    assert [line[:2] for line in scores[1:]] == [
        ["full", "3.00 ± 0.04"],
        ["full in PyTorch", "2.50 ± 0.04"],
        ["other", "5.00 ± 0.04"],
        ["Real test images", "1.00"],
    ]
    assert len(pages_of(folder, "appendix")) >= 1


def test_what_was_trained_by_another_configuration_is_no_peer(home):
    run = full_run(home)
    peer_of(run, home, 2.5, epochs=7)
    content, _ = staged([run, full_run(home, "other")], home)
    assert [line[0] for line in table(content, "comparison")] == ["Run", "full", "other", "Real test images"]


def test_strategies_by_the_truth_stand_best_first_with_what_the_judge_is_worth(home):
    (home / "pegasus-benchmark").mkdir()
    (home / "pegasus-benchmark" / "table.json").write_text(json.dumps(TRUTH))
    content, folder = staged([bare_run(home)], home)
    assert table(content, "truth")[1:] == [
        ["region search", "c", "25.0", "50.0", "40.0", "4.50"],
        ["interpolation", "vae", "2.0", "0.0", "0.0", "9.00"],
    ]
    (block,) = [block for block in content["appendix"] if block.get("target") == "truth"]
    assert table_lines(block)[-2:] == [
        "Calls pegasi, % of  true ones 99.0, horse blend 3.0",
        "Fréchet distance    other true ones 0.01, horses 18.50",
    ]
    assert len(pages_of(folder, "appendix")) >= 1


@pytest.mark.parametrize("content", [{}, {"rows": 3}, {"rows": [1]}, {"rows": [{"share_top": "high"}]}])
def test_odd_tables_of_the_truth_are_read_with_care(home, content):
    (home / "pegasus-benchmark").mkdir()
    (home / "pegasus-benchmark" / "table.json").write_text(json.dumps(content))
    blocks = staged([bare_run(home)], home)[0]["appendix"]
    found = [block for block in blocks if block.get("target") == "truth"]
    assert len(found) == (content.get("rows") == [{"share_top": "high"}])


def test_images_a_second_are_told_where_both_are_known(home):
    run = full_run(home)
    content, _ = staged([run], home)
    assert ["images a processor second", "8,889"] in [line[:2] for line in table(content, "settings")]
    run.write_environment({key: value for key, value in ENVIRONMENT.items() if key != "processor_seconds"})
    content, _ = staged([run], home)
    assert not any(line[0] == "images a processor second" for line in table(content, "settings"))


def test_the_first_prose_says_in_what_a_run_departs_from_its_preset(home):
    run = full_run(home)
    run.write_config(run.read_config().with_setting("generator_width", "64").with_setting("epochs", "3"))
    staged([run], home)
    assert "Settings are those of the preset sngan but for generator width ([#settings])." in prose(home)
    run.write_config(run.read_config().with_setting("precision", "mixed_bfloat16"))
    assert "preset sngan but for generator width and precision (" in prose(home, anew=[run])
    run.write_config(PRESETS["sngan"])
    assert "Settings are those of the preset sngan ([#settings])." in prose(home, anew=[run])


def prose(home, anew=()):
    """Return the prose, written anew for the runs `anew`."""
    if anew:
        (home / "prose.md").unlink()
        staged(anew, home)
    return (home / "prose.md").read_text(encoding="utf-8")


def test_the_first_prose_gives_each_witness_its_own_figures(home):
    pegasus_folder(home / "pegasus", second={"realism": 0.25, "recognisability": 0.125})
    staged([full_run(home)], home)
    first = (
        "The best one's realism is {pegasus: best.realism}, the batch's mean {pegasus: mean.realism}, by the witness"
    )
    assert first + " that ranks. A second witness, used for nothing else, checks them" in prose(home)


def test_the_model_card_knows_whose_weights_the_best_pegasus_is_of(home):
    run = full_run(home)
    folder = pegasus_folder(home / "pegasus")
    run.network("generator").write_bytes(b"weights")
    (home / "stage").mkdir()
    for recorded, words in ((sha256(run.network("generator")), "this model's"), ("ab" * 32, "of earlier weights of")):
        (folder / "comparison.json").write_text(json.dumps({"weights": {"full": recorded}}))
        _, context = stage([run], home / "stage", home)
        assert f"The best Pegasus is {words}" in model_card(context)
    # Records alone tell nothing else.
    run.network("generator").unlink()
    _, context = stage([run], home / "stage", home)
    assert "The best Pegasus is this model's" in model_card(context)
