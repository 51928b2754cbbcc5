"""`metrics FAKE REAL`: JSON or a table, the cache between two calls, every mistake in one line."""

import json
import re
import signal
import subprocess
import sys

import numpy
import pytest
from conftest import command, environment, listen_to_interruptions, save_judge
from graph_writer import graph
from PIL import Image

from benchmarks.synthetic_inception import synthetic_tensors
from coursework.cli import main as cli
from coursework.extractors import inception
from coursework.metrics.classifier_score import classifier_score
from coursework.metrics.frechet import frechet_distance
from coursework.util.files import sha256

NOT_MEASURED = "not measured: fid, kid, is: no weights of Inception: name them by --inception PATH or "


@pytest.fixture
def place(in_tmp, small_dataset, monkeypatch):
    """Work in a folder with a judge, two folders of images, and the first of them as an array."""
    monkeypatch.delenv("COURSEWORK_INCEPTION", raising=False)
    save_judge(small_dataset, "sprites")
    for name, images in (("fake", small_dataset.train_images[:40]), ("real", small_dataset.test_images)):
        (in_tmp / name).mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image).save(in_tmp / name / f"{index:03d}.png")
    numpy.savez(in_tmp / "fake.npz", images=small_dataset.train_images[:40])
    return in_tmp


def metrics(capfd, *arguments):
    """Return (what `metrics` printed as JSON, lines on standard error)."""
    capfd.readouterr()
    assert cli.main(["metrics", *arguments]) == 0
    shown = capfd.readouterr()
    return json.loads(shown.out, parse_constant=pytest.fail), shown.err.splitlines()


@pytest.mark.backend
def test_a_folder_and_an_array_of_the_same_images_score_alike(place, capfd, monkeypatch):
    found, lines = metrics(capfd, "fake", "real")
    assert lines[0] == "judge of sprites: choose another by --judge"
    assert lines[1].startswith(NOT_MEASURED) and lines[2].startswith("not measured: kd: subsets of 1,000 images need ")
    assert lines[3].startswith("not measured: memorisation: it needs real images beside real ")
    assert [record["name"] for record in found["scores"]] == ["fd_judge", "precision", "recall", "density", "coverage"]
    assert list(found["not_measured"]) == ["fid", "kid", "is", "kd", "memorisation"]
    assert found["fake"] | {"sha256": ""} == {
        "name": "fake",
        "n": 40,
        "size": "32x32",
        "seed": None,
        "weights": None,
        "sha256": "",
        "notes": [],
    }
    # The second call computes no features.
    monkeypatch.setattr(
        "coursework.extractors.recorded.extract", lambda *arguments: pytest.fail("these features are on disk")
    )
    again, _ = metrics(capfd, "fake.npz", "real")
    assert again["scores"] == found["scores"] and again["fake"]["sha256"] == found["fake"]["sha256"]


def test_a_set_against_itself(place, capfd):
    found, _ = metrics(capfd, "fake", "fake.npz", "--metrics", "fd,prdc")
    values = {record["name"]: record["value"] for record in found["scores"]}
    assert values["fd_judge"] == pytest.approx(0, abs=1e-6)
    assert values["precision"] == values["recall"] == values["coverage"] == 1.0 and found["not_measured"] == {}


def test_the_range_of_floats_is_printed_and_recorded(place, capfd):
    images = numpy.load("fake.npz")["images"]
    numpy.save("floats.npy", images.astype("float32") / 127.5 - 1)
    found, lines = metrics(capfd, "floats.npy", "real", "--metrics", "fd")
    note = "floats taken to be in [-1, 1] and rounded to uint8"
    assert lines[0] == f"floats.npy: {note}" and found["fake"]["notes"] == [note]
    assert found["scores"][0]["value"] == metrics(capfd, "fake", "real", "--metrics", "fd")[0]["scores"][0]["value"]


def test_a_further_set_of_real_images_is_the_floor(place, capfd):
    found, _ = metrics(capfd, "fake", "real", "--metrics", "fd", "--floor", "fake.npz")
    (record,) = found["scores"]
    assert (record["floor_set"], record["floor_n"], record["floor"]) == ("fake.npz", 40, record["value"])
    assert found["floor"]["name"] == "fake.npz"


def test_part_of_a_set(place, capfd):
    found, lines = metrics(capfd, "fake", "real", "--metrics", "fd", "--samples", "20", "--seed", "4")
    assert (found["fake"]["n"], found["scores"][0]["n"], found["real"]["n"]) == (20, 20, 32)
    assert lines[0] == "fake: 20 of 40 images, drawn with seed 4"


def test_json_goes_to_a_file_as_well(place, capfd):
    found, _ = metrics(capfd, "fake", "real", "--metrics", "fd", "--json", "deep/out.json")
    assert json.loads((place / "deep" / "out.json").read_text()) == found


def test_scores_are_not_lost_where_the_file_cannot_be_written(place, capfd):
    assert cli.main(["metrics", "fake", "real", "--metrics", "fd", "--json", "fake.npz/out.json"]) == 2
    shown = capfd.readouterr()
    assert json.loads(shown.out)["scores"][0]["name"] == "fd_judge"
    assert shown.err.splitlines()[-1].startswith("coursework: error: cannot write fake.npz/out.json: ")


def test_a_terminal_shows_a_table(place, capfd, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert cli.main(["metrics", "fake", "real", "--metrics", "fd"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[:3] == ["fake   fake: 40 images of 32x32", "real   real: 32 images of 32x32", ""]
    assert lines[3].startswith("score       value") and lines[4].startswith("FD-judge ↓  ") and " ± " in lines[4]
    assert lines[5].startswith("real images: halves of real, n 16: fewer than were scored, ") and len(lines) == 6
    assert cli.main(["metrics", "fake", "real", "--metrics", "fd", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["scores"][0]["name"] == "fd_judge"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fake"], "the following arguments are required: REAL; see `coursework metrics --help`"),
        (["fake", "nowhere"], "nothing found at nowhere: give a folder of images, .*"),
        (["fake", "real", "--metrics", "fid"], "fid cannot be measured: no weights of Inception: name them by .*"),
        (["fake", "real", "--metrics", "fd,psnr"], "argument --metrics: no metric 'psnr'; there are fid, kid, .*"),
        (["fake", "real", "--metrics", "kd"], "kd cannot be measured: subsets of 1,000 images need .*"),
        (["fake", "real", "--inception", "none.tgz"], "no file none.tgz: name inception-2015-12-05.tgz or .*"),
        (["fake", "real", "--inception", "fake/000.png"], "fake/000.png is no frozen TensorFlow graph, .*"),
        (["fake", "real", "--judge", "birds"], "no judge in reports/judges/birds: choose .*"),
        (["fake", "real", "--samples", "41"], "fake holds 40 images, fewer than the 41 wanted"),
        (["fake", "real", "--precision", "int8"], "argument --precision: invalid choice: 'int8' .*"),
        (
            ["small", "real", "--metrics", "fd"],
            "fd cannot be measured: the judge takes images of 32x32, those of small .*",
        ),
        (["fake", "broken"], "cannot read the image broken/001.png: .*; repair or remove it"),
        (["empty", "real"], "empty holds no images .*"),
        (["fake/000.png", "real"], "fake/000.png is one file: give a folder of images, .*"),
    ],
)
def test_mistakes_take_one_line(place, refused, arguments, message):
    (place / "empty").mkdir()
    for name in ("small", "broken"):
        (place / name).mkdir()
        for index in range(3):
            Image.new("RGB", (16, 16)).save(place / name / f"{index:03d}.png")
    broken = place / "broken" / "001.png"
    broken.write_bytes(broken.read_bytes()[:40])
    line = refused("metrics", *arguments)
    assert re.fullmatch(message, line), line


def test_mistakes_are_reported_before_keras_is_imported(place):
    program = "import sys; from coursework.cli.main import main; print(main(sys.argv[1:]), 'keras' in sys.modules)"
    for arguments in (["nowhere", "real"], ["fake", "real", "--samples", "41"], ["fake", "sprites"]):
        result = subprocess.run(
            [sys.executable, "-c", program, "metrics", *arguments], capture_output=True, text=True, env=environment()
        )
        assert result.stdout == "2 False\n", result.stderr


@pytest.mark.backend
@pytest.mark.slow
def test_scores_of_inception(place, capfd, monkeypatch):
    (place / "graph.pb").write_bytes(graph(synthetic_tensors()))
    for name in ("fake", "real"):
        for file in sorted((place / name).iterdir())[12:]:
            file.unlink()
    options = ("fake", "real", "--inception", "graph.pb", "--metrics", "fid,is,prdc")
    found, _ = metrics(capfd, *options)
    scores = {(record["name"], record["extractor"]): record for record in found["scores"]}
    manifold = ("precision", "recall", "density", "coverage")
    expected = [(name, extractor) for extractor in ("inception", "judge") for name in manifold]
    assert list(scores) == [("fid", "inception"), ("is", "inception"), *expected]
    fid = scores["fid", "inception"]
    assert fid["extractor_sha256"] == sha256("graph.pb") and fid["resize"] == "TensorFlow 1 bilinear to 299x299"
    model, _ = inception.load_pretrained("graph.pb")
    outputs = [
        inception.extract(model, numpy.stack([numpy.asarray(Image.open(file)) for file in sorted(folder.iterdir())]))
        for folder in (place / "fake", place / "real")
    ]
    features = [output["features"] for output in outputs]
    assert fid["value"] == pytest.approx(frechet_distance(*features), rel=1e-4)
    inception_score = classifier_score(outputs[0]["logits_unbiased"])
    assert scores["is", "inception"]["value"] == pytest.approx(inception_score.value, rel=1e-5)
    monkeypatch.setattr(inception, "load_pretrained", lambda *arguments: pytest.fail("these features are on disk"))
    assert metrics(capfd, *options)[0] == found
    monkeypatch.setenv("COURSEWORK_INCEPTION", "graph.pb")
    assert metrics(capfd, "fake", "real", "--metrics", "fid,is,prdc")[0] == found


@pytest.mark.slow
def test_an_interrupted_extraction_resumes(place):
    """Interrupted between two blocks of 2,000 images; the second call computes only what is missing."""
    numpy.savez(place / "many.npz", images=numpy.random.default_rng(0).integers(0, 256, (30_000, 32, 32, 3), "uint8"))
    arguments = [sys.executable, "-m", "coursework", "metrics", "many.npz", "real", "--metrics", "fd"]
    process = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=listen_to_interruptions,
    )

    def kept():
        files = (place / ".cache" / "features").rglob("*.npz")
        # Hidden ones are being written.
        return {file: file.stat().st_ino for file in files if not file.name.startswith(".")}

    while len(kept()) < 2:
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors.splitlines()[-1] == (
        "coursework: error: interrupted; features computed so far are kept: run the same command again to resume"
    )
    before = kept()
    assert 2 <= len(before) < 15
    result = command(*arguments[3:], env=environment())
    assert result.returncode == 0 and json.loads(result.stdout)["scores"][0]["n"] == 30_000
    after = kept()
    assert len(after) == 16 and before.items() <= after.items()
