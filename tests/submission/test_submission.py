"""The checker: every rule of the coursework, each broken alone and told in one line; and all of them in one go."""

import base64
import configparser
import dataclasses
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy
import pytest
from conftest import environment
from PIL import Image
from submission_folder import (
    LABEL,
    RUN,
    SETTINGS,
    breaches,
    change_json,
    rebuild,
    record,
    refused_for,
    small_run,
    write_pegasus,
)

from coursework.cli import main as cli
from coursework.figures.grids import save_png
from coursework.pegasus.collages.record import Counts, Settings
from coursework.submission import submit
from coursework.submission.contents import HANDED_IN, script
from coursework.submission.image_rules import LARGEST
from coursework.submission.imports import Source, reachable, read_package, way_to
from coursework.submission.material import PACKAGE
from coursework.submission.pretrained import findings
from coursework.submission.report_rules import IMAGE, PLACEHOLDER
from coursework.training.run import Run
from coursework.util.files import sha256


def append(file, text):
    file.write_text(file.read_text() + text)


def test_what_keeps_every_rule_is_handed_in(reports):
    assert breaches() == [] and (reports / "submission.zip").is_file()


def test_too_many_words(reports):
    append(reports / "prose.md", "\n" + "word " * 1000)
    rebuild()
    (line,) = breaches()
    count = int(re.match(r"the report has (1,\d+) words", line)[1].replace(",", ""))
    assert count > 1000 and f"{count - 1000} above the limit of 1,000: shorten reports/prose.md" in line
    # Exactly as many as allowed are not too many.
    text = (reports / "prose.md").read_text()
    (reports / "prose.md").write_text(text.replace("word ", "", count - 1000))
    rebuild()
    assert breaches() == []


def test_the_draft_s_mark(reports):
    append(reports / "prose.md", "\n> DRAFT, written from the measurements\n")
    rebuild()
    refused_for("prose.md still bears the draft's mark: rewrite it")


def test_missing_prose_is_not_written_here(reports):
    (reports / "prose.md").unlink()
    refused_for("no reports/prose.md: make report")
    assert not (reports / "prose.md").exists()


@pytest.mark.parametrize(
    ("settings", "fragments"),
    [
        ('title = "Wings"', ["names no author"]),
        ('title = "Wings"\nauthor = "Your name"', ["names no author"]),
        ('author = "A. Student"', ["no title of its own"]),
        ('title = ""\nauthor = " "', ["names no author", "no title of its own"]),
    ],
)
def test_title_and_author_are_somebody_s(reports, settings, fragments):
    (reports / "report.toml").write_text(settings + "\n")
    rebuild()
    refused_for(*fragments)


def test_placeholders():
    assert all(PLACEHOLDER.fullmatch(text) for text in ("", "<your name>", "TODO", "Author", "???", "[Title]", "xxxx"))
    assert not any(PLACEHOLDER.fullmatch(text) for text in ("Ann Author", "A Pegasus from CIFAR-10", "1234567", "Ü. Ö"))


def test_the_diagram_is_there_and_of_the_model_behind_the_best_image(reports):
    small_run(reports, "other")
    append(reports / "report.toml", 'final = "other"\n')
    rebuild()
    refused_for(f'the architecture of other, and the best image is from {RUN}: write final = "{RUN}"')
    (reports / "report.toml").write_text(SETTINGS)
    for file in (reports / "runs" / RUN / "figures").glob("architecture.*"):
        file.unlink()
    rebuild()
    refused_for(f"no diagram of the architecture of {RUN}: make figures")


def test_settings_cite_the_work_that_they_are_from(reports):
    change_json(reports / "runs" / RUN / "config.json", preset="mine")
    rebuild()
    refused_for("the settings of the preset mine cite no work: write mine =")
    append(reports / "report.toml", '[references]\nmine = "M. Mine. Settings of mine. 2020."\n')
    rebuild()
    refused_for("the settings of the preset mine are from [@mine]: cite it in the text")
    append(reports / "prose.md", "\nSettings are from [@mine].\n")
    rebuild()
    assert breaches() == []


def test_the_report_is_the_one_that_would_be_built_now(reports):
    change_json(reports / "runs" / RUN / "environment.json", images_seen=123)
    refused_for("older than the runs, the text or the pegasus that it shows: reports/report.pdf")
    rebuild()
    assert breaches() == []
    append(reports / "prose.md", "\nMore.\n")
    refused_for("that it shows: reports/report.pdf")
    rebuild()
    change_json(reports / "pegasus/pegasus.json", scores={"overall": 0.1})
    refused_for("that it shows: reports/report.pdf")
    (reports / "report.pdf").unlink()
    (reports / "appendix.html").write_text("mine")
    lines = breaches()
    assert [line.partition(":")[0] for line in lines][:1] == ["no reports/report.pdf"] and "appendix.html" in lines[1]


def test_another_codec_makes_no_older_report(reports):
    """Libraries compress equal pixels to other bytes; in the PDF they cannot be told from other changes."""
    file, pdf = reports / "report.html", reports / "report.pdf"
    page, before, count = file.read_bytes(), pdf.read_bytes(), 0

    def again(match):
        nonlocal count
        if match[1] != b"png":
            return match[0]
        count += 1
        stream = io.BytesIO()
        Image.open(io.BytesIO(base64.b64decode(match[2]))).save(stream, "PNG", compress_level=0)
        return b"data:image/png;base64," + base64.b64encode(stream.getvalue())

    file.write_bytes(IMAGE.sub(again, page))
    assert count and file.read_bytes() != page
    assert breaches() == []
    pdf.write_bytes(before + b"\n")
    assert breaches() == []
    file.write_bytes(IMAGE.sub(again, page).replace(b"horse with wings", b"dog with wings"))
    refused_for("that it shows: reports/report.pdf, reports/report.html")
    # With equal images the PDF can be compared.
    file.write_bytes(page)
    refused_for("that it shows: reports/report.pdf:")
    pdf.write_bytes(before)
    assert breaches() == []
    # Other pixels are no other encoding.
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "PNG")
    other = b"data:image/png;base64," + base64.b64encode(stream.getvalue())
    file.write_bytes(IMAGE.sub(lambda match: other if match[1] == b"png" else match[0], page))
    refused_for("that it shows: reports/report.html")


def test_a_best_image_of_32x32_pixels_that_its_record_describes(reports):
    file = reports / "pegasus/pegasus.png"
    image = numpy.full((32, 32, 3), 100, numpy.uint8)
    save_png(file, image)
    rebuild()
    refused_for("the best image is not the first of batch.png, which its record in pegasus.json describes")
    save_png(file, image[:16, :16])
    rebuild()
    refused_for("the best image is of 16x16 pixels, not 32x32: make pegasus")
    file.write_bytes(b"no image")
    rebuild()
    refused_for("cannot read reports/pegasus/pegasus.png: make pegasus")
    file.unlink()
    rebuild()
    refused_for("no best image reports/pegasus/pegasus.png: make pegasus")


@pytest.mark.parametrize("count", [63, 65])
def test_exactly_64_images(reports, count):
    generator = numpy.random.default_rng(0)
    images = generator.integers(0, 255, (count, 32, 32, 3), dtype=numpy.uint8)
    latents = [{"latents": numpy.zeros(4, numpy.float32)}] * count
    run = Run(reports / "runs" / RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("submission_folder.COUNT", count)
        write_pegasus(reports / "pegasus", run, images, latents, [record(RUN, index) for index in range(count)])
    rebuild()
    names = ("batch.png", "pegasus.json", "latents.npz")
    refused_for(*(f"{name} is of {count} images, not of exactly 64: make pegasus" for name in names))


def test_a_sheet_of_images_of_that_size(reports):
    file = reports / "pegasus/batch.png"
    save_png(file, numpy.zeros((300, 300, 3), numpy.uint8))
    rebuild()
    refused_for("batch.png is no sheet of 32x32 images")
    file.unlink()
    rebuild()
    refused_for("no batch reports/pegasus/batch.png: make pegasus")


def test_no_data_but_cifar10(reports):
    config = reports / "runs" / RUN / "config.json"
    change_json(config, dataset="sprites")
    rebuild()
    refused_for(f"{RUN} was trained on sprites, not on cifar10: make pegasus")
    change_json(config, dataset="/somewhere/cifar10")
    rebuild()
    refused_for(f"{RUN} was trained on /somewhere/cifar10, not on cifar10")
    change_json(config, dataset="cifar10", classes=["horse", "pegasus"])
    rebuild()
    refused_for(f"{RUN} was trained on pegasus, which is no class of CIFAR-10")
    change_json(config, classes=[])
    change_json(reports / "pegasus/pegasus.json", dataset_label="sprites")
    rebuild()
    refused_for("were chosen with sprites, not with CIFAR-10")
    change_json(reports / "pegasus/pegasus.json", dataset_label=LABEL)
    change_json(reports / "pegasus/comparison.json", dataset_fingerprint="00")
    rebuild()
    refused_for(f"{RUN} was trained on other images than the batch was chosen with")


def test_collages_of_cifar10_are_cifar10_and_handed_in_with_what_makes_them(reports):
    run = Run(reports / "runs" / RUN)
    change_json(run.config_file, dataset="data/cifar10-pegasus")
    names = ["horse", "bird", "airplane", "pegasus"]
    known = json.loads((reports / "pegasus/comparison.json").read_text())["dataset_fingerprint"]
    change_json(run.path / "environment.json", dataset_fingerprint="ff", class_names=names)
    made = Counts(train=10, test=2)
    settings = Settings("cifar10", known, None, tuple(names), "horse", "bird", 3, made, made, made)
    settings.write(run.path)
    rebuild()
    assert breaches() == []
    with zipfile.ZipFile(reports / "submission.zip") as archive:
        assert archive.read(f"runs/{RUN}/collages.json").decode() == settings.to_json()
        assert f"runs/{RUN}/collages.json" in json.loads(archive.read("manifest.json"))["files"]
    dataclasses.replace(settings, fingerprint="00").write(run.path)
    refused_for(f"{RUN} was trained on other images than the batch was chosen with")
    dataclasses.replace(settings, dataset="sprites").write(run.path)
    refused_for(f"{RUN} was trained on sprites, not on cifar10: make pegasus")


def test_no_other_data_in_the_report_either(reports):
    run = small_run(reports, "other")
    change_json(run.config_file, dataset="sprites")
    rebuild()
    refused_for("other was trained on sprites, not on cifar10: leave it out: make report and submission RUNS=...")
    chosen = [Run(reports / "runs" / RUN)]
    rebuild(runs=chosen)
    assert breaches(runs=chosen) == []


def test_weights_are_there_match_and_are_small(reports):
    file = reports / "runs" / RUN / "generator.keras"
    file.write_bytes(b"trained since")
    refused_for(f"is not what the batch was made from, {RUN} has changed since: make pegasus")
    change_json(reports / "pegasus/comparison.json", weights={})
    assert breaches() == []
    with open(file, "r+b") as content:
        content.truncate(LARGEST)
    change_json(reports / "pegasus/comparison.json", weights={RUN: sha256(file)})
    assert breaches() == []
    with open(file, "r+b") as content:
        content.truncate(LARGEST + 600_000)
    change_json(reports / "pegasus/comparison.json", weights={RUN: sha256(file)})
    refused_for("the weights are 20.6 MB, more than 20 MB")
    file.unlink()
    refused_for(f"no weights reports/runs/{RUN}/generator.keras: train the run")


def test_a_run_that_is_not_there(reports):
    small_run(reports, "other")
    shutil.rmtree(reports / "runs" / RUN)
    rebuild()
    lines = breaches()
    assert f"images of the batch come from the run {RUN}, which is not there: train it, or make pegasus" in lines


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import keras.applications", "imports keras.applications"),
        ("from keras import applications", "imports keras.applications"),
        ("from tensorflow.keras.applications import vgg16", "imports tensorflow.keras.applications.vgg16"),
        ("def f():\n    import torchvision.models as m", "imports torchvision.models"),
        ("import keras\nkeras.applications.VGG16()", "uses keras.applications"),
        ("import keras as k\nk.applications.VGG16()", "uses k.applications"),
        ("import tensorflow_hub as hub", "imports tensorflow_hub"),
        ("import torch\ntorch.hub.load('a', 'b')", "uses torch.hub"),
        ("import importlib\nimportlib.import_module('timm')", "imports timm"),
        ("__import__('transformers')", "imports transformers"),
        ("import keras\ngetattr(keras, 'applications')", "uses keras.applications"),
        ("import keras as k\ngetattr(k, 'applications').VGG16()", "uses k.applications.VGG16"),
        ("from tensorflow import keras as k\nk.applications.VGG16()", "uses k.applications"),
        ("import keras\neval('keras.applications.VGG16()')", "uses keras.applications"),
        ("build(weights='IMAGENET1K_V2')", "asks for weights='IMAGENET1K_V2'"),
        ("from keras.utils import get_file", "imports keras.utils.get_file"),
        ("model.load_pretrained()", "uses model.load_pretrained"),
        ("def load_pretrained(): pass", "defines load_pretrained"),
        ("from a import load_pretrained", "imports a.load_pretrained"),
        ("keras.utils.get_file('w.h5', url)", "uses keras.utils.get_file"),
        ("build(weights='imagenet')", "asks for weights='imagenet'"),
        ("build(pretrained=True)", "asks for pretrained=True"),
    ],
)
def test_signs_of_pretrained_weights(text, what):
    assert what in [words for _, words in findings(Source("a.py", text))]


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nkeras.layers.Dense(4)",
        "from keras import ops",
        "run(weights='best')",
        "run(pretrained=False)",
        "# keras.applications",
        "text = 'load_pretrained'",
        "model.eval()",
        "eval('1 + 1')",
        "eval(text)",
        "eval('no Python')",
        "KNeighborsClassifier(weights='distance')",
        "self.applications = [1]; self.applications.sort()",
        "student.applications.append(1)",
        "getattr(keras, name)",
        "archive.get_file('a')",
    ],
)
def test_what_is_no_sign_of_them(text):
    assert findings(Source("a.py", text)) == []


def test_what_is_computed_cannot_be_checked_and_is_told_apart(reports):
    for text, lines in (("x = 1\nexec(text)", [2]), ("import importlib\nimportlib.import_module(name)", [2])):
        assert Source("a.py", text).computed == lines
    assert Source("a.py", "eval('1'); __import__('os'); model.eval()").computed == []
    package = shutil.copytree(PACKAGE, reports.parent / "coursework", ignore=shutil.ignore_patterns("__pycache__"))
    append(package / "models/gan.py", "\n\ndef surprise(text):\n    eval(text)\n")
    line = len((package / "models/gan.py").read_text().splitlines())
    told = []
    submit(Run.all(), verified=False, report=told.append, package=package)
    assert told[0] == (
        f"warning: coursework/models/gan.py line {line} imports or runs what it computes: nobody has looked for "
        "pretrained weights there"
    )


def test_imports_are_followed_through_packages_and_functions():
    sources = {
        "start": Source("start.py", "def f():\n    from a.b import c"),
        "a": Source("a/__init__.py", "from . import hidden"),
        "a.b": Source("a/b.py", "from .deep.er import thing"),
        "a.hidden": Source("a/hidden.py", ""),
        "a.deep": Source("a/deep/__init__.py", ""),
        "a.deep.er": Source("a/deep/er.py", "import a.deep"),
        "a.unused": Source("a/unused.py", ""),
    }
    found = reachable(sources, "start")
    assert set(found) == set(sources) - {"a.unused"}
    assert way_to("a.deep.er", found) == ["start", "a.b", "a.deep.er"]


def test_pretrained_weights_out_of_reach(reports):
    package = shutil.copytree(PACKAGE, reports.parent / "coursework", ignore=shutil.ignore_patterns("__pycache__"))
    assert breaches(package=package) == []
    append(package / "models/gan.py", "\n\ndef features():\n    from keras.applications import VGG16\n")
    line = len((package / "models/gan.py").read_text().splitlines())
    refused_for(
        f"a sign of pretrained weights: coursework/models/gan.py line {line} imports "
        "keras.applications.VGG16; remove it (pegasus.py imports ",
        package=package,
    )
    (package / "models/gan.py").write_text("def")
    refused_for("coursework/models/gan.py is no Python", package=package)


def test_the_package_itself_keeps_inception_out_of_reach():
    sources = {**read_package(PACKAGE), "pegasus": script()}
    reached = reachable(sources, "pegasus")
    assert "coursework.training.loop" in reached and "coursework.pegasus.making" in reached
    assert not [module for module in reached if "inception" in module and module != "coursework.metrics"]
    # Both directions: with it, it is found.
    found = reachable(sources, "coursework.extractors.inception.extractor")
    assert any(words == "defines load_pretrained" for module in found for _, words in findings(sources[module]))


def test_every_breach_is_told_in_one_go(reports, capfd):
    (reports / "report.toml").unlink()
    append(reports / "prose.md", "\n> DRAFT\n\n" + "word " * 1000)
    (reports / "pegasus/pegasus.png").unlink()
    (reports / "runs" / RUN / "generator.keras").unlink()
    (reports / "pegasus/latents.npz").write_bytes(b"torn")
    assert cli.main(["submission"]) == 2
    output = capfd.readouterr()
    lines = output.err.splitlines()
    pieces = ("no title", "no author", "above the limit", "draft's mark", "older")
    pieces += ("no best image", "no weights", "latents")
    assert len(lines) == len(pieces) and output.out == ""
    for piece in pieces:
        assert sum(piece in line for line in lines) == 1, (piece, lines)
    assert all(line.startswith("coursework: error: ") for line in lines)
    assert not (reports / "submission.zip").exists()


@pytest.mark.parametrize("content", ["", "[", "{}", "[]", "[1]", '[{"id": "a"}]', "[" * 100_000, '[{"origin": []}]'])
def test_damaged_records_are_told(reports, content):
    (reports / "pegasus/pegasus.json").write_text(content)
    lines = breaches()
    assert any("pegasus.json" in line for line in lines)


def test_hostile_names_of_runs_lead_nowhere(reports):
    file = reports / "pegasus/pegasus.json"
    records = json.loads(file.read_text())
    for each in records:
        each["origin"]["run"] = "../../../etc"
    file.write_text(json.dumps(records))
    assert any("come from the run ../../../etc, which is not there" in line for line in breaches())


@pytest.mark.parametrize("name", ["config.json", "environment.json"])
def test_a_damaged_run_is_told(reports, name):
    (reports / "runs" / RUN / name).write_text('{"epochs": "many"')
    lines = breaches()
    assert lines and any(name in line for line in lines) and not (reports / "submission.zip").exists()


def test_no_pegasus_and_no_runs(reports):
    shutil.rmtree(reports / "pegasus")
    assert "no reports/pegasus: make pegasus" in breaches()
    shutil.rmtree(reports / "runs")
    assert any("no run to report: train one" in line for line in breaches())


def test_without_verification_nothing_imports_keras(reports):
    program = (
        "import sys, time; started = time.process_time(); from coursework.cli.main import main; "
        "code = main(['submission', '--no-verify']); "
        "heavy = {'keras', 'tensorflow', 'torch', 'jax', 'scipy', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy; assert code == 0, code; print(time.process_time() - started)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert "checked against the rules, its images not remade" in done.stdout
    assert float(done.stdout.splitlines()[-1]) < 8.0


def test_the_requirements_are_the_package_s_own():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    own = setup["options"]["install_requires"].split() + setup["options.extras_require"]["data"].split()
    lines = (HANDED_IN / "requirements.txt").read_text().splitlines()
    # The report is typeset already.
    assert [line for line in lines if not line.startswith("#")] == [line for line in own if "typst" not in line]
    listed = setup["options.package_data"]["coursework.submission"].split()
    assert listed == sorted(f"handed_in/{file.name}" for file in HANDED_IN.iterdir() if file.is_file())
    # A major version may change anything.
    assert [line.split(",")[1] for line in lines if line.startswith(("keras", "tensorflow>"))] == ["<4", "<3"]
