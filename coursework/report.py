"""From run directories to report.pdf. Computes no score, trains nothing, and needs no Keras."""

import json
import math
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from coursework.errors import UserError
from coursework.files import write_bytes, write_text
from coursework.report_pages import dataset_label, read_json, run_page, words_of
from coursework.scores import score, score_tables

OUTPUT = Path("reports/report.pdf")
PEGASUS = Path("reports/pegasus")
TITLE = "Deep generative models"
PEGASI_LISTED = 12


def build(runs, output=OUTPUT, pegasus=PEGASUS, template=None, title=TITLE):
    """Build the report of `runs` as PDF at `output` and return its path.

    runs: list of `Run`, finished or not; what a run does not hold yet is left out or called "not measured".
    pegasus: folder with pegasus.png, batch.png and pegasus.json; left out where it does not exist.
    template: Typst file; by default reports/template.typ of the working folder, or of the package's checkout.
    Curves and diagrams older than what they show are drawn again in the runs. Equal runs give equal bytes. Raises
    `UserError` without runs or template, and where the template has an error.
    """
    import typst

    template = _find_template(template)
    # Typst sees this folder and nothing else: runs may lie anywhere, and no file of the machine slips in.
    with tempfile.TemporaryDirectory(prefix="coursework-report-") as folder:
        main = stage(runs, folder, pegasus, template, title)
        try:
            pdf = typst.compile(
                main,
                root=folder,
                ignore_system_fonts=True,
                package_path=folder,
                package_cache_path=folder,
                format="pdf",
                timestamp=0,
            )
        except typst.TypstError as error:
            raise UserError(f"{template}: {error.message}") from error
    write_bytes(output, pdf)
    return Path(output)


def stage(runs, folder, pegasus=PEGASUS, template=None, title=TITLE):
    """Write everything the report is made of into `folder` and return its main Typst file.

    Beside the template these are data.json and copies of the images that it names.
    """
    if not runs:
        raise UserError("no run to report: train one with `python -m coursework train PRESET`")
    images = _Images(folder)
    content = {
        "title": title,
        "tables": score_tables([(dataset_label(run), run.name, run.read_metrics()) for run in runs]),
        "pegasus": _pegasus(Path(pegasus), images),
        "runs": [run_page(run, images) for run in runs],
    }
    write_text(Path(folder) / "data.json", json.dumps(content, ensure_ascii=False, allow_nan=False))
    return shutil.copyfile(_find_template(template), Path(folder) / "report.typ")


class _Images:
    """Copies images into the folder from which Typst compiles, under names of their own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.count = 0

    def add(self, path):
        """Copy an image and return its new name, or None where it is missing or broken."""
        if not path.is_file():
            return None
        if path.suffix == ".png":
            try:
                with Image.open(path) as image:
                    image.load()
            except (OSError, SyntaxError, ValueError):
                return None
        name = f"image-{self.count}{path.suffix}"
        self.count += 1
        shutil.copyfile(path, self.folder / name)
        return name


def _find_template(template):
    beside_package = Path(__file__).resolve().parent.parent / "reports" / "template.typ"
    candidates = [Path(template)] if template else [Path("reports/template.typ"), beside_package]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise UserError(f"no template at {candidates[0]}: build the report from the folder of the checkout")


def _pegasus(folder, images):
    """Return the Pegasus section's content, or None where `folder` does not exist.

    pegasus.json: list of {"strategy", "seed", "scores": {name: value}, "dataset_label"}, the best first.
    """
    if not folder.is_dir():
        return None
    file = folder / "pegasus.json"
    candidates = read_json(file, list) if file.is_file() else []
    names = list(dict.fromkeys(name for candidate in candidates for name in candidate.get("scores", {})))
    return {
        "best": images.add(folder / "pegasus.png"),
        "batch": images.add(folder / "batch.png"),
        "count": len(candidates),
        "dataset": next((candidate["dataset_label"] for candidate in candidates if "dataset_label" in candidate), ""),
        "scores": [score(name).title for name in names],
        "candidates": [
            {
                "strategy": words_of(candidate.get("strategy", "not recorded")),
                "seed": words_of(candidate.get("seed", "not recorded")),
                "scores": [_number(candidate.get("scores", {}).get(name)) for name in names],
            }
            for candidate in candidates[:PEGASI_LISTED]
        ],
    }


def _number(value):
    if value is None:
        return "not measured"
    return f"{value:.3f}" if math.isfinite(value) else "not finite"
