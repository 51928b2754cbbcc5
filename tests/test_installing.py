"""What is installed: exact versions within setup.cfg's bounds, by every rule that installs."""

import configparser
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Users choose these by themselves; .ci/run names its version of torch.
OPTIONAL = {"torch", "tensorboard"}


def requirements():
    """Return every `Requirement` of setup.cfg, of the extras too."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    return [Requirement(line) for text in lines for line in text.split("\n") if line]


def pins():
    """Return {normalised name: version} of the constraints."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def test_exact_versions_keep_the_bounds():
    exact = pins()
    wanted = [each for each in requirements() if each.name not in OPTIONAL]
    assert len(wanted) > 15
    for each in wanted:
        assert each.specifier.contains(exact[canonicalize_name(each.name)]), each
    assert not OPTIONAL & set(exact)


def test_the_next_major_versions_of_what_everything_rests_on_are_not_installed():
    bounds = {each.name: each.specifier for each in requirements()}
    assert not bounds["keras"].contains("4.0.0") and bounds["keras"].contains("3.99.0")
    assert not bounds["tensorflow"].contains("3.0.0") and bounds["tensorflow"].contains("2.99.0")


def test_every_rule_installs_with_the_constraints():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", "")
    rules = [line for line in makefile.splitlines() if "pip install" in line]
    (shared,) = [line for line in rules if line.startswith("INSTALL ")]
    assert "$(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))" in shared
    assert re.search(r"^CONSTRAINTS \?= constraints\.txt$", makefile, re.MULTILINE)
    # All but the one that looks for newer versions.
    assert [line for line in rules if line != shared] == [line for line in rules if "build/newest" in line]
    assert makefile.count("\t$(INSTALL) ") == 3
    for line in (ROOT / ".ci" / "run").read_text().splitlines():
        assert "pip install" not in line or "--constraint constraints.txt" in line
