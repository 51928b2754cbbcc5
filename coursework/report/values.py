"""How settings, numbers and time spans read."""

import math
import re
from typing import Any

from coursework.training.run import Run


def value_text(value: Any) -> str:
    """Return a setting's value as a reader expects it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-")
    return ", ".join(map(value_text, value)) if isinstance(value, list | tuple) else str(value)


def number_text(value: Any, decimals: int = 3) -> str:
    """Return a measured number: "not measured" for what is no number, "not finite" for NaN and infinities."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not measured"
    return f"{value:,.{decimals}f}" if math.isfinite(value) else "not finite"


def percent_text(value: Any, missing: str = "not measured") -> str:
    """Return a measured share in percent, `missing` for what is none."""
    return number_text(100 * value, 1) if isinstance(value, float) else missing


def duration(seconds: float) -> str:
    """Return a time span in words: "45 s", "12 min", "3 h 20 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def strategy_text(name: Any) -> str:
    """Return the name of a strategy as a reader says it, not as a command line does: "latent search"."""
    return value_text(name).replace("_", " ")


def dataset_label(run: Run) -> str:
    """Name the data as figures must: the environment knows whether it was a JPEG copy."""
    return str(run.read_environment().get("dataset_label") or run.read_config().dataset)


def markdown_text(words: Any) -> str:
    """Return words as Markdown text: nothing in them is markup, HTML or the end of a cell."""
    joined = re.sub(r"\s+", " ", str(words))
    return re.sub(r"([\\`*_{}\[\]<>#|!~])", r"\\\1", joined)
