"""Reading descriptions of networks, which `architecture.describe` makes and `diagram` draws."""

from pathlib import Path
from typing import Any

from coursework.figures.diagram import COLORS
from coursework.util.errors import UserError
from coursework.util.files import read_json

WHOLE_NUMBERS = ("parameters", "trainable")
# No network has more blocks or longer words than these, and a picture of them could not be read.
MOST_BLOCKS, LONGEST_WORDS = 1000, 200


def read_descriptions(file: Path) -> dict[str, Any]:
    """Return {name: description} of the networks in a JSON file; raises `UserError` where it holds anything else."""
    descriptions = read_json(file, dict)
    if not descriptions or not all(_is_description(value) for value in descriptions.values()):
        raise UserError(f"{file} describes no networks: remove it, and `coursework figures` makes it again")
    return descriptions


def _is_description(value):
    if not isinstance(value, dict) or not all(_is_count(value.get(name)) for name in WHOLE_NUMBERS):
        return False
    blocks = value.get("blocks")
    fits = isinstance(blocks, list) and 0 < len(blocks) <= MOST_BLOCKS
    return fits and all(_is_block(*numbered) for numbered in enumerate(blocks))


def _is_block(index, block):
    """Tell whether this is a block whose inputs are blocks before it, as many as stand there."""
    if not isinstance(block, dict):
        return False
    inputs, shape = block.get("inputs"), block.get("shape")
    return (
        isinstance(block.get("kind"), str)
        and block["kind"] in COLORS
        and isinstance(block.get("spectral"), bool)
        and _is_count(block.get("parameters"))
        and _are_words([block.get("title")])
        and all(_are_words(block.get(name)) for name in ("before", "after"))
        and isinstance(shape, list)
        and all(side is None or _is_count(side) for side in shape)
        and isinstance(inputs, list)
        and all(_is_count(source) and source < index for source in inputs)
    )


def _are_words(values):
    return isinstance(values, list) and all(isinstance(value, str) and len(value) <= LONGEST_WORDS for value in values)


def _is_count(value):
    return type(value) is int and 0 <= value < 2**63
