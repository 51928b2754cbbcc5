"""How settings, numbers and time spans read."""

import math


def value_text(value):
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


def number_text(value, decimals=3):
    """Return a measured number: "not measured" for what is no number, "not finite" for NaN and infinities."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not measured"
    return f"{value:,.{decimals}f}" if math.isfinite(value) else "not finite"


def percent_text(value, missing="not measured"):
    """Return a measured share in percent, `missing` for what is none."""
    return number_text(100 * value, 1) if isinstance(value, float) else missing


def duration(seconds):
    """Return a time span in words: "45 s", "12 min", "3 h 20 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def strategy_text(name):
    """Return the name of a strategy as a reader says it, not as a command line does: "latent search"."""
    return value_text(name).replace("_", " ")


def dataset_label(run):
    """Name the data as figures must: the environment knows whether it was a JPEG copy."""
    return str(run.read_environment().get("dataset_label") or run.read_config().dataset)
