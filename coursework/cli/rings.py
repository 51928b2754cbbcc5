"""The verbs of the rings study and of the lesson on it."""

from pathlib import Path

from coursework.cli.parsing import add_verb, import_keras, positive
from coursework.util.errors import UserError


def add_rings(verbs):
    """Add the verb `rings`."""
    parser = add_verb(
        verbs,
        "rings",
        _rings,
        "Train GANs on mixtures of Gaussians and count the modes that each option keeps.",
        after_interruption="every finished thousand of steps is kept: the same command goes on from there",
    )
    parser.add_argument(
        "--steps", type=positive, help="of each run, rounded up to thousands (default: the presets' own)"
    )
    parser.add_argument("--seeds", type=positive, default=10, help="runs of each setting on each mixture (default 10)")
    parser.add_argument("--settings", help="names, separated by commas (default: all): gan, unrolled, packed-2 ...")
    parser.add_argument("--mixtures", help="names, separated by commas (default: ring,ring-with-centre,grid)")
    parser.add_argument("--folder", type=Path, default=Path("reports/rings"), help="where to write (reports/rings)")


def _rings(arguments):
    from coursework.config.presets_rings import RINGS
    from coursework.data.mixtures import MIXTURES

    presets = _chosen(arguments.settings, {preset.preset.removeprefix("rings-"): preset for preset in RINGS}, "setting")
    mixtures = _chosen(arguments.mixtures, {name: name for name in MIXTURES}, "mixture")
    import_keras(arguments)

    from coursework.studies.rings.study import run_rings

    run_rings(arguments.folder, arguments.steps, arguments.seeds, presets, mixtures)


def add_lesson(verbs):
    """Add the verb `lesson`."""
    parser = add_verb(
        verbs,
        "lesson",
        _lesson,
        "Answer a lesson's questions on GANs with the ring: which latent becomes which mode, which networks can.",
        after_interruption="what is finished is kept: the same command goes on from there",
    )
    parser.add_argument(
        "--steps", type=positive, help="of each training, rounded up to thousands (default: the presets' own)"
    )
    parser.add_argument("--seeds", type=positive, default=3, help="runs of each network (default 3)")
    parser.add_argument(
        "--folder", type=Path, default=Path("reports/rings/lesson"), help="default reports/rings/lesson"
    )


def _lesson(arguments):
    import_keras(arguments)

    from coursework.studies.rings.lesson import run_lesson

    run_lesson(arguments.folder, arguments.steps, arguments.seeds)


def _chosen(text, known, kind):
    """Return the values of the names in `text`, all for None."""
    names = list(known) if text is None else [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise UserError(f'unknown {kind} "{", ".join(unknown)}"; there are {", ".join(known)}')
    return [known[name] for name in names]
