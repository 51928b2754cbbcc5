"""The verb that asks what the codes of trained autoencoders are worth."""

from coursework.errors import UserError
from coursework.verbs.parsing import add_verb, import_keras


def add_downstream(verbs):
    """Add the verb `downstream`."""
    parser = add_verb(
        verbs,
        "downstream",
        _downstream,
        "Measure what an autoencoder's codes are worth to a linear classifier and to clustering.",
        after_interruption="scores of finished runs are kept",
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs of autoencoders (default: all in reports/runs)")


def _downstream(arguments):
    from coursework.run import Run

    runs = [Run.existing(name) for name in arguments.run]
    import_keras(arguments)

    from coursework.downstream import is_autoencoder, measure_codes, table

    runs = runs or [run for run in Run.all() if is_autoencoder(run.read_config()) and run.network("encoder").is_file()]
    if not runs:
        raise UserError("no trained autoencoder: train one with `python -m coursework train acai`")
    print("\n".join(table([measure_codes(run) for run in runs])))
