"""From parsed JSON to frozen dataclasses, strictly: an unknown key, a wrong type, a value out of bounds is an error."""

import dataclasses
import json
import typing

from coursework.util.errors import UserError

_TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def setting(default, choices=None, minimum=None, maximum=None, above=None):
    """Declare a field with its default and what it accepts: `choices` (for each of a list), or a number in bounds."""
    limits = {"choices": choices, "minimum": minimum, "maximum": maximum, "above": above}
    metadata = {key: value for key, value in limits.items() if value is not None}
    return dataclasses.field(default=default, metadata=metadata)


def one_of(kinds):
    """Declare a field that holds an instance of one of {name: dataclass}; its own key "name" tells which."""
    return dataclasses.field(metadata={"kinds": kinds})


def decode(kind, content, where):
    """Return the dataclass `kind` built from a dict, whose absent keys take their defaults.

    Fields are bool, int, float, str, tuple[str, ...] or dataclasses, with limits declared by `setting` and `one_of`.
    Raises `UserError`, which begins with `where`, for anything else.
    """
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected an object, found {_shown(content)}")
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}
    unknown = [key for key in content if key not in fields]
    if unknown:
        raise UserError(f'{where}: unknown key "{unknown[0]:.60}"; known are {", ".join(fields)}')
    hints = typing.get_type_hints(kind)
    values = {}
    for name, entry in fields.items():
        if name in content:
            values[name] = _decode_value(hints[name], entry.metadata, content[name], f"{where}: {name}")
        elif entry.default is dataclasses.MISSING:
            raise UserError(f'{where}: key "{name}" is missing')
    return kind(**values)


def _decode_value(kind, limits, value, where):
    if "kinds" in limits:
        return _decode_named(limits["kinds"], value, where)
    if dataclasses.is_dataclass(kind):
        return decode(kind, value, where)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
            raise UserError(f"{where}: expected a list of names, found {_shown(value)}")
        for part in value:
            _check_limits(limits, part, where)
        return tuple(value)
    # JSON writes 2.0 as 2 at will; integers beyond the range of a float are none.
    if kind is float and type(value) is int and value.bit_length() < 1024:
        value = float(value)
    if type(value) is not kind:
        raise UserError(f"{where}: expected {_TYPE_NAMES[kind]}, found {_shown(value)}")
    _check_limits(limits, value, where)
    if kind is float and value == float("inf"):
        raise UserError(f"{where}: must be finite")
    return value


def _decode_named(kinds, content, where):
    name = content.get("name") if isinstance(content, dict) else None
    if not isinstance(name, str) or name not in kinds:
        raise UserError(f"{where}: unknown name {_shown(name)}; known are {', '.join(kinds)}")
    return decode(kinds[name], content, where)


def _check_limits(limits, value, where):
    if "choices" in limits and value not in limits["choices"]:
        raise UserError(f"{where}: {_shown(value)} is none of {', '.join(map(str, limits['choices']))}")
    # Written so that NaN fails too.
    if "minimum" in limits and not value >= limits["minimum"]:
        raise UserError(f"{where}: {value} is below {limits['minimum']}")
    if "above" in limits and not value > limits["above"]:
        raise UserError(f"{where}: {value} is not above {limits['above']}")
    if "maximum" in limits and not value <= limits["maximum"]:
        raise UserError(f"{where}: {value} is above {limits['maximum']}")


def _shown(value):
    try:
        return json.dumps(value)[:60]
    except RecursionError:
        return "something nested too deep"
