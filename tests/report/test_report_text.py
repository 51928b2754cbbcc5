"""What the text of a report is made of: prose, facts, equations, settings, words, references."""

import pytest
from report_runs import bare_run, full_run

from coursework.config.presets import PRESETS
from coursework.report import method
from coursework.report.document import (
    cite,
    count_words,
    figure,
    heading,
    number,
    panel,
    paragraph,
    plain,
    resolve,
    row,
    see,
    table,
    words,
)
from coursework.report.facts import Facts
from coursework.report.prose import inlines, is_draft, parse
from coursework.report.settings import TITLE, ReportSettings, read_settings
from coursework.report.typesetting import bibliography, documents, typeset, write_main, write_sources
from coursework.util.errors import UserError

PROSE = """<!-- not shown
# nor this -->
# A *title*

Some **strong [link](https://example.org/a_b)** text,
on two lines with `a_b *c*`, snake_case_words, 2 * 3 * 4 and \\*stars\\*.
- one
- two
  goes on
1. first

> Remark: quoted.

{{scores}}

Cited [@gan; @vae], see [#scores], {final: fd_judge} <script>alert("x")</script>.
"""


def test_prose_is_a_small_markdown():
    blocks = parse(PROSE, ("scores",), lambda source, name: f"<{source}/{name}>")
    assert [block["type"] for block in blocks] == [
        *("heading", "paragraph", "list", "list", "note", "place", "paragraph"),
    ]
    assert blocks[0]["level"] == 1 and blocks[0]["content"][1] == {
        "kind": "emph",
        "content": [{"kind": "text", "text": "title"}],
    }
    text = "Some strong link text, on two lines with a_b *c*, snake_case_words, 2 * 3 * 4 and *stars*."
    assert plain(blocks[1]["content"]) == text
    assert [plain(item) for item in blocks[2]["items"]] == ["one", "two goes on"]
    assert plain(blocks[4]["content"]) == "Remark: quoted."
    assert blocks[5] == {"type": "place", "name": "scores"}
    kinds = [each["kind"] for each in blocks[6]["content"]]
    assert kinds == ["text", "cite", "text", "see", "text"]
    assert blocks[6]["content"][1]["keys"] == ["gan", "vae"]
    assert blocks[6]["content"][4]["text"] == ', <final/fd_judge> <script>alert("x")</script>.'


def test_lists_hold_their_items_and_what_goes_on_beneath():
    blocks = parse("- one\n- *two*\n  goes on\n\n1. first\n2) second\n\nafter")
    assert [(block["type"], block.get("ordered")) for block in blocks] == [
        ("list", False),
        ("list", True),
        ("paragraph", None),
    ]
    assert [plain(item) for item in blocks[0]["items"]] == ["one", "two goes on"]
    assert [plain(item) for item in blocks[1]["items"]] == ["first", "second"]


@pytest.mark.parametrize(
    "text", ["**open", "*", "_a", "`code", "[a](b c)", "{no fact}", "a*b", "[@]", "\\", "{{", "**"]
)
def test_what_is_no_markup_is_text(text):
    assert plain(inlines(text)) == text


@pytest.mark.parametrize("url", ["javascript:alert", "data:text/html,x", "file:///etc/passwd", "/relative", "//host"])
def test_links_lead_to_the_web_or_to_a_mailbox(url):
    with pytest.raises(UserError, match="^my prose links to .*: write the whole address"):
        inlines(f"[a]({url})", source="my prose")
    assert inlines("[a](mailto:a@b)")[0]["url"] == "mailto:a@b"


def test_unknown_places_are_told():
    with pytest.raises(UserError, match="^prose has a place for socres; there are scores, data$"):
        parse("{{socres}}", ("scores", "data"))


def test_the_draft_is_known_by_its_mark():
    assert is_draft("# Title\n\n> DRAFT, written from the measurements.")
    assert not is_draft("# Title\n\nThis was a DRAFT once.")


def test_facts_are_read_from_the_runs(tmp_path):
    run = full_run(tmp_path)
    facts = Facts(
        {"full": run, "bare": bare_run(tmp_path)}, run, pegasus={"count": 64, "seed": 1}, judge={"accuracy": 0.8619}
    )
    expected = {
        ("final", "fd_judge"): "12.50",
        ("full", "fd_judge.error"): "0.04",
        ("full", "fd_judge.floor"): "1.00",
        ("full", "fd_judge.n"): "10,000",
        ("full", "fd_judge@judge"): "12.50",
        ("full", "name"): "full",
        ("full", "minutes"): "12 min",
        ("full", "parameters.generator"): "3,806,659",
        ("full", "model.generator_optimizer.rate"): "0.0002",
        ("full", "network.spectral"): "yes",
        ("full", "preset.epochs"): "128",
        ("bare", "preset"): "gan",
        ("bare", "seed"): "0",
        ("pegasus", "count"): "64",
        ("judge", "accuracy %"): "86.2 %",
        ("final", "fd_judge.floor %"): "100.0 %",
    }
    assert {key: facts(*key) for key in expected} == expected
    assert facts.missing == []
    unknown = [("full", "fid"), ("full", "fd_judge@pixels"), ("nobody", "epochs"), ("full", "model"), ("pegasus", "x")]
    assert {facts(*key) for key in unknown} == {"not measured"}
    assert facts.missing == [f"{{{source}: {name}}}" for source, name in unknown]


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("One, two — three.", 3), ("state-of-the-art 3.5 % of 1,000", 4), ("± … →", 0), ("naïve Größe", 2)],
)
def test_words_are_what_holds_a_letter_or_a_digit(text, count):
    assert count_words(text) == count


def test_words_of_text_and_captions_count_and_nothing_else():
    blocks = [
        heading(1, "Two words"),
        paragraph("Five words with a citation ", cite("gan"), "."),
        {"type": "list", "ordered": False, "items": [[{"kind": "text", "text": "one two"}]]},
        {"type": "equation", "source": "x = y"},
        {"type": "note", "content": [{"kind": "text", "text": "not counted at all"}]},
        figure("a", [panel(None, "a label", missing="missing words")], ["A caption of five words."]),
        table("b", ["not", "these"], [row("nor", "those")], ["Three caption words."]),
    ]
    assert words(blocks) == 2 + 5 + 2 + 5 + 3


def test_a_quotation_counts_and_the_mark_of_the_draft_does_not():
    blocks = parse("> Four words by somebody\n\n> DRAFT: rewrite this text\n\nTwo more")
    assert [block["type"] for block in blocks] == ["note", "note", "paragraph"]
    assert words(blocks) == 4 + 2


def test_figures_and_tables_are_numbered_and_references_find_them():
    text = paragraph(see("b"), " and ", see("c"), cite("vae", "gan"), cite("gan"))
    report = [heading(1, "A"), text, figure("a", [], ["A."]), figure("b", [], ["B ", cite("acai")])]
    appendix = [heading(1, "B"), table("c", ["x"], [], ["C."]), figure("b", [], ["Another."])]
    targets = number({"report": report, "appendix": appendix})
    assert targets == {
        "a": {"text": "Figure 1", "part": "report", "anchor": "figure-1"},
        "b": {"text": "Figure 2", "part": "report", "anchor": "figure-2"},
        "c": {"text": "Table A1", "part": "appendix", "anchor": "table-A1"},
    }
    assert resolve(report, targets, bibliography()) == (["vae", "gan", "acai"], [])
    assert text["content"][0] | targets["b"] == text["content"][0] and text["content"][2]["text"] == "Table A1"
    assert [block["anchor"] for block in report if "anchor" in block] == ["section-1", "figure-1", "figure-2"]
    assert appendix[2]["number"] == "A1"
    _, unseen = resolve([paragraph(see("scores"))], {}, {}, ("scores",))
    assert unseen == ["[#scores]"]
    with pytest.raises(UserError, match='^mine refers to "tabel"; this report shows none$'):
        resolve([paragraph(see("tabel"))], {}, {}, source="mine")
    with pytest.raises(UserError, match='^mine cites "nobody1999", which is not among acai$'):
        resolve([paragraph(cite("nobody1999"))], {}, {"acai": ""}, source="mine")


def test_sources_read_as_references():
    known = bibliography()
    assert known["sngan"] == (
        "Takeru Miyato, Toshiki Kataoka, Masanori Koyama and Yuichi Yoshida. Spectral normalization for generative "
        "adversarial networks. ICLR 2018. arXiv:1802.05957."
    )
    assert known["dropout"].endswith("overfitting. JMLR 15 2014.") and len(known) == 24
    assert all(key in known for config in PRESETS.values() for key in method.sources_of(config.preset))


def test_own_sources_are_shown_as_they_are_written(tmp_path):
    """Beside the package's works, or in the place of one with the same key."""
    own = r"A. One: $x_1$ #panic() \foo {Bar} <b> *c* 2020."
    write_sources(tmp_path, {"own": own, "gan": "Mine."})
    (tmp_path / "data.json").write_text("{}")
    template = tmp_path / "own.typ"
    template.write_text('#cite(label("own")) #cite(label("gan")) #bibliography(("sources.bib", "own.yaml"))')
    page = documents(write_main(tmp_path, template))["report", "html"].decode()
    assert "A. One: $x_1$ #panic() \\foo {Bar} &lt;b> *c* 2020." in page and "Mine." in page


def all_equations():
    """Those of every preset, and of every option, which settings may choose."""
    found, options = [], [PRESETS["wgan-gp"].with_setting("loss", loss) for loss in ("hinge", "non-saturating")]
    options.append(PRESETS["gan"].with_setting("packing", "12").with_setting("unrolled_steps", "5"))
    options.append(PRESETS["gan"].with_setting("flipped", ".05").with_setting("augmentations", "cutout"))
    options.append(PRESETS["vae"].with_setting("likelihood", "bernoulli"))
    for config in (*PRESETS.values(), *options):
        found += [block["source"] for block in method.method_blocks(config) if block["type"] == "equation"]
    return list(dict.fromkeys(found))


def test_equations_are_printed_and_become_mathml(tmp_path):
    main = tmp_path / "main.typ"
    main.write_text("\n".join(f"$ {equation} $" for equation in all_equations()), encoding="utf-8")
    assert len(all_equations()) > 12 and any("nabla" in equation for equation in all_equations())
    assert typeset(main).startswith(b"%PDF")
    assert typeset(main, "html").count(b'<math display="block"') == len(all_equations())


def test_settings_of_the_report_are_read_strictly(tmp_path):
    file = tmp_path / "report.toml"
    assert read_settings(file) == ReportSettings(title=TITLE)
    file.write_text('title = "T"\nauthor = "Jürgen"\n[references]\na1 = "A. One."\n', encoding="utf-8")
    assert read_settings(file) == ReportSettings(title="T", author="Jürgen", references={"a1": "A. One."})
    for text, message in [
        ("titel = 'T'", 'unknown key "titel"; there are title, author'),
        ("title = 3", "title should be text in quotes, not 3"),
        ("references = 'x'", 'write the references as lines of key = "entry"'),
        ("title = ", "is not valid TOML"),
    ]:
        file.write_text(text)
        with pytest.raises(UserError, match=message):
            read_settings(file)


def test_the_method_tells_which_habits_a_run_has():
    plain_text = plain(method.method_blocks(PRESETS["gan"])[1]["content"])
    assert plain_text.endswith("non-saturating loss). Samples come from the moving average of G .")
    config = PRESETS["gan"]
    for key, text in {
        "augmentations": "colour,translation,cutout",
        "real_low": ".7",
        "real_high": "1.2",
        "flipped": ".05",
        "head_start": "20",
        "ema_decay": "0",
    }.items():
        config = config.with_setting(key, text)
    assert plain(method.method_blocks(config)[1]["content"]).split("loss). ")[1] == (
        "Before D real and generated images are augmented : colour, translation and cutout. "
        "Labels of real images are 0.7 to 1.2, of generated ones 0, and 5\u00a0% are swapped . "
        "D trains alone for the first 20 steps."
    )
