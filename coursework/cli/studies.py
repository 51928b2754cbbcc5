"""The verbs that train several models and compare them: the studies, and the demo."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from coursework.cli.parsing import (
    RESUMES,
    Verbs,
    add_settings,
    add_verb,
    assignment,
    import_keras,
    names,
    positive,
    seed,
)
from coursework.cli.training import EPOCHS_KEPT, add_preset, configure
from coursework.util.errors import UserError

AUTOENCODERS = "runs of autoencoders (default: all in reports/runs)"
Value = TypeVar("Value")


def add_study(verbs: Verbs) -> None:
    """Add the verb `study`."""
    parser = add_verb(verbs, "study", _study, "Train variations of a preset at an equal budget, and compare.", RESUMES)
    parser.add_argument("name", metavar="NAME", help="of the study: writes reports/studies/NAME.csv, .json, .png")
    add_preset(parser)
    parser.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar='"[NAME: ]KEY=VALUE ..."',
        help="a variation: one setting, or several in quotes, with an optional name; repeatable",
    )
    parser.add_argument("--first", default="as it is", help='name of the unvaried row (default "as it is")')
    parser.add_argument("--seeds", type=positive, default=1, help="runs of each variation (default 1)")
    parser.add_argument("--samples", type=positive, help="images to score (default: as many as the test split has)")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--epochs", help="passes over the training images, for every run")
    budget.add_argument(
        "--minutes", type=positive, help="minutes of processor time for every run: as many epochs as fit in them"
    )
    add_settings(parser, "change a setting of all runs")
    # `configure` reads it; a study sets the seeds itself.
    parser.set_defaults(seed=None)


def _study(arguments: argparse.Namespace) -> None:
    config = configure(arguments)
    import_keras(arguments)

    from coursework.studies.variations.study import run_study

    run_study(
        arguments.name,
        config,
        arguments.vary,
        arguments.seeds,
        arguments.samples,
        arguments.minutes,
        first=arguments.first,
    )


def add_downstream(verbs: Verbs) -> None:
    """Add the verb `downstream`."""
    parser = add_verb(
        verbs,
        "downstream",
        _downstream,
        "Measure how well a linear classifier and clustering work on an autoencoder's codes.",
        "scores of finished runs are kept",
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help=AUTOENCODERS)
    parser.add_argument(
        "--train",
        metavar="DATASET",
        help="train the ACAI paper's seven autoencoders on cifar10, sprites or a folder, and measure them",
    )
    parser.add_argument("--epochs", type=positive, default=2, help="of each of the seven (default 2)")
    parser.add_argument("--seed", type=seed, default=0, help="of each of the seven (default 0)")
    add_settings(parser, "change a setting of all of the seven that have it")
    _add_folder(parser, "reports/codes")


def _downstream(arguments: argparse.Namespace) -> None:
    if arguments.train is None:
        runs = _autoencoders(arguments)
    elif arguments.run:
        raise UserError("give runs to measure, or --train to train some, not both")
    else:
        settings = [assignment(text) for text in arguments.set]
        import_keras(arguments)

        from coursework.studies.downstream import train_autoencoders

        runs = train_autoencoders(arguments.train, arguments.epochs, arguments.seed, settings, arguments.folder)

    from coursework.studies.downstream import measure_all, table

    print("\n".join(table(measure_all(runs, arguments.folder))))


def add_aggregate_posterior(verbs: Verbs) -> None:
    """Add the verb `aggregate-posterior`."""
    parser = add_verb(
        verbs,
        "aggregate-posterior",
        _aggregate_posterior,
        "Compare an autoencoder's codes with N(0, I), and the images decoded from either.",
        "scores and figures of finished runs are kept",
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help=AUTOENCODERS)
    parser.add_argument("--samples", type=positive, help="images of each kind (default: as many as the test split has)")
    _add_folder(parser, "reports/aggregate-posterior")


def _aggregate_posterior(arguments: argparse.Namespace) -> None:
    runs = _autoencoders(arguments)

    from coursework.studies.aggregate_posterior import run_aggregate_posterior, table

    print("\n".join(table(run_aggregate_posterior(runs, arguments.samples, arguments.folder))))


def _autoencoders(arguments: argparse.Namespace) -> list[Any]:
    """Return the named runs, or all trained runs of autoencoders."""
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run]
    import_keras(arguments)

    from coursework.studies.downstream import is_autoencoder

    runs = runs or [run for run in Run.all() if is_autoencoder(run.read_config()) and run.network("encoder").is_file()]
    if not runs:
        raise UserError("no trained autoencoder: train one with `python -m coursework train acai`")
    return runs


def add_pegasus_benchmark(verbs: Verbs) -> None:
    """Add the verb `pegasus-benchmark`."""
    parser = add_verb(
        verbs,
        "pegasus-benchmark",
        _pegasus_benchmark,
        "Compare all Pegasus strategies on the built-in data, which has true winged horses.",
        RESUMES,
    )
    parser.add_argument("--pool", type=positive, default=1000, help="candidates of each strategy (default 1000)")
    parser.add_argument(
        "--epochs", type=positive, help="of each run, for a quick look in another folder (default: the benchmark's own)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of the candidates (default 0)")
    _add_folder(parser, "reports/pegasus-benchmark")


def _pegasus_benchmark(arguments: argparse.Namespace) -> None:
    import_keras(arguments)

    from coursework.studies.pegasus_benchmark import run_benchmark

    run_benchmark(arguments.folder, arguments.pool, arguments.seed, epochs=arguments.epochs)


def add_lines(verbs: Verbs) -> None:
    """Add the verb `lines`."""
    parser = add_verb(
        verbs,
        "lines",
        _lines,
        "Train the ACAI paper's seven autoencoders on lines and score their interpolations.",
        EPOCHS_KEPT,
    )
    parser.add_argument(
        "--images",
        type=positive,
        default=2**18,
        help="training images of each run (default 262144; the paper's: 16777216)",
    )
    parser.add_argument("--minutes", type=positive, help="instead of --images: minutes of training for all runs")
    parser.add_argument("--seeds", type=positive, default=1, help="runs of each model (default 1)")
    parser.add_argument(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="of the networks (default float32)",
    )
    add_settings(parser, "change a setting of every model that has it")
    _add_folder(parser, "reports/lines")


def _lines(arguments: argparse.Namespace) -> None:
    settings = [assignment(text) for text in arguments.set]
    import_keras(arguments)

    from coursework.studies.lines.study import run_lines

    run_lines(arguments.folder, arguments.images, arguments.minutes, arguments.seeds, arguments.precision, settings)


def add_rings(verbs: Verbs) -> None:
    """Add the verb `rings`."""
    parser = add_verb(
        verbs,
        "rings",
        _rings,
        "Train GANs on mixtures of Gaussians and count the modes that each option keeps.",
        "every finished thousand of steps is kept: run the same command again to resume",
    )
    _add_steps(parser)
    parser.add_argument("--seeds", type=positive, default=10, help="runs of each setting on each mixture (default 10)")
    parser.add_argument("--settings", help="names, separated by commas (default: all): gan, unrolled, packed-2 ...")
    parser.add_argument("--mixtures", help="names, separated by commas (default: ring,ring-with-centre,grid)")
    _add_folder(parser, "reports/rings")


def _rings(arguments: argparse.Namespace) -> None:
    from coursework.config.presets_rings import RINGS
    from coursework.data.mixtures import MIXTURES

    presets = _chosen(arguments.settings, {preset.preset.removeprefix("rings-"): preset for preset in RINGS}, "setting")
    mixtures = _chosen(arguments.mixtures, {name: name for name in MIXTURES}, "mixture")
    import_keras(arguments)

    from coursework.studies.rings.study import run_rings

    run_rings(arguments.folder, arguments.steps, arguments.seeds, presets, mixtures)


def _chosen(text: str | None, known: dict[str, Value], kind: str) -> Sequence[Value]:
    """Return the values of the names in `text`, all for None."""
    chosen = tuple(known) if text is None else names(text)
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise UserError(f'unknown {kind} "{", ".join(unknown)}"; there are {", ".join(known)}')
    return [known[name] for name in chosen]


def add_lesson(verbs: Verbs) -> None:
    """Add the verb `lesson`."""
    parser = add_verb(
        verbs,
        "lesson",
        _lesson,
        "Answer questions on GANs with the ring: which latent becomes which mode, which networks can learn it.",
        RESUMES,
    )
    _add_steps(parser)
    parser.add_argument("--seeds", type=positive, default=3, help="runs of each network (default 3)")
    _add_folder(parser, "reports/rings/lesson")


def _lesson(arguments: argparse.Namespace) -> None:
    import_keras(arguments)

    from coursework.studies.rings.lesson import run_lesson

    run_lesson(arguments.folder, arguments.steps, arguments.seeds)


def add_demo(verbs: Verbs) -> None:
    """Add the verb `demo`."""
    parser = add_verb(
        verbs,
        "demo",
        _demo,
        "Train all four models on the built-in data in minutes, score them, make a Pegasus and the report.",
        RESUMES,
    )
    _add_folder(parser, "reports/demo")


def _demo(arguments: argparse.Namespace) -> None:
    import_keras(arguments)

    from coursework.cli.demo import run_demo

    run_demo(arguments.folder)


def _add_steps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--steps", type=positive, help="of each run, rounded up to thousands (default: the presets' own)"
    )


def _add_folder(parser: argparse.ArgumentParser, folder: str) -> None:
    parser.add_argument("--folder", type=Path, default=Path(folder), help=f"folder to write to (default {folder})")
