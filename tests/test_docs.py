"""What README and docs/ name exists: paths, targets, verbs and their options, presets, modules, links, functions."""

import ast
import contextlib
import functools
import io
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from test_house import FILES, FLOORS, nodes, room_of
from tiny_verbs import verbs

from coursework.cli import main as cli
from coursework.config.presets import AUTOENCODERS, PRESETS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# Names that stand for any of their kind.
PLACEHOLDERS = {"PRESET", "VERB"}
MOST_CHANGES_OF_ROOM = 28
# What CONTRIBUTING.md adds in its example.
NEW_FILES = {"coursework/models/lsgan.py", "tests/models/test_lsgan.py"}
NEW_PRESETS = {"lsgan"}


def code(page):
    """Return the lines of a page's code: of its blocks, and each inline span."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`]+)`", rest)


def targets():
    """Return the names of the Makefile's targets; one with % stands for any preset."""
    return set(re.findall(r"^([a-z%-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def options(verb):
    """Return the options that the help of a verb names."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        cli.main([verb, "--help"])
    return set(re.findall(r"--[a-z-]+", shown.getvalue()))


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request):
    return request.param


def test_paths_exist(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"\b(?:coursework|tests|benchmarks|docs)/[\w/-]+(?:\.\w+)?", text):
        if path not in NEW_FILES:
            assert (ROOT / path).exists(), path


def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        # Results are generated, and `make begin` moves those that came with the package.
        if "://" not in target and "reports/" not in target:
            assert (page.parent / target).exists(), target


def test_targets_exist(page):
    known = targets()
    for line in code(page):
        if not re.match(r"make [a-z]", line):
            continue
        for word in line.split("#")[0].split()[1:]:
            pattern, _, preset = word.partition("-")
            if "=" in word or word in known:
                continue
            assert f"{pattern}-%" in known and preset in {*PRESETS, *PLACEHOLDERS}, f"{word} in {line!r}"


def test_verbs_and_options_exist(page):
    known = verbs()
    for line in code(page):
        found = re.match(r"(?:python -m )?coursework ([\w-]+)(.*)", line)
        if not found or found[1] in PLACEHOLDERS:
            continue
        verb, rest = found[1], found[2].split("#")[0]
        assert verb in known, line
        assert set(re.findall(r"--[a-z-]+", rest)) <= options(verb), line
        if verb == "train":
            assert rest.split()[0] in {*PRESETS, *PLACEHOLDERS, *NEW_PRESETS}, line


def test_modules_of_benchmarks_exist(page):
    for name in re.findall(r"python -m benchmarks\.(\w+)", page.read_text(encoding="utf-8")):
        assert (ROOT / "benchmarks" / f"{name}.py").is_file(), name


def test_the_readme_is_short_and_lists_every_model():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 160
    rows = re.findall(r"^\| (`[^|]+) \|", text.partition("## Models")[2].partition("\n## ")[0], re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert listed <= set(PRESETS)
    of_models = {PRESETS[name].model.name for name in listed}
    assert of_models == {config.model.name for config in PRESETS.values()}
    assert {config.preset for config in AUTOENCODERS} <= listed


def architecture():
    return (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_picture_of_the_floors_is_true():
    picture = re.search(r"^```\n(.*?)^```", architecture(), re.MULTILINE | re.DOTALL)[1]
    rooms = [re.split(r" {4,}", line.strip())[0].split() for line in picture.splitlines()]
    assert [sorted(floor) for floor in reversed(rooms)] == [sorted(floor) for floor in FLOORS]


def ways():
    """Return [(title, [(room, name), ...])] of the ways through the house."""
    _, *sections = re.split(r"^## ", architecture(), flags=re.MULTILINE)
    return [
        (section.splitlines()[0], re.findall(r"^\d+\. `(\w+)/` `(\w+)`", section, re.MULTILINE)) for section in sections
    ]


@functools.cache
def names_in(room):
    """Return the functions, classes, methods and constants that a room defines."""
    found = set()
    for module in (module for module in FILES if room_of(module) == room):
        for node in nodes(module):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize(("title", "steps"), ways(), ids=[title for title, _ in ways()])
def test_the_ways_through_the_house_are_true_and_short(title, steps):
    assert len(steps) >= 10
    for room, name in steps:
        assert name in names_in(room), f"{title}: no {name} in {room}"
    assert sum(before != after for (before, _), (after, _) in pairwise(steps)) <= MOST_CHANGES_OF_ROOM


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("target", sorted(targets()))
def test_make_knows_how_to_reach_every_target(target):
    command = ["make", "--dry-run", target.replace("%", "gan")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
