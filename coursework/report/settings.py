"""report.toml: what the report cannot know from the runs."""

import dataclasses
import tomllib
from pathlib import Path

from coursework.util.errors import UserError
from coursework.util.files import read_text

TITLE = "Deep generative models"


@dataclasses.dataclass(frozen=True)
class ReportSettings:
    """Title page and choices of a report.

    final: name of the run whose architecture is the final one, "" for that of the best Pegasus, or else of the best
    FD-judge among those that compare with each other. references: {key: entry} that the prose may cite,
    in addition to the package's own.
    """

    title: str = TITLE
    author: str = ""
    course: str = ""
    date: str = ""
    final: str = ""
    references: dict[str, str] = dataclasses.field(default_factory=dict)


def read_settings(path: Path | str) -> ReportSettings:
    """Return the `ReportSettings` in the TOML file `path`, the defaults where there is none.

    Raises `UserError` for an unknown key or a value of another type.
    """
    path = Path(path)
    if not path.is_file():
        return ReportSettings()
    try:
        content = tomllib.loads(read_text(path))
    # Deeply nested brackets end the parser's recursion.
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error
    known = [field.name for field in dataclasses.fields(ReportSettings)]
    for key, value in content.items():
        if key not in known:
            raise UserError(f'{path} has an unknown key "{key}"; there are {", ".join(known)}')
        if key == "references":
            if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
                raise UserError(f'{path}: write the references as lines of key = "entry"')
        elif not isinstance(value, str):
            raise UserError(f"{path}: {key} should be text in quotes, not {value!r}")
    return ReportSettings(**content)
