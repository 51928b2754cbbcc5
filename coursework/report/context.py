"""What the sections of a report draw on: runs as read once, images, the Pegasus, the judge."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursework.figures.scores import newest_score
from coursework.report.images import Images
from coursework.report.pegasus import Pegasus, read_pegasus
from coursework.report.values import dataset_label, duration
from coursework.training.run import RUNS, Run
from coursework.util.errors import UserError
from coursework.util.files import read_json

# Written by the benchmarks: the same algorithm by another program on as many images.
PEERS = "peers"


class ReportedRun:
    """A run with everything that the report shows of it, read once.

    peers: [(name, metrics)] of the same configuration trained by another program.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        self.run = run
        self.name = run.name
        self.config = run.read_config()
        self.environment = run.read_environment()
        self.metrics = run.read_metrics()
        self.dataset = dataset_label(run)
        self.peers = _read_peers(run, folder)

    @property
    def data(self) -> str:
        """The data in words, with the classes where the run saw only some."""
        classes = self.config.classes
        return f"{self.dataset}, only {', '.join(classes)}" if classes else self.dataset

    @functools.cached_property
    def sample_files(self) -> list[Path]:
        """The sample grids in the order of their epochs."""
        return self.run.sample_files()

    @property
    def is_autoencoder(self) -> bool:
        """Whether its sample grids are pairs of test images and reconstructions."""
        return hasattr(self.config.model, "optimizer")

    @property
    def status(self) -> str:
        """How far training came, in words."""
        done = self.environment.get("epochs_done", 0)
        if self.environment.get("finished"):
            parts = [f"finished: {done:,} epochs"]
        else:
            parts = [f"unfinished: {done:,} of {self.config.epochs:,} epochs"]
        if self.environment.get("images_seen"):
            parts.append(f"{self.environment['images_seen']:,} images")
        if self.environment.get("seconds"):
            parts.append(duration(self.environment["seconds"]))
        return ", ".join(parts)

    def value(self, name: str) -> Any:
        """Return the value of its score of that name, None where there is none."""
        record = newest_score(self.metrics, name)
        return record and record.get("value")


@dataclass
class Context:
    """runs: of the report. chosen: that of the final model, None without a run. folder: where the reports are."""

    runs: list[ReportedRun]
    chosen: ReportedRun | None
    images: Images
    pegasus: Pegasus | None
    judges: dict[str, dict]
    folder: Path

    @property
    def final(self) -> ReportedRun:
        """The run of the final model; there must be a run."""
        assert self.chosen is not None
        return self.chosen


def gather(
    runs: list[Run], folder: Path | str, stage: Path | str, final: str = "", pegasus: Path | str | None = None
) -> Context:
    """Return the `Context` of `runs`: images go to the folder `stage`.

    The final model is the run called `final`, else that of the best Pegasus, else that of the least FD-judge
    among those that compare with each other. Raises `UserError` where it is named and not there.
    """
    reported = [ReportedRun(run, Path(folder)) for run in runs]
    images = Images(stage)
    found = read_pegasus(Path(pegasus) if pegasus else Path(folder) / "pegasus", images)
    return Context(
        reported, _final(reported, final, found), images, found, _judges(reported, Path(folder)), Path(folder)
    )


def _read_peers(run: Run, folder: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return [(name, metrics)] of the twin of `run` in PyTorch that the benchmarks wrote into `folder`.

    Nothing where there is none, or where it was trained with another configuration.
    """
    peer = Run(folder / PEERS / run.name)
    if not peer.config_file.is_file() or peer.read_config() != run.read_config():
        return []
    metrics = peer.read_metrics()
    return [(f"{run.name} in PyTorch", metrics)] if metrics else []


def _final(runs: list[ReportedRun], named: str, pegasus: Pegasus | None) -> ReportedRun | None:
    by_name = {run.name: run for run in runs}
    if named and named not in by_name:
        raise UserError(f"report.toml names {named} as the final run, and the report is of {', '.join(by_name)}")
    for name in (named, pegasus.best.get("run") if pegasus else None):
        if isinstance(name, str) and name in by_name:
            return by_name[name]
    scored: dict[Any, list[tuple[float, ReportedRun]]] = {}
    for run in runs:
        record = newest_score(run.metrics, "fd_judge")
        if record and isinstance(record.get("value"), int | float):
            conditions = tuple(record.get(key) for key in ("extractor_sha256", "reference", "n"))
            scored.setdefault(conditions, []).append((record["value"], run))
    # Of those that compare with each other, where several are.
    most: list[tuple[float, ReportedRun]] = max(scored.values(), key=len, default=[])
    return min(most, key=lambda pair: pair[0])[1] if most else next(iter(runs), None)


def _judges(runs: list[ReportedRun], folder: Path) -> dict[str, dict[str, Any]]:
    """Return {sha256: judge.json} of the judges that scored the runs and are still there, in `folder` or reports/."""
    used = {record.get("extractor_sha256") for run in runs for record in run.metrics}
    found = {}
    places = dict.fromkeys([folder / "judges", RUNS.parent / "judges"])
    for file in (file for place in places for file in sorted(place.glob("*/judge.json"))):
        judge = read_json(file, dict)
        if judge.get("sha256") in used:
            found[judge["sha256"]] = judge
    return found


def runs_named(runs: list[Run]) -> dict[str, Run]:
    """Return {name: `Run`} of runs and of all in reports/runs, so that the text may name those that are not shown."""
    return {run.name: run for run in [*Run.all(), *runs]}
