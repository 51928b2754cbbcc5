"""Curves and diagrams of a run as SVG and PDF, drawn again only when what they show has changed."""

from coursework.figures.descriptions import read_descriptions
from coursework.figures.diagram import render
from coursework.figures.grids import curves

SUFFIXES = (".svg", ".pdf")


def drawn_curves(run):
    """Return the path of the run's curves as SVG, a PDF beside it; there is none where no epoch has been logged."""
    target, incidents = run.figures / "curves.svg", run.read_environment().get("incidents", ())
    # What went wrong is written down after the last row of the log.
    sources = [run.log_file, run.environment_file] if incidents else [run.log_file]
    if run.log_file.is_file() and any(_is_stale(target, source) for source in sources):
        log = run.read_log()
        if log:
            for suffix in SUFFIXES:
                curves(log, target.with_suffix(suffix), incidents)
    return target


def training_caption(run, start):
    """Return the caption of the run's curves: `start`, and where something went wrong what and when."""
    told = [incident.get("text") for incident in run.read_environment().get("incidents", ())]
    texts = [f"{text[:1].upper()}{text[1:200].rstrip('.')}." for text in told if isinstance(text, str) and text.strip()]
    return " ".join([start, *texts])


def drawn_architecture(run):
    """Return the path of the diagram as SVG, a PDF beside it; there is none without a description."""
    description = run.figures / "architecture.json"
    target = description.with_suffix(".svg")
    if description.is_file() and _is_stale(target, description):
        descriptions = read_descriptions(description)
        for suffix in SUFFIXES:
            render(descriptions, target.with_suffix(suffix))
    return target


def _is_stale(target, source):
    written = source.stat().st_mtime_ns
    files = [target.with_suffix(suffix) for suffix in SUFFIXES]
    return not all(file.is_file() and file.stat().st_mtime_ns >= written for file in files)
