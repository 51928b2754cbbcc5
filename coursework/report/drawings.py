"""Curves and diagrams of a run as SVG, drawn again only when what they show has changed."""

from pathlib import Path

from coursework.figures.descriptions import read_descriptions
from coursework.figures.diagram import render
from coursework.figures.grids import curves
from coursework.training.run import Run


def drawn_curves(run: Run) -> Path:
    """Return the path of the run's curves as SVG. There is no such file where no epoch has been logged."""
    target, incidents = run.figures / "curves.svg", run.read_environment().get("incidents", ())
    # Incidents are written after the last row of the log.
    sources = [run.log_file, run.environment_file] if incidents else [run.log_file]
    if run.log_file.is_file() and any(_is_stale(target, source) for source in sources):
        log = run.read_log()
        if log:
            curves(log, target, incidents)
    return target


def training_caption(run: Run, start: str) -> str:
    """Return the caption of the run's curves: `start`, and what went wrong in training."""
    told = [incident.get("text") for incident in run.read_environment().get("incidents", ())]
    texts = [f"{text[:1].upper()}{text[1:200].rstrip('.')}." for text in told if isinstance(text, str) and text.strip()]
    return " ".join([start, *texts])


def drawn_architecture(run: Run) -> Path:
    """Return the path of the diagram as SVG. There is no such file without a description of the networks."""
    description = run.figures / "architecture.json"
    target = description.with_suffix(".svg")
    if description.is_file() and _is_stale(target, description):
        render(read_descriptions(description), target)
    return target


def _is_stale(target: Path, source: Path) -> bool:
    return not target.is_file() or target.stat().st_mtime_ns < source.stat().st_mtime_ns
