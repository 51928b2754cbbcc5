"""Run directories for the tests of the report, made without Keras, and readers of a report's content."""

import json
import shutil

import numpy as np
import typst

from coursework.config.presets import PRESETS
from coursework.figures import grids as figures
from coursework.report import stage
from coursework.report.typesetting import write_main
from coursework.training.run import Run

LABEL = "CIFAR-10 (JPEG copy)"
ENVIRONMENT = {
    "package": "0.1.0",
    "backend": "tensorflow",
    "backend_version": "2.21.0",
    "device": "CPU",
    "dataset_fingerprint": "0123456789abcdef" * 4,
    "dataset_label": LABEL,
    "seconds": 12034.5,
    "processor_seconds": 720.0,
    "epochs_done": 128,
    "images_seen": 6400000,
    "finished": True,
    "parameters": {"generator": 3806659},
}
SCORE = {
    "name": "fd_judge",
    "value": 12.5,
    "error": 0.04,
    "n": 10000,
    "reference": "cifar10:train",
    "reference_n": 50000,
    "extractor": "judge",
    "extractor_sha256": "ab" * 32,
    "floor": 1.0,
    "untrained": 21.9,
}


def bare_run(folder, preset="gan", name="bare"):
    """Return a run that has only a configuration."""
    run = Run(folder / "runs" / name)
    run.write_config(PRESETS[preset])
    return run


def full_run(folder, name="full", preset="sngan", score=12.5):
    """Return a finished run with a log, a score, eight sample grids, figures and a diagram."""
    run = bare_run(folder, preset, name)
    run.write_environment(ENVIRONMENT)
    run.write_metrics([SCORE | {"value": score}])
    run.log_file.write_text("epoch,discriminator_loss,generator_loss,fd_judge\n1,1.0,1.2,60\n2,0.9,1.3,50\n")
    images = np.random.default_rng(0).integers(0, 255, (16, 8, 8, 3), dtype=np.uint8)
    for epoch in range(10, 90, 10):
        figures.save_grid(run.samples / f"{epoch:04d}.png", images, scale=2)
    figures.save_png(run.figures / "reconstructions.png", figures.reconstructions(images[:4], images[4:8], scale=3))
    figures.save_png(run.figures / "interpolation-spherical.png", figures.strips([images], scale=3))
    figures.save_png(run.figures / "zebra_stripes.png", figures.grid(images))
    block = {"before": [], "after": [], "spectral": False, "layers": [], "parameters": 0}
    input_block = block | {"kind": "input", "title": "latents", "shape": [128], "inputs": []}
    dense = block | {"kind": "dense", "title": "dense 4", "shape": [4], "inputs": [0], "parameters": 516}
    description = {"generator": {"parameters": 516, "trainable": 516, "blocks": [input_block, dense]}}
    (run.figures / "architecture.json").write_text(json.dumps(description))
    return run


def pegasus_folder(folder, count=64, **best):
    """Write a Pegasus whose best image is third in the batch, and return its folder."""
    images = np.random.default_rng(1).integers(0, 255, (16, 8, 8, 3), dtype=np.uint8)
    figures.save_grid(folder / "batch.png", images, scale=2)
    figures.save_png(folder / "pegasus.png", images[2])
    records = [
        {
            "strategy": "interpolation",
            "run": "full",
            "seed": seed,
            "rank": count - seed,
            "scores": {"realism": 0.5, "recognisability": seed / count},
            "dataset_label": LABEL,
        }
        for seed in range(count)
    ]
    records[-1] |= best
    (folder / "pegasus.json").write_text(json.dumps(records))
    return folder


def staged(runs, home, prose=None, **options):
    """Return the content of a report, and its folder."""
    folder = home / "stage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if prose is not None:
        (home / "prose.md").write_text(prose, encoding="utf-8")
    content, _ = stage(runs, folder, home, **options)
    assert json.loads((folder / "data.json").read_text(encoding="utf-8")) == content
    return content, folder


def pages_of(folder, part="report"):
    """Compile a part as PNG pages; any warning of the compiler, such as an unknown font, fails."""
    main = write_main(folder)
    inputs = {"part": part, "format": "pdf"}
    compiler = typst.Compiler(main, root=folder, ignore_system_fonts=True, sys_inputs=inputs)
    pages, warnings = compiler.compile_with_warnings(format="png", ppi=40)
    assert not warnings, [warning.message for warning in warnings]
    return pages if isinstance(pages, list) else [pages]


def blocks_of(content, kind, part=None):
    """Return the blocks of that type, of the report and the appendix or of one of them."""
    parts = {"report": content["blocks"], "appendix": content["appendix"]}
    return [
        block for name, blocks in parts.items() if part in (None, name) for block in blocks if block["type"] == kind
    ]


def tables(content, target):
    """Return every table of that target as rows of texts, the header first."""

    def words(inlines):
        return "".join(words(each["content"]) if "content" in each else each.get("text", "") for each in inlines)

    return [
        [
            [words(cell["content"]) for cell in line]
            for line in [found["header"], *(row["cells"] for row in found["rows"])]
        ]
        for found in blocks_of(content, "table")
        if found["target"] == target
    ]


def table(content, target):
    """Return a table as rows of texts, the header first."""
    (found,) = tables(content, target)
    return found
