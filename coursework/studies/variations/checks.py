"""What a study refuses before it trains anything: what would otherwise end it after hours, or make its rows unequal."""

from dataclasses import replace
from pathlib import Path

import keras

from coursework.config.schema import Config
from coursework.data.dataset import Dataset
from coursework.models import build_model
from coursework.studies.variations.rows import run_of, slug_of
from coursework.training.loop import require_continuable
from coursework.training.run import Run
from coursework.util.errors import UserError

# How far a machine that has become slower may have taken a run beyond its time.
SLACK = 1.25
# Of most file systems, less the seed.
LONGEST = 240
OTHERWISE = "give the study or that variation another name"


def refuse_untrainable(
    rows: dict[str, Config],
    folder: str | Path,
    name: str,
    seeds: int,
    minutes: float | None,
    dataset: Dataset,
    before: float | None = None,
) -> None:
    """Raise `UserError` for the first of `rows`, {title: config}, that could not be trained in the study's folder.

    before: minutes that the study there had; with as many, a run may have taken longer on a slower machine.
    """
    slugs: dict[str, str] = {}
    for title, row in rows.items():
        slug = slug_of(title)
        if len(slug) > LONGEST:
            raise UserError(f'{title[:60]}... is too long for a folder\'s name: put "NAME: " in front of the settings')
        if (other := slugs.setdefault(slug, title)) != title:
            raise UserError(f"{title} and {other} would be in one folder, {slug}: give one of them another name")
        if minutes is not None and row.decays:
            raise UserError(f"{title}: rates that fall need a fixed number of epochs: give --epochs")
        runs = {seed: run_of(folder, name, title, seed) for seed in range(seeds)}
        if any(not run.config_file.is_file() for run in runs.values()):
            _require_model(title, row, dataset)
        for seed, run in runs.items():
            if run.config_file.is_file():
                _require_beginning(replace(row, seed=seed), run, minutes, before)


def _require_model(title: str, config: Config, dataset: Dataset) -> None:
    images = len(dataset.train_images)
    if config.images_per_step > images:
        raise UserError(f"{title}: {images} training images do not fill one batch of {config.images_per_step}")
    try:
        build_model(config, dataset.image_shape, 1, len(dataset.class_names))
    except UserError as error:
        raise UserError(f"{title}: {error}") from error
    finally:
        keras.utils.clear_session()


def _require_beginning(config: Config, run: Run, minutes: float | None, before: float | None) -> None:
    """Raise `UserError` where `run` holds another training, or more of this one than the study has."""
    environment = run.read_environment()
    done = environment.get("epochs_done", 0)
    if minutes is None:
        # Where the records alone are kept it is trained from the start.
        if done > config.epochs and run.has_weights():
            raise UserError(
                f"{run.path} has {done} epochs behind it: --epochs {config.epochs} is less; {OTHERWISE}, or remove it"
            )
    else:
        config = replace(config, epochs=run.read_config().epochs)
        spent = environment.get("processor_seconds", 0.0) / 60
        if done > 1 and spent > SLACK * minutes and minutes != before:
            raise UserError(
                f"{run.path} has {spent:.1f} processor minutes behind it: --minutes {minutes:g} is less; {OTHERWISE}, "
                "or remove it"
            )
    require_continuable(config, run, OTHERWISE)
