"""Reading descriptions of networks, which `architecture.describe` makes and `diagram` draws."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from coursework.util.errors import UserError
from coursework.util.files import read_json

Count = Annotated[int, Field(ge=0, lt=2**63)]
# No network has more blocks or longer words than these, and a picture of them could not be read.
MOST_BLOCKS, LONGEST_WORDS = 1000, 200
Words = Annotated[str, Field(max_length=LONGEST_WORDS)]


class Block(TypedDict):
    """What `diagram` reads of a block."""

    kind: Literal["input", "convolution", "transposed", "dense", "merge", "other"]
    title: Words
    before: list[Words]
    after: list[Words]
    shape: list[Count | None]
    parameters: Count
    spectral: bool
    inputs: list[Count]


class Description(TypedDict):
    """What `diagram` reads of a network."""

    parameters: Count
    trainable: Count
    blocks: Annotated[list[Block], Field(min_length=1, max_length=MOST_BLOCKS)]


def read_descriptions(file: Path) -> dict[str, Any]:
    """Return {name: description} of the networks in a JSON file; raises `UserError` where it holds anything else."""
    content = read_json(file, dict)
    try:
        networks = TypeAdapter(dict[str, Description], config=ConfigDict(strict=True)).validate_python(content)
    except ValidationError:
        networks = {}
    blocks = [(index, block) for network in networks.values() for index, block in enumerate(network["blocks"])]
    # A block reads only blocks before it.
    if not blocks or any(source >= index for index, block in blocks for source in block["inputs"]):
        raise UserError(f"{file} describes no networks: remove it, and `coursework figures` makes it again")
    return content
