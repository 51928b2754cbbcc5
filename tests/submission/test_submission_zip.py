"""The zip: equal input, equal bytes; and by itself, away from the package, it remakes its images and trains again."""

import argparse
import dataclasses
import functools
import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import types
import zipfile
from importlib import metadata

import numpy
import pytest
from conftest import environment, narrow
from PIL import Image
from submission_folder import CANDIDATES, RUN, breaches, change_json, choice_file, rebuild, small_run, write_reports

from coursework import data
from coursework.cli import main as cli
from coursework.config.presets import PRESETS
from coursework.data import sprites
from coursework.data.cifar10 import CLASS_NAMES
from coursework.pegasus import winged_training
from coursework.pegasus.collages import dataset, record
from coursework.submission import packaged, submit
from coursework.submission.archive import write_zip
from coursework.submission.checking import check_zip
from coursework.submission.contents import HANDED_IN
from coursework.submission.material import PACKAGE
from coursework.submission.verifying import verify
from coursework.training.run import Run
from coursework.util.errors import UserError, UserErrors
from coursework.util.files import sha256


def members(path):
    """Return {name: content} of a zip."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def run_script(folder, *arguments, **variables):
    """Run the pegasus.py in `folder`, with the checkout in Python's way, and return the finished process."""
    command = [sys.executable, str(folder / "pegasus.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=900, cwd=folder, env=environment(**variables)
    )


def test_what_the_zip_holds(reports):
    assert cli.main(["submission", "--no-verify"]) == 0
    files = members(reports / "submission.zip")
    top = {"README.md", "requirements.txt", "report.pdf", "pegasus.py", "pegasus.png", "batch.png", "latents.npz"}
    top |= {"report.html", "appendix.pdf", "appendix.html", "constraints.txt", "LICENSE", "DATA.md"}
    top |= {"pegasus.json", "comparison.json", "manifest.json"}
    assert {name for name in files if "/" not in name} == top
    runs = {f"runs/{RUN}/{name}" for name in ("config.json", "environment.json", "generator.keras")}
    assert {name for name in files if name.startswith("runs/")} == runs
    sources = {name for name in files if name.startswith("coursework/")}
    assert top | runs | sources == set(files)
    # What it imports, the page of the gallery, nothing that fetches weights, and not the report's part.
    assert {"coursework/training/loop.py", "coursework/pegasus/decoding.py", "coursework/util/quiet.py"} <= sources
    assert "coursework/pegasus/gallery_page/page.html" in sources
    assert not [name for name in sources if "inception" in name or "report" in name or "submission" in name]
    for name in ("pegasus.png", "batch.png", "latents.npz"):
        assert files[name] == (reports / "pegasus" / name).read_bytes()
    for name in ("report.pdf", "report.html", "appendix.pdf", "appendix.html"):
        assert files[name] == (reports / name).read_bytes()
    assert len(json.loads(files["pegasus.json"])) == 64
    # What it takes to remake it in a year.
    assert json.loads(files[f"runs/{RUN}/environment.json"]) == Run(reports / "runs" / RUN).read_environment()
    versions = dict(line.split("==") for line in files["constraints.txt"].decode().splitlines())
    for name in ("keras", "tensorflow", "numpy", "pillow", "h5py"):
        assert versions[name] == metadata.version(name)
    assert not {"pytest", "ruff", "coursework"} & set(versions)
    assert files["LICENSE"] == (PACKAGE.parent / "LICENSE").read_bytes()
    assert b"CIFAR-10" in files["DATA.md"] and b"Krizhevsky" in files["DATA.md"]
    listed = json.loads(files["manifest.json"])["files"]
    assert set(listed) == set(files) - {"manifest.json"}
    for name, entry in listed.items():
        assert entry == {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}


def test_what_is_no_file_of_the_package_stays_out_and_is_named(reports):
    package = shutil.copytree(PACKAGE, reports.parent / "coursework", ignore=shutil.ignore_patterns("__pycache__"))
    extras = ("secrets.env", "pegasus/gallery_page/passwords.txt", "training/notes/todo.md", "report/page.css.old")
    for name in extras:
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text("secret")
    (package / ".secret").write_text("secret")
    (package / "private.py").write_text("SECRET = 1")
    lines = []
    submit(Run.all(), verified=False, report=lines.append, package=package)
    files = members(reports / "submission.zip")
    assert {"coursework/pegasus/gallery_page/page.html", "coursework/training/run.py"} <= set(files)
    assert not [name for name, content in files.items() if content == b"secret" or "private" in name]
    named = ", ".join(f"coursework/{name}" for name in sorted(extras))
    assert f"warning: not handed in, since it is no file of the package: {named}" in lines


@pytest.mark.parametrize("place", ["coursework/private", "coursework/training/more.py", "reports/pegasus/batch.png"])
def test_a_link_is_handed_to_nobody(reports, place):
    shutil.copytree(PACKAGE, reports.parent / "coursework", ignore=shutil.ignore_patterns("__pycache__"))
    private = reports.parent / "private"
    private.mkdir()
    (private / "diary.txt").write_text("dear diary")
    (reports.parent / place).unlink(missing_ok=True)
    (reports.parent / place).symlink_to(private)
    assert any(f"{place} is a link" in line for line in breaches(package=reports.parent / "coursework"))
    assert not (reports / "submission.zip").exists()


def test_the_files_of_an_installed_package_are_known_without_a_checkout(tmp_path, monkeypatch):
    """A wheel lists its files; the lists of a checkout and of a wheel are equal."""
    listed, extras = packaged.data_files()
    assert {"coursework/report/template.typ", "coursework/submission/handed_in/README.md"} <= set(listed)
    assert extras == []
    monkeypatch.setattr(packaged, "SETUP", tmp_path / "none")
    notice = metadata.PackagePath("coursework-0.1.0.dist-info/licenses/LICENSE")
    notice.dist = types.SimpleNamespace(locate_file=lambda path: PACKAGE.parent / "LICENSE")
    files = [metadata.PackagePath(path) for path in [*listed, "coursework/__init__.py"]] + [notice]
    monkeypatch.setattr(packaged.metadata, "files", lambda name: files)
    assert packaged.data_files() == (listed, [])
    assert packaged.notices() == {"LICENSE": (PACKAGE.parent / "LICENSE").read_bytes()}


def test_equal_input_makes_equal_bytes(reports):
    small_run(reports, "other")
    rebuild()
    assert breaches() == []
    first = (reports / "submission.zip").read_bytes()
    for file in reports.rglob("*"):
        os.utime(file, (1_500_000_000, 1_500_000_000))
        file.chmod(0o700 if file.is_dir() else 0o600)
    assert breaches() == []
    assert (reports / "submission.zip").read_bytes() == first
    change_json(reports / "pegasus/comparison.json", candidates=CANDIDATES + 1)
    rebuild()
    assert breaches() == []
    assert (reports / "submission.zip").read_bytes() != first
    with zipfile.ZipFile(reports / "submission.zip") as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 0o100644)}


def test_a_chosen_candidate_is_handed_in(reports, refused):
    choice = choice_file(reports, 66)
    assert "older than the runs" in refused("submission", "--no-verify", "--choice", str(choice))
    assert cli.main(["report", "--choice", str(choice)]) == 0
    assert breaches(choice=choice) == []
    files = members(reports / "submission.zip")
    best = json.loads(files["pegasus.json"])[0]
    assert (best["index"], best["rank"], best["chosen_by"]) == (66, 1, "eye")
    assert files["pegasus.png"] != (reports / "pegasus/pegasus.png").read_bytes()
    # Beside the gallery it is found without being named.
    shutil.move(choice, reports / "pegasus/choice.json")
    assert breaches() == []
    assert members(reports / "submission.zip") == files


def test_mistakes_with_the_choice_and_the_output(reports, refused):
    choice = choice_file(reports, 3, gallery="00" * 32)
    assert "saved from a gallery of other candidates" in refused("submission", "--choice", str(choice))
    assert "no choice at nothing.json: save one" in refused("submission", "--choice", "nothing.json")
    assert "no run at nowhere" in refused("submission", "nowhere")
    (reports / "file").write_text("")
    assert "cannot write" in refused("submission", "--no-verify", "--output", str(reports / "file" / "a.zip"))


@pytest.mark.slow
def test_a_failed_verification_leaves_no_zip(reports):
    # Its weights are none.
    (reports / "submission.zip").write_bytes(b"the one before")
    with pytest.raises(UserError, match=r"pegasus\.py in the zip remakes no images: pegasus\.py: error: "):
        submit(Run.all(), report=lambda line: None)
    assert (reports / "submission.zip").read_bytes() == b"the one before"
    assert not list(reports.glob(".coursework-*"))


@pytest.mark.slow
def test_the_script_tells_what_is_amiss_in_one_line(reports):
    folder = reports.parent / "unpacked"
    submit(Run.all(), verified=False, report=lambda line: None)
    with zipfile.ZipFile(reports / "submission.zip") as archive:
        archive.extractall(folder)

    def told(*arguments):
        done = run_script(folder, *arguments)
        assert done.returncode == 2 and done.stdout == ""
        return done.stderr.splitlines()[-1]

    assert "cannot load" in told() or "generator.keras" in told()
    assert told("--epochs", "2").endswith("--epochs and --pool go with --train")
    assert told("--train", "--pool", "32").endswith("--pool 32 cannot fill a batch of 64")
    assert told("--train", "--pool", "0").endswith("expected a whole number of 1 or more, found '0'")
    assert "--output would overwrite what is handed in" in told("--output", ".")
    (folder / "latents.npz").write_bytes(b"other")
    assert told() == "pegasus.py: error: latents.npz is not the one handed in: unpack the zip again"
    (folder / "batch.png").unlink()
    assert told() == "pegasus.py: error: batch.png is missing: unpack the whole zip"
    shutil.rmtree(folder / "coursework/pegasus")
    assert "is missing: unpack the whole zip" in told()
    (folder / "coursework/util/errors.py").unlink()
    assert "No module named 'coursework.util.errors': unpack the whole zip" in told()


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A zip with an untrained network whose images it can remake, and the folder where it was made."""
    from coursework.models import build_model
    from coursework.networks.saving import save_networks
    from coursework.pegasus.decoding import decode
    from coursework.training.sampling import TrainedRun

    home = tmp_path_factory.mktemp("real")
    config = narrow(PRESETS["conditional-sngan"], epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        run = small_run(home / "reports", "conditional", "conditional-sngan")
        run.write_config(dataclasses.replace(config, batch_size=32))
        model = build_model(config, (32, 32, 3), 1, len(CLASS_NAMES))
        save_networks(run.path, model.networks())
        generator = numpy.random.default_rng(0)
        trained = TrainedRun(run)
        shapes = {"latents": trained.latent_shape, "classes": tuple(trained.generator.inputs[1].shape[1:])}
        latents = {name: generator.random((CANDIDATES, *shape), numpy.float32) for name, shape in shapes.items()}
        images = decode(trained, latents)
        rows = [{name: array[index] for name, array in latents.items()} for index in range(CANDIDATES)]
        write_reports(home, run, images, rows)
        submit(Run.all(), verified=False, report=lambda line: None)
    return home / "reports/submission.zip"


@pytest.mark.slow
@pytest.mark.backend
def test_the_zip_by_itself_remakes_its_images(real):
    assert verify(real) == "byte for byte"


@pytest.mark.slow
def test_a_stranger_s_zip_is_remade_by_this_package_and_not_by_the_zip_s(real, tmp_path):
    files = members(real)
    del files["manifest.json"]
    never = f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit('ran')\n".encode()
    changed = {name: never for name in files if name.endswith(".py")}
    write_zip(tmp_path / "stranger.zip", files | changed)
    lines = []
    check_zip(tmp_path / "stranger.zip", report=lines.append)
    assert [line.removeprefix(f"{tmp_path / 'stranger.zip'}: ") for line in lines] == [
        f"{len(files) + 1} files, all as manifest.json lists them",
        "its 64 images remade from its latents and weights, equal in every pixel",
    ]
    assert not (tmp_path / "ran").exists()
    with pytest.raises(UserError, match=r"pegasus\.py in the zip fails|remakes no images: "):
        check_zip(tmp_path / "stranger.zip", run=True, report=lines.append)
    sheet = numpy.array(Image.open(io.BytesIO(files["batch.png"])))
    sheet[10, 10, 1] ^= 16
    Image.fromarray(sheet).save(tmp_path / "batch.png")
    write_zip(tmp_path / "other.zip", files | {"batch.png": (tmp_path / "batch.png").read_bytes()})
    with pytest.raises(UserErrors, match="its latents and weights make other images, off by up to 16 of 255"):
        check_zip(tmp_path / "other.zip", report=lines.append)


@pytest.mark.slow
def test_the_checkout_is_not_used(real, tmp_path, monkeypatch):
    files = members(real)
    del files["coursework/networks/saving.py"], files["manifest.json"]
    write_zip(tmp_path / "part.zip", files)
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    with pytest.raises(UserError, match=r"No module named 'coursework\.networks\.saving'"):
        verify(tmp_path / "part.zip")


@pytest.mark.slow
def test_other_images_are_told(real, tmp_path):
    files = members(real)
    del files["manifest.json"]
    with zipfile.ZipFile(real) as archive, archive.open("batch.png") as stream:
        sheet = numpy.array(Image.open(stream))
    sheet[10, 10, 1] ^= 16
    Image.fromarray(sheet).save(tmp_path / "batch.png")
    files["batch.png"] = (tmp_path / "batch.png").read_bytes()
    write_zip(tmp_path / "other.zip", files)
    with pytest.raises(UserError, match="makes other images, off by up to 16 of 255"):
        verify(tmp_path / "other.zip")
    sheet[10, 10, 1] ^= 16
    sheet[10, 10, 1] += 1 if sheet[10, 10, 1] < 255 else -1
    Image.fromarray(sheet).save(tmp_path / "batch.png")
    files["batch.png"] = (tmp_path / "batch.png").read_bytes()
    write_zip(tmp_path / "near.zip", files)
    assert verify(tmp_path / "near.zip") == "within 1/255"


@pytest.mark.slow
def test_everything_is_trained_again(real, tmp_path):
    folder, data = tmp_path / "unpacked", tmp_path / "data"
    with zipfile.ZipFile(real) as archive:
        archive.extractall(folder)
    module, counts = folder / "coursework/data/cifar10.py", {"train": 12, "test": 4}
    # All 60,000 images would take an hour.
    module.write_text(module.read_text().replace('{"train": 5000, "test": 1000}', str(counts)))
    generator = numpy.random.default_rng(0)
    for split, count in counts.items():
        for name in CLASS_NAMES:
            (data / "cifar10" / split / name).mkdir(parents=True)
            for index, image in enumerate(generator.integers(0, 255, (count, 32, 32, 3), dtype=numpy.uint8)):
                Image.fromarray(image).save(data / "cifar10" / split / name / f"{index}.png")
    change_json(folder / "comparison.json", rows=[{"name": "class_mixing", "run": "conditional", "candidates": 64}])
    change_json(folder / "manifest.json", files={"comparison.json": {"sha256": sha256(folder / "comparison.json")}})
    # From where the user is: the script trains in a folder of its own.
    variables = {"COURSEWORK_DATA": "../data", "COURSEWORK_CACHE": "../cache"}
    done = run_script(folder, "--train", "--epochs", "1", "--pool", "64", **variables)
    assert done.returncode == 0, done.stderr[-500:]
    made = folder / "trained/reports"
    records = json.loads((made / "pegasus/pegasus.json").read_text())
    assert len(records) == 64 and {record["strategy"] for record in records} == {"class_mixing"}
    assert Image.open(made / "pegasus/pegasus.png").size == (32, 32)
    before = members(real)["runs/conditional/generator.keras"]
    assert (made / "runs/conditional/generator.keras").read_bytes() != before
    assert {file.stem for file in (made / "judges/cifar10").glob("*.keras")} == {"judge", "witness", "second"}
    assert (tmp_path / "cache").is_dir()


@pytest.mark.slow
def test_collages_are_made_and_learned_again(in_tmp, monkeypatch):
    """In this process, on drawn animals in the place of CIFAR-10; so few images make no judge that is sure of any."""
    drawn = dataclasses.replace(sprites.load(train_per_class=160, test_per_class=80), name="cifar10")
    monkeypatch.setitem(data.DATASETS, "cifar10", lambda: drawn)
    for module in (dataset, winged_training):
        monkeypatch.setattr(module, "find_judge", lambda dataset: None)
    small = functools.partial(winged_training.train_winged_judge, width=4, count=60, progress=False)
    for name, value in (("train_winged_judge", small), ("MEASURED", 40)):
        monkeypatch.setattr(winged_training, name, value)
    names = ("horse", "bird", "airplane", "pegasus")
    config = narrow(PRESETS["pegasus-sngan"], epochs=3)
    config = dataclasses.replace(config, batch_size=32, dataset="data/elsewhere")
    handed_in = Run(in_tmp / "zip/runs/winged")
    handed_in.write_config(config)
    counts = record.Counts(train=30, test=6)
    made = record.Settings("cifar10", drawn.fingerprint, None, names, "horse", "bird", 7, counts, counts, counts)
    made.write(handed_in.path)
    sampling = {"truncation": 0.75, "body_share": 0.125}
    origin = {"run": "winged", "strategy": "winged_class", "weights": "last", "seed": 5}
    (in_tmp / "zip/pegasus.json").write_text(json.dumps([{"id": "one", "strategy": "winged_class", "origin": origin}]))
    rows = [{"name": "winged_class", "run": "winged", "candidates": 99}]
    conditions = {
        "body": "horse",
        "wings": ["bird"],
        "dataset_fingerprint": drawn.fingerprint,
        "dataset_label": "sprites",
    }
    conditions |= {"rows": rows, "sampling": sampling}
    (in_tmp / "zip/comparison.json").write_text(json.dumps(conditions))
    script = importlib.util.module_from_spec(importlib.util.spec_from_file_location("script", HANDED_IN / "pegasus.py"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    script.__spec__.loader.exec_module(script)
    monkeypatch.setattr(script, "HERE", in_tmp / "zip")
    arguments = argparse.Namespace(output=in_tmp / "trained", epochs=1, pool=64)
    assert script.train_again(arguments) == 0
    collages = json.loads((in_tmp / "trained/data/winged/collages.json").read_text())
    expected = {"dataset": "cifar10", "classes": list(names), "body": "horse", "wings": "bird", "seed": 7}
    assert collages.items() >= expected.items() and collages["collages"] == {"train": 30, "test": 6}
    reports = in_tmp / "trained/reports"
    again = Run(reports / "runs/winged")
    assert again.is_finished() and again.read_config().dataset == "data/winged"
    records = json.loads((reports / "pegasus/pegasus.json").read_text())
    assert len(records) == 64 and {each["strategy"] for each in records} == {"winged_class"}
    assert records[0]["origin"]["truncation"] == 0.75 and records[0]["origin"]["seed"] == 5
    content = json.loads((reports / "pegasus/comparison.json").read_text())
    winged = json.loads((reports / "judges/cifar10/winged.json").read_text())
    assert content["sampling"] == sampling and content["winged_judge_sha256"] == winged["sha256"]
    assert winged["epochs"] == 1 and (winged["body"], winged["wings"]) == ("horse", "bird")


def test_what_no_rule_forbids_is_told_too(reports):
    choice = choice_file(reports, 9)
    prose = reports / "prose.md"
    prose.write_text(prose.read_text() + "\nIts score is {final: fid}.\n" + "word " * 850)
    rebuild(choice=choice)
    lines = []
    submit(Run.all(), choice=choice, verified=False, report=lines.append)
    warnings = [line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")]
    assert len(warnings) == 3 and warnings[0].endswith(" words, close to the limit")
    assert warnings[1] == "the text names what was not measured: {final: fid}"
    assert warnings[2] == "the best image was chosen by eye: reports/prose.md should not say otherwise"
    assert lines[-1].endswith("checked against the rules, its images not remade")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "it ended with code 137 and said nothing"),
        ("raise SystemExit('no ' + 400 * 'x')", "no " + 297 * "x"),
    ],
)
def test_a_script_that_dies_is_told_with_its_last_words_or_its_code(tmp_path, program, why):
    with zipfile.ZipFile(tmp_path / "dead.zip", "w") as archive:
        archive.writestr("pegasus.py", program)
        for name in ("pegasus.png", "batch.png"):
            archive.writestr(name, b"no image")
    with pytest.raises(UserError) as caught:
        verify(tmp_path / "dead.zip")
    assert str(caught.value) == f"pegasus.py in the zip remakes no images: {why}"
