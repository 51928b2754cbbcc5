"""What the report says of one run, ready for JSON. Draws curves and diagrams where they are out of date."""

import json
import re
from dataclasses import asdict

from coursework.diagram import render
from coursework.errors import UserError
from coursework.figures import curves

# Figures of a run in the order of the page, by the first part of their file names.
CAPTIONS = {
    "architecture": "Architecture, with output shapes and numbers of parameters",
    "reconstructions": "Test images (upper row of each pair) and their reconstructions (lower row)",
    "interpolation": "Interpolations between latents",
    "arithmetic": "Arithmetic on latents, with the means of classes",
    "mixing": "Mixtures of two classes: a row from one latent, the second class's weight growing",
}
THROUGH_TRAINING = 5


def run_page(run, images):
    """Return the page of `run` as a dict for the template; `images.add(path)` takes an image in and names it."""
    config, environment = run.read_config(), run.read_environment()
    samples = run.sample_files()
    shown = [_sample(file, images) for file in _spread(samples, THROUGH_TRAINING)] if len(samples) > 1 else []
    return {
        "name": run.name,
        "dataset": dataset_label(run),
        "status": _status(config, environment),
        "settings": _settings(config, environment, dataset_label(run)),
        "optimizers": _optimizers(config),
        "curves": images.add(_drawn_curves(run)),
        "samples": _sample(samples[-1], images) if samples else None,
        "training": [sample for sample in shown if sample["image"]],
        "figures": _figures(run, images),
    }


def _sample(file, images):
    return {"image": images.add(file), "epoch": file.stem.lstrip("0")}


def _spread(items, count):
    """Return at most `count` of `items`, evenly spread from the first to the last."""
    if len(items) <= count:
        return items
    return [items[round(index * (len(items) - 1) / (count - 1))] for index in range(count)]


def _status(config, environment):
    done = environment.get("epochs_done", 0)
    finished = environment.get("finished")
    parts = [f"Finished: {done:,} epochs" if finished else f"Unfinished: {done:,} of {config.epochs:,} epochs"]
    if environment.get("images_seen"):
        parts.append(f"{environment['images_seen']:,} images")
    if environment.get("seconds"):
        parts.append(duration(environment["seconds"]))
    return ", ".join(parts) + "."


def duration(seconds):
    """Return a time span in words: "45 s", "12 min", "3 h 20 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def _settings(config, environment, label):
    """Return the settings as groups [{"title", "rows": [[name, value]]}]."""
    content = asdict(config)
    parts = {name: content.pop(name) for name in ("model", "network")}
    content["dataset"] = label
    content["classes"] = content["classes"] or "all"
    groups = [("Training", content)]
    for title, part in parts.items():
        kind = part.pop("name")
        settings = {key: value for key, value in part.items() if not isinstance(value, dict)}
        groups.append((title.capitalize(), {"kind": kind, **settings}))
    parameters = environment.get("parameters") or {}
    groups.append(("Parameters", {name: f"{count:,}" for name, count in parameters.items()}))
    versions = {name: environment.get(name) for name in ("package", "commit", "python", "keras")}
    backend = (environment.get("backend"), environment.get("backend_version"))
    machine = {
        "machine": environment.get("machine"),
        "device": environment.get("device"),
        **versions,
        "backend": " ".join(part for part in backend if part),
        "data fingerprint": (environment.get("dataset_fingerprint") or "")[:16],
    }
    groups.append(("Machine and software", {name: value for name, value in machine.items() if value}))
    return [
        {"title": title, "rows": [[name.replace("_", " "), words_of(value)] for name, value in rows.items()]}
        for title, rows in groups
        if rows
    ]


def _optimizers(config):
    """Return one dict of texts for each optimiser, "player" first."""
    model = asdict(config.model)
    return [
        {"player": key.removesuffix("optimizer").replace("_", " ").strip() or "all weights"}
        | {name: words_of(value) for name, value in settings.items()}
        for key, settings in model.items()
        if isinstance(settings, dict)
    ]


def words_of(value):
    """Return a setting's value as a reader expects it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-")
    return ", ".join(map(words_of, value)) if isinstance(value, list | tuple) else str(value)


def _drawn_curves(run):
    """Draw the curves of the run again if the log is newer, and return their path, drawn or not."""
    target = run.figures / "curves.svg"
    if run.log_file.is_file() and not _is_fresh(target, run.log_file):
        log = run.read_log()
        if log:
            curves(log, target)
    return target


def _is_fresh(target, source):
    return target.is_file() and target.stat().st_mtime >= source.stat().st_mtime


def _figures(run, images):
    """Return the run's other figures, known ones first, each drawn from a vector file where there is one."""
    description = run.figures / "architecture.json"
    diagram = description.with_suffix(".svg")
    if description.is_file() and not _is_fresh(diagram, description):
        render(read_json(description, dict), diagram)
    files = {file.stem: file for suffix in (".png", ".svg") for file in sorted(run.figures.glob(f"[!.]*{suffix}"))}
    files.pop("curves", None)
    found = []
    for stem in sorted(files, key=_rank):
        image = images.add(files[stem])
        if image:
            found.append({"image": image, "caption": _caption(stem), "drawing": stem == "architecture"})
    return found


def _rank(stem):
    """Sort figures in the order of CAPTIONS, others after them by name."""
    order = list(CAPTIONS)
    kind = re.split("[-_]", stem)[0]
    return order.index(kind) if kind in order else len(order), stem


def _caption(stem):
    """Return the caption for a file name: what follows a known first part is shown in brackets."""
    kind, *rest = re.split("[-_]", stem)
    if kind not in CAPTIONS:
        return " ".join([kind.capitalize(), *rest])
    return CAPTIONS[kind] + (f" ({' '.join(rest)})" if rest else "")


def dataset_label(run):
    """Name the data as figures must: the environment knows whether it was a JPEG copy."""
    return run.read_environment().get("dataset_label") or run.read_config().dataset


def read_json(path, kind):
    """Return the JSON in `path`; raises `UserError` where it is not a `kind`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, kind):
        raise UserError(f"{path} should hold a JSON {'list' if kind is list else 'object'}")
    return content
