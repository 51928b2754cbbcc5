"""The worked example of CONTRIBUTING.md, followed to the letter in a copy of the package."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coursework.util.files import read_json

ROOT = Path(__file__).parents[1]
# Small enough for seconds; a rate so low that the losses stay near those of logits of 0.
TINY = ("generator_width=8", "discriminator_width=8", "latent_size=4", "batch_size=8", "score_every=0")
SLOW = ("generator_optimizer.rate=1e-6", "discriminator_optimizer.rate=1e-6")
# A dict or union of which a block adds entries: its name, the entries.
COLLECTION = re.compile(r"^(\w+) = \w*[\[{]\n    \.\.\.\n(.*?)(?:    \.\.\.\n)?^[\]}]\n", re.MULTILINE | re.DOTALL)


def blocks():
    """Return [(path, code)] of the Python blocks, whose first line names their file."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n# (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def follow(file, code):
    """Write a new file, or change one as its block says.

    Imports go above, entries of a dict or union after its first entry, other code before these or at the end.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
        return
    content = file.read_text(encoding="utf-8")
    collections = COLLECTION.findall(code)
    code = COLLECTION.sub("", code)
    for line in re.findall(r"^from .* import .*\n", code, re.MULTILINE):
        code = code.replace(line, "")
        content = content.replace("\nfrom coursework", f"\n{line}from coursework", 1)
    for name, entries in collections:
        opening = re.search(rf"^{name}\b.* = .*[\[{{]\n.*\n", content, re.MULTILINE)
        assert opening, f"{file} has no {name}"
        content = f"{content[: opening.start()]}{code}{opening[0]}{entries}{content[opening.end() :]}"
        code = ""
    file.write_text(content + code, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a folder with a copy of the package in which the example was followed."""
    folder = tmp_path_factory.mktemp("contributed")
    shutil.copytree(ROOT / "coursework", folder / "coursework", ignore=shutil.ignore_patterns("__pycache__"))
    for path, code in blocks():
        follow(folder / path, code)
    return folder


def run(folder, *arguments):
    """Run Python on the copy and return its output."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COURSEWORK_CACHE": str(folder / "cache")}
    process = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.slow
def test_the_new_model_trains(copy, image_folder):
    settings = [argument for setting in (*TINY, *SLOW) for argument in ("--set", setting)]
    options = ["--dataset", str(image_folder), "--epochs", "2", "--run", "run"]
    run(copy, "-m", "coursework", "train", "lsgan", *options, *settings)
    assert read_json(copy / "run" / "config.json", dict)["model"]["name"] == "lsgan"
    with open(copy / "run" / "log.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    for row in rows:
        for player in ("discriminator", "generator"):
            assert float(row[f"{player}_loss"]) == pytest.approx(0.5, abs=0.2)
    run(copy, "-m", "coursework", "sample", "run", "--count", "4", "--output", "samples.png")
    assert (copy / "samples.png").is_file()


@pytest.mark.slow
def test_the_new_model_passes_its_own_test(copy):
    assert "1 passed" in run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/models/test_lsgan.py")
