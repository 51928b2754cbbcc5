"""The verb `submission`: the zip that is handed in."""

from pathlib import Path

from coursework.cli.parsing import add_verb

CHOICE = "the candidate that the gallery saved takes the best one's place (default reports/pegasus/choice.json, if any)"


def add_submission(verbs):
    """Add the verb `submission`."""
    parser = add_verb(
        verbs, "submission", _submission, "Check the coursework against its rules and write the zip that is handed in."
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs that the report shows (default: all there are)")
    parser.add_argument("--choice", type=Path, metavar="FILE", help=CHOICE)
    parser.add_argument("--no-verify", action="store_true", help="do not remake the images from the unpacked zip")
    parser.add_argument("--output", type=Path, default=Path("reports/submission.zip"), help="default: %(default)s")


def _submission(arguments):
    from coursework.submission import submit
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run] or Run.all()
    submit(runs, arguments.output, choice=arguments.choice, verified=not arguments.no_verify)
