"""The panel: a page that says nothing of where its images come from, and the table of what people answered."""

import base64
import configparser
import io
import json
import re
from pathlib import Path

import numpy
import pytest
from conftest import command, environment
from PIL import Image

from coursework.cli import main as cli
from coursework.data import sprites
from coursework.figures.grids import save_png
from coursework.pegasus import panel
from coursework.pegasus.batch_files import write_batch
from coursework.pegasus.panel import Source, folder_source, image_id, real_source, write_panel
from coursework.pegasus.panel_answers import (
    Answer,
    Key,
    mean_and_error,
    panel_lines,
    read_answers,
    read_key,
    table_panel,
)
from coursework.util.errors import UserError

IDS = [f"{number:032x}" for number in range(8)]
KEY = Key("mark", tuple((mark, "batch" if place < 4 else "others", f"name {place}") for place, mark in enumerate(IDS)))


def make_images(count, seed=0, height=5, width=7):
    return numpy.random.default_rng(seed).integers(0, 255, (count, height, width, 3), dtype=numpy.uint8)


def make_source(name, count, seed=0):
    return Source(name, make_images(count, seed), tuple(f"{name}-{index}.png" for index in range(count)))


def write_batch_of(folder, images):
    origin = {"run": "gan-s0", "strategy": "interpolation", "weights": "last"}
    records = [{"id": f"a-{index}", "origin": origin} for index in range(len(images))]
    write_batch(folder, images, records, [{"z": numpy.zeros(2, numpy.float32)}] * len(images))


def shown(page):
    """Return the identities in the page's data, and its images (n, h, w, 3) in their order."""
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    (content,) = re.findall(r'src="data:image/png;base64,([^"]*)"', text)
    sheet = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    height, width = data["height"], data["width"]
    columns = sheet.shape[1] // width
    cells = [(place // columns * height, place % columns * width) for place in range(len(data["images"]))]
    return data["images"], numpy.stack([sheet[top : top + height, left : left + width] for top, left in cells])


# The page.


def test_the_page_shows_every_image_once_and_the_key_finds_it_again(tmp_path):
    sources = [make_source("ours", 9), make_source("theirs", 7, seed=1)]
    # One image in both sources.
    sources[1].images[3] = sources[0].images[2]
    assert write_panel(tmp_path / "panel.html", tmp_path / "panel-key.json", sources, seed=3) == 15
    ids, images = shown(tmp_path / "panel.html")
    assert ids == [image_id(image) for image in images] and len(set(ids)) == 15
    key = json.loads((tmp_path / "panel-key.json").read_text())
    expected = [
        {"id": image_id(image), "source": source.name, "name": name}
        for source in sources
        for image, name in zip(source.images, source.names, strict=True)
    ]
    assert key["images"] == expected and key["seed"] == 3
    assert read_key(tmp_path / "panel-key.json") == Key(
        key["panel"], tuple(tuple(entry.values()) for entry in expected)
    )


def test_the_page_says_nothing_of_where_an_image_comes_from(tmp_path):
    """The same images under other names and in other sources give the same page, byte for byte."""
    images = make_images(12)
    names = tuple(f"secret-{index}" for index in range(12))
    one = [Source("covert", images[:8], names[:8]), Source("concealed", images[8:], names[8:])]
    other = [Source("a", images[5::-1], names[:6]), Source("b", images[6:], names[6:])]
    for name, sources in (("one", one), ("other", other)):
        write_panel(tmp_path / f"{name}.html", tmp_path / f"{name}.json", sources, seed=0)
    page = (tmp_path / "one.html").read_bytes()
    assert page == (tmp_path / "other.html").read_bytes()
    assert not re.search(b"secret|covert|concealed", page) and b"secret-3" in (tmp_path / "one.json").read_bytes()
    assert re.findall(rb'alt="([^"]*)"', page) == [b""]
    write_panel(tmp_path / "two.html", tmp_path / "two.json", one, seed=1)
    assert shown(tmp_path / "two.html")[0] != shown(tmp_path / "one.html")[0]
    # The order mixes sources: of 15 neighbours, neither all nor none change the source.
    write_panel(tmp_path / "mixed.html", tmp_path / "mixed.json", [make_source("a", 40), make_source("b", 40, 1)], 0)
    first = {entry["id"] for entry in json.loads((tmp_path / "mixed.json").read_text())["images"][:40]}
    inside = [mark in first for mark in shown(tmp_path / "mixed.html")[0]]
    changes = sum(a != b for a, b in zip(inside, inside[1:], strict=False))
    # Expected 39.5 of a random order, with a standard deviation of 4.4.
    assert 24 <= changes <= 55


def test_sources_are_a_batch_a_folder_and_drawn_test_images(tmp_path, small_dataset):
    images = sprites.pegasi(10, 1)
    write_batch_of(tmp_path / "batch", images)
    batch = folder_source(tmp_path / "batch", "ours")
    numpy.testing.assert_array_equal(batch.images, images)
    assert batch.name == "ours" and batch.names == tuple(f"rank {rank}" for rank in range(1, 11))
    for index in (2, 0, 1):
        save_png(tmp_path / "some" / f"{index}.png", images[index])
    (tmp_path / "some" / "._0.png").write_bytes(b"")
    (tmp_path / "some" / "notes.txt").write_text("")
    folder = folder_source(tmp_path / "some")
    numpy.testing.assert_array_equal(folder.images, images[:3])
    assert (folder.name, folder.names) == ("some", ("0.png", "1.png", "2.png"))
    two = folder.drawn(2, 0)
    assert len(two.images) == 2 and set(two.names) < set(folder.names) and folder.drawn(3, 0) is folder
    for image, name in zip(two.images, two.names, strict=True):
        numpy.testing.assert_array_equal(image, images[int(name[0])])
    real = real_source(small_dataset, "horse", 5, seed=2)
    indices = [int(name.removeprefix("test image ")) for name in real.names]
    assert real.name == "real horse" and len(set(indices)) == 5
    assert {small_dataset.class_names[small_dataset.test_labels[index]] for index in indices} == {"horse"}
    numpy.testing.assert_array_equal(real.images, small_dataset.test_images[indices])
    assert real_source(small_dataset, "horse", 5, seed=3).names != real.names


def test_what_makes_no_panel_is_refused(tmp_path, small_dataset):
    page, key = tmp_path / "panel.html", tmp_path / "key.json"
    with pytest.raises(UserError, match="^two sources are called a: rename a folder$"):
        write_panel(page, key, [make_source("a", 2), make_source("a", 2, 1)], 0)
    with pytest.raises(UserError, match="^images of b are 32x32, but those of a are 7x5: use one size$"):
        write_panel(page, key, [make_source("a", 2), Source("b", sprites.pegasi(1, 0), ("x",))], 0)
    with pytest.raises(UserError, match="^no folder .*absent$"):
        folder_source(tmp_path / "absent")
    with pytest.raises(UserError, match="holds no images"):
        folder_source(tmp_path)
    with pytest.raises(UserError, match="has no class cow; it has"):
        real_source(small_dataset, "cow", 1, 0)
    with pytest.raises(UserError, match="has 8 test images of the class horse, fewer than 9$"):
        real_source(small_dataset, "horse", 9, 0)
    write_batch_of(tmp_path / "batch", make_images(3))
    save_png(tmp_path / "batch" / "batch.png", make_images(1)[0])
    with pytest.raises(UserError, match="does not show the 3 images of pegasus.json: make the pegasi again$"):
        folder_source(tmp_path / "batch")
    assert not page.exists() and not key.exists()


def test_an_installed_package_has_the_pages_parts():
    folder = Path(panel.__file__).parent
    setup = configparser.ConfigParser()
    setup.read(folder.parents[1] / "setup.cfg")
    packed = {
        file for pattern in setup["options.package_data"]["coursework.pegasus"].split() for file in folder.glob(pattern)
    }
    needed = {*panel.SCRIPTS, panel.PAGE / "page.html", panel.PAGE / "page.css"}
    assert needed <= packed and {file for file in panel.PAGE.iterdir() if file.is_file()} <= needed


# The table.


def answers_of(person, ratings, name="horse"):
    """Return answers with the ratings {place: (winged, real)}."""
    return [Answer(person, IDS[place], name, winged, real) for place, (winged, real) in ratings.items()]


def test_the_table_is_that_of_a_hand_calculation():
    given = [
        *answers_of("anna", {0: (8, 2), 1: (4, 2), 2: (0, 2), 4: (1, 9)}, "A Pegasus!"),
        *answers_of("ben", {0: (10, 2), 1: (6, 2), 2: (2, 2), 4: (1, 10)}, "pegasus"),
        *answers_of("cleo", {0: (6, 2), 1: (5, 2), 2: (1, 2)}, ""),
    ]
    table = table_panel(KEY, given)
    batch, others = table["sources"]
    assert table["panel"] == "mark" and table["people"] == 3
    assert {name: batch[name] for name in ("source", "images", "people", "ratings")} == {
        **{"source": "batch", "images": 3, "people": 3, "ratings": 9}
    }
    assert batch["names"] == [["pegasus", 6]]
    # Images' means 8, 5 and 1 with variance 37/3; people's 4, 6 and 4 with variance 4/3; three of each.
    assert batch["winged"]["mean"] == pytest.approx(42 / 9)
    assert batch["winged"]["standard_error"] == pytest.approx((37 / 9 + 4 / 9) ** 0.5)
    assert batch["winged"]["best"] == {"image": "name 0", "mean": 8.0}
    assert batch["winged"]["at_least_5"] == pytest.approx(2 / 3)
    assert batch["real"] == {
        **{"mean": 2.0, "standard_error": 0.0, "at_least_5": 0.0},
        "best": {"image": "name 0", "mean": 2.0},
    }
    # One image rated by two: over people alone, 9 and 10.
    assert (others["images"], others["people"], others["ratings"]) == (1, 2, 2)
    assert others["real"]["mean"] == 9.5 and others["real"]["standard_error"] == pytest.approx(0.5)
    assert panel_lines(table)[:5] == [
        "                        a horse with wings                   looks real",
        "source  images  people                mean  best  5 or more        mean  best  5 or more",
        "batch        3       3           4.7 ± 2.1   8.0       67 %   2.0 ± 0.0   2.0        0 %",
        "others       1       2           1.0 ± 0.0   1.0        0 %   9.5 ± 0.5   9.5      100 %",
        "± standard error of the mean, clustered over images and people",
    ]
    assert panel_lines(table)[6:] == [
        "batch: best name 0; named pegasus (6)",
        "others: best name 4; named pegasus (2)",
    ]


def test_errors_of_unequal_numbers_of_one_person_and_of_one_rating():
    # Deviations 2, -1 and -1 of mean 3: images (2 - 1, -1), people (2, -2).
    mean, error = mean_and_error([("a", "x", 5), ("a", "y", 2), ("b", "y", 2)])
    assert mean == 3 and error == pytest.approx((2 * 2 / 9 + 2 * 8 / 9) ** 0.5)
    # One person: the standard error of the mean over images.
    values = [3, 7, 8, 2]
    mean, error = mean_and_error([(str(place), "x", value) for place, value in enumerate(values)])
    assert mean == 5 and error == pytest.approx(numpy.std(values, ddof=1) / 2)
    assert mean_and_error([("a", "x", 4)]) == (4, None)
    table = table_panel(KEY, answers_of("anna", {0: (4, 5)}))
    assert "4.0 ± –" in panel_lines(table)[2]
    assert panel_lines(table)[3].endswith("over images alone: one person tells nothing of others")


def test_the_error_is_that_of_repeated_panels():
    """Over panels with new images and new people each, the error is the scatter of the mean, or a little more."""
    generator = numpy.random.default_rng(0)
    means, variances = [], []
    for _ in range(400):
        ratings = 5 + 2 * generator.standard_normal((30, 1)) + generator.standard_normal((1, 6))
        ratings = ratings + generator.standard_normal((30, 6))
        mean, error = mean_and_error([(str(i), str(p), ratings[i, p]) for i in range(30) for p in range(6)])
        means.append(mean)
        variances.append(error**2)
    # The truth: 4/30 + 1/6 + 1/180 = 0.306; the estimate's expectation has 1/180 more.
    assert numpy.var(means, ddof=1) == pytest.approx(0.306, rel=0.2)
    assert numpy.mean(variances) == pytest.approx(0.311, rel=0.1)


def test_an_image_of_two_sources_counts_for_both():
    key = Key("mark", ((IDS[0], "batch", "rank 1"), (IDS[0], "others", "x.png"), (IDS[0], "others", "again.png")))
    table = table_panel(key, answers_of("anna", {0: (7, 3)}))
    assert [(row["source"], row["images"], row["winged"]["best"]["image"]) for row in table["sources"]] == [
        ("batch", 1, "rank 1"),
        ("others", 1, "x.png"),
    ]


def test_the_most_frequent_names_come_first():
    names = ["a Horse.", "THE horse", "bird", "cow", "dog", "eel", "fox", "Bird", ""]
    saved = [Answer(str(place), IDS[0], name, 0, 0) for place, name in enumerate(names)]
    (row,) = table_panel(KEY, saved)["sources"]
    assert row["names"] == [["bird", 2], ["horse", 2], ["cow", 1], ["dog", 1], ["eel", 1]]


# Files from strangers.

GOOD = {
    **{"version": 1, "panel": "mark", "person": "0123456789abcdef" * 2},
    "answers": [
        {"image": IDS[0], "name": "a horse", "winged": 10, "real": 0},
        {"image": IDS[5], "name": "", "winged": 0, "real": 7},
    ],
}


def with_answer(**changes):
    return GOOD | {"answers": [GOOD["answers"][0], GOOD["answers"][1] | changes]}


def write(file, content):
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file


def test_answers_are_read_and_their_text_made_plain(tmp_path):
    hostile = "</script>\x1b[2J line\nbreak \ud800 \u202e &amp;"
    answers = read_answers([write(tmp_path / "a.json", with_answer(name=hostile))], KEY)
    assert answers == [
        Answer(GOOD["person"], IDS[0], "a horse", 10, 0),
        Answer(GOOD["person"], IDS[5], "</script> [2J line break &amp;", 0, 7),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[" * 100_000, "is not valid JSON: it is nested too deep"),
        (b"1" * 6000, "is not valid JSON"),
        (b" " * (2**20 + 1), "is larger than 1 MB"),
        (b"[]", "holds no answers saved by the panel's page"),
        (GOOD | {"more": 1}, "holds no answers saved by the panel's page"),
        ({"version": 1}, "holds no answers saved by the panel's page"),
        (GOOD | {"version": 2}, "is of another version of the panel: this one reads version 1"),
        (GOOD | {"version": True}, "is of another version"),
        (GOOD | {"panel": "other"}, "was saved from another panel: name the key of that one by --key"),
        (GOOD | {"panel": None}, "was saved from another panel"),
        (GOOD | {"person": "Anna"}, "person should be 32 hexadecimal digits"),
        (GOOD | {"person": "0" * 32 + "\n"}, "person should be 32 hexadecimal digits"),
        (GOOD | {"person": 7}, "person should be 32 hexadecimal digits"),
        (GOOD | {"answers": []}, "holds no answer"),
        (GOOD | {"answers": {"a": 1}}, "holds no answer"),
        (GOOD | {"answers": [3]}, "answer 1 should have image, name, winged and real"),
        (GOOD | {"answers": [{"image": IDS[0]}]}, "answer 1 should have image, name, winged and real"),
        (with_answer(more=1), "answer 2 should have image, name, winged and real"),
        (with_answer(image=["x"]), "answer 2: image and name should be text"),
        (with_answer(name=None), "answer 2: image and name should be text"),
        (with_answer(name="x" * 81), "the name of at most 80 letters"),
        (with_answer(image="f" * 32), "answer 2 is of an image that the panel does not show"),
        (with_answer(image=IDS[0]), "answer 2 is a second one of an image"),
        (with_answer(winged=11), "answer 2: winged should be a whole number from 0 to 10"),
        (with_answer(real=-1), "answer 2: real should be a whole number from 0 to 10"),
        (with_answer(real=True), "answer 2: real should be a whole number from 0 to 10"),
        (with_answer(real=5.0), "answer 2: real should be a whole number from 0 to 10"),
        (with_answer(real=float("nan")), "answer 2: real should be a whole number from 0 to 10"),
        (with_answer(real="7"), "answer 2: real should be a whole number from 0 to 10"),
        (with_answer(real=10**400), "answer 2: real should be a whole number from 0 to 10"),
    ],
)
def test_any_other_file_gives_one_clear_line(tmp_path, content, message):
    file = write(tmp_path / "answers.json", content)
    with pytest.raises(UserError) as caught:
        read_answers([file], KEY)
    line = str(caught.value)
    assert str(file) in line and message in line and "\n" not in line and len(line) < 200 + len(str(file))


def test_two_files_of_one_person_are_refused(tmp_path):
    first, again = write(tmp_path / "a.json", GOOD), write(tmp_path / "b.json", GOOD)
    with pytest.raises(UserError, match="^.*a.json and .*b.json are answers of one person: give one of them$"):
        read_answers([first, again], KEY)


@pytest.mark.parametrize(
    "content",
    [
        [],
        "text",
        {},
        {"version": 1, "panel": "mark", "images": []},
        {"version": 1, "panel": "mark", "images": [3]},
        {"version": 1, "panel": "mark", "images": [{"id": "a", "source": "b"}]},
        {"version": 1, "panel": "mark", "images": [{"id": ["a"], "source": "b", "name": "c"}]},
        {"version": 1, "panel": "mark", "images": [{"id": "a", "source": [1], "name": "c"}]},
        {"version": 1, "panel": 3, "images": [{"id": "a", "source": "b", "name": "c"}]},
        {"version": 2, "panel": "mark", "images": [{"id": "a", "source": "b", "name": "c"}]},
    ],
)
def test_what_is_no_key_is_refused(tmp_path, content):
    with pytest.raises(UserError, match="is no key of a panel$"):
        read_key(write(tmp_path / "key.json", content))


# The verb.


def test_the_verb_builds_the_page_and_tables_what_it_saved(image_folder, refused, capfd):
    write_batch_of(Path("reports/pegasus"), sprites.pegasi(12, 1))
    for index, image in enumerate(sprites.render("horse", 6, 2)):
        save_png(Path("more") / f"{index}.png", image)
    options = ["--dataset", "animals", "--beside", "more", "--count", "4", "--real", "4"]
    assert cli.main(["panel", *options]) == 0
    page, key = Path("reports/pegasus/panel.html"), Path("reports/pegasus/panel-key.json")
    assert f"22 images in {page}" in capfd.readouterr().out
    before = page.read_bytes(), key.read_bytes()
    assert cli.main(["panel", *options]) == 0
    assert (page.read_bytes(), key.read_bytes()) == before
    sources = [entry["source"] for entry in json.loads(before[1])["images"]]
    expected = {"batch": 12, "more": 4, "real horse": 4, "real bird": 2}
    assert {name: sources.count(name) for name in sources} == expected
    ids = shown(page)[0]
    saved = [{"image": mark, "name": "horse", "winged": place % 11, "real": 5} for place, mark in enumerate(ids)]
    content = {"version": 1, "panel": read_key(key).panel, "person": "a" * 32, "answers": saved}
    write(Path("answers.json"), content)
    capfd.readouterr()
    assert cli.main(["panel", "answers.json"]) == 0
    table = json.loads(Path("reports/pegasus/panel.json").read_text())
    assert {row["source"]: row["images"] for row in table["sources"]} == expected
    assert all(row["real"]["mean"] == 5 and row["real"]["at_least_5"] == 1 for row in table["sources"])
    assert "real horse" in capfd.readouterr().out
    key.rename("kept.json")
    assert refused("panel", "answers.json").startswith("no key reports/pegasus/panel-key.json: name the panel-key.json")
    assert cli.main(["panel", "answers.json", "--key", "kept.json"]) == 0
    assert refused("panel", "absent.json", "--key", "kept.json") == "cannot read absent.json: No such file or directory"
    assert refused("panel", "--beside", "nowhere") == "no folder nowhere"
    content["answers"][0]["name"] = "🦄"
    write(Path("answers.json"), content)
    line = ("panel", "answers.json", "--key", "kept.json")
    result = command(*line, env=environment(PYTHONIOENCODING="cp1252"), encoding="cp1252")
    assert result.returncode == 0 and "named horse (" in result.stdout and "? (1)" in result.stdout, result.stderr
