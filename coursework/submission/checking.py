"""Checking a zip that somebody has handed in: its files as data, its images remade by this package's own code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from coursework.data.image_files import read_image
from coursework.pegasus.batch_files import BEST, LATENTS, RECORDS, SHEET, cut, read_records
from coursework.pegasus.candidates import read_latents
from coursework.submission.archive import MANIFEST
from coursework.submission.isolation import network_is_forbidden
from coursework.submission.verifying import TOLERANCE, difference, in_words, unpacked, verify
from coursework.training.run import Run
from coursework.util.errors import UserError, UserErrors
from coursework.util.files import read_json, sha256

NEEDED = (MANIFEST, "report.pdf", "pegasus.py", BEST, SHEET, RECORDS, LATENTS)


def check_zip(archive: Path | str, run: bool = False, report: Callable[[str], object] = print) -> None:
    """Check a zip as `submit` writes it, and call `report` with a line for all that holds; nothing of it is run.

    Its files are those that its manifest lists. Its images are remade from its latents and weights by this package's
    own readers, which check both. run: whether its pegasus.py is then run too, isolated as far as the system can.
    Raises `UserErrors` with all that does not hold.
    """
    told: list[str] = []
    with unpacked(archive) as folder:
        for check in (_listed, _remade):
            try:
                report(f"{archive}: {check(folder)}")
            except UserError as error:
                told += [line.replace(f"{folder}/", "") for line in error.lines]
    if run and not told:
        how = "without a network" if network_is_forbidden() else "with the network: this system cannot forbid it"
        report(f"running its pegasus.py as yourself, {how}")
        report(f"{archive}: remade by its pegasus.py, equal {verify(archive)}")
    if told:
        raise UserErrors([f"{archive}: {line}" for line in told])


def _listed(folder: Path) -> str:
    """Return a line about the files and the manifest; raises `UserErrors` where they differ."""
    files = read_json(folder / MANIFEST, dict).get("files")
    if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
        raise UserError(f"{MANIFEST} lists no files")
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    told = [f"{name} is missing" for name in sorted({*NEEDED, *files} - set(found))]
    told += [f"{name:.80} is not in {MANIFEST}" for name in sorted(set(found) - {*files, MANIFEST})]
    for name in sorted(set(files) & set(found)):
        if sha256(found[name]) != files[name].get("sha256"):
            told.append(f"{name:.80} is not what {MANIFEST} lists")
    if told:
        raise UserErrors(told)
    return f"{len(found)} files, all as {MANIFEST} lists them"


def _remade(folder: Path) -> str:
    """Return a line about the images; raises `UserError` where latents and weights do not make them."""
    # Only now: the rest needs no Keras.
    from coursework.pegasus.decoding import remake
    from coursework.training.sampling import TrainedRun

    best, sheet = read_image(folder / BEST), read_image(folder / SHEET)
    origins = [record["origin"] for record in read_records(folder / RECORDS)]
    trained: dict[tuple[str, str], TrainedRun] = {}

    def run_named(name: str, weights: str) -> TrainedRun:
        if Path(name).name != name or not (folder / "runs" / name).is_dir():
            raise UserError(f"there is no run {name:.80} in it")
        if (name, weights) not in trained:
            trained[name, weights] = TrainedRun(Run(folder / "runs" / name), weights == "best")
        return trained[name, weights]

    try:
        images = remake(run_named, origins, read_latents(folder / LATENTS))
    except UserError:
        raise
    except Exception as error:  # Keras raises a dozen kinds for latents of another network.
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{LATENTS} and the weights do not belong together: {reason}") from error
    handed_in = cut(sheet, *images.shape[1:3])
    if handed_in is None or handed_in.shape != images.shape:
        raise UserError(f"{SHEET} is no sheet of the {len(images)} images that {RECORDS} describes")
    off = max(difference(best, images[0]), difference(np.asarray(handed_in), images))
    if off > TOLERANCE:
        raise UserError(f"its latents and weights make other images, off by up to {off} of 255")
    return f"its {len(images)} images remade from its latents and weights, equal {in_words(off)}"
