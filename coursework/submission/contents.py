"""The files of the zip: {path in it: content}."""

import json
from collections.abc import Mapping
from pathlib import Path

from coursework.pegasus.batch_files import BEST, CONDITIONS, LATENTS, RECORDS, SHEET
from coursework.pegasus.collages.record import SETTINGS_FILE, settings_of
from coursework.submission.image_rules import weights_of
from coursework.submission.imports import Source, reachable
from coursework.submission.material import PACKAGE, Material

HANDED_IN = Path(__file__).parent / "handed_in"
SCRIPT = "pegasus.py"


def script() -> Source:
    """Return the `Source` of the pegasus.py that is handed in."""
    return Source(SCRIPT, (HANDED_IN / SCRIPT).read_text(encoding="utf-8"))


def contents(material: Material, package: Path | str = PACKAGE) -> dict[str, bytes]:
    """Return {path: bytes} of a `Material` that keeps every rule, without the manifest."""
    found = {file.name: file.read_bytes() for file in sorted(HANDED_IN.iterdir()) if file.is_file()}
    found |= {name: (material.folder / name).read_bytes() for name in material.documents}
    for name in (BEST, SHEET, LATENTS):
        found[name] = (material.pegasus / name).read_bytes()
    found[RECORDS] = _json(material.records)
    found[CONDITIONS] = _json(material.comparison)
    for name, run in material.generators.items():
        found[f"runs/{name}/config.json"] = run.read_config().to_json().encode()
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
    for source in needed:
        if source.is_package:
            for file in _data_files((package.parent / source.path).parent):
                found[file.relative_to(package.parent).as_posix()] = file
    return found


def _data_files(folder):
    """Yield the files that are no Python in a package's folder and in its folders that are no packages."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir() and not (entry / "__init__.py").is_file():
            yield from _data_files(entry)
        elif entry.is_file() and entry.suffix != ".py":
            yield entry


def _json(content):
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
