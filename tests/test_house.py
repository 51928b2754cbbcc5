"""The package's imports: one way, light where the report must be light, one place for each backend."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "coursework"

# The order of the house: a file imports only from above itself. A new file or folder takes its place here.
ROWS = (
    "__init__ errors files tables arrays locking interruption network_files cache progress decoding",
    "config_networks config_models config presets_lines presets_rings presets run run_differences",
    "data gradients fast_layers layers vector_quantizer losses augmentation networks latents class_weights",
    "saving state models",
    "scores score_lines figures figures_memorisation layout diagram descriptions architecture",
    "metrics sampling sources extractors inception_extractor extraction comparison measuring copies scoring",
    "evaluation illustration",
    "environment record guards callbacks head_start training judging",
    "pegasus",
    "report",
    "quiet submission",
    "study_figure study_rows study_checks study lines_figures lines downstream",
    "aggregate_posterior_figure aggregate_posterior",
    "rings pegasus_benchmark demo verbs cli __main__",
)
ORDER = [name for row in ROWS for name in row.split()]

# Only these know a backend; every other file is written in Keras's own operations or needs no network at all.
BACKENDS = {"tensorflow", "torch", "jax", "tensorflow_datasets"}
KNOW_BACKENDS = {"gradients", "environment", "quiet", "data.cifar10", "data.pipeline"}

# What `report` and the first answer of every verb need; importing any of it may not bring Keras with it.
LIGHT = (
    *("config", "presets", "run", "run_differences", "data", "data.sprites", "sources", "scores", "score_lines"),
    *("figures", "figures_memorisation", "diagram"),
    *("metrics", "metrics.memorisation", "metrics.uncertainty", "metrics.sample_size", "report", "cli", "submission"),
)


def module_name(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


FILES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def imports(module):
    """Return (names of the package's modules, names of other packages) that `module` imports anywhere in its file."""
    inside, outside = set(), set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
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
    """Return the module that `name`, a module or something inside one, stands for."""
    while name and name not in FILES:
        name = name.rpartition(".")[0]
    return name or "__init__"


def test_every_file_has_its_place():
    assert {name.split(".")[0] for name in FILES} == set(ORDER)
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("module", FILES)
def test_imports_come_from_above(module):
    place = ORDER.index(module.split(".")[0])
    for target in imports(module)[0]:
        top = target.split(".")[0]
        if top != module.split(".")[0]:
            assert ORDER.index(top) < place, f"{module} imports {target}, which stands below it"


def test_no_imports_run_in_a_circle():
    graph = {module: imports(module)[0] - {module} for module in FILES}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", FILES)
def test_imported_names_exist_and_are_public(module):
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "coursework":
            assert node.module == "coursework" or node.module.removeprefix("coursework.") in FILES
            private = [alias.name for alias in node.names if alias.name.startswith("_") and alias.name != "__version__"]
            assert not private, f"{module} imports {private} from {node.module}"


def test_few_files_know_a_backend():
    assert {module for module in FILES if imports(module)[1] & BACKENDS} <= KNOW_BACKENDS
    # Both directions: the walk above does find such imports.
    assert "tensorflow" in imports("gradients")[1] and "torch" in imports("gradients")[1]


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
    result = subprocess.run([sys.executable, "-c", program, *LIGHT], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr.strip().splitlines()[-1]


def test_files_can_be_read_in_one_sitting():
    lengths = {module: len(file.read_text(encoding="utf-8").splitlines()) for module, file in FILES.items()}
    assert {module: length for module, length in lengths.items() if length > 300} == {}
