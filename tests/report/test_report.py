"""From synthetic run directories to staged content, report.pdf and the figures alone, without Keras."""

import dataclasses
import json
import os
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
import typst
from PIL import Image
from report_runs import (
    ENVIRONMENT,
    LABEL,
    SCORE,
    bare_run,
    blocks_of,
    full_run,
    pages_of,
    pegasus_folder,
    staged,
    table,
    tables,
)

from coursework.config.models import AdversarialConfig
from coursework.config.networks import DCGANConfig
from coursework.config.presets import PRESETS
from coursework.config.schema import Config
from coursework.figures import grids as figures
from coursework.report import build
from coursework.report.building import stage
from coursework.report.context import gather
from coursework.report.differences import OFF, common, differing, settings_of, words_of
from coursework.report.document import plain
from coursework.report.drawings import drawn_curves
from coursework.report.model_card import model_card
from coursework.report.separate_figures import write_separately
from coursework.report.typesetting import TEMPLATE, typeset, write_main
from coursework.report.values import duration, number_text, value_text
from coursework.util.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Work in an empty folder, where reports/runs is empty too."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_full_run_is_reported_with_all_it_holds(home):
    content, folder = staged([full_run(home)], home)
    targets = [block["target"] for block in blocks_of(content, "figure")]
    body = ["architecture", "training", "through-training", "samples", "reconstructions", "interpolations"]
    assert targets == [*body, "full-zebra"]
    assert [block["target"] for block in blocks_of(content, "figure", "appendix")] == ["full-zebra"]
    (through,) = [block for block in blocks_of(content, "figure") if block["target"] == "through-training"]
    assert [panel["label"] for panel in through["panels"]] == [f"epoch {epoch}" for epoch in (10, 30, 60, 80)]
    for block in blocks_of(content, "figure"):
        for panel in block["panels"]:
            assert (folder / panel["image"]["file"]).is_file()
    status = dict(map(tuple, table(content, "full")))["status"]
    assert status == "finished: 128 epochs, 6,400,000 images, 3 h 21 min"
    assert table(content, "scores")[:2] == [
        ["Score", "Final model", "Test images", "Untrained", "n", "Against (n)", "Extractor"],
        ["FD-judge ↓", "12.50 ± 0.04", "1.00", "21.90", "10,000", "cifar10:train (50,000)", "judge abababab"],
    ]
    assert table(content, "scores")[2] == ["FID ↓", "not measured", *[""] * 5]
    assert content["cited"]["report"] and content["missing"] == []
    assert 2 <= len(pages_of(folder)) <= 6 and len(pages_of(folder, "appendix")) >= 1


def test_sheets_are_shown_at_their_own_resolution(home):
    content, folder = staged([full_run(home)], home)
    (samples,) = [block for block in blocks_of(content, "figure") if block["target"] == "samples"]
    image = samples["panels"][0]["image"]
    # Two rows of eight images of 8 pixels, a pixel between and around them.
    assert (image["width"], image["height"], image["pixels"]) == (8 * 9 + 1, 2 * 9 + 1, True)
    with Image.open(folder / image["file"]) as shown:
        pixels = np.asarray(shown)
    np.testing.assert_array_equal(
        pixels[1:9, 1:9], np.random.default_rng(0).integers(0, 255, (16, 8, 8, 3), np.uint8)[0]
    )


def test_the_best_of_each_column_is_bold_and_an_even_race_has_none(home):
    runs = [
        full_run(home, "first", score=9.0),
        full_run(home, "second", score=7.0),
        full_run(home, "third", score=None),
    ]
    content, _ = staged(runs, home)

    def bold():
        (found,) = [block for block in blocks_of(content, "table") if block["target"] == "comparison"]
        return [row["cells"][1]["content"][0]["kind"] for row in found["rows"]]

    assert bold() == ["text", "strong", "text", "emph"]
    assert table(content, "comparison")[3] == ["third", "not measured", "not measured"]
    runs = [full_run(home, "first", score=7.0), full_run(home, "second", score=7.0)]
    content, _ = staged(runs, home)
    assert bold() == ["text", "text", "emph"]


@pytest.mark.parametrize(
    "preset", ["gan", "sngan-resnet", "conditional-sngan", "vae", "acai", "lines-aae", "lines-vqvae"]
)
def test_a_run_that_has_only_begun_gets_a_report(home, preset):
    content, folder = staged([bare_run(home, preset)], home)
    assert dict(map(tuple, table(content, "bare")))["status"] == f"unfinished: 0 of {PRESETS[preset].epochs:,} epochs"
    notes = [block["content"][0]["text"] for block in blocks_of(content, "note")]
    assert "No diagram of bare yet: make figures." in notes and "No epoch of bare has been logged yet." in notes
    assert content["missing"] == ["{final: parameters.generator}", "[#architecture]"]
    assert blocks_of(content, "equation")
    pages_of(folder)


def test_broken_images_are_left_out_or_called_broken(home):
    run = full_run(home)
    (run.figures / "reconstructions.png").write_bytes(b"not an image")
    newest = run.samples / "0080.png"
    newest.write_bytes(newest.read_bytes()[:100])
    content, folder = staged([run], home)
    targets = {block["target"]: block for block in blocks_of(content, "figure")}
    assert "reconstructions" not in targets
    assert targets["samples"]["panels"][0]["missing"] == "0080.png is broken"
    assert len(targets["through-training"]["panels"]) == 3
    pages_of(folder)


def test_two_runs_stand_side_by_side_with_what_differs(home):
    changed = dataclasses.replace(PRESETS["sngan"], batch_size=32, seed=7)
    first, second = full_run(home, "first"), full_run(home, "second")
    second.write_config(changed)
    content, folder = staged([first, second], home)
    settings = table(content, "all-settings")
    assert settings[0] == ["Setting", "first", "second"]
    assert settings[2:4] == [["seed", "0", "7"], ["batch size", "64", "32"]]
    assert ["epochs done", "128", "128"] in settings and ["processor time", "12 min", "12 min"] in settings
    lines = table(content, "all-common-settings")[1:]
    common = [pair for pair in [line[:2] for line in lines] + [line[2:] for line in lines] if pair[0]]
    assert ["epochs", "128"] in common and ["network: spectral", "yes"] in common
    assert ["generator optimiser", "adam 0.0002, β 0.5 0.999, ε 1e-8, constant"] in common
    # Without the two that differ, and the options that are off.
    assert len(common) == len(settings_of(changed)) - 2 - len(OFF)
    pages_of(folder)


def test_settings_differ_where_a_run_lacks_them():
    rows = dict(differing([PRESETS["gan"], PRESETS["vae"]]))
    assert rows["model.beta"] == [None, 0.072] and rows["batch_size"] == [64, 100]
    assert "network.latent_size" not in rows
    assert words_of("model.generator_optimizer") == "generator optimiser" and words_of("network.name") == "network"


def test_options_have_a_row_where_a_run_makes_use_of_them():
    default = settings_of(Config(preset="x", model=AdversarialConfig(), network=DCGANConfig()))
    assert {key: default[key] for key in OFF} == OFF
    gan, vae = PRESETS["gan"], PRESETS["vae"]
    assert not set(OFF) & set(dict(differing([gan, vae]))) and not set(OFF) & set(dict(common([gan])))
    used = gan.with_setting("real_low", ".7").with_setting("flipped", ".05").with_setting("augmentations", "cutout")
    rows = dict(differing([used, vae]))
    assert rows["model.labels"] == ["real 0.7 to 1, fake 0, 5 % swapped", None]
    assert rows["model.augmentations"] == [("cutout",), None] and "model.packing" not in rows
    assert dict(differing([used, gan]))["model.augmentations"] == [("cutout",), ()]


def test_the_report_is_of_the_final_model_and_the_appendix_of_all(home):
    runs = [full_run(home, f"run-{number:02d}", score=5.0 + number) for number in range(12)]
    runs[3].write_config(PRESETS["vae"])
    content, folder = staged(runs, home)
    assert content["files"] == {"report": "report", "appendix": "appendix"}
    shown = json.dumps(content["blocks"])
    assert "run-00" in shown and not any(f"run-{number:02d}" in shown for number in range(1, 12))
    titles = [plain(block["content"]) for block in blocks_of(content, "heading", "appendix")]
    assert titles == ["All models", "Settings of all models", *(run.name for run in runs)]
    assert len(tables(content, "all-settings")) == 3 and len(tables(content, "settings")) == 1
    assert len(table(content, "comparison")) == 1 + 12 + 1
    assert len(pages_of(folder)) <= 6 and len(pages_of(folder, "appendix")) > 12


@pytest.mark.parametrize("preset", [name for name in PRESETS if not name.endswith("-demo")])
def test_of_the_words_few_are_not_the_students(home, preset):
    """Captions, and what is said at the places, are at most 150 words, whatever the final model."""
    run = full_run(home, preset=preset)
    pegasus_folder(home / "pegasus", second={"realism": 0.25}, neighbours=[{"train_index": 1, "distance": 2.0}])
    figures.save_png(home / "pegasus" / "neighbours.png", np.zeros((8, 8, 3), np.uint8))
    content, _ = staged([run, full_run(home, "other")], home, prose="# Mine\n\nFour words of mine.\n")
    assert content["words"]["own"] == 5 and 50 < content["words"]["generated"] <= 150


def test_references_lead_into_the_appendix(home):
    runs = [full_run(home), full_run(home, "other", score=20.0)]
    report = build(runs, "report.pdf", ".").files
    assert [file.name for file in report] == [
        *("report.pdf", "report.html", "appendix.pdf", "appendix.html", "MODEL_CARD.md"),
    ]
    (home / "prose.md").write_text("See [#comparison] and [#scores].\n")
    page = build(runs, "report.pdf", ".").files[1].read_text(encoding="utf-8")
    assert '<a href="appendix.html#table-A1">Table A1</a>' in page and '<a href="#table-2">Table 2</a>' in page


def test_names_are_shown_as_text_and_never_read_as_markup(home):
    name = '#panic("no") *a* _b_ $x$ @c <d> [e] \\f'
    run = bare_run(home, name="hostile")
    run.write_environment(ENVIRONMENT | {"dataset_label": name, "machine": name, "finished": False})
    (home / "report.toml").write_text("title = '" + name + "'\nauthor = 'Jürgen Öß <b>'\n", encoding="utf-8")
    content, folder = staged([run], home)
    assert (content["title"], content["author"]) == (name, "Jürgen Öß <b>")
    compiler = typst.Compiler(write_main(folder), root=folder, ignore_system_fonts=True)
    texts = compiler.query("par", field="body")
    assert name in texts.replace("\\u200b", "").replace('\\"', '"').replace("\\\\", "\\").replace("\u200b", "")
    pages_of(folder)
    pages_of(folder, "appendix")


def test_very_long_names_stay_on_the_page(home):
    """A name without separators must break: every page is as wide as its margins allow, and nothing is cut off."""
    name = "x" * 150
    (home / "report.toml").write_text(f'title = "{name}"\n')
    _, folder = staged([bare_run(home, name=name), bare_run(home)], home, prose=f"# {name}\n\n{name}\n")
    for page in [*pages_of(folder), *pages_of(folder, "appendix")]:
        with Image.open(BytesIO(page)) as image:
            ink = np.asarray(image.convert("L")) < 200
        margin = round(22 / 25.4 * 40) - 2
        assert ink.any() and not ink[:, :margin].any() and not ink[:, -margin:].any()


def test_scores_on_some_classes_have_a_table_of_their_own(home):
    whole, some = full_run(home, "whole", score=3.0), full_run(home, "some", score=0.5)
    some.write_config(dataclasses.replace(some.read_config(), classes=("horse", "bird")))
    content, _ = staged([whole, some], home)
    first, second = tables(content, "comparison")
    assert [line[0] for line in first[1:]] == ["whole", "Real test images"]
    assert [line[0] for line in second[1:]] == ["some", "Real test images"]
    captions = [str(block["caption"]) for block in blocks_of(content, "table") if block["target"] == "comparison"]
    assert "only horse, bird" in captions[1] and "only" not in captions[0]


def test_settings_of_many_runs_are_shared_out_evenly_without_rows_of_nothing(home):
    presets = ["gan", "sngan", "sngan-resnet", "vae", "acai"]
    content, _ = staged([bare_run(home, preset, f"run-{preset}") for preset in presets], home)
    three, two = tables(content, "all-settings")
    assert three[0] == ["Setting", "run-gan", "run-sngan", "run-sngan-resnet"] and len(two[0]) == 3
    assert "beta" not in [line[0] for line in three] and ["beta", "0.072", "–"] in two


def test_drawings_are_made_when_missing_or_older_than_what_they_show_and_else_left(home):
    run = full_run(home)
    staged([run], home)
    drawn = run.figures / "curves.svg"
    assert "<!-- FD-judge -->" in drawn.read_text()
    drawn.write_text("<svg/>")
    os.utime(run.log_file, ns=(0, drawn.stat().st_mtime_ns))
    context = gather([run], home, home / "stage")
    assert drawn_curves(context.final.run).read_text() == "<svg/>"
    os.utime(run.log_file, ns=(0, drawn.stat().st_mtime_ns + 10**9))
    staged([run], home)
    assert "<!-- FD-judge -->" in drawn.read_text()


def test_curves_show_where_training_went_wrong_and_the_caption_says_what(home):
    run = full_run(home)
    staged([run], home)
    assert "<!-- not finite -->" not in (run.figures / "curves.svg").read_text()
    text = "training diverged in epoch 3, step 7: loss is nan"
    incidents = [{"kind": "not finite", "epoch": 3, "step": 7, "text": text}, {"kind": "beyond the log", "epoch": 99}]
    run.write_environment(run.read_environment() | {"incidents": incidents})
    os.utime(run.environment_file, ns=(0, (run.figures / "curves.svg").stat().st_mtime_ns + 10**9))
    content, _ = staged([run], home)
    (shown,) = [block for block in blocks_of(content, "figure") if block["target"] == "training"]
    assert "Training diverged in epoch 3, step 7: loss is nan." in str(shown)
    drawn = (run.figures / "curves.svg").read_text()
    # In the panel of the losses and in that of the scores.
    assert drawn.count("<!-- not finite -->") == 2 and "beyond the log" not in drawn


def test_the_pegasus_is_framed_in_its_batch_and_ranked(home):
    neighbours = [{"space": "pixels", "train_index": 12345, "distance": 3.21}, {"train_index": 6}]
    pegasus_folder(home / "pegasus", neighbours=neighbours)
    content, folder = staged([full_run(home), full_run(home, "other", score=1.0)], home)
    (shown,) = [block for block in blocks_of(content, "figure") if block["target"] == "pegasus"]
    side = 8 * 9 + 1
    np.testing.assert_allclose(shown["panels"][1]["frame"], [(1 + 2 * 9) / side, 1 / 19, 8 / side, 8 / 19])
    assert table(content, "pegasus-scores") == [
        ["Images", "Witness", "Realism", "Recognisability"],
        ["best", "ranks", "0.500", "0.984"],
        ["mean of 64", "ranks", "0.500", "0.492"],
    ]
    ranking = table(content, "pegasus-ranking")
    assert ranking[1] == ["1", "interpolation", "full", "63", "0.500", "0.984"] and len(ranking) == 13
    assert table(content, "neighbour-distances") == [
        ["Nearest by", "Distance", "Unit", "Index in the training set"],
        ["pixels", "3.2", "grey levels of 255, root mean square", "12,345"],
        ["not recorded", "not measured", "not recorded", "6"],
    ]
    # The best Pegasus is of "full", whatever its score: its architecture is the final one.
    (diagram,) = [block for block in blocks_of(content, "figure") if block["target"] == "architecture"]
    assert diagram["panels"][0]["label"] == "full"
    pages_of(folder)


def test_strategies_are_compared_by_both_witnesses(home):
    folder = pegasus_folder(home / "pegasus", second={"realism": 0.25, "recognisability": 0.125})
    rows = [
        {"name": "latent_search", "run": "full", "batch": {"witness": {"realism": 0.5}, "second": {"realism": 0.4}}},
        {
            "name": "real images: horse",
            "run": None,
            "all": {"witness": {"realism": 1.0}, "second": None},
            "batch": None,
        },
    ]
    (folder / "comparison.json").write_text(json.dumps({"candidates": 1536, "rows": rows}))
    content, _ = staged([full_run(home)], home, prose="Of {pegasus: candidates}.")
    assert content["blocks"][0]["content"][0]["text"] == "Of 1,536."
    assert table(content, "strategies-witness") == [
        ["Strategy", "Run", "Realism"],
        ["latent search", "full", "0.500"],
        ["real images: horse", "–", "1.000"],
    ]
    assert [line[2] for line in table(content, "strategies-second")] == ["Realism", "0.400", "–"]
    assert table(content, "pegasus-scores")[3:] == [
        ["best", "independent", "0.250", "0.125"],
        ["mean of 64", "independent", "0.250", "0.125"],
    ]
    (folder / "comparison.json").write_text('{"rows": [1, {"name": 3}, {"batch": 7}]}')
    assert not any("strategies" in block.get("target", "") for block in staged([full_run(home)], home)[0]["appendix"])


def test_odd_records_of_a_pegasus_are_read_with_care(home):
    folder = home / "pegasus"
    pegasus_folder(folder)
    odd = [
        7,
        {"scores": None},
        {"scores": [1], "run": 3},
        {"scores": {"realism": float("nan"), "other": "x"}, "neighbours": "none"},
    ]
    (folder / "pegasus.json").write_text(json.dumps(odd * 2500))
    (folder / "batch.png").unlink()
    content, stage_folder = staged([bare_run(home)], home)
    assert table(content, "pegasus-scores")[1] == ["best", "ranks", "not measured", "not measured"]
    assert table(content, "pegasus-scores")[2][0] == "mean of 7,500"
    assert table(content, "pegasus-ranking")[2][1:4] == ["not recorded", "3", "not recorded"]
    pages_of(stage_folder)
    (folder / "pegasus.json").write_text('[{"run": "bare", "scores": [1]}]')
    _, context = stage([bare_run(home)], stage_folder, home)
    assert "The best Pegasus is this model's, by a strategy not recorded: not measured." in model_card(context)
    (folder / "pegasus.json").write_text('[{"run": "unscored"}]')
    content, stage_folder = staged([bare_run(home)], home)
    assert table(content, "pegasus-ranking")[1] == ["1", "not recorded", "unscored", "not recorded"]
    pages_of(stage_folder)
    (folder / "pegasus.json").write_text("{}")
    with pytest.raises(UserError, match=r"pegasus\.json should hold a JSON list"):
        staged([bare_run(home)], home)


def test_the_final_run_is_one_of_the_reports(home):
    """One that is named and not there is no word for another one."""
    runs = [full_run(home, "first", score=9.0), full_run(home, "second", score=7.0)]
    (home / "report.toml").write_text('final = "third"\n')
    with pytest.raises(UserError, match="report.toml names third as the final run, and the report is of first, second"):
        staged(runs, home)


def test_without_a_word_the_final_run_has_the_least_score_of_those_that_compare(home):
    runs = [full_run(home, name, score=score) for name, score in (("a", 9.0), ("b", 7.0), ("c", 1.0))]
    record = runs[2].read_metrics()
    runs[2].write_metrics([each | {"reference": "sprites:train"} for each in record])
    assert gather(runs, home, home / "stage").final.name == "b"
    assert gather(runs[2:], home, home / "stage").final.name == "c"
    assert gather([bare_run(home)], home, home / "stage").final.name == "bare"


def test_equal_runs_give_equal_bytes_in_a_second_without_keras(home):
    full_run(home)
    bare_run(home)
    code = (
        "import sys, time; started = time.process_time(); from coursework.report import build; "
        "from coursework.training.run import Run; "
        "build(Run.all('runs'), sys.argv[1], '.'); "
        "assert not {'keras', 'tensorflow', 'torch', 'scipy'} & set(sys.modules); "
        "print('matplotlib' in sys.modules, time.process_time() - started)"
    )
    outputs = []
    for name in ("new/a.pdf", "b.pdf"):
        process = subprocess.run(
            [sys.executable, "-c", code, name], check=True, timeout=300, capture_output=True, text=True
        )
        outputs.append(process.stdout.split())
    # The second time nothing has changed: nothing is drawn, and it takes about a second of processor time.
    assert [drew for drew, _ in outputs] == ["True", "False"]
    assert float(outputs[1][1]) < 4.0
    content = (home / "new" / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and 20_000 < len(content) < 500_000
    assert (home / "b.pdf").read_bytes() == content
    assert (home / "b.html").read_bytes() == (home / "new" / "a.html").read_bytes()


def test_prose_is_written_once_and_never_touched(home):
    report = build([full_run(home)], "report.pdf", ".")
    assert report.is_new and report.is_draft and report.lines()[-1].startswith("prose.md is a first version")
    (home / "prose.md").write_text("# Mine\n\nTwo words.\n", encoding="utf-8")
    report = build([full_run(home)], "report.pdf", ".")
    assert (home / "prose.md").read_text(encoding="utf-8") == "# Mine\n\nTwo words.\n"
    assert not report.is_new and not report.is_draft


@pytest.mark.parametrize(("extra", "told"), [(0, None), (800, "warning: close to the limit"), (950, "error: ")])
def test_words_are_counted_and_the_limit_is_told(home, extra, told):
    run = bare_run(home)
    base = build([run], "report.pdf", ".").words
    text = (home / "prose.md").read_text(encoding="utf-8")
    fill = 0 if not extra else (960 if extra == 800 else 1010) - sum(base.values())
    (home / "prose.md").write_text(text + "\n" + "word " * fill, encoding="utf-8")
    report = build([run], "report.pdf", ".")
    assert sum(report.words.values()) == sum(base.values()) + fill
    lines = [line for line in report.lines() if "limit" in line]
    assert not lines if told is None else lines[0].startswith(told)
    if extra == 950:
        assert lines == ["error: 10 words above the limit of 1,000: shorten prose.md"]


def test_templates_of_ones_own_come_first(home):
    run = bare_run(home)
    (home / "template.typ").write_text('#json("data.json").title')
    _, folder = staged([run], home)
    assert write_main(folder, None, home).read_text() == (home / "template.typ").read_text()
    assert write_main(folder).read_bytes() == TEMPLATE.read_bytes()
    assert "@preview" not in TEMPLATE.read_text(encoding="utf-8")
    with pytest.raises(UserError, match=r"no template at .*missing\.typ"):
        build([run], "report.pdf", ".", template=home / "missing.typ")
    (home / "broken.typ").write_text("#let")
    with pytest.raises(UserError, match=r"report\.typ: "):
        build([run], "report.pdf", ".", template=home / "broken.typ")
    # Compilation sees nothing but its own folder.
    (home / "secret.txt").write_text("secret")
    (home / "outside.typ").write_text('#read("/../secret.txt")')
    with pytest.raises(UserError, match=r"report\.typ: "):
        build([run], "report.pdf", ".", template=home / "outside.typ")
    assert not (home / "report.pdf").exists()
    with pytest.raises(UserError, match="no run to report: train one"):
        build([], "report.pdf", ".")


def test_figures_are_written_alone_for_print(home):
    run = full_run(home)
    written = write_separately([run], home / "figures", pegasus_folder(home / "pegasus"))
    names = {file.name for file in written}
    stems = [
        "full-architecture",
        "full-curves",
        "full-reconstructions",
        "full-samples",
        "full-zebra_stripes",
        "pegasus",
    ]
    assert {f"{stem}{suffix}" for stem in stems for suffix in (".png", ".pdf")} <= names
    with Image.open(home / "figures" / "full-curves.png") as image:
        # 6.7 by 2.3 inches at 300 dots an inch.
        assert abs(image.width - 2010) <= 2 and abs(image.height - 690) <= 2
    with Image.open(home / "figures" / "full-samples.png") as image:
        assert image.size == (73 * 16, 19 * 16) and image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        pixels = np.asarray(image)
    np.testing.assert_array_equal(pixels, pixels[::16, ::16].repeat(16, axis=0).repeat(16, axis=1))
    main = home / "main.typ"
    main.write_text('#set page(width: auto, height: auto, margin: 0pt)\n#image("figures/full-samples.pdf")')
    with Image.open(BytesIO(typeset(main, format="png", ppi=300))) as image:
        assert image.size == (73 * 16, 19 * 16)
    assert write_separately([run], home / "figures", home / "pegasus") == []


@pytest.mark.parametrize(
    ("seconds", "words"), [(45.2, "45 s"), (60, "1 min"), (3599, "1 h 0 min"), (12034.5, "3 h 21 min"), (720, "12 min")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_values_read_as_a_reader_expects():
    values = [True, 2e-4, 1e-8, 1500, (0.5, 2), None, "a_b"]
    assert [value_text(value) for value in values] == ["yes", "0.0002", "1e-8", "1,500", "0.5, 2", "none", "a_b"]
    numbers = [0.12345, float("inf"), None, True, "1"]
    assert [number_text(value) for value in numbers] == ["0.123", "not finite", *["not measured"] * 3]


def test_scores_of_one_measurement_share_a_column(home):
    first, second = full_run(home, "first"), full_run(home, "second")
    second.write_metrics([SCORE | {"extractor_sha256": "cd" * 32}])
    content, _ = staged([first, second], home)
    assert [line[1:3] for line in table(content, "comparison")[1:3]] == [
        ["12.50 ± 0.04", "not measured"],
        ["not measured", "12.50 ± 0.04"],
    ]
    assert LABEL in content["datasets"]
