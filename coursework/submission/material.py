"""Everything that a submission is made of, read once. Files that cannot be read are reported like broken rules."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from coursework.data.image_files import read_image
from coursework.pegasus.batch_files import BEST, CONDITIONS, LATENTS, RECORDS, SHEET, cut, read_records
from coursework.pegasus.candidates import read_latents
from coursework.pegasus.chosen import with_choice
from coursework.report import stage
from coursework.report.context import runs_named
from coursework.report.typesetting import documents, write_main
from coursework.submission.imports import Source, read_package
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import read_json, read_text, require_plain

PACKAGE = Path(__file__).parents[1]
# Height and width of the images that are asked for.
SIDE = 32


@dataclass
class Material:
    """What is handed in. What could not be read is None or empty, with a line in `faults`.

    folder: of the reports. runs: those that the report shows. content: of the report as it would be built now, and
    documents: {file name: bytes} of it and its appendix. pegasus: folder of the batch, the chosen one first. records,
    latents: of the batch. best: uint8 (h, w, 3); sheet: the same of all. images: uint8 (n, 32, 32, 3) cut from it.
    comparison: the conditions under which the batch was chosen. generators: {name: `Run`} of the runs that it comes
    from. sources: {module: `Source`} of the package.
    """

    folder: Path
    runs: list[Run]
    pegasus: Path
    faults: list[str] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)
    final: str | None = None
    documents: dict[str, bytes] = field(default_factory=dict)
    records: list[dict[str, Any]] | None = None
    latents: list[dict[str, Any]] | None = None
    best: np.ndarray | None = None
    sheet: np.ndarray | None = None
    images: np.ndarray | None = None
    comparison: dict[str, Any] = field(default_factory=dict)
    generators: dict[str, Run] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Turn the `UserError` of a part into a line among the faults, each line once."""
        try:
            yield
        except UserError as error:
            self.faults += [line for line in error.lines if line not in self.faults]


def gather(
    runs: list[Run],
    folder: Path | str,
    stage_folder: Path | str,
    choice: Path | str | None = None,
    package: Path | str = PACKAGE,
) -> Material:
    """Return the `Material` of the report in `folder`, of `runs` and of its pegasus/; `stage_folder` is for copies."""
    folder, stage_folder = Path(folder), Path(stage_folder)
    material = Material(folder, list(runs), folder / "pegasus")
    if not material.pegasus.is_dir():
        material.faults.append(f"no {material.pegasus}: make pegasus")
    else:
        with material.telling():
            require_plain(material.pegasus)
            material.pegasus = with_choice(material.pegasus, choice, stage_folder / "chosen")
        _read_batch(material)
    _read_report(material, choice)
    with material.telling():
        material.sources = read_package(package)
    return material


def _read_batch(material):
    with material.telling():
        material.records = read_records(material.pegasus / RECORDS)
        named = runs_named(material.runs)
        names = dict.fromkeys(record["origin"]["run"] for record in material.records)
        material.generators = {name: named[name] for name in names if name in named}
        for name in names:
            if name not in named:
                material.faults.append(
                    f"images of the batch come from the run {name:.80}, which is not there: train it, or make pegasus"
                )
    with material.telling():
        material.latents = read_latents(material.pegasus / LATENTS)
    with material.telling():
        if (material.pegasus / CONDITIONS).is_file():
            material.comparison = read_json(material.pegasus / CONDITIONS, dict)
    material.best = _read_image(material, BEST)
    material.sheet = _read_image(material, SHEET)
    if material.sheet is not None:
        material.images = cut(material.sheet, SIDE, SIDE)


def _read_image(material, name):
    """Return the pixels of a PNG file of the batch, None where there is none; a damaged one is a fault."""
    file = material.pegasus / name
    if not file.is_file():
        return None
    try:
        return read_image(file)
    except UserError:
        material.faults.append(f"cannot read {file}: make pegasus")
        return None


def _read_report(material, choice):
    prose = material.folder / "prose.md"
    if not prose.is_file():
        material.faults.append(f"no {prose}: make report writes a first version, which you then rewrite")
        return
    # Staged by itself: Typst would see what else lies there.
    with material.telling(), tempfile.TemporaryDirectory(prefix="coursework-report-") as stage_folder:
        read_text(prose)
        material.content, context = stage(material.runs, stage_folder, material.folder, None, choice)
        material.final = context.final.name
        made = documents(write_main(stage_folder, None, material.folder))
        material.documents = {
            f"{material.content['files'][part]}.{format}": made[part, format] for part, format in made
        }
