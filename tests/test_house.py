"""The package's imports: from higher rooms to lower ones, no Keras in light rooms, few files that know a backend."""

import ast
import functools
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "coursework"

# The floors of the house, lowest first: a room imports only from lower floors, and not from its own floor.
FLOORS = (
    ("util",),
    ("data", "config", "figures"),
    ("networks",),
    ("models",),
    ("extractors", "metrics"),
    ("training",),
    ("evaluation",),
    ("pegasus",),
    ("report", "studies"),
    ("submission",),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Only these know a backend; every other file uses Keras operations or needs no network.
BACKENDS = {"tensorflow", "torch", "jax", "tensorflow_datasets"}
KNOW_BACKENDS = {"networks.backend", "training.environment", "util.quiet", "data.downloads", "data.pipeline"}
KNOW_BACKENDS |= {"extractors.inception.graph_file"}

# Rooms that must not import Keras, and other modules that every verb imports first.
LIGHT_ROOMS = ("util", "config", "metrics", "figures", "report", "submission")
LIGHT = ("data", "data.sprites", "training.run", "training.run_differences", "evaluation.sources", "cli.main")

# What a room must not import although it could: (rooms, packages).
FORBIDDEN = {
    # Features in, numbers out.
    "metrics": ({"config", "figures", "networks", "models"}, {"os", "pathlib", "json"}),
    # An algorithm gets its networks and images, and leaves files to others.
    "models": ({"data", "figures"}, {"os", "pathlib", "json"}),
    # The report shows scores and computes none; the zip is built from files.
    "report": ({"metrics", "extractors", "evaluation", "networks", "models"}, set()),
    "submission": ({"metrics", "evaluation", "networks", "models"}, set()),
}


def module_name(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


FILES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def nodes(module):
    """Return all nodes of a module's syntax tree."""
    return list(ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))))


@functools.cache
def imports(module):
    """Return (names of the package's modules, names of other packages) that `module` imports anywhere in its file."""
    inside, outside = set(), set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import in line {node.lineno}"
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            top, _, rest = target.partition(".")
            if top == "coursework":
                inside.add(resolve(rest))
            else:
                outside.add(top)
    return inside, outside


def resolve(name):
    """Return the module that `name` is, or is inside of."""
    while name and name not in FILES:
        name = name.rpartition(".")[0]
    return name or "__init__"


def room_of(module):
    return module.split(".")[0]


def test_every_file_is_in_a_room():
    assert {room_of(module) for module in FILES} == {*FLOOR, "__init__", "__main__"}


@pytest.mark.parametrize("module", [module for module in FILES if room_of(module) in FLOOR])
def test_imports_come_from_lower_floors(module):
    room = room_of(module)
    for target in imports(module)[0]:
        if room_of(target) not in (room, "__init__"):
            assert FLOOR[room_of(target)] < FLOOR[room], f"{module} imports {target}, which is no lower"


@pytest.mark.parametrize("room", FORBIDDEN)
def test_rooms_do_not_know_what_they_must_not(room):
    rooms, packages = FORBIDDEN[room]
    for module in (module for module in FILES if room_of(module) == room):
        inside, outside = imports(module)
        assert not {room_of(target) for target in inside} & rooms, module
        assert not outside & packages, module


def test_no_imports_run_in_a_circle():
    graph = {module: imports(module)[0] - {module} for module in FILES}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", FILES)
def test_imported_names_exist_and_are_public(module):
    for node in nodes(module):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "coursework":
            assert node.module == "coursework" or node.module.removeprefix("coursework.") in FILES
            private = [alias.name for alias in node.names if alias.name.startswith("_") and alias.name != "__version__"]
            assert not private, f"{module} imports {private} from {node.module}"


def test_few_files_know_a_backend():
    assert {module for module in FILES if imports(module)[1] & BACKENDS} <= KNOW_BACKENDS
    # The search does find such imports.
    assert {"tensorflow", "torch"} <= imports("networks.backend")[1]


def test_what_must_be_light_imports_no_keras():
    program = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module("coursework." + name)
    heavy = {"keras", "tensorflow", "torch", "jax", "scipy", "sklearn"} & set(sys.modules)
    assert not heavy, f"{name} imports {heavy}"
import coursework.models
assert "keras" in sys.modules
"""
    light = [module for module in FILES if room_of(module) in LIGHT_ROOMS] + list(LIGHT)
    result = subprocess.run([sys.executable, "-c", program, *light], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr.strip().splitlines()[-1]
