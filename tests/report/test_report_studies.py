"""The appendix on studies: tables made of their files, published figures beside ours, budgets told from the files."""

import json

import numpy as np
import pytest
from report_runs import SCORE, bare_run, blocks_of, full_run, pages_of, staged, table

from coursework.figures import grids as figures
from coursework.report.document import plain
from coursework.studies.variations.rows import COLUMNS, cells
from coursework.util.errors import UserError
from coursework.util.tables import write_csv

LINES = """model,images,mean_distance mean,mean_distance spread,mean_distance seeds,mean_distance published,\
smoothness mean,smoothness spread,smoothness seeds,smoothness published
lines-baseline,262144,0.0123456,0.00021,3,0.00688,,,0,0.44
lines-acai,262144,0.00024,0.00001,3,0.00024,0.104,0.012,3,0.1
"""
RINGS = """mixture,setting,steps,seeds,modes,"modes, standard error",high quality,"high quality, standard error",\
complete
ring,rings-gan,25000,10,6.5,0.25,0.9124,0.0101,2
ring,rings-r1,25000,10,8,0,0.97,0.002,10
grid,rings-gan,25000,1,20,,0.5,,0
ring,GAN (VEEGAN),,,1,,0.993,,
ring,PacGAN2 (PacGAN),,,7.9,,0.956,,
"""
POSTERIOR = {
    "run": "vae",
    "code_size": 128,
    "active": 120,
    "kl": 25.04,
    "mmd": 0.0333,
    "mmd_error": 0.0005,
    "mmd_floor": -0.00004,
    "mmd_floor_error": 0.00008,
    **{f"fd_{name}": 1.0 + number for number, name in enumerate(("prior", "gaussian", "mixture", "reconstruction"))},
    "fd_floor": 0.02,
    "components": 10,
    "n": 10000,
    "codes": 10000,
    "seed": 2020,
}


@pytest.fixture
def home(in_tmp):
    """Work in an empty folder, where reports/runs is empty too."""
    return in_tmp


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace("\\\n", ""), encoding="utf-8")


def draw(file):
    figures.save_png(file, np.random.default_rng(len(file.name)).integers(0, 255, (40, 60, 3), dtype=np.uint8))


def block_of(content, target):
    (found,) = [block for block in [*content["blocks"], *content["appendix"]] if block.get("target") == target]
    return found


def caption(content, target):
    return plain(block_of(content, target)["caption"])


def test_any_csv_file_of_a_study_is_a_table(home):
    write(home / "studies" / "loss.csv", "epoch,hinge\n1,<b>12.4</b>\n2\n")
    write(home / "studies" / "long.csv", "epoch\n" + "1\n" * 1041)
    write(home / "studies" / "none.csv", "")
    write(home / "studies" / "loss.json", '{"caption": "What <it> measures."}')
    content, _ = staged([bare_run(home)], home)
    assert table(content, "loss") == [["epoch", "hinge"], ["1", "<b>12.4</b>"], ["2", ""]]
    assert caption(content, "loss") == "What <it> measures."
    assert len(table(content, "long")) == 41 and caption(content, "long") == "long.csv. First 40 of 1,041 rows."
    (home / "studies" / "loss.csv").write_bytes(b"epoch\n\xff\n")
    with pytest.raises(UserError, match=r"loss\.csv is not a CSV file"):
        staged([bare_run(home)], home)


def test_a_study_of_variations_has_a_table_and_a_figure(home):
    """As `study` writes it: differences beside scores, the best one strong, settings under a variation's own name."""
    rows = [
        {**row, "settings": settings, "diverged": 0, "images": 250000.0, "processor_seconds": 345.0}
        for row, settings in (
            ({"variation": "as it is", "seeds": 2, "mean": 9.876, "error": 0.54, "difference": None}, ""),
            ({"variation": "hinge loss", "seeds": 2, "mean": 8.5, "error": 0.2, "difference": -1.376}, "loss=hinge"),
            ({"variation": "ema_decay=0", "seeds": 2, "mean": None, "error": None, "difference": None}, "ema_decay=0"),
        )
    ]
    for row, error in zip(rows, (None, 0.61, None), strict=True):
        row["difference_error"] = error
    rows[2] |= {"diverged": 2, "images": None, "processor_seconds": None}
    (home / "studies").mkdir()
    write_csv(home / "studies" / "habits.csv", cells(rows))
    draw(home / "studies" / "habits.png")
    content, folder = staged([bare_run(home)], home)
    assert table(content, "habits")[1:] == [
        ["as it is", "9.88 ± 0.54", "", "2", "250,000", "5.8"],
        ["hinge loss", "8.50 ± 0.20", "−1.38 ± 0.61", "2", "250,000", "5.8"],
        ["ema_decay=0", "–", "", "0 (2 diverged)", "", ""],
    ]
    strong = [row["cells"][1]["content"][0]["kind"] for row in block_of(content, "habits")["rows"]]
    assert strong == ["text", "strong", "text"]
    details = [row["cells"][0]["detail"] for row in block_of(content, "habits")["rows"]]
    assert details == ["", "loss=hinge", ""]
    assert caption(content, "habits") == "habits: a preset varied, FD-judge (± standard error over seeds)."
    assert block_of(content, "habits-curves")["panels"][0]["image"]
    pages_of(folder, "appendix")
    curves = [{"minutes": [1, 10, 14], "values": [9.0, 7.0, 5.0]}, {"minutes": [12], "values": [8.0]}]
    runs = [{"variation": "hinge loss", "runs": [{"curve": curve} for curve in curves]}]
    runs += [{"variation": "as it is", "runs": [{"curve": {"minutes": [13], "values": [1.0]}}]}]
    description = {"n": 10000, "config": {"preset": "gan"}, "minutes": 24, "rows": runs, "extractor_sha256": "ab" * 32}
    (home / "studies" / "habits.json").write_text(json.dumps(description))
    content, _ = staged([bare_run(home)], home)
    assert [line[6] for line in table(content, "habits")] == ["FD-judge by 12 min", "–", "7.50", "–"]
    assert "of 10,000 samples by judge abababab, 24 processor minutes each (" in caption(content, "habits")
    (home / "studies" / "habits.json").write_text('{"n": 10000, "config": {"preset": "gan"}}')
    content, _ = staged([bare_run(home)], home)
    assert caption(content, "habits") == "habits: gan varied, FD-judge of 10,000 samples (± standard error over seeds)."


@pytest.mark.parametrize("text", ['{"n": "many", "config": 3}', '{"config": {"preset": ["gan"]}}'])
def test_what_a_study_tells_of_itself_may_be_anything(home, text):
    (home / "studies").mkdir()
    write_csv(home / "studies" / "x.csv", [COLUMNS, ["as it is", *[""] * 8]])
    (home / "studies" / "x.json").write_text(text)
    content, _ = staged([bare_run(home)], home)
    assert caption(content, "x").endswith(" varied, FD-judge.") and table(content, "x")[1] == [
        "as it is",
        "–",
        *[""] * 4,
    ]


def test_lines_stand_beside_the_papers(home):
    write(home / "lines" / "table.csv", LINES)
    draw(home / "lines" / "curves.png")
    content, folder = staged([bare_run(home)], home)
    assert table(content, "lines")[1:] == [
        ["baseline", "12.35 ± 0.21", "6.88", "undefined", "0.44"],
        ["acai", "0.24 ± 0.01", "0.24", "0.10 ± 0.01", "0.10"],
    ]
    words = caption(content, "lines")
    assert "after 262,144 images" in words and "0 to 3 seeds" not in words and ", 3 seeds (" in words
    assert block_of(content, "lines-curves")["panels"][0]["image"]
    pages_of(folder, "appendix")


def test_what_a_study_of_lines_does_otherwise_is_told(home):
    write(home / "lines" / "table.csv", LINES)
    for content, words in (
        (
            {"settings": ["depth=8"], "precision": "mixed_bfloat16"},
            " Otherwise than in the paper: depth=8, mixed_bfloat16.",
        ),
        ({"settings": [], "precision": "float32"}, "Lower is better."),
        ({"settings": 5}, "Lower is better."),
    ):
        write(home / "lines" / "scores.json", json.dumps(content))
        assert caption(staged([bare_run(home)], home)[0], "lines").endswith(words)


def test_tables_of_an_unknown_form_are_shown_as_they_are(home):
    write(home / "lines" / "table.csv", "model,images\nlines-acai,64\n")
    write(home / "rings" / "table.csv", "setting\nrings-gan\n")
    content, _ = staged([bare_run(home)], home)
    tables = [block for block in blocks_of(content, "table") if block["target"] == "table"]
    assert [len(block["header"]) for block in tables] == [2, 1]


def test_rings_stand_above_what_is_published(home):
    write(home / "rings" / "table.csv", RINGS)
    draw(home / "rings" / "samples.png")
    content, folder = staged([bare_run(home)], home)
    assert table(content, "rings-ring")[1:] == [
        ["gan", "6.50 ± 0.25", "91.2 ± 1.0", "2 of 10", "25,000"],
        ["r1", "8.00 ± 0.00", "97.0 ± 0.2", "10 of 10", "25,000"],
        ["GAN (VEEGAN)", "1.0", "99.3", "", ""],
        ["PacGAN2 (PacGAN)", "7.9", "95.6", "", ""],
    ]
    assert [line["ruled"] for line in block_of(content, "rings-ring")["rows"]] == [False, False, True, False]
    assert caption(content, "rings-ring").startswith("Ring of 8 modes: 10 seeds (± standard error)")
    assert "published" in caption(content, "rings-ring") and "published" not in caption(content, "rings-grid")
    assert table(content, "rings-grid")[1] == ["gan", "20.00", "50.0", "0 of 1", "25,000"]
    assert caption(content, "rings-grid") == "Grid of 25 modes: 1 seed."
    assert block_of(content, "rings-samples")["panels"][0]["image"]
    pages_of(folder, "appendix")


def test_the_lesson_shows_every_question(home):
    lesson = home / "rings" / "lesson"
    write(lesson / "latents.csv", "setting,seed,steps,smallest mode %\nrings-gan,0,1000,3.2\n")
    write(lesson / "handcrafted.csv", 'setting,start,seed\n"rings-gan, by hand",0\n')
    write(lesson / "networks" / "table.csv", RINGS.replace("rings-gan", "rings-wide"))
    for name in ("latents", "handcrafted", "networks/samples", "networks/curves"):
        draw(lesson / f"{name}.png")
    content, folder = staged([bare_run(home)], home)
    assert table(content, "lesson-latents")[1] == ["rings-gan", "0", "1000", "3.2"]
    assert table(content, "lesson-handcrafted")[1][0] == "rings-gan, by hand"
    assert table(content, "lesson-networks-ring")[1][0] == "wide"
    shown = [block["target"] for block in blocks_of(content, "figure") if block["target"].startswith("lesson")]
    assert shown == ["lesson-plane", "lesson-networks-samples", "lesson-networks-curves", "lesson-samples"]
    pages_of(folder, "appendix")


def accuracy(name, value, untrained, published=None):
    conditions = {"name": name, "value": value, "error": 0.005, "n": 10000, "code_size": 256, "extractor": "codes"}
    return {**conditions, "untrained": untrained, "published": published}


def test_accuracies_of_codes_have_a_table_of_their_own(home):
    run = full_run(home)
    run.write_metrics(
        [SCORE, accuracy("linear_accuracy", 0.512, 0.4, 0.5277), accuracy("clustering_accuracy", 0.2, 0.15)]
    )
    other = full_run(home, "older")
    # As measured before published values were kept beside them.
    other.write_metrics(
        [{**accuracy("linear_accuracy", 0.3, 0.2), "published": None, "error": None}] + run.read_metrics()[2:]
    )
    content, folder = staged([run, other], home)
    assert table(content, "codes") == [
        ["Run", "Code size", "Linear, %", "Paper, %", "k-means, %"],
        ["full", "256", "51.2 ± 0.5", "52.8", "20.0 ± 0.5"],
        ["older", "256", "30.0", "–", "20.0 ± 0.5"],
    ]
    assert block_of(content, "codes")["rows"][0]["cells"][2]["detail"] == "untrained 40.0"
    assert caption(content, "codes").startswith("Percent of the test images (10,000)")
    assert table(content, "comparison")[0] == ["Run", "FD-judge ↓", "FID ↓"]
    assert [line[0] for line in table(content, "scores")] == ["Score", "FD-judge ↓", "FID ↓"]
    pages_of(folder, "appendix")


def test_accuracies_kept_in_a_folder_join_those_of_the_runs(home):
    records = [accuracy("linear_accuracy", 0.512, 0.4, 0.5277), accuracy("clustering_accuracy", 0.2, 0.15)]
    run = full_run(home)
    run.write_metrics([SCORE, *records])
    named = {each["name"]: each for each in records}
    lines = [
        {"run": "aae-s0", "images_seen": 100000, **named},
        {"run": "full", "images_seen": 5, **named},
        7,
        {"run": "x"},
    ]
    write(home / "codes" / "scores.json", json.dumps(lines))
    content, folder = staged([run], home)
    assert [line[0] for line in table(content, "codes")] == ["Run", "full", "aae-s0"]
    assert block_of(content, "codes")["rows"][1]["cells"][0]["detail"] == "100,000 images"
    # Those of the run itself, not of another one of its name.
    assert block_of(content, "codes")["rows"][0]["cells"][0]["detail"] == "6,400,000 images"
    pages_of(folder, "appendix")
    write(home / "codes" / "scores.json", "{}")
    with pytest.raises(UserError, match="should hold a JSON list"):
        staged([run], home)


def test_codes_stand_beside_the_prior(home):
    other = {**POSTERIOR, "run": "acai", "kl": None, "mmd_error": None, "fd_prior": "odd"}
    write(home / "aggregate-posterior" / "scores.json", json.dumps([other, POSTERIOR, 7]))
    draw(home / "aggregate-posterior" / "vae.png")
    content, folder = staged([bare_run(home)], home)
    first, second = table(content, "aggregate-posterior")[1:]
    assert second == ["vae", "120", "25.0", "33.30 ± 0.50", "1.00", "2.00", "3.00", "4.00", "0.02"]
    assert first[2:5] == ["–", "not measured", "not measured"]
    cells = block_of(content, "aggregate-posterior")["rows"][1]["cells"]
    assert (cells[1]["detail"], cells[3]["detail"]) == ("of 128", "floor −0.04 ± 0.08")
    words = caption(content, "aggregate-posterior")
    assert "10,000 images" in words and "mixture of 10 fitted to 10,000 codes" in words and words.endswith("Seed 2020.")
    assert [block["target"] for block in blocks_of(content, "figure") if "posterior" in block["target"]] == [
        "posterior-vae"
    ]
    pages_of(folder, "appendix")
    write(home / "aggregate-posterior" / "scores.json", "{}")
    with pytest.raises(UserError, match="should hold a JSON list"):
        staged([bare_run(home)], home)
