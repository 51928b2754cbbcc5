"""The page, the images and the model card of a report."""

import io
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path

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
        self.open, self.tags, self.addresses, self.ids = [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.addresses += [attributes[key] for key in ("href", "src") if key in attributes]
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
    text = build([run, bare_run(home)], "report.pdf", ".").page.read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert "script" not in checker.tags and "b\"'&" not in checker.tags
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4 and "größe-&lt;b&gt;&quot;" in text
    # Nothing is fetched: images are inside, links lead into the page itself.
    assert {address.partition(":")[0] if ":" in address else address[0] for address in checker.addresses} == {
        "data",
        "#",
    }
    inside = {address[1:] for address in checker.addresses if address.startswith("#")}
    assert inside <= set(checker.ids) and len(checker.ids) == len(set(checker.ids))
    assert "<math" in text and "prefers-color-scheme: dark" in text and 'name="viewport"' in text
    assert checker.tags.count("h1") == 1 and "nav" in checker.tags


def test_links_of_the_prose_are_kept(home):
    (home / "prose.md").write_text("[a<b](https://example.org/?a=1&b=2)\n")
    text = build([bare_run(home)], "report.pdf", ".").page.read_text(encoding="utf-8")
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


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_packed_into_pdf_without_loss(monkeypatch, channels):
    monkeypatch.setattr(images.features, "check", lambda name: False)
    array = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    array = array[..., 0] if channels == 1 else array
    pdf = images.as_pdf(array, images.encoded(array, format="PNG"), points=0.5)
    assert b"/MediaBox [0 0 3.5 2.5]" in pdf and b"/Width 7 /Height 5" in pdf
    (length,) = re.findall(rb"/FlateDecode .*/Length (\d+) >>", pdf)
    start = pdf.index(b"stream\n", pdf.index(b"/FlateDecode")) + len(b"stream\n")
    rows = zlib.decompress(pdf[start : start + int(length)])
    # A byte before each row tells PNG's filter of it.
    assert len(rows) == 5 * (7 * channels + 1)
    offset = int(pdf.split(b"startxref\n")[1].split(b"\n")[0])
    assert pdf[offset : offset + 4] == b"xref"


def test_equal_images_are_kept_once_and_broken_ones_not_at_all(tmp_path):
    store = images.Images(tmp_path)
    Image.new("RGB", (3, 2), "red").save(tmp_path / "a.png")
    Image.new("RGBA", (3, 2), "red").save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no image")
    first = store.add(tmp_path / "a.png")
    assert store.add(tmp_path / "b.png") == first and (first["width"], first["height"]) == (1, 1) or first["width"] == 3
    assert store.add(tmp_path / "c.png") is None and store.add(tmp_path / "missing.png") is None
    assert store.add(tmp_path / "missing.svg") is None
    assert sorted(file.name for file in tmp_path.glob("image-*")) == [
        "image-0.pdf",
        f"image-0{Path(first['page']).suffix}",
    ]


@pytest.mark.parametrize("shape", [(24, 32, 3), (24, 32)])
def test_the_page_has_the_smaller_file_and_every_pixel(shape):
    """A slope, and random numbers three times over, pack better as WebP; where that is larger it is PNG."""
    rows, columns = np.indices(shape[:2])
    noise = np.random.default_rng(0).integers(0, 256, shape[:2], dtype=np.uint8)
    array = (rows * columns % 256).astype(np.uint8) if len(shape) == 2 else np.stack([noise] * 3, axis=-1)
    png = images.encoded(array, format="PNG")
    suffix, packed = images.for_page(array, png)
    assert suffix == ".webp" and len(packed) < len(png)
    with Image.open(io.BytesIO(packed)) as shown:
        np.testing.assert_array_equal(np.asarray(shown.convert("L" if array.ndim == 2 else "RGB")), array)
    assert images.for_page(array, b"") == (".png", b"")


def test_without_webp_it_is_png(monkeypatch):
    array = np.zeros((4, 4, 3), np.uint8)
    png = images.encoded(array, format="PNG")
    monkeypatch.setattr(images.features, "check", lambda name: False)
    assert images.for_page(array, png) == (".png", png)


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
