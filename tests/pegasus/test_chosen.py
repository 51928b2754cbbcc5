"""A candidate chosen in the gallery takes the best one's place, in the batch and in the report."""

import json
import shutil

import numpy
import pytest
from PIL import Image
from submission_folder import CANDIDATES, RUN, STRATEGY, choice_file, rebuild

from coursework.pegasus import gallery_reading
from coursework.pegasus.batch_files import cut, read_records
from coursework.pegasus.candidates import read_latents
from coursework.pegasus.chosen import with_choice
from coursework.pegasus.gallery import write_gallery
from coursework.pegasus.gallery_reading import DATA, PICTURE, between, read_gallery
from coursework.pegasus.pool_files import read_pool
from coursework.util.errors import UserError


def batch_of(folder):
    """Return (indices, images, latents) of a batch as its files tell."""
    sheet = numpy.asarray(Image.open(folder / "batch.png"))
    indices = [record["index"] for record in read_records(folder / "pegasus.json")]
    return indices, cut(sheet, 32, 32), read_latents(folder / "latents.npz")


@pytest.mark.parametrize(
    ("index", "others"), [(0, [*range(1, 64)]), (9, [*range(9), *range(10, 64)]), (69, [*range(63)])]
)
def test_the_chosen_one_comes_first_and_the_others_follow(reports, index, others):
    folder = reports / "pegasus"
    target = with_choice(folder, choice_file(reports, index), reports / "chosen")
    indices, images, latents = batch_of(target)
    assert indices == [index, *others] and len(images) == 64
    pool = read_pool(folder / "pools" / f"{STRATEGY}-{RUN}")
    numpy.testing.assert_array_equal(images, pool.images[indices])
    numpy.testing.assert_array_equal(numpy.asarray(Image.open(target / "pegasus.png")), pool.images[index])
    for place, found in zip(indices, latents, strict=True):
        numpy.testing.assert_array_equal(found["latents"], pool.latents[place]["latents"])
    records = read_records(target / "pegasus.json")
    assert [record["rank"] for record in records] == [*range(1, 65)]
    assert records[0]["chosen_by"] == "eye" and not any("chosen_by" in record for record in records[1:])
    assert records[0]["rank_by_rule"] == (index + 1 if index < 64 else None)
    assert records[0]["dataset_label"] == records[1]["dataset_label"]
    assert (target / "comparison.json").read_bytes() == (folder / "comparison.json").read_bytes()
    assert Image.open(target / "neighbours.png").width > 200


def test_without_a_choice_the_batch_is_shown_as_it_is(reports):
    assert with_choice(reports / "pegasus", None, reports / "chosen") == reports / "pegasus"
    assert not (reports / "chosen").exists()


def test_the_report_says_that_somebody_chose(reports):
    assert "Nothing was picked by hand." in (reports / "report.html").read_text()
    rebuild(choice=choice_file(reports, 9))
    page = (reports / "report.html").read_text()
    assert "The best was chosen by eye." in page and "Nothing was picked by hand." not in page


def test_a_choice_that_does_not_fit_is_refused(reports):
    folder, target = reports / "pegasus", reports / "chosen"

    def refused(match, choice):
        with pytest.raises(UserError, match=match) as caught:
            with_choice(folder, choice, target)
        assert len(str(caught.value).splitlines()) == 1 and not target.exists()

    refused("saved from a gallery of other candidates", choice_file(reports, 3, gallery="00" * 32))
    refused("no candidate has the id", choice_file(reports, CANDIDATES))
    refused("no choice at", reports / "nothing.json")
    outside, inside = choice_file(reports, 65), None
    pools = shutil.move(folder / "pools", reports / "elsewhere")
    refused("is not among the chosen ones, and .* no longer keeps what it is made from", outside)
    shutil.move(pools, folder / "pools")
    inside = choice_file(reports, 3)
    sheet = numpy.array(Image.open(folder / "batch.png"))
    sheet[5, 5] ^= 1
    Image.fromarray(sheet).save(folder / "batch.png")
    refused("does not show the images of the gallery: make the pegasi again", inside)
    (folder / "batch.png").write_bytes(b"torn")
    refused("cannot read .*batch.png", inside)
    records = json.loads((folder / "pegasus.json").read_text())
    records[0]["id"] = "unknown"
    (folder / "pegasus.json").write_text(json.dumps(records))
    refused("shows other candidates than pegasus.json lists", inside)
    (folder / "gallery.html").unlink()
    refused("cannot read .*gallery.html", inside)


def test_a_pool_of_other_images_is_not_believed(reports):
    folder = reports / "pegasus" / "pools" / f"{STRATEGY}-{RUN}"
    record = json.loads((folder / "pool.json").read_text())
    record["origins"] = record["origins"][::-1]
    (folder / "pool.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="no longer keeps what it is made from"):
        with_choice(reports / "pegasus", choice_file(reports, 65), reports / "chosen")


@pytest.mark.parametrize("count", [1, 5, 2600])
def test_the_gallery_is_read_back(tmp_path, count):
    generator = numpy.random.default_rng(0)
    images = generator.integers(0, 256, (count, 4, 6, 3), dtype=numpy.uint8)
    hostile = '</script><img class="sheet" data-kind="candidates" src="data:image/png;base64,AAAA">'
    records = [{"id": f"{hostile}{index}", "scores": {}, "neighbours": []} for index in range(count)]
    training = {40: images[0] // 2, 7: images[-1] // 3}
    mark = write_gallery(tmp_path / "gallery.html", images, records, training, hostile, hostile)
    gallery = read_gallery(tmp_path / "gallery.html")
    assert gallery.fingerprint == mark and gallery.records == records
    numpy.testing.assert_array_equal(gallery.images, images)
    assert set(gallery.training) == {7, 40}
    for index, image in training.items():
        numpy.testing.assert_array_equal(gallery.training[index], image)


@pytest.mark.parametrize("change", ["", "cut", "fingerprint", "sheet", "count", "types", "id"])
def test_a_damaged_gallery_is_refused(tmp_path, change):
    images = numpy.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=numpy.uint8)
    records = [{"id": str(index), "scores": {}} for index in range(5)]
    path = tmp_path / "gallery.html"
    mark = write_gallery(path, images, records, {}, "Candidates")
    text = path.read_text()
    changed = {
        "": "",
        "cut": text[: text.index('id="data"')],
        "fingerprint": text.replace(mark, "0" * 64),
        "sheet": text.replace("base64,iVBOR", "base64,AAAAA"),
        "count": text.replace('"perSheet"', '"other"').replace(
            '{"id":"4","scores":{}}', '{"id":"4","scores":{}},{"id":"5"}'
        ),
        "types": text.replace('"height":4', '"height":"4"'),
        "id": text.replace('"id":"2"', '"id":[2]'),
    }[change]
    assert changed != text
    path.write_text(changed)
    with pytest.raises(UserError, match="is no gallery of this package: make the pegasi again"):
        read_gallery(path)


class Counted(str):
    """A text that counts the characters which a search for a piece of it passes."""

    passed = 0

    def find(self, piece, start=0):
        place = super().find(piece, start)
        Counted.passed += (len(self) if place < 0 else place) - start
        return place


@pytest.mark.parametrize(
    ("piece", "found"),
    [('<img class="sheet" data-kind="', 0), ('">', 0), ('<img class="sheet" data-kind="a">', 8000), ("<", 0)],
)
def test_a_hostile_page_is_searched_once(tmp_path, monkeypatch, piece, found):
    monkeypatch.setattr(Counted, "passed", 0)
    text = Counted(8000 * piece)
    assert len(list(between(text, *PICTURE))) == found
    # Each character is passed at most once for a start and once for an end.
    assert Counted.passed <= 2 * len(text)
    (tmp_path / "gallery.html").write_text(DATA[0] + text)
    with pytest.raises(UserError, match="is no gallery of this package"):
        read_gallery(tmp_path / "gallery.html")


def test_pages_and_sheets_have_a_largest_size(tmp_path, monkeypatch):
    images = numpy.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=numpy.uint8)
    path = tmp_path / "gallery.html"
    write_gallery(path, images, [{"id": str(index)} for index in range(5)], {}, "Candidates")
    # Five images of six columns stand on a sheet of 18x8 pixels.
    path.write_text(path.read_text().replace('"width":6', '"width":3'))
    with pytest.raises(UserError, match=r"a sheet of 5 images is of 18x8 pixels"):
        read_gallery(path)
    monkeypatch.setattr(gallery_reading, "LARGEST", 1000)
    with pytest.raises(UserError):
        read_gallery(path)


def test_sheets_are_cut_into_what_they_were_made_of(tmp_path):
    from coursework.pegasus.batch_files import write_images

    generator = numpy.random.default_rng(0)
    for count in (1, 5, 8, 9, 64):
        images = generator.integers(0, 255, (count, 6, 5, 3), dtype=numpy.uint8)
        write_images(tmp_path, images)
        sheet = numpy.asarray(Image.open(tmp_path / "batch.png"))
        numpy.testing.assert_array_equal(cut(sheet, 6, 5), images)
    assert cut(sheet, 5, 5) is None and cut(sheet[:-1], 6, 5) is None
    other = sheet.copy()
    other[0, 0] = 0
    assert cut(other, 6, 5) is None
    assert len(cut(numpy.full_like(sheet, 255), 6, 5)) == 0
