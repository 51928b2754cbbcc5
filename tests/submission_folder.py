"""A folder of reports that meets every rule of the coursework, made without Keras, and the rules it breaks."""

import json
from pathlib import Path

import numpy
from report_runs import ENVIRONMENT, LABEL, bare_run

from coursework.pegasus.batch_files import write_batch
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.gallery import write_gallery
from coursework.pegasus.pool_files import write_pool
from coursework.report import build
from coursework.submission import submit
from coursework.training.run import Run
from coursework.util.errors import UserErrors
from coursework.util.files import sha256, write_text

RUN, STRATEGY = "full", "latent_search"
COUNT, CANDIDATES = 64, 70
PROSE = "# Pegasus\n\nA horse with wings [@sngan].\n\n{{architecture}}\n\n{{pegasus}}\n"
SETTINGS = 'title = "Wings"\nauthor = "A. Student"\n'


def write_reports(home, run=None, images=None, latents=None):
    """Write reports/ into `home`, the working folder, and return it.

    run: a finished one, by default one with placeholder weights; images, latents: of all its candidates.
    """
    folder = home / "reports"
    if run is None:
        run = small_run(folder, RUN)
    generator = numpy.random.default_rng(5)
    if images is None:
        images = generator.integers(0, 255, (CANDIDATES, 32, 32, 3), dtype=numpy.uint8)
        latents = [{"latents": row} for row in generator.standard_normal((CANDIDATES, 4)).astype(numpy.float32)]
    records = [record(run.name, index) for index in range(len(images))]
    write_pegasus(folder / "pegasus", run, images, latents, records)
    (folder / "prose.md").write_text(PROSE)
    (folder / "report.toml").write_text(SETTINGS)
    rebuild()
    return folder


def small_run(folder, name, preset="sngan"):
    """Return a finished run with a diagram and placeholder weights."""
    run = bare_run(folder, preset, name)
    run.write_environment(ENVIRONMENT)
    run.network("generator").write_bytes(b"weights")
    block = {"before": [], "after": [], "spectral": False, "layers": [], "parameters": 0}
    block |= {"kind": "input", "title": "latents", "shape": [128], "inputs": []}
    description = {"generator": {"parameters": 0, "trainable": 0, "blocks": [block]}}
    write_text(run.figures / "architecture.json", json.dumps(description))
    return run


def record(run, index):
    """Return the record of a candidate; the first 64 are the batch, in their order."""
    name = {"strategy": STRATEGY, "run": run, "seed": 0, "index": index}
    return {
        "id": f"{STRATEGY}/{run}/0/{index}",
        **name,
        "rank": index + 1 if index < COUNT else None,
        "scores": {"recognisability": 0.5, "overall": 0.9 - index / 100},
        "second": None,
        "origin": {**name, "weights": "last", "body": {"class": "horse"}},
        "neighbours": [{"space": "pixels", "train_index": 7, "distance": 12.5}],
    }


def write_pegasus(folder, run, images, latents, records):
    """Write pool, batch, conditions and gallery as `make_pegasi` would."""
    write_pool(
        folder / "pools" / f"{STRATEGY}-{run.name}", "key", Candidates(images, latents, [r["origin"] for r in records])
    )
    batch = [each | {"dataset_label": LABEL} for each in records[:COUNT]]
    write_batch(folder, images[:COUNT], batch, latents[:COUNT])
    conditions = {
        "dataset_fingerprint": run.read_environment().get("dataset_fingerprint"),
        "body": "horse",
        "wings": ["bird", "airplane"],
        "candidates": len(images),
        "weights": {run.name: sha256(run.network("generator"))},
        "rows": [{"name": STRATEGY, "run": run.name, "candidates": len(images)}],
    }
    write_text(folder / "comparison.json", json.dumps(conditions))
    mark = write_gallery(folder / "gallery.html", images, records, {7: images[0] // 2}, "Candidates")
    write_text(folder / "fingerprint", mark)


def rebuild(choice=None, runs=None):
    """Build the report anew, as `make report` does."""
    build(runs or Run.all(), choice=choice)


def breaches(**options):
    """Return the lines with which a submission is refused, none if the zip is written.

    Without `package` an empty package is used: reading all sources takes longer than the rest.
    """
    empty = Path("empty/coursework")
    write_text(empty / "__init__.py", "")
    options.setdefault("package", empty)
    try:
        submit(options.pop("runs", None) or Run.all(), verified=False, report=lambda line: None, **options)
    except UserErrors as error:
        return error.lines
    return []


def refused_for(*fragments, **options):
    """Check that exactly these breaches are reported, each identified by a piece of its line."""
    lines = breaches(**options)
    assert len(lines) == len(fragments), lines
    for fragment in fragments:
        assert any(fragment in line for line in lines), (fragment, lines)
        assert all(len(line.splitlines()) == 1 for line in lines)


def change_json(file, **values):
    """Set keys of the JSON object, or of every object of the list, in a file."""
    content = json.loads(file.read_text())
    for each in content if isinstance(content, list) else [content]:
        each.update(values)
    file.write_text(json.dumps(content))


def choice_file(folder, index, run=RUN, **changes):
    """Write the file that the gallery saves for a candidate and return its path."""
    mark = (folder / "pegasus/fingerprint").read_text()
    content = {"version": 1, "gallery": mark, "id": f"{STRATEGY}/{run}/0/{index}"} | changes
    file = folder.parent / "choice.json"
    file.write_text(json.dumps(content))
    return file
