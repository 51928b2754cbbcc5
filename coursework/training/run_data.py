"""The data set of a run: one and the same is known by its fingerprint, wherever it is and however its path is spelt."""

from coursework.config.schema import Config
from coursework.data import Dataset, canonical, has_name, load_dataset, same_place, short_name
from coursework.training.run import Report, Run
from coursework.util.errors import UserError
from coursework.util.files import expanded


def load_data(run: Run, report: Report = print) -> Dataset:
    """Return the data set that a run was trained on; one line to `report` if its images have changed.

    Raises `UserError` if its folder is gone.
    """
    config = run.read_config()
    if not has_name(config.dataset) and not expanded(config.dataset).is_dir():
        raise UserError(
            f"{run.path} was trained on the images in {config.dataset}, which is not there: give their new folder "
            "by --dataset, which train, evaluate and figures take"
        )
    dataset = load_dataset(config.dataset, config.classes)
    if dataset.fingerprint != _fingerprint(run, dataset.fingerprint):
        report(f"warning: {config.dataset} holds other images now than those that {run.path} was trained on")
    return dataset


def move_data(run: Run, place: str) -> None:
    """Let a run remember that its data set is at `place` now; raises `UserError` if other images are there."""
    config = run.read_config()
    dataset = load_dataset(place, config.classes)
    if dataset.fingerprint != _fingerprint(run, dataset.fingerprint):
        raise UserError(f"{place} holds other images than those that {run.path} was trained on")
    if config.dataset != canonical(place):
        run.write_config(config.with_setting("dataset", canonical(place)))


def is_same_data(run: Run, config: Config) -> bool:
    """Return whether a configuration's data set is the one that a run was trained on, by its place or its content."""
    before = run.read_config()
    if same_place(before.dataset, config.dataset):
        return True
    both_known = has_name(before.dataset) and has_name(config.dataset)
    if both_known or (not has_name(config.dataset) and not expanded(config.dataset).is_dir()):
        return False
    return load_dataset(config.dataset, config.classes).fingerprint == _fingerprint(run, "")


def is_trained_on(run: Run, dataset: Dataset) -> bool:
    """Return whether a run was trained on a data set, or on a selection of its classes."""
    config = run.read_config()
    selection = config.classes and set(config.classes) <= set(dataset.class_names)
    own = dataset.only(config.classes) if selection else dataset
    fingerprint = _fingerprint(run, "")
    # An earlier version wrote none.
    return fingerprint == own.fingerprint if fingerprint else short_name(config.dataset) == dataset.name


def _fingerprint(run: Run, default: str) -> str:
    """Return the fingerprint in a run's environment.json, `default` where an earlier version wrote none."""
    return str(run.read_environment().get("dataset_fingerprint", default))
