"""Every figure of a run alone, for use elsewhere: PNG at 300 dots an inch, and PDF."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from coursework.report.drawings import drawn_architecture, drawn_curves
from coursework.report.images import read_image, shrink
from coursework.report.typesetting import typeset
from coursework.training.run import Run
from coursework.util.files import replacing, write_bytes

FOLDER = Path("reports/figures")
DOTS_PER_INCH = 300
# A column of text 170 mm wide; small images are enlarged by whole numbers up to that, and not without end.
MOST_PIXELS = round(170 / 25.4 * DOTS_PER_INCH)
MOST_ENLARGED = 16


def write_separately(runs: list[Run], folder: Path | str = FOLDER, pegasus: Path | str | None = None) -> list[Path]:
    """Write the figures of `runs` and of the folder `pegasus` to `folder`; return the files that were out of date.

    Each is <run>-<figure>.png and .pdf. Pixels are enlarged by repetition, drawings stay vectors in the PDF.
    """
    written = []
    for run in runs:
        drawings = [file for file in (drawn_architecture(run), drawn_curves(run)) if file.is_file()]
        drawn = {file.stem for file in drawings}
        images = [file for file in sorted(run.figures.glob("[!.]*.png")) if file.stem not in drawn]
        sources = {file.stem: file for file in [*drawings, *images]}
        if run.sample_files():
            sources["samples"] = run.sample_files()[-1]
        for stem, source in sources.items():
            written += _write(source, Path(folder) / f"{run.name}-{stem}.png")
    for source in sorted(Path(pegasus).glob("[!.]*.png")) if pegasus else ():
        stem = source.stem if source.stem == "pegasus" else f"pegasus-{source.stem}"
        written += _write(source, Path(folder) / f"{stem}.png")
    return written


def _write(source: Path, target: Path) -> list[Path]:
    """Write `target` and its PDF, unless both are newer than `source`; return the files written."""
    files = [target, target.with_suffix(".pdf")]
    if all(file.is_file() and file.stat().st_mtime_ns >= source.stat().st_mtime_ns for file in files):
        return []
    if source.suffix == ".svg":
        for file in files:
            write_bytes(file, _page(source, file.suffix[1:]))
        return files
    array = read_image(source)
    if array is None:
        return []
    array = shrink(array)
    factor = max(1, min(MOST_ENLARGED, MOST_PIXELS // array.shape[1]))
    enlarged = Image.fromarray(np.ascontiguousarray(array.repeat(factor, axis=0).repeat(factor, axis=1)))
    with replacing(files[0]) as temporary:
        enlarged.save(temporary, format="PNG", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    with tempfile.TemporaryDirectory(prefix="coursework-figure-") as folder:
        small = Path(folder) / "small.png"
        Image.fromarray(np.ascontiguousarray(array)).save(small)
        write_bytes(files[1], _page(small, "pdf", width=array.shape[1] * factor * 72 / DOTS_PER_INCH))
    return files


def _page(image: Path, format: str, width: float | None = None) -> bytes:
    """Return a page that is the image, at its own size or `width` points wide, as PDF or PNG."""
    with tempfile.TemporaryDirectory(prefix="coursework-figure-") as folder:
        shutil.copyfile(image, Path(folder) / f"image{image.suffix}")
        size = f", width: {width}pt" if width else ""
        main = Path(folder) / "main.typ"
        main.write_text(
            "#set page(width: auto, height: auto, margin: 0pt)\n"
            f'#image("image{image.suffix}", scaling: "pixelated"{size})',
            encoding="utf-8",
        )
        return typeset(main, format=format, **({"ppi": DOTS_PER_INCH} if format == "png" else {}))
