"""The verbs of the command line: what each accepts, and whom it calls.

Every verb imports what it needs when it runs, so that `--help` answers at once and `report` needs no TensorFlow.
"""

import argparse
from pathlib import Path

from coursework.errors import UserError
from coursework.presets import PRESETS


def add_verbs(verbs):
    """Add every verb to argparse's `verbs`; a parsed verb is `arguments.verb(arguments)`."""
    _add_train(verbs)
    _add_sample(verbs)
    _add_evaluate(verbs)
    _add_judge(verbs)
    _add_pegasus(verbs)
    _add_figures(verbs)
    _add_report(verbs)
    _add_demo(verbs)


def _import_keras(arguments):
    """Import Keras without its chatter; a verb calls this once its arguments are checked, since it takes seconds."""
    if not arguments.debug:
        from coursework.quiet import silence

        silence()


def _add(verbs, name, verb, summary, after_interruption="nothing unfinished was kept"):
    parser = verbs.add_parser(name, help=summary, description=summary)
    parser.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    parser.set_defaults(verb=verb, after_interruption=after_interruption)
    return parser


def _add_train(verbs):
    parser = _add(
        verbs,
        "train",
        _train,
        "Train a preset, or go on with a run where it stopped.",
        after_interruption="all finished epochs are kept: the same command goes on after the last of them",
    )
    parser.add_argument("preset", metavar="PRESET", help=f"one of {', '.join(PRESETS)}")
    parser.add_argument("--dataset", help="cifar10, sprites, or a folder with train/<class>/* and test/<class>/*")
    parser.add_argument("--classes", help="train on these classes only, separated by commas")
    parser.add_argument("--epochs", help="passes over the training images")
    parser.add_argument("--seed", help="seed of weights, data order and latents")
    parser.add_argument("--run", help="run directory (default reports/runs/<preset>-<dataset>-s<seed>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting; may be given several times"
    )
    parser.add_argument("--deterministic", action="store_true", help="equal seeds give equal weights, at some speed")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard, in the run directory")
    parser.add_argument("--discard-state", action="store_true", help="drop the resume state when training is done")


def _train(arguments):
    from coursework.run import Run

    config = configure(arguments)
    run = Run(arguments.run) if arguments.run else Run.of(config)
    _import_keras(arguments)

    from coursework.training import train

    train(config, run, arguments.deterministic, arguments.tensorboard, arguments.discard_state)


def configure(arguments):
    """Return the `Config` that the arguments of `train` describe."""
    if arguments.preset not in PRESETS:
        raise UserError(f'unknown preset "{arguments.preset}"; there are {", ".join(PRESETS)}')
    config = PRESETS[arguments.preset]
    for name in ("dataset", "classes", "epochs", "seed"):
        if getattr(arguments, name) is not None:
            text = getattr(arguments, name)
            config = config.with_setting(name, text, option=f"--{name} {text}")
    for assignment in arguments.set:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UserError(f'--set takes KEY=VALUE, not "{assignment}"')
        config = config.with_setting(key, value)
    return config


def _add_sample(verbs):
    parser = _add(verbs, "sample", _sample, "Generate images from a trained run.")
    parser.add_argument("run", metavar="RUN", help="a run directory, or its name inside reports/runs")
    parser.add_argument("--count", type=_positive, default=64, help="number of images (default 64)")
    parser.add_argument("--seed", type=_seed, default=0, help="the same seed gives the same images (default 0)")
    parser.add_argument("--output", help="FILE.png for a grid, FILE.npz for an array, else a folder of PNG files")
    parser.add_argument("--best", action="store_true", help="use the weights with the best score, not the last ones")


def _sample(arguments):
    from coursework.run import Run

    run = Run.existing(arguments.run)
    _import_keras(arguments)

    from coursework.sampling import TrainedRun, write_samples

    trained = TrainedRun(run, arguments.best)
    output = Path(arguments.output or f"{trained.run.name}-samples.png")
    write_samples(output, trained.sample(arguments.count, arguments.seed))
    print(f"{arguments.count} images in {output}")


def _add_evaluate(verbs):
    parser = _add(verbs, "evaluate", _evaluate, "Score a trained run and write its metrics.json.")
    parser.add_argument("run", metavar="RUN", help="a run directory, or its name inside reports/runs")
    parser.add_argument("--samples", type=_positive, help="images to generate (default: as many as the test split has)")
    parser.add_argument("--seed", type=_seed, default=2020, help="seed of the samples (default 2020)")
    parser.add_argument("--best", action="store_true", help="score the weights with the best score, not the last ones")


def _evaluate(arguments):
    from coursework.run import Run

    run = Run.existing(arguments.run)
    _import_keras(arguments)

    from coursework.evaluation import describe_score, evaluate

    for record in evaluate(run, arguments.samples, arguments.seed, arguments.best):
        print(describe_score(record))


def _add_judge(verbs):
    parser = _add(verbs, "judge", _judge, "Train the classifier whose features give FD-judge.")
    parser.add_argument("--dataset", default="cifar10", help="cifar10 (default), sprites or a folder of images")
    parser.add_argument("--epochs", type=_positive, help="passes over the training images")
    parser.add_argument("--seed", type=_seed, default=0)


def _judge(arguments):
    from coursework.data import load_dataset

    dataset = load_dataset(arguments.dataset)
    _import_keras(arguments)

    from coursework.judging import train_judge

    judge = train_judge(dataset, epochs=arguments.epochs, seed=arguments.seed)
    print(f"judge of {judge.dataset}: {100 * judge.accuracy:.2f} % of the test images right, {judge.sha256[:12]}")


def _add_pegasus(verbs):
    parser = _add(verbs, "pegasus", _pegasus, "Generate winged horses from trained autoencoders and rank them.")
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to use (default: all autoencoders of the data set)")
    parser.add_argument("--dataset", default="cifar10", help="whose runs are used by default (cifar10)")
    parser.add_argument("--body", default="horse", help="class of the body (default horse)")
    parser.add_argument("--wings", default="bird,airplane", help="classes of the wings (default bird,airplane)")
    parser.add_argument("--count", type=_positive, default=64, help="images to keep (default 64)")
    parser.add_argument("--seed", type=_seed, default=0)
    parser.add_argument("--output", type=Path, default=Path("reports/pegasus"), help="folder (default reports/pegasus)")


def _pegasus(arguments):
    from coursework.run import Run

    runs = [Run.existing(name) for name in arguments.run]
    _import_keras(arguments)

    from coursework.pegasus.making import autoencoder_runs, make_pegasi

    runs = runs or autoencoder_runs(Run.all(), arguments.dataset)
    wings = tuple(name for name in arguments.wings.split(",") if name)
    make_pegasi(runs, arguments.body, wings, arguments.count, arguments.seed, arguments.output)


def _add_figures(verbs):
    parser = _add(verbs, "figures", _figures, "Draw the figures of trained runs.")
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to draw (default: all in reports/runs)")


def _figures(arguments):
    from coursework.run import Run

    runs = [Run.existing(name) for name in arguments.run] or Run.all()
    if not runs:
        raise UserError("no run to draw: train one with `python -m coursework train PRESET`")
    _import_keras(arguments)

    from coursework.illustration import illustrate

    for run in runs:
        illustrate(run)


def _add_report(verbs):
    parser = _add(verbs, "report", _report, "Build reports/report.pdf from the runs there are.")
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to show (default: all in reports/runs)")
    parser.add_argument("--output", type=Path, default=Path("reports/report.pdf"))


def _report(arguments):
    from coursework.report import build
    from coursework.run import Run

    build([Run.existing(name) for name in arguments.run] or Run.all(), arguments.output)
    print(arguments.output)


def _add_demo(verbs):
    parser = _add(
        verbs,
        "demo",
        _demo,
        "Train all four models on the built-in data in minutes, score them, make a Pegasus and the report.",
        after_interruption="what is finished is kept: the same command goes on from there",
    )
    parser.add_argument("--folder", type=Path, default=Path("reports/demo"), help="where to write (reports/demo)")


def _demo(arguments):
    _import_keras(arguments)

    from coursework.demo import run_demo

    run_demo(arguments.folder)


def _positive(text):
    return _whole_number(text, 1)


def _seed(text):
    return _whole_number(text, 0)


def _whole_number(text, minimum, maximum=2**31 - 1):
    try:
        value = int(text)
    except ValueError:
        value = minimum - 1
    if not minimum <= value <= maximum:
        raise argparse.ArgumentTypeError(f"expected a whole number from {minimum} to {maximum}, found {text!r}")
    return value
