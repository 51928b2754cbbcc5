"""The verbs that ask what the codes of trained autoencoders are worth, and how they are spread."""

from pathlib import Path

from coursework.cli.parsing import add_settings, add_verb, assignment, import_keras, positive, seed
from coursework.util.errors import UserError

RUNS = "runs of autoencoders (default: all in reports/runs)"


def add_downstream(verbs):
    """Add the verb `downstream`."""
    parser = add_verb(
        verbs,
        "downstream",
        _downstream,
        "Measure what an autoencoder's codes are worth to a linear classifier and to clustering.",
        after_interruption="scores of finished runs are kept",
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help=RUNS)
    parser.add_argument(
        "--train",
        metavar="DATASET",
        help="train the seven autoencoders of the ACAI paper alike on cifar10, sprites or a folder, and measure these",
    )
    parser.add_argument("--epochs", type=positive, default=2, help="of each of the seven (default 2)")
    parser.add_argument("--seed", type=seed, default=0, help="of each of the seven (default 0)")
    add_settings(parser, "change a setting of all of the seven that have it")
    parser.add_argument("--folder", type=Path, default=Path("reports/codes"), help="where to write (reports/codes)")


def _downstream(arguments):
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

    rows = measure_all(runs, arguments.folder)
    print("\n".join(table(rows)))


def add_aggregate_posterior(verbs):
    """Add the verb `aggregate-posterior`."""
    parser = add_verb(
        verbs,
        "aggregate-posterior",
        _aggregate_posterior,
        "Compare an autoencoder's codes with N(0, I), and what it decodes from either.",
        after_interruption="scores and figures of finished runs are kept",
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help=RUNS)
    parser.add_argument("--samples", type=positive, help="images of each kind (default: as many as the test split has)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("reports/aggregate-posterior"),
        help="where to write (reports/aggregate-posterior)",
    )


def _aggregate_posterior(arguments):
    runs = _autoencoders(arguments)

    from coursework.studies.aggregate_posterior import run_aggregate_posterior, table

    print("\n".join(table(run_aggregate_posterior(runs, arguments.samples, arguments.folder))))


def _autoencoders(arguments):
    """Return the runs that are named, or all of autoencoders that are trained."""
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run]
    import_keras(arguments)

    from coursework.studies.downstream import is_autoencoder

    runs = runs or [run for run in Run.all() if is_autoencoder(run.read_config()) and run.network("encoder").is_file()]
    if not runs:
        raise UserError("no trained autoencoder: train one with `python -m coursework train acai`")
    return runs
