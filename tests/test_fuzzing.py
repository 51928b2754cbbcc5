"""Hostile and damaged files: each reader reads them or raises one clear line; nothing in them is run or unpacked."""

import io
import itertools
import json
import os
import re
import tarfile

import numpy
import pytest
from PIL import Image

pytest.importorskip("hypothesis")

from fuzzing import fuzz, no_longer_than, try_one
from fuzzing_readers import GRAPH, LENIENT, PIXELS, READERS, image, network, npy, npz, zip_of
from fuzzing_runs import KINDS, PLACES, plants, try_run

from coursework.cli import main as cli
from coursework.config.presets import PRESETS
from coursework.util.errors import UserError

# Few, to be fast; `python tests/fuzzing.py` tries as many as there is time for.
EXAMPLES = {"network (.keras)": 40, "resume state": 60, **{name: 25 for name in READERS if name.endswith("report")}}


@pytest.fixture(autouse=True)
def own_cache(in_tmp):
    """Keep the user's cache free of what is read."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * name.endswith("in the report")) for name in READERS],
)
def test_damaged_files_are_read_or_refused(name):
    counts = fuzz(name, EXAMPLES.get(name, 100))
    assert sum(counts.values()) >= 20
    # Not everything is accepted.
    assert name in LENIENT or counts["refused"] > (0 if name.endswith("report") else 5), counts


class Payload:
    """An object whose unpickling leaves a file behind."""

    def __reduce__(self):
        return (open, ("ran", "w"))


def with_header(shape, dtype="<f8", content=b""):
    """Return an .npy file whose header declares `shape`, whatever follows it."""
    stream = io.BytesIO()
    numpy.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def huge_png():
    """Return a PNG file whose header declares 60,000 x 60,000 pixels."""
    import zlib

    content = image("PNG")
    start = content.index(b"IHDR")
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + content[start + 12 : start + 17]
    return content[:start] + header + zlib.crc32(header).to_bytes(4, "big") + content[start + 21 :]


def wide_config():
    """Return a valid configuration but for one width."""
    config = json.loads(PRESETS["gan"].to_json())
    config["network"]["generator_width"] = 10**6
    return json.dumps(config).encode()


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(ran) (w) file closefile\nshowpage\n%%EOF\n"
PICKLED = numpy.array([Payload()], dtype=object)
HOSTILE = [
    ("image", huge_png(), "could be decompression bomb"),
    ("image", POSTSCRIPT, "not an image"),
    ("image", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    (".npz of images", npz(images=PICKLED), "cannot read the array of x.npz: it holds objects"),
    (".npy of images", npy(PICKLED), "cannot read the array of x.npy: .*Python objects"),
    (".npz of images", zip_of({"images.npy": with_header((2**20, 2**20))}), "ends in the middle of an array"),
    (".npz of images", zip_of({"images.npy": with_header((1,)), "../evil.npy": b"x"}), "cannot read the array"),
    (".npy of images", with_header((2**40, 3)), "cannot read the array of x.npy"),
    (".npz of images", zip_of({"images.npy": with_header((10**9, 0))}), "no elements and the shape"),
    (".npy of images", npz(PIXELS=PIXELS[:0]), "should hold images"),
    ("latents of candidates", zip_of({"0/indices.npy": with_header((10**9, 0))}), "no elements and the shape"),
    ("latents of candidates", zip_of({"0/indices.npy": with_header((10**9,), "|V0")}), "no elements and the shape"),
    ("config.json", b"[" * 200_000, "nested too deep"),
    ("config.json", b'{"preset": "gan", "model": {"name": "__import__"}}', "unknown name"),
    ("config.json", wide_config(), "generator_width: must be at most 2048, found 1000000"),
    ("config.json", json.dumps({"preset": "x"}).encode("utf-16"), "is not UTF-8|is not valid JSON"),
    ("metrics.json", b'[{"name": "<script>alert(1)</script>", "value": "<b>"}]', "should be a number"),
    ("environment.json", b'{"class_names": [["<script>"]]}', "class_names should be a list of names"),
    ("environment.json", b'{"epochs_done": "9"}', "epochs_done should not be '9'"),
    ("best/score.json", b'{"value": "low", "epoch": 1}', "should hold a value and an epoch"),
    ("log.csv", b"epoch,loss\n1,<script>\n", "is not a log of this package"),
    ("resume state", npz(**{"0000.kernel": PICKLED}), "it holds objects"),
    ("resume state", npz(True, **{"0000.kernel": numpy.zeros((3000, 2000))}), "unpacks to more than it may"),
]


@pytest.mark.parametrize(("name", "content", "message"), HOSTILE)
def test_hostile_files_are_refused_in_one_line(name, content, message, in_tmp):
    file = in_tmp / READERS[name][0]
    file.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        READERS[name][2](file)
    assert len(str(caught.value)) < 1000
    assert not (in_tmp / "ran").exists() and not (in_tmp.parent / "evil.npy").exists()


def test_a_small_archive_cannot_fill_the_memory(in_tmp, monkeypatch):
    from coursework.data import array_files

    monkeypatch.setattr(array_files, "LARGEST", 10**6)
    bomb = npz(True, images=numpy.zeros((1001, 10, 10, 10), numpy.uint8))
    assert len(bomb) < 10_000
    with pytest.raises(UserError, match="unpacks to more than it may"):
        try_one(".npz of images", bomb, in_tmp) == "refused" and READERS[".npz of images"][2](in_tmp / "x.npz")
    assert try_one(".npz of images", npz(True, images=PIXELS), in_tmp) == "read"
    # Whatever it is called.
    assert try_one(".npy of images", npz(True, images=PIXELS), in_tmp) == "read"


# Readers that open a copy, or no file.
COPIED = ("folder of images", "flat folder of images", "frozen graph")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", [name for name in READERS if name not in COPIED])
def test_a_named_pipe_is_not_waited_for(name, in_tmp):
    """Opening one for reading would wait for a writer."""
    file_name, _, read = READERS[name]
    copied = ("resume state", "best/score.json", "record of a pool", "images of a pool")
    if name in copied or name.endswith("in the report"):
        pytest.skip("this reader of the tests copies its file")
    os.mkfifo(in_tmp / file_name)
    with no_longer_than(20):
        try:
            read(in_tmp / file_name)
        except UserError:
            return
    taken_for_absent = LENIENT | {"environment.json", "metrics.json", "log.csv", "report.toml"}
    assert name in taken_for_absent - {"prose.md"}, "a pipe was taken for a file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_run_directories_of_links_pipes_and_sizes_are_used_or_refused(tmp_path):
    """Each kind in each place, then some of both together: nothing outside changes, nothing is waited for."""
    from hypothesis import HealthCheck, given, settings

    numbers, counts = itertools.count(), {"used": 0, "refused": 0}

    def attempt(planted):
        place = tmp_path / str(next(numbers))
        place.mkdir()
        counts[try_run(planted, place)] += 1

    for place, kind in itertools.product(PLACES, KINDS):
        attempt({place: kind})
    assert counts["used"] > 5 and counts["refused"] > 100, counts

    @settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(plants())
    def some(planted):
        attempt(planted)

    some()


# Networks.


def network_with(change):
    """Return the bytes of a .keras file whose configuration `change` has changed."""
    import zipfile

    with zipfile.ZipFile(io.BytesIO(network())) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    return zip_of({**members, "config.json": json.dumps(config).encode()})


def foreign_layer(module, name, registered=None, **settings):
    """Return a change that puts another layer in the place of the last one."""

    def change(config):
        layer = config["config"]["layers"][-1]
        layer |= {"module": module, "class_name": name, "registered_name": registered}
        layer["config"] = {"name": layer["name"], **settings}

    return change


def called_function(config):
    layer = config["config"]["layers"][-1]
    layer["config"]["activation"] = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (foreign_layer("keras.layers", "Lambda", function={"class_name": "__lambda__"}), "keras.layers.Lambda"),
        (foreign_layer("keras.layers", "TFSMLayer", filepath="/"), "keras.layers.TFSMLayer"),
        (foreign_layer("keras.layers", "StringLookup", vocabulary="/etc/passwd"), "keras.layers.StringLookup"),
        (foreign_layer("os", "system"), "os.system"),
        (foreign_layer("coursework.cli.main", "main"), "coursework.cli.main.main"),
        (foreign_layer("keras.layers", "Dense", registered="other>Thing"), "keras.layers.Dense"),
        (foreign_layer("keras.config", "enable_unsafe_deserialization"), "enable_unsafe_deserialization"),
        (called_function, "os.function"),
        (lambda config: config["config"]["layers"][-1]["config"].update(units=10**9), "units of a layer in it"),
        (lambda config: config["config"]["layers"][0]["config"].update(batch_shape=[None, 10**9]), "a side of a tens"),
        (lambda config: config.update(class_name="Sequential"), "describes no functional model"),
    ],
)
def test_networks_that_ask_for_more_than_layers_are_refused(change, message, in_tmp):
    file = in_tmp / "x.keras"
    file.write_bytes(network_with(change))
    with pytest.raises(UserError, match=f"^cannot load the network .*{re.escape(message)}"):
        READERS["network (.keras)"][2](file)


def test_members_that_no_network_has_are_refused(in_tmp):
    import zipfile

    with zipfile.ZipFile(io.BytesIO(network())) as file:
        members = {name: file.read(name) for name in file.namelist()}
    file = in_tmp / "x.keras"
    for other in ("../../evil.py", "/evil.py", "assets/evil.py", "model.weights.npz"):
        file.write_bytes(zip_of({**members, other: b"x"}))
        with pytest.raises(UserError, match="it holds .*it is no network of Keras 3"):
            READERS["network (.keras)"][2](file)
    file.write_bytes(zip_of({**members, "model.weights.h5": bytes(10**6)}, stored=False))
    with pytest.raises(UserError, match="unpacks to more than it is long"):
        READERS["network (.keras)"][2](file)
    assert sorted(entry.name for entry in in_tmp.iterdir()) == ["x.keras"]


# Archives.


def test_members_of_a_tar_archive_are_never_written(in_tmp):
    def add(tar, name, kind=tarfile.REGTYPE, link="", content=b""):
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, len(content)
        tar.addfile(member, io.BytesIO(content))

    name = "classify_image_graph_def.pb"
    for kind, link in ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "../x"), (tarfile.CHRTYPE, "")):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as tar:
            add(tar, "../../evil", content=b"x")
            add(tar, name, kind, link)
        (in_tmp / "x.tgz").write_bytes(stream.getvalue())
        with pytest.raises(UserError, match="x.tgz holds no classify_image_graph_def.pb"):
            READERS["archive of a graph"][2](in_tmp / "x.tgz")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        add(tar, "../../evil", content=b"x")
        add(tar, f"/tmp/../{name}", content=GRAPH)
    (in_tmp / "x.tgz").write_bytes(stream.getvalue())
    assert READERS["archive of a graph"][2](in_tmp / "x.tgz") == GRAPH
    assert [entry.name for entry in in_tmp.iterdir()] == ["x.tgz"]


@pytest.mark.parametrize("piece", ["<!--", "[@a", "[", "{a:", "[a]("])
def test_prose_of_brackets_that_never_close_takes_no_more_time_than_other_text(piece):
    """Searching for the closing bracket from each of them to the end of the text would take hours."""
    from coursework.report.prose import parse

    with no_longer_than(20):
        (block,) = parse(piece * 20_000)
    assert block["content"][0]["kind"] == "text"


def test_comments_are_left_out_of_the_prose():
    from coursework.report.prose import parse

    (block,) = parse("a<!-- b <!-- c\nd -->e<!-->f-->g<!-- h")
    assert block["content"] == [{"kind": "text", "text": "aeg<!-- h"}]


@pytest.mark.parametrize(
    ("before", "after"), [(b'"height":4', b'"height":0'), (b'"training":[7]', b'"training":[1e999]')]
)
def test_a_page_that_is_no_gallery_is_refused_whatever_its_numbers(before, after, in_tmp):
    page = READERS["gallery of candidates"][1][0]()
    assert before in page
    assert try_one("gallery of candidates", page.replace(before, after), in_tmp) == "refused"


# As a user meets them.


def test_names_cannot_move_the_cursor_of_a_terminal(in_tmp, refused):
    place = in_tmp / "set"
    for split in ("train", "test"):
        folder = place / split / "\x1b[2J\x1b[31mred\nline"
        folder.mkdir(parents=True)
        (folder / "0.png").write_bytes(b"no image")
    line = refused("train", "gan", "--dataset", str(place))
    assert "\x1b" not in line and "not an image" in line
    assert cli.main(["report", "no\x1b[2Jrun"]) == 2


def test_pictures_are_read_by_content_not_by_suffix(in_tmp):
    """A PPM named .png is refused: a data set does not need Pillow's other readers."""
    for kind in ("PPM", "TGA", "ICO"):
        stream = io.BytesIO()
        Image.fromarray(PIXELS[0]).save(stream, format=kind)
        (in_tmp / "x.png").write_bytes(stream.getvalue())
        with pytest.raises(UserError, match="not an image"):
            READERS["image"][2](in_tmp / "x.png")
