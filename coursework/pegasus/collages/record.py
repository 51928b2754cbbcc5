"""What a folder of collages was made from, and whether a run was trained on one."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass as validated

from coursework.training.run import Run
from coursework.util.files import expanded, read_json, write_text
from coursework.util.validation import STRICT, validate

CLASS = "pegasus"
RECORD_FILE = "collages.csv"
SETTINGS_FILE = "collages.json"
SPLITS = ("train", "test")


@validated(frozen=True, config=STRICT)
class Counts:
    """How many of something there are in each split."""

    train: Annotated[int, Field(ge=1)]
    test: Annotated[int, Field(ge=1)]


@validated(frozen=True, config=STRICT)
class Settings:
    """collages.json: what a folder of collages was made from.

    dataset, fingerprint: of the data set that the sources come from. judge: SHA-256 of the judge that selected them,
    None for a selection without one. classes: those of the folder. body, wings: classes of the sources. bodies,
    wings_cut: how many sources were found.
    """

    dataset: str
    fingerprint: str
    judge: str | None
    classes: tuple[str, ...]
    body: str
    wings: str
    seed: int
    collages: Counts
    bodies: Counts
    wings_cut: Counts

    def to_json(self) -> str:
        """Return the content of collages.json."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    def write(self, folder: Path) -> None:
        """Write collages.json into `folder`."""
        write_text(folder / SETTINGS_FILE, self.to_json())


def collage_file(split: str, index: int) -> str:
    """Return the path of a collage in its folder."""
    return f"{split}/{CLASS}/{index:05}.png"


def settings_of(run: Run) -> Settings | None:
    """Return the settings of the collages that a run was trained on; None for a run on other data.

    They are read from the run's data set folder or, where that is gone, from the copy that `collages_of` keeps in the
    run directory. Raises `UserError` for a damaged file.
    """
    return read_settings(expanded(run.read_config().dataset)) or read_settings(run.path)


def read_settings(folder: Path) -> Settings | None:
    """Return the settings in a folder, None without any; raises `UserError` for a damaged file."""
    file = folder / SETTINGS_FILE
    return validate(Settings, read_json(file, dict), str(file)) if file.is_file() else None
