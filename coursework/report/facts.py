"""Numbers that the text may name: {final: fd_judge} is read from the run, never typed by hand."""

from dataclasses import asdict
from typing import Any

from coursework.config.presets import PRESETS
from coursework.figures.scores import SCORES, format_score, newest_score
from coursework.report.values import duration, value_text
from coursework.training.run import Run

NOT_MEASURED = "not measured"


class Facts:
    """Looks up {source: name}.

    Sources: the name of a run; "final", the run of the final model; "pegasus"; "judge"; "report". What is not there
    reads "not measured" and is kept in `missing`, as is a source that does not exist.
    A run's names: those of its scores, with .error, .floor, .untrained, .n, .reference_n, or @extractor where there are
    several; name, dataset, minutes (of its processor); and what config.json and environment.json hold, such as
    epochs, model.beta or parameters.generator, and preset.epochs for
    what its preset has. A name with " %" at its end is shown in per cent.
    """

    def __init__(self, runs: dict[str, Run], final: Run, **others: dict[str, Any]) -> None:
        """runs: {name: `Run`}. others: {source: {name: value}}."""
        self.runs = runs | {"final": final}
        self.others = others
        self.missing: list[str] = []

    def __call__(self, source: str, name: str) -> str:
        """Return the fact as text."""
        percent = name.endswith(" %")
        name = name.removesuffix(" %").strip()
        if source in self.others:
            value = self.others[source].get(name)
        else:
            value = _of_run(self.runs[source], name) if self.runs.get(source) is not None else None
        if value is None:
            self.missing.append(f"{{{source}: {name}}}")
            return NOT_MEASURED
        if percent and isinstance(value, int | float):
            return f"{100 * value:.1f} %"
        return value.shown if isinstance(value, _Score) else value_text(value)


class _Score(float):
    """A number that is shown with the decimals of its score."""

    shown: str

    def __new__(cls, value, name):
        found = super().__new__(cls, value)
        found.shown = format_score(name, value)
        return found


def _of_run(run, name):
    config, environment = asdict(run.read_config()), run.read_environment()
    score, _, part = name.partition(".")
    score, _, extractor = score.partition("@")
    if score in SCORES:
        return _of_score(run.read_metrics(), score, extractor, part or "value")
    made = {"name": run.name, "dataset": environment.get("dataset_label") or config["dataset"]}
    seconds = environment.get("processor_seconds") or environment.get("seconds")
    if seconds:
        made["minutes"] = duration(seconds)
    preset = PRESETS.get(config["preset"])
    made["preset"] = asdict(preset) if name.startswith("preset.") and preset else None
    for content in (made, environment, config):
        value = content
        for step in name.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            return value
    return None


def _of_score(records, name, extractor, part):
    """Return a part of the score's record."""
    record = newest_score(records, name, extractor)
    value = record and record.get(part)
    measured = part in ("value", "error", "floor", "untrained") and isinstance(value, int | float)
    return _Score(value, name) if measured else value
