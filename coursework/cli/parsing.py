"""What the verbs share: a parser with the options that all have, numbers within bounds, Keras without its chatter."""

import argparse

from coursework.util.errors import UserError


def add_verb(verbs, name, verb, summary, after_interruption="nothing unfinished was kept"):
    """Add the verb `name` to argparse's `verbs` and return its parser; running it calls `verb(arguments)`.

    after_interruption: what Ctrl-C leaves behind, as the user is told.
    """
    parser = verbs.add_parser(name, help=summary, description=summary)
    parser.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    parser.set_defaults(verb=verb, after_interruption=after_interruption)
    return parser


def import_keras(arguments):
    """Import Keras without its chatter; a verb calls this once its arguments are checked, since it takes seconds."""
    if not arguments.debug:
        from coursework.util.quiet import silence

        silence()


def add_settings(parser, help):
    """Add the option `--set KEY=VALUE`, which may be given several times; `assignment` reads each."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help=f"{help}; may be given several times"
    )


def assignment(text):
    """Return (key, value) of the KEY=VALUE that --set takes; raises `UserError` for anything else."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f'--set takes KEY=VALUE, not "{text}"')
    return key, value


def positive(text):
    """Return a whole number of 1 or more."""
    return _whole_number(text, 1)


def seed(text):
    """Return a whole number of 0 or more."""
    return _whole_number(text, 0)


def _whole_number(text, minimum, maximum=2**31 - 1):
    try:
        value = int(text)
    except ValueError:
        value = minimum - 1
    if not minimum <= value <= maximum:
        raise argparse.ArgumentTypeError(f"expected a whole number from {minimum} to {maximum}, found {text!r}")
    return value
