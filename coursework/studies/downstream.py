"""What the codes of trained autoencoders are worth to a linear classifier and to k-means, with the paper's values."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import keras

from coursework.config.presets import AUTOENCODERS
from coursework.config.schema import Config, with_settings
from coursework.data import load_dataset
from coursework.metrics.codes import clustering_accuracy, linear_accuracy
from coursework.models import MODELS, build_networks
from coursework.models.autoencoder import Autoencoder
from coursework.studies.tabulate import write_study
from coursework.training.loop import require_continuable, train
from coursework.training.precision import with_precision
from coursework.training.run import Report, Run
from coursework.training.sampling import TrainedRun, encode
from coursework.util.errors import UserError
from coursework.util.files import read_json
from coursework.util.tables import aligned, with_error

FOLDER = Path("reports/codes")
IDENTITY = ("name", "n", "reference", "reference_n", "seed", "weights", "extractor")
NAMES = ("linear_accuracy", "clustering_accuracy")
# Of each, in a table.
MEASURED = ("value", "error", "untrained")
SEED = 0
# Berthelot et al. 2018, table of single-layer classifiers on CIFAR-10, by numbers in a code.
_ORDER = ("autoencoder", "dropout_autoencoder", "denoising_autoencoder", "vae", "aae", "vqvae", "acai")
PUBLISHED = {
    256: dict(zip(_ORDER, (0.4792, 0.4099, 0.5378, 0.4749, 0.4065, 0.4280, 0.5277), strict=True)),
    1024: dict(zip(_ORDER, (0.5162, 0.4938, 0.6065, 0.5139, 0.4286, 0.1622, 0.6399), strict=True)),
}


def train_autoencoders(
    dataset: str,
    epochs: int,
    seed: int = 0,
    settings: Sequence[tuple[str, str]] = (),
    folder: str | Path = FOLDER,
    presets: Sequence[Config] = AUTOENCODERS,
    report: Report = print,
) -> list[Run]:
    """Train the paper's autoencoders alike in folder/runs; return their runs. What is finished is left as it is.

    dataset: as `load_dataset` takes it; epochs: of each; settings: (key, value) pairs, of every preset that has the
    key. Raises `UserError` for a setting that none has, and where a run of other settings is in the way.
    """
    where = Path(folder) / "runs"
    configs = [dataclasses.replace(preset, dataset=dataset, epochs=epochs, seed=seed) for preset in presets]
    configs = [with_precision(config, report=report) for config in with_settings(configs, settings)]
    pairs = [(config, Run(where / Run.of(config).name)) for config in configs]
    for config, run in pairs:
        if run.config_file.is_file():
            require_continuable(config, run, "choose another --folder or --seed")
    for config, run in pairs:
        keras.utils.clear_session()
        train(config, run, report=report)
    return [run for _, run in pairs]


def is_autoencoder(config: Config) -> bool:
    """Return whether a `Config` is of a model that has codes of images."""
    return issubclass(MODELS[config.model.name], Autoencoder)


def require_autoencoder(run: Run) -> Config:
    """Return the `Config` of a run whose model has codes of images; raises `UserError` for another one."""
    config = run.read_config()
    if not is_autoencoder(config):
        raise UserError(f"{run.path} is of a model without codes: {config.model.name} is no autoencoder")
    return config


def measure_all(runs: list[Run], folder: str | Path = FOLDER, report: Report = print) -> list[dict]:
    """Measure the codes of runs one after the other, each kept in `folder` as `keep` does; return their rows.

    Raises `UserError` for a run without codes, and for what `folder` should not hold, before any is measured.
    """
    read_kept(folder)
    for run in runs:
        require_autoencoder(run)
    rows = []
    for run in runs:
        rows.append(measure_codes(run, report))
        keep(rows[-1:], folder)
    return rows


def measure_codes(run: Run, report: Report = print) -> dict:
    """Add both accuracies of a trained autoencoder's codes to its metrics.json; return a row for `table`.

    Fitted to the codes of the training split, measured on those of the test split. The code of a variational encoder is
    the mean, that of a quantised one the encoder's output before quantisation; the authors take a variational encoder's
    map before the layer of its means, and a quantised one's codewords. A record also holds the accuracy of the network
    before training. Raises `UserError` for a run without codes, and for data of one class.
    """
    config = require_autoencoder(run)
    dataset = load_dataset(config.dataset, config.classes)
    if len(dataset.class_names) < 2:
        raise UserError(f"{dataset.name} has one class: a classifier needs two at least")
    trained = TrainedRun(run, report=report)
    encoders = {"trained": trained.network("encoder")}
    encoders["untrained"] = build_networks(config, dataset.image_shape)["encoder"]
    values = {}
    for name, encoder in encoders.items():
        report(f"{run.name}: codes of the {name} network")
        train, test = (encode(encoder, images) for images in (dataset.train_images, dataset.test_images))
        values[name] = {
            "linear_accuracy": linear_accuracy(train, dataset.train_labels, test, dataset.test_labels),
            "clustering_accuracy": clustering_accuracy(
                train, test, dataset.test_labels, len(dataset.class_names), seed=SEED
            ),
        }
    count, size = len(dataset.test_images), math.prod(train.shape[1:])
    published = (
        PUBLISHED.get(size, {}).get(config.model.name) if config.dataset == "cifar10" and not config.classes else None
    )
    records = [
        {
            "name": name,
            "value": values["trained"][name],
            "error": math.sqrt(values["trained"][name] * (1 - values["trained"][name]) / count),
            "n": count,
            "reference": f"{config.dataset}:train",
            "reference_n": len(dataset.train_images),
            "seed": SEED,
            "weights": trained.weights,
            "extractor": "codes",
            "dataset_fingerprint": dataset.fingerprint,
            "code_size": size,
            "untrained": values["untrained"][name],
            "published": published if name == "linear_accuracy" else None,
        }
        for name in NAMES
    ]
    run.add_metrics(records, IDENTITY)
    return {
        "run": run.label,
        "dataset": config.dataset,
        "code_size": size,
        "images_seen": run.read_environment().get("images_seen"),
        "published": published,
        **{each["name"]: each for each in records},
    }


def keep(rows: list[dict], folder: str | Path = FOLDER) -> list[dict]:
    """Write the rows of `measure_codes` to scores.json and table.csv in `folder`, in place of earlier ones of a run.

    Rows of other runs stay: data sets are measured one after the other. Returns all rows.
    """
    names = {row["run"] for row in rows}
    rows = [*(row for row in read_kept(folder) if row["run"] not in names), *rows]
    cells = [["run", "data set", "images seen", "numbers in a code"]]
    for name in NAMES:
        words = name.replace("_", " ")
        cells[0] += [words, f"{words}, standard error", f"{words}, untrained"]
    cells[0].append("linear accuracy, published")
    for row in rows:
        values = [row[name][key] for name in NAMES for key in MEASURED]
        cells.append([row["run"], row["dataset"], row["images_seen"], row["code_size"], *values, row["published"]])
    write_study(folder, rows, cells)
    return rows


def read_kept(folder: str | Path = FOLDER) -> list[dict]:
    """Return the rows that `keep` wrote to `folder`, none where it wrote nothing.

    Raises `UserError` for a file that is no JSON list; what in the list is no such row is left out.
    """
    file = Path(folder) / "scores.json"
    return [row for row in read_json(file, list) if _is_row(row)] if file.exists() else []


def _is_row(row: object) -> bool:
    """Return whether what JSON held is a row of `measure_codes`."""
    if not isinstance(row, dict) or not {"run", "dataset", "images_seen", "code_size", "published"} <= set(row):
        return False
    found = [row.get(name) for name in NAMES]
    numbers = [each.get(key) for each in found if isinstance(each, dict) for key in MEASURED]
    return len(numbers) == len(NAMES) * len(MEASURED) and all(isinstance(number, float) for number in numbers)


def table(rows: list[dict]) -> list[str]:
    """Return the lines of the table of `measure_codes`'s rows for a terminal."""
    cells = [["run", "code", "linear", "untrained", "paper", "clustering", "untrained"]]
    for row in rows:
        linear, clustering = (
            [with_error(record["value"], record["error"], 1, 100), f"{100 * record['untrained']:.1f}"]
            for record in (row[name] for name in NAMES)
        )
        paper = with_error(row["published"], None, 1, 100)
        cells.append([row["run"][:31], f"{row['code_size']:,}", *linear, paper, *clustering])
    note = "percent of test images; ±: standard error. paper: Berthelot et al. 2018, equally large codes of CIFAR-10"
    return [*aligned(cells), note]
