"""The file that says which candidate a person has chosen in the gallery."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from coursework.util.errors import UserError
from coursework.util.validation import STRICT, validate

VERSION = 1
# Bytes; what the gallery saves has about two hundred.
LIMIT = 65536


@dataclass(frozen=True, config=STRICT)
class Choice:
    """What the gallery saves. gallery: the `fingerprint` of its candidates. id: of the chosen one."""

    version: Annotated[int, Field(ge=VERSION, le=VERSION)]
    gallery: str
    id: str


def read_choice(path: str | Path, records: list[dict], fingerprint: str) -> dict:
    """Return the one of `records` that the choice file at `path` names.

    records: candidates as `write_gallery` takes them; fingerprint: theirs, by `coursework.pegasus.gallery`. Raises
    `UserError` for a file that the gallery would not have saved, for one saved from other candidates, and for an
    id that none of `records` has.
    """
    path = Path(path)
    choice = validate(Choice, _read(path), str(path))
    if choice.gallery != fingerprint:
        raise UserError(f"{path} was saved from a gallery of other candidates: choose again in the present one")
    for record in records:
        if record["id"] == choice.id:
            return record
    raise UserError(f"{path}: no candidate has the id {json.dumps(choice.id)[:120]}: choose again in the gallery")


def _read(path: Path) -> Any:
    """Return the parsed JSON of a small file."""
    if not path.is_file():
        raise UserError(f"no choice at {path}: save one in the gallery")
    try:
        with open(path, "rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > LIMIT:
        raise UserError(f"{path} is larger than {LIMIT // 1024} kB: that is no choice saved in the gallery")
    try:
        # Editors that a copied text went through may have put a byte order mark before it.
        return json.loads(content.decode("utf-8-sig"))
    # Deeply nested brackets end the parser's recursion.
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
