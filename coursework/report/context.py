"""What the sections of a report draw on: runs as read once, images, the Pegasus, the judge."""

import functools
from dataclasses import dataclass
from pathlib import Path

from coursework.files import read_json
from coursework.report.images import Images
from coursework.report.peers import read_peers
from coursework.report.pegasus import Pegasus, read_pegasus
from coursework.report.values import dataset_label, duration
from coursework.run import Run
from coursework.scores import newest_score


class ReportedRun:
    """A run with everything that the report shows of it, read once.

    peers: [(name, metrics)] of the same configuration trained by another program.
    """

    def __init__(self, run, folder):
        self.run = run
        self.name = run.name
        self.config = run.read_config()
        self.environment = run.read_environment()
        self.metrics = run.read_metrics()
        self.dataset = dataset_label(run)
        self.peers = read_peers(run, folder)

    @functools.cached_property
    def sample_files(self):
        """The sample grids in the order of their epochs."""
        return self.run.sample_files()

    @property
    def is_autoencoder(self):
        """Whether its sample grids are pairs of test images and reconstructions."""
        return hasattr(self.config.model, "optimizer")

    @property
    def status(self):
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

    def value(self, name):
        """Return the value of its score of that name, None where there is none."""
        record = newest_score(self.metrics, name)
        return record and record.get("value")


@dataclass
class Context:
    """runs: of the report; final: that of the final model, None without a run; folder: where reports are at home."""

    runs: list[ReportedRun]
    final: ReportedRun | None
    images: Images
    pegasus: Pegasus | None
    judges: dict[str, dict]
    folder: Path


def gather(runs, folder, stage, final="", pegasus=None):
    """Return the `Context` of `runs`: images go to the folder `stage`.

    The final model is the run called `final`, else that of the best Pegasus, else that of the least FD-judge.
    """
    reported = [ReportedRun(run, Path(folder)) for run in runs]
    images = Images(stage)
    found = read_pegasus(Path(pegasus) if pegasus else Path(folder) / "pegasus", images)
    return Context(
        reported, _final(reported, final, found), images, found, _judges(reported, Path(folder)), Path(folder)
    )


def _final(runs, named, pegasus):
    by_name = {run.name: run for run in runs}
    for name in (named, pegasus.best.get("run") if pegasus else None):
        if isinstance(name, str) and name in by_name:
            return by_name[name]
    scored = [run for run in runs if isinstance(run.value("fd_judge"), int | float)]
    return min(scored or runs, key=lambda run: run.value("fd_judge") or 0.0, default=None)


def _judges(runs, folder):
    """Return {sha256: judge.json} of the judges that scored the runs and are still there."""
    used = {record.get("extractor_sha256") for run in runs for record in run.metrics}
    found = {}
    for file in sorted((folder / "judges").glob("*/judge.json")):
        judge = read_json(file, dict)
        if judge.get("sha256") in used:
            found[judge["sha256"]] = judge
    return found


def runs_named(runs):
    """Return {name: `Run`} of runs and of all in reports/runs, so that the text may name those that are not shown."""
    return {run.name: run for run in [*Run.all(), *runs]}
