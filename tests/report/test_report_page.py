"""The page, the images and the model card of a report."""

from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from report_runs import ENVIRONMENT, bare_run, full_run, pegasus_folder

from coursework.figures import grids as figures
from coursework.report import build, images
from coursework.report.context import gather
from coursework.report.model_card import model_card

VOID = {"meta", "img", "br"}


class Checker(HTMLParser):
    """Collects tags and addresses, and fails where an element is not closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.sources, self.ids = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.addresses += [attributes[key] for key in ("href", "src") if key in attributes]
        self.sources += [attributes["src"]] if "src" in attributes else []
        self.ids += [attributes["id"]] if "id" in attributes else []
        assert not any(key.startswith("on") for key in attributes)
        assert tag != "img" or attributes["alt"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_is_whole_static_and_escaped(home):
    hostile = "<script>alert(1)</script>"
    run = full_run(home, name="größe-<b>\"'&")
    run.write_environment(ENVIRONMENT | {"dataset_label": hostile, "machine": hostile})
    pegasus_folder(home / "pegasus", strategy=hostile)
    (home / "report.toml").write_text(f'title = "{hostile}"\nauthor = "Zoë"\n', encoding="utf-8")
    files = build([run, bare_run(home)], "report.pdf", ".").files
    shown = 0
    for file in (files[1], files[3]):
        text = file.read_text(encoding="utf-8")
        checker = Checker()
        checker.feed(text)
        checker.close()
        assert checker.open == []
        assert "script" not in checker.tags and "b\"'&" not in checker.tags
        shown += text.count("&lt;script>alert(1)&lt;/script>") + text.count("&lt;script&gt;alert(1)&lt;/script&gt;")
        assert "größe-&lt;b>\"'&amp;" in text
        # Nothing is fetched: images are inside; links lead into the page, to its companion and to sources.
        outside = {address for address in checker.addresses if address[:1] != "#" and not address.startswith("data:")}
        assert {address for address in outside if not address.startswith("https://")} <= {
            *("report.html", "appendix.html"),
            *(address for address in outside if address.startswith("appendix.html#")),
        }
        assert not any(address.startswith("https://") for address in checker.sources)
        inside = {address[1:] for address in checker.addresses if address.startswith("#")}
        assert inside <= set(checker.ids) and len(checker.ids) == len(set(checker.ids))
        assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text
        assert checker.tags.count("h1") == 1 and "nav" in checker.tags
    assert shown >= 6 and "<math" in files[1].read_text(encoding="utf-8")


def test_links_of_the_prose_are_kept(home):
    (home / "prose.md").write_text("[a<b](https://example.org/?a=1&b=2)\n")
    text = build([bare_run(home)], "report.pdf", ".").files[1].read_text(encoding="utf-8")
    assert '<a href="https://example.org/?a=1&amp;b=2">a&lt;b</a>' in text


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarged_sheets_shrink_to_their_pixels(scale):
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 8, 3), dtype=np.uint8)
    sheet = images.shrink(figures.grid(pixels, columns=3, scale=scale, gap=2))
    np.testing.assert_array_equal(sheet, figures.grid(pixels, columns=3, scale=1, gap=1))
    pairs = images.shrink(figures.reconstructions(pixels[:4], pixels[2:], columns=2, scale=scale))
    rows, columns = images.tile_spans(pairs)
    assert [stop - start for start, stop in rows + columns] == [8] * 6
    np.testing.assert_array_equal(pairs[slice(*rows[2]), slice(*columns[1])], pixels[3])


def test_sheets_of_their_own_size_and_with_writing_are_left_alone():
    pixels = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), dtype=np.uint8)
    for sheet in (figures.grid(pixels), figures.strips([pixels], row_titles=["horse"], scale=3)):
        np.testing.assert_array_equal(images.shrink(sheet), sheet)


def test_rows_are_cut_between_images():
    pixels = np.random.default_rng(0).integers(0, 255, (8, 4, 4, 3), dtype=np.uint8)
    sheet = figures.grid(pixels, columns=2, gap=1)
    np.testing.assert_array_equal(images.first_rows(sheet, 2), figures.grid(pixels[:4], columns=2, gap=1))
    np.testing.assert_array_equal(images.first_rows(sheet, 4), sheet)


def test_equal_images_are_kept_once_and_broken_ones_not_at_all(tmp_path):
    store = images.Images(tmp_path)
    Image.new("RGB", (3, 2), "red").save(tmp_path / "a.png")
    Image.new("RGBA", (3, 2), "red").save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no image")
    first = store.add(tmp_path / "a.png")
    assert store.add(tmp_path / "b.png") == first and (first["width"], first["height"]) == (1, 1) or first["width"] == 3
    assert store.add(tmp_path / "c.png") is None and store.add(tmp_path / "missing.png") is None
    assert store.add(tmp_path / "missing.svg") is None
    assert [file.name for file in tmp_path.glob("image-*")] == ["image-0.png"] and first["file"] == "image-0.png"


def test_the_model_card_has_every_heading_and_only_what_was_measured(home):
    run = full_run(home, name="a|b_<c>")
    context = gather([run], home, home)
    text = model_card(context)
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        *("Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data"),
        *("Quantitative analyses", "Ethical considerations", "Caveats and recommendations"),
    ]
    assert text.startswith("# Model card: a\\|b\\_\\<c\\>\n")
    assert (
        "| FD-judge ↓ | 12.50 | 0.04 | 1.00 | 21.90 | 10,000 | cifar10:train (50,000) | judge abababababababab |"
        in text
    )
    assert "JPEG copy" in text and "class accuracy" not in text and "samples: not measured." in text
    assert "Metrics\n\nNot measured." in model_card(gather([bare_run(home)], home, home))
