"""Strict validation of parsed JSON by pydantic, each error one line in the user's terms."""

import json
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from coursework.util.errors import UserError

# For `pydantic.dataclasses.dataclass`: no conversion between types, no unknown keys, no NaN or infinity.
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

# pydantic's types of errors; the braces are filled from an error's context.
_MESSAGES = {
    "bool_type": "expected true or false",
    "dataclass_type": "expected an object",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "expected a whole number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "expected {expected}",
    "string_type": "expected text",
    "tuple_type": "expected a list",
}

# All that can be wrong with JSON that was parsed before.
_UNREADABLE = "expected Unicode text, not nested too deep"

Kind = TypeVar("Kind")


def validate(kind: type[Kind], content: Any, where: str) -> Kind:
    """Return an instance of the pydantic dataclass `kind` with the values in `content`, which `json.loads` returned.

    Raises `UserError`, which begins with `where` and names the first wrong value, for content of any other form.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content))
    except ValidationError as error:
        raise UserError(f"{where}: {_line(error.errors()[0], content)}") from error
    except RecursionError as error:
        raise UserError(f"{where}: {_UNREADABLE}") from error


def _line(error: ErrorDetails, content: Any) -> str:
    place = ".".join(map(str, _path(error["loc"], content)))
    context, found = error.get("ctx", {}), json.dumps(error["input"])[:60]
    match error["type"]:
        case "json_invalid":
            return _UNREADABLE
        case "missing":
            return f'key "{place}" is missing'
        case "unexpected_keyword_argument":
            return f'unknown key "{place[:60]}"'
        case "union_tag_invalid":
            return f'{place}: unknown name "{context["tag"]:.60}"; use {_plain(context["expected_tags"])}'
        case "union_tag_not_found" | "dict_type":
            return f'{place}: expected an object with a "name", found {found}'
    message = _MESSAGES.get(error["type"], error["msg"]).format(**context)
    return f"{place}: {_plain(message)}, found {found}" if place else f"{_plain(message)}, found {found}"


def _plain(text: str) -> str:
    return text.replace("'", "")


def _path(location: tuple[int | str, ...], content: Any) -> list[int | str]:
    """Return the keys from `content` to an error; pydantic's location also names the members of unions."""
    path = []
    for depth, part in enumerate(location, start=1):
        inside = part in content if isinstance(content, dict) else isinstance(content, list) and isinstance(part, int)
        if inside or depth == len(location):
            path.append(part)
        if inside:
            content = content[part]
    return path
