"""The run directory: the only place that knows the file names inside it."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from coursework.config.schema import Config
from coursework.data import short_name
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text, require_plain, write_text
from coursework.util.locking import owned

RUNS = Path("reports/runs")
# What is called with each line of text for the user.
Report = Callable[[str], object]
# What environment.json must hold under these names, where it holds them: others rely on it.
ENVIRONMENT_TYPES = {
    "dataset_fingerprint": str,
    "dataset_label": str,
    "seconds": int | float,
    "processor_seconds": int | float,
    "epochs_done": int,
    "images_seen": int,
    "finished": bool,
    "parameters": dict,
    "class_names": list,
    "class_counts": list,
    "incidents": list,
    "changes": list,
}


class Run:
    """A run directory at `path`; it need not exist yet.

    Paths are properties; JSON and CSV contents are read and written by methods, each write all or nothing. Raises
    `UserError` where the directory holds anything but files and folders: links lead out of it, pipes hang.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        require_plain(self.path)

    @classmethod
    def of(cls, config: Config) -> "Run":
        """Return the run where `config` trains by default: reports/runs/<preset>-<dataset>-s<seed>."""
        return cls(RUNS / f"{config.preset}-{short_name(config.dataset)}-s{config.seed}")

    @classmethod
    def existing(cls, path: str | Path) -> "Run":
        """Return the run at `path`; a name alone is looked up in reports/runs. Raises `UserError` if there is none."""
        for candidate in (Path(path), RUNS / path):
            if (candidate / "config.json").is_file():
                return cls(candidate)
        raise UserError(f"no run at {path}: train one with `python -m coursework train sngan`")

    @classmethod
    def all(cls, folder: str | Path = RUNS) -> "list[Run]":
        """Return the runs inside `folder`, sorted by name."""
        return [cls(file.parent) for file in sorted(Path(folder).glob("*/config.json"))]

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self.path.name

    @property
    def label(self) -> str:
        """What a table calls it: its name in reports/runs, elsewhere with the folder, such as codes/<name>."""
        folders = [part for part in self.path.parent.parts if part not in RUNS.parts]
        return "/".join([*folders[-1:], self.name])

    @property
    def config_file(self) -> Path:
        """config.json: the configuration, written first."""
        return self.path / "config.json"

    @property
    def environment_file(self) -> Path:
        """environment.json: versions, device, data set fingerprint, seconds, finished or not."""
        return self.path / "environment.json"

    @property
    def log_file(self) -> Path:
        """log.csv: one row an epoch."""
        return self.path / "log.csv"

    @property
    def metrics_file(self) -> Path:
        """metrics.json: list of scores."""
        return self.path / "metrics.json"

    @property
    def backup(self) -> Path:
        """backup/: everything that resuming needs."""
        return self.path / "backup"

    @property
    def best(self) -> Path:
        """best/: the networks with the best score so far."""
        return self.path / "best"

    @property
    def lock_file(self) -> Path:
        """lock: names the process that trains here, while it does."""
        return self.path / "lock"

    @property
    def samples(self) -> Path:
        """samples/: one grid every few epochs, from fixed latents."""
        return self.path / "samples"

    @property
    def figures(self) -> Path:
        """figures/: figures of this run."""
        return self.path / "figures"

    @property
    def code_statistics(self) -> Path:
        """codes.npz: mean and covariance factor of an autoencoder's codes, from which it is sampled."""
        return self.path / "codes.npz"

    def network(self, name: str) -> Path:
        """Return the file of a saved network: "generator", "encoder" or "discriminator"."""
        return self.path / f"{name}.keras"

    def read_config(self) -> Config:
        """Return the run's `Config`."""
        return Config.from_json(read_text(self.config_file), source=self.config_file)

    def write_config(self, config: Config) -> None:
        """Write config.json."""
        write_text(self.config_file, config.to_json())

    def read_environment(self) -> dict:
        """Return environment.json as a dict, empty where there is none."""
        environment = _read_json(self.environment_file, {})
        for name, kind in ENVIRONMENT_TYPES.items():
            value = environment.get(name)
            if not isinstance(value, kind | None) or (isinstance(value, int) and not _is_number(value)):
                raise UserError(f"{self.environment_file}: {name} should not be {environment[name]!r:.40}")
        if not all(isinstance(name, str) for name in environment.get("class_names") or ()):
            raise UserError(f"{self.environment_file}: class_names should be a list of names")
        if not all(type(count) is int and count >= 0 for count in environment.get("class_counts") or ()):
            raise UserError(f"{self.environment_file}: class_counts should be a list of whole numbers")
        for entry in environment.get("incidents") or ():
            if not (isinstance(entry, dict) and type(entry.get("epoch")) is int):
                raise UserError(f"{self.environment_file}: every one of incidents should be an object with an epoch")
        return {
            name: value for name, value in environment.items() if value is not None or name not in ENVIRONMENT_TYPES
        }

    def write_environment(self, environment: dict) -> None:
        """Write environment.json."""
        write_text(self.environment_file, json.dumps(environment, indent=1) + "\n")

    def read_metrics(self) -> list[dict]:
        """Return metrics.json as a list of dicts, each with "name" and "value", empty where there is none."""
        records = _read_json(self.metrics_file, [])
        for record in records:
            if not (isinstance(record, dict) and isinstance(record.get("name"), str)):
                raise UserError(
                    f'{self.metrics_file}: every score should be an object with a "name", not {record!r:.40}'
                )
            if record.get("value") is not None and not _is_number(record["value"]):
                raise UserError(f"{self.metrics_file}: the value of {record['name']:.60} should be a number")
        return records

    def write_metrics(self, metrics: list[dict]) -> None:
        """Write metrics.json."""
        write_text(self.metrics_file, json.dumps(metrics, indent=1) + "\n")

    def add_metrics(self, records: list[dict], identity: Sequence[str]) -> list[dict]:
        """Write `records` to metrics.json in place of those that agree with them in all fields `identity`; return all.

        Processes that add at the same time wait for each other: none loses what another has found.
        """
        new = [[record.get(key) for key in identity] for record in records]
        with owned(self.path / "metrics.lock", str(self.metrics_file), seconds=30):
            kept = [other for other in self.read_metrics() if [other.get(key) for key in identity] not in new]
            self.write_metrics([*kept, *records])
        return [*kept, *records]

    def drop_metrics(self, weights: str) -> None:
        """Remove from metrics.json the scores of the "last" or "best" weights, which others are about to replace.

        Scores with a number of epochs stay: they belong to that moment of the training.
        """
        if not self.metrics_file.is_file():
            return
        with owned(self.path / "metrics.lock", str(self.metrics_file), seconds=30):
            before = self.read_metrics()
            kept = [one for one in before if "epochs" in one or (one.get("weights") or "last") != weights]
            if kept != before:
                self.write_metrics(kept)

    def read_best_score(self) -> dict:
        """Return best/score.json, {"name", "value", "epoch", "extractor_sha256"} of the networks in best/.

        Empty where there is none; the last is of what measured, which earlier versions did not write.
        """
        record = _read_json(self.best / "score.json", {})
        if record and not (_is_number(record.get("value")) and type(record.get("epoch")) is int):
            raise UserError(f"{self.best / 'score.json'} should hold a value and an epoch")
        return record

    def write_best_score(self, name: str, value: float, epoch: int, extractor_sha256: str) -> None:
        """Write best/score.json."""
        record = {"name": name, "value": value, "epoch": epoch, "extractor_sha256": extractor_sha256}
        write_text(self.best / "score.json", json.dumps(record, indent=1) + "\n")

    def read_log(self) -> dict[str, list[float]]:
        """Return log.csv as {column: list of floats}, empty where there is none."""
        if not self.log_file.is_file():
            return {}
        try:
            rows = list(csv.DictReader(io.StringIO(read_text(self.log_file), newline="")))
            columns = {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}
            if rows and "epoch" not in columns:
                raise ValueError("it has no column epoch")
            if not all(number.is_integer() and number > 0 for number in columns.get("epoch", ())):
                raise ValueError("its column epoch should hold whole numbers")
        except (UserError, ValueError, TypeError, csv.Error) as error:
            raise UserError(f"{self.log_file} is not a log of this package: {error!s:.200}") from error
        return columns

    def sample_files(self) -> list[Path]:
        """Return the sample grids in the order of their epochs."""
        # By length first: after epoch 9999 the names have five digits.
        return sorted(self.samples.glob("[0-9]*.png"), key=lambda file: (len(file.name), file.name))

    def discard_state(self) -> None:
        """Remove backup/: the run can still be sampled, and no longer resumed."""
        shutil.rmtree(self.backup, ignore_errors=True)

    def has_weights(self) -> bool:
        """Return whether the run keeps more than its records: networks, or a state to resume from."""
        return self.network("generator").is_file() or any(self.backup.glob("state-*.npz"))

    def is_finished(self) -> bool:
        """Return whether training ran to its last epoch."""
        return bool(self.read_environment().get("finished"))


def _is_number(value):
    """Return whether a value from JSON is a number that a float can hold: integers may have thousands of digits."""
    return isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 1024)


def _read_json(path, default):
    if not path.is_file():
        return default
    content = parse_json(read_text(path), path)
    if not isinstance(content, type(default)):
        raise UserError(f"{path} should hold a JSON {'object' if default == {} else 'list'}")
    return content
