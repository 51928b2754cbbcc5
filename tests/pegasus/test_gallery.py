"""The gallery page as a file: everything inside and intact, nothing of a record as markup; the choice read back."""

import base64
import configparser
import copy
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy
import pytest
from PIL import Image

from coursework.pegasus import gallery
from coursework.pegasus.choice import read_choice
from coursework.pegasus.gallery import fingerprint, script_json, write_gallery
from coursework.util.errors import UserError

HOSTILE = "</script><script>alert(1)</script><!-- \"'&{{title}}\u2028\u2029 &lt; é 🦄"


def make_images(count, height=4, width=6, seed=0):
    return numpy.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=numpy.uint8)


def make_records(count, strategy="latent_search", run="sngan-cifar10-s0"):
    return [
        {
            "id": f"{strategy}/{run}/0/{index}",
            "strategy": strategy,
            "run": run,
            "seed": 0,
            "index": index,
            "rank": None,
            "scores": {"recognisability": 0.5, "realism": 0.25, "uniqueness": 1.0, "overall": 0.5},
            "second": None,
            "belief": {"body": 0.9, "wings": 0.8, "unity": 0.7},
            "origin": {"classes": ["horse", "bird"]},
            "neighbours": [{"space": "pixels", "train_index": 40 + index, "distance": 12.5}],
        }
        for index in range(count)
    ]


class Page(HTMLParser):
    """What a browser would see: tags with attributes, and the text of each kind of element."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.source = path.read_bytes().decode()
        self.tags, self.texts, self.open = [], {}, None
        self.feed(self.source)
        self.data = json.loads(self.texts["script"][0])

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open = tag
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, text):
        if self.open:
            self.texts[self.open][-1] += text

    def sheets(self, kind):
        urls = [attributes["src"] for tag, attributes in self.tags if attributes.get("data-kind") == kind]
        assert all(url.startswith("data:image/png;base64,") for url in urls)
        return [numpy.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))) for url in urls]


def cut(sheet, place, height=4, width=6):
    """The picture at `place` of a sheet, by the rule that the page's script follows."""
    row, column = divmod(place, sheet.shape[1] // width)
    return sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]


def test_every_candidate_and_training_image_is_inside_intact(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "SHEET", 5)
    images, records = make_images(12), make_records(12)
    training = {int(index): image for index, image in zip((51, 7, 40), make_images(3, seed=1), strict=True)}
    mark = write_gallery(tmp_path / "gallery.html", images, records, training, "Pegasi", "a note")
    page = Page(tmp_path / "gallery.html")
    assert page.data == {
        "fingerprint": mark,
        "height": 4,
        "width": 6,
        "perSheet": 5,
        "candidates": records,
        "training": [7, 40, 51],
        "collages": [],
    }
    sheets = page.sheets("candidates")
    # Five pictures in three columns and two rows; the last sheet holds the two that are left over.
    assert [sheet.shape for sheet in sheets] == [(8, 18, 3), (8, 18, 3), (4, 12, 3)]
    for index in range(12):
        numpy.testing.assert_array_equal(cut(sheets[index // 5], index % 5), images[index])
    (sheet,) = page.sheets("training")
    for place, index in enumerate(page.data["training"]):
        numpy.testing.assert_array_equal(cut(sheet, place), training[index])
    assert page.texts["h1"] == ["Pegasi"] and page.texts["title"] == ["Pegasi"]
    assert ("p", {"id": "note"}) in page.tags and "a note" in page.texts["p"]


def test_no_text_of_a_record_becomes_markup(tmp_path):
    records = make_records(2)
    records[1] |= {"id": HOSTILE, "strategy": HOSTILE, "run": HOSTILE, "origin": {HOSTILE: [HOSTILE]}}
    write_gallery(tmp_path / "plain.html", make_images(2), make_records(2), {}, "title", "note")
    write_gallery(tmp_path / "hostile.html", make_images(2), records, {}, HOSTILE, HOSTILE)
    plain, hostile = Page(tmp_path / "plain.html"), Page(tmp_path / "hostile.html")
    assert [tag for tag, _ in plain.tags] == [tag for tag, _ in hostile.tags]
    assert hostile.data["candidates"] == records
    assert hostile.texts["h1"] == [HOSTILE] and HOSTILE in hostile.texts["p"]
    # The scripts are the package's own, untouched by what is put in.
    assert hostile.texts["script"][1] == plain.texts["script"][1]
    data = re.search(r'id="data">(.*?)</script>', hostile.source, re.DOTALL)[1]
    assert json.loads(data)["candidates"] == records
    assert data.isascii() and not set("<>&") & set(data)


def test_script_json_keeps_the_value_and_refuses_what_json_lacks():
    value = {"a": [1, 0.5, None, True, "\u2028 </script> ü \ud800"], "<b>": "&amp;"}
    assert json.loads(script_json(value)) == value
    assert script_json({"x": "<"}) == '{"x":"\\u003c"}'
    with pytest.raises(ValueError, match="JSON compliant"):
        script_json([float("nan")])


def test_the_policy_lets_nothing_in_but_the_pages_own_style_and_script(tmp_path):
    write_gallery(tmp_path / "gallery.html", make_images(2), make_records(2), {}, "Pegasi")
    page = Page(tmp_path / "gallery.html")
    (policy,) = [attributes["content"] for _, attributes in page.tags if "http-equiv" in attributes]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    digests = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("style", page.texts["style"][0]), ("script", page.texts["script"][1]))
    }
    assert directives == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "img-src": "data:",
        "style-src": f"'sha256-{digests['style']}'",
        "script-src": f"'sha256-{digests['script']}'",
    }
    # Nothing refers to another file or address; a hidden style attribute would be refused by the policy.
    assert "http:" not in page.source and "https:" not in page.source and "url(" not in page.source
    assert not any({"style", "onclick", "onerror", "href"} & set(attributes) for _, attributes in page.tags)
    assert {attributes["src"][:5] for _, attributes in page.tags if "src" in attributes} == {"data:"}


def test_equal_input_gives_equal_bytes_and_replaces_the_old_page_whole(tmp_path):
    images, records, training = make_images(9), make_records(9), {3: make_images(1)[0], 1: make_images(1, seed=2)[0]}
    write_gallery(tmp_path / "gallery.html", images, records, training, "Pegasi")
    first = (tmp_path / "gallery.html").read_bytes()
    turned = dict(reversed(training.items()))
    write_gallery(tmp_path / "gallery.html", images.copy(), copy.deepcopy(records), turned, "Pegasi")
    assert (tmp_path / "gallery.html").read_bytes() == first
    records[0]["scores"]["overall"] = float("inf")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_gallery(tmp_path / "gallery.html", images, records, training, "Pegasi")
    assert (tmp_path / "gallery.html").read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == ["gallery.html"]


def test_the_fingerprint_is_of_pixels_and_ids_in_their_order():
    images, records = make_images(2), make_records(2)
    ids = '["latent_search/sngan-cifar10-s0/0/0", "latent_search/sngan-cifar10-s0/0/1"]'
    expected = hashlib.sha256(f"[[2, 4, 6, 3], {ids}]".encode() + images.tobytes()).hexdigest()
    assert fingerprint(images, records) == expected
    rescored = [{**record, "scores": {"overall": 0.1}, "rank": 1} for record in records]
    assert fingerprint(images, rescored) == expected
    assert fingerprint(images[::-1], records) != expected
    assert fingerprint(images, records[::-1]) != expected
    assert fingerprint(images.reshape(2, 6, 4, 3), records) != expected


def test_what_makes_no_gallery_is_refused(tmp_path):
    path, images, records = tmp_path / "gallery.html", make_images(2), make_records(2)
    with pytest.raises(UserError, match="^no candidates to show in a gallery$"):
        write_gallery(path, images[:0], [], {}, "Pegasi")
    with pytest.raises(ValueError, match="an id of its own"):
        write_gallery(path, images, [records[0], records[0]], {}, "Pegasi")
    with pytest.raises(ValueError, match="need as many records"):
        write_gallery(path, images, records[:1], {}, "Pegasi")
    with pytest.raises(ValueError, match="expected uint8 images"):
        write_gallery(path, images / 255.0, records, {}, "Pegasi")
    with pytest.raises(ValueError, match="training image 3 is uint8"):
        write_gallery(path, images, records, {3: make_images(1, 5, 5)[0]}, "Pegasi")
    assert not path.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="^cannot write "):
        write_gallery(tmp_path / "file" / "gallery.html", images, records, {}, "Pegasi")


def test_an_installed_package_has_the_pages_parts():
    folder = Path(gallery.__file__).parent
    setup = configparser.ConfigParser()
    setup.read(folder.parents[1] / "setup.cfg")
    packed = {
        file for pattern in setup["options.package_data"]["coursework.pegasus"].split() for file in folder.glob(pattern)
    }
    needed = {folder / "gallery_page" / name for name in ("page.html", "page.css", *gallery.SCRIPTS)}
    assert needed <= packed
    # A script that the page leaves out would be a script that nobody notices.
    assert needed == {file for file in (folder / "gallery_page").iterdir() if file.is_file()}


RECORDS = make_records(3)
MARK = "ab" * 32
GOOD = {"version": 1, "gallery": MARK, "id": RECORDS[1]["id"]}


def test_the_choice_is_read_back_also_from_an_editor_that_marks_its_files(tmp_path):
    file = tmp_path / "choice.json"
    file.write_text(json.dumps(GOOD))
    assert read_choice(file, RECORDS, MARK) is RECORDS[1]
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD, indent=4).replace("\n", "\r\n").encode())
    assert read_choice(str(file), RECORDS, MARK) is RECORDS[1]
    awkward = [{"id": HOSTILE}]
    file.write_text(json.dumps(GOOD | {"id": HOSTILE}, ensure_ascii=False), encoding="utf-8")
    assert read_choice(file, awkward, MARK) is awkward[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON: Expecting value"),
        (b"{", "is not valid JSON"),
        (b"\xff\xfe{}", "is not valid JSON: 'utf-8'"),
        (b"[" * 60000, "is not valid JSON"),
        (b"1" * 6000, "is not valid JSON"),
        (b"[]", "expected an object, found []"),
        (b"null", "expected an object, found null"),
        (b" " * 65537, "is larger than 64 kB"),
        ({"version": 1, "gallery": MARK}, 'key "id" is missing'),
        ({"gallery": MARK, "id": "x"}, 'key "version" is missing'),
        (GOOD | {"more": 1}, 'unknown key "more"'),
        (GOOD | {"version": 2}, "version: must be at most 1, found 2"),
        (GOOD | {"version": True}, "version: expected a whole number, found true"),
        (GOOD | {"id": 17}, "id: expected text, found 17"),
        (GOOD | {"gallery": "cd" * 32}, "was saved from a gallery of other candidates"),
        (GOOD | {"id": "line\nbreak"}, 'no candidate has the id "line\\nbreak"'),
        (GOOD | {"id": "\ud800"}, "expected Unicode text"),
        (GOOD | {"id": "x" * 60000}, "no candidate has the id"),
    ],
)
def test_any_other_file_gives_one_clear_line(tmp_path, content, message):
    file = tmp_path / "choice.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(UserError) as caught:
        read_choice(file, RECORDS, MARK)
    line = str(caught.value)
    assert line.startswith(str(file)) and message in line
    assert "\n" not in line and len(line) < 300 + len(str(file)) and line.encode()


def test_a_missing_choice_is_named(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UserError, match="^no choice at .*: save one in the gallery$"):
            read_choice(path, RECORDS, MARK)
