"""The files of the zip: {path in it: content}."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from coursework.pegasus.batch_files import BEST, CONDITIONS, LATENTS, RECORDS, SHEET
from coursework.pegasus.collages.record import SETTINGS_FILE, settings_of
from coursework.submission.image_rules import weights_of
from coursework.submission.imports import Source, reachable
from coursework.submission.material import PACKAGE, Material
from coursework.submission.packaged import data_files, exact_versions, notices

INIT = "__init__.py"
HANDED_IN = Path(__file__).parent / "handed_in"
SCRIPT, REQUIREMENTS, VERSIONS = "pegasus.py", "requirements.txt", "constraints.txt"


def script() -> Source:
    """Return the `Source` of the pegasus.py that is handed in."""
    return Source(SCRIPT, (HANDED_IN / SCRIPT).read_text(encoding="utf-8"))


def contents(material: Material, package: Path | str = PACKAGE) -> dict[str, bytes]:
    """Return {path: bytes} of a `Material` that keeps every rule, without the manifest."""
    found = {name: (HANDED_IN / name).read_bytes() for name in (SCRIPT, REQUIREMENTS, "README.md")} | notices()
    found[VERSIONS] = exact_versions(found[REQUIREMENTS].decode().splitlines()).encode()
    found |= {name: (material.folder / name).read_bytes() for name in material.documents}
    for name in (BEST, SHEET, LATENTS):
        found[name] = (material.pegasus / name).read_bytes()
    found[RECORDS] = _json(material.records)
    found[CONDITIONS] = _json(material.comparison)
    for name, run in material.generators.items():
        found[f"runs/{name}/config.json"] = run.read_config().to_json().encode()
        found[f"runs/{name}/environment.json"] = _json(run.read_environment())
        collages = settings_of(run)
        if collages:
            found[f"runs/{name}/{SETTINGS_FILE}"] = collages.to_json().encode()
    for path, file in weights_of(material).items():
        found[path] = file.read_bytes()
    for path, file in package_files(material.sources, package).items():
        found[path] = file.read_bytes()
    return found


def package_files(sources: Mapping[str, Source], package: Path | str = PACKAGE) -> dict[str, Path]:
    """Return {path: file} of the part of the package that pegasus.py needs: its modules and their data files.

    sources: {module: `Source`} of the package in the folder `package`.
    """
    package, entry = Path(package), script()
    modules = reachable({**sources, entry.module: entry}, entry.module)
    needed = [sources[module] for module in modules if module in sources]
    found = {source.path: package.parent / source.path for source in needed}
    packages = {PurePosixPath(source.path).parent for source in needed if source.is_package}
    for path, file in data_files(package)[0].items():
        # Of the nearest package that holds it.
        holder = next(folder for folder in PurePosixPath(path).parents if (package.parent / folder / INIT).is_file())
        if holder in packages:
            found[path] = file
    return found


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
