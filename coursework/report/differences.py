"""Settings of several runs side by side: those that differ, and those that all have."""

import math
from dataclasses import asdict

from coursework.report.document import cell, cite, name, row, table
from coursework.report.method import sources_of
from coursework.report.values import duration, value_text

RUNS_PER_TABLE = 4
ABSENT = "–"
# Options that are off; they have a row only where one of the runs makes use of them.
OFF = {
    "model.generator_batch_factor": 1,
    "model.dequantize": False,
    "model.unrolled_steps": 0,
    "model.packing": 1,
    "model.augmentations": (),
    "model.labels": "real 1, fake 0",
    "model.head_start": 0,
}


def settings_of(config):
    """Return {dotted name: value} of a `Config`; an optimiser is one value in words, and so are the labels."""
    found = {}

    def visit(content, prefix):
        for key, value in content.items():
            if isinstance(value, dict) and key.endswith("optimizer"):
                found[prefix + key] = optimizer_words(value)
            elif key == "labels":
                found[prefix + key] = labels_words(value)
            elif isinstance(value, dict):
                visit(value, f"{prefix}{key}.")
            else:
                found[prefix + key] = value

    visit(asdict(config), "")
    return found


def optimizer_words(settings):
    """Return an optimiser's settings in one line: "adam 0.0002, β 0.5 0.999, ε 1e-8, constant"."""
    betas = f"β {settings['beta_1']:g} {settings['beta_2']:g}, ε {value_text(settings['epsilon'])}"
    momentum = betas if settings["name"] == "adam" else f"momentum {settings['beta_1']:g}"
    return f"{settings['name']} {settings['rate']:g}, {momentum}, {settings['decay']}"


def labels_words(settings):
    """Return a discriminator's labels in one line: "real 0.7 to 1.2, fake 0, 5 % swapped"."""
    parts = []
    for kind in ("real", "fake"):
        low, high = settings[f"{kind}_low"], settings[f"{kind}_high"]
        parts.append(f"{kind} {low:g}" + (f" to {high:g}" if high != low else ""))
    if settings["flipped"]:
        parts.append(f"{100 * settings['flipped']:g} % swapped")
    return ", ".join(parts)


def differing(configs):
    """Return [(dotted name, [value or None for a run without it])] of the settings in which the runs differ.

    Options that are off wherever they are there are left out.
    """
    every = [settings_of(config) for config in configs]
    keys = dict.fromkeys(key for settings in every for key in settings)
    rows = [(key, [settings.get(key) for settings in every]) for key in keys]
    return [
        (key, values)
        for key, values in rows
        if any(value != values[0] for value in values)
        and any(value is not None and value != OFF.get(key, ABSENT) for value in values)
    ]


def common(configs):
    """Return [(dotted name, value)] of the settings that all runs share, without options that are off."""
    first, *others = [settings_of(config) for config in configs]
    return [
        (key, value)
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others) and value != OFF.get(key, ABSENT)
    ]


def words_of(key):
    """Return the words for a setting's dotted name: "network.latent_size" is "network: latent size"."""
    *parents, leaf = key.split(".")
    if leaf == "name" and len(parents) == 1:
        return parents[0]
    leaf = leaf if leaf != "name" else "kind"
    parents = [parent for parent in parents if parent != "model"]
    return ": ".join([*parents, leaf]).replace("_", " ").replace("optimizer", "optimiser")


def settings_blocks(runs):
    """Return the tables of settings: the differing ones by run, then those in common."""
    configs = [run.config for run in runs]
    rows = differing(configs)
    blocks = []
    if len(runs) > 1:
        # Five runs are three and two, not four and one.
        width = math.ceil(len(runs) / math.ceil(len(runs) / RUNS_PER_TABLE))
        for start in range(0, len(runs), width):
            chosen = slice(start, start + width)
            more = ", continued" if start else ""
            caption = [f"Settings in which the runs differ, and what their training took{more}."]
            shown = [
                (key, values[chosen]) for key, values in rows if any(value is not None for value in values[chosen])
            ]
            blocks.append(_side_by_side("settings", runs[chosen], shown, caption))
    else:
        blocks.append(_side_by_side("settings", runs, [], ["What training took."]))
    pairs = [(words_of(key), setting_text(key, value)) for key, value in common(configs)]
    half = (len(pairs) + 1) // 2
    left, right = pairs[:half], [*pairs[half:], ("", "")]
    lines = [row(*one, *other) for one, other in zip(left, right, strict=False)]
    caption = ["Settings that all runs share."] if len(runs) > 1 else ["Settings."]
    if lines:
        align = ["left", "right", "left", "right"]
        blocks.append(table("common-settings", ["Setting", "", "Setting", ""], lines, caption, align, [2, 1, 2, 1]))
    return blocks


def _side_by_side(target, runs, rows, caption):
    lines = [row(words_of(key), *(setting_text(key, value) for value in values)) for key, values in rows]
    sources = [sources_of(run.config.preset) for run in runs]
    if any(sources):
        lines.insert(0, row("settings from", *(cell(cite(*keys)) if keys else cell(ABSENT) for keys in sources)))
    measured = [
        ("epochs done", [run.environment.get("epochs_done") for run in runs]),
        ("images seen", [run.environment.get("images_seen") for run in runs]),
        ("processor time", [_time(run.environment, "processor_seconds") for run in runs]),
        ("time", [_time(run.environment, "seconds") for run in runs]),
        ("images a processor second", [_rate(run.environment) for run in runs]),
    ]
    networks = dict.fromkeys(key for run in runs for key in run.environment.get("parameters") or {})
    measured += [
        (f"parameters: {key}", [(run.environment.get("parameters") or {}).get(key) for run in runs]) for key in networks
    ]
    measured = [(words, values) for words, values in measured if any(value is not None for value in values)]
    for index, (words, values) in enumerate(measured):
        lines.append(row(words, *(setting_text("", value) for value in values), ruled=not index and bool(lines)))
    header = ["Setting", *(cell(name(run.name)) for run in runs)]
    return table(target, header, lines, caption, weights=[1.5] + [1] * len(runs))


def _time(environment, key):
    return duration(environment[key]) if environment.get(key) else None


def _rate(environment):
    images, seconds = environment.get("images_seen"), environment.get("processor_seconds")
    return round(images / seconds) if images and seconds else None


def setting_text(key, value):
    """Return the value of the setting `key` as a reader expects it."""
    if value is None:
        return ABSENT
    if key == "seed":
        return str(value)
    if key == "classes" and not value:
        return "all"
    return value_text(value)
