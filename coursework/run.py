"""The run directory: the only place that knows the file names inside it."""

import csv
import json
import shutil
from pathlib import Path

from coursework.config import Config
from coursework.errors import UserError
from coursework.files import write_text

RUNS = Path("reports/runs")


class Run:
    """A run directory at `path`; it need not exist yet.

    Paths are properties; JSON and CSV contents are read and written by methods, each write all or nothing.
    """

    def __init__(self, path):
        self.path = Path(path)

    @classmethod
    def of(cls, config):
        """Return the run where `config` trains by default: reports/runs/<preset>-<dataset>-s<seed>."""
        # Resolved, because "." and ".." have no name of their own.
        return cls(RUNS / f"{config.preset}-{Path(config.dataset).resolve().name}-s{config.seed}")

    @classmethod
    def existing(cls, path):
        """Return the run at `path`; a name alone is looked up in reports/runs. Raises `UserError` if there is none."""
        for candidate in (Path(path), RUNS / path):
            if (candidate / "config.json").is_file():
                return cls(candidate)
        raise UserError(f"no run at {path}: train one with `python -m coursework train PRESET`")

    @classmethod
    def all(cls, folder=RUNS):
        """Return the runs inside `folder`, sorted by name."""
        return [cls(file.parent) for file in sorted(Path(folder).glob("*/config.json"))]

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    @property
    def name(self):
        """The directory's own name."""
        return self.path.name

    @property
    def config_file(self):
        """config.json: the configuration, written first."""
        return self.path / "config.json"

    @property
    def environment_file(self):
        """environment.json: versions, device, data set fingerprint, seconds, finished or not."""
        return self.path / "environment.json"

    @property
    def log_file(self):
        """log.csv: one row an epoch."""
        return self.path / "log.csv"

    @property
    def metrics_file(self):
        """metrics.json: list of scores."""
        return self.path / "metrics.json"

    @property
    def backup(self):
        """backup/: everything that resuming needs."""
        return self.path / "backup"

    @property
    def best(self):
        """best/: the networks with the best score so far."""
        return self.path / "best"

    @property
    def samples(self):
        """samples/: one grid every few epochs, from fixed latents."""
        return self.path / "samples"

    @property
    def figures(self):
        """figures/: figures of this run."""
        return self.path / "figures"

    @property
    def code_statistics(self):
        """codes.npz: mean and covariance factor of an autoencoder's codes, from which it is sampled."""
        return self.path / "codes.npz"

    def network(self, name):
        """Return the file of a saved network: "generator", "encoder" or "discriminator"."""
        return self.path / f"{name}.keras"

    def read_config(self):
        """Return the run's `Config`."""
        text = self.config_file.read_text(encoding="utf-8", errors="replace")
        return Config.from_json(text, source=self.config_file)

    def write_config(self, config):
        """Write config.json."""
        write_text(self.config_file, config.to_json())

    def read_environment(self):
        """Return environment.json as a dict, empty where there is none."""
        return _read_json(self.environment_file, {})

    def write_environment(self, environment):
        """Write environment.json."""
        write_text(self.environment_file, json.dumps(environment, indent=1) + "\n")

    def read_metrics(self):
        """Return metrics.json as a list of dicts, each with "name" and "value", empty where there is none."""
        records = _read_json(self.metrics_file, [])
        for record in records:
            if not (isinstance(record, dict) and isinstance(record.get("name"), str)):
                raise UserError(
                    f'{self.metrics_file}: every score should be an object with a "name", not {record!r:.40}'
                )
            if not isinstance(record.get("value"), int | float | None):
                raise UserError(f"{self.metrics_file}: the value of {record['name']} should be a number")
        return records

    def write_metrics(self, metrics):
        """Write metrics.json."""
        write_text(self.metrics_file, json.dumps(metrics, indent=1) + "\n")

    def read_best_score(self):
        """Return best/score.json, {"name", "value", "epoch"} of the networks in best/, empty where there is none."""
        return _read_json(self.best / "score.json", {})

    def write_best_score(self, name, value, epoch):
        """Write best/score.json."""
        record = {"name": name, "value": value, "epoch": epoch}
        write_text(self.best / "score.json", json.dumps(record, indent=1) + "\n")

    def read_log(self):
        """Return log.csv as {column: list of floats}, empty where there is none."""
        if not self.log_file.is_file():
            return {}
        with open(self.log_file, newline="", encoding="utf-8") as file:
            try:
                rows = list(csv.DictReader(file))
                columns = {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}
                if rows and "epoch" not in columns:
                    raise ValueError("it has no column epoch")
            except (ValueError, TypeError, csv.Error) as error:
                raise UserError(f"{self.log_file} is not a log of this package: {error}") from error
        return columns

    def sample_files(self):
        """Return the sample grids in the order of their epochs."""
        # By length first: after epoch 9999 the names have five digits.
        return sorted(self.samples.glob("[0-9]*.png"), key=lambda file: (len(file.name), file.name))

    def discard_state(self):
        """Remove backup/: the run can be sampled but no longer gone on with."""
        shutil.rmtree(self.backup, ignore_errors=True)

    def is_finished(self):
        """Tell whether training ran to its last epoch."""
        return bool(self.read_environment().get("finished"))


def _read_json(path, default):
    if not path.is_file():
        return default
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, type(default)):
        raise UserError(f"{path} should hold a JSON {'object' if default == {} else 'list'}")
    return content
