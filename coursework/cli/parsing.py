"""What the verbs share: parsers and options, numbers within bounds, Keras without its chatter."""

import argparse
from collections.abc import Callable
from typing import Any

from coursework.util.errors import UserError

# What `main` hands to every `add_...` function.
Verbs = Any
RESUMES = "finished work is kept: run the same command again to resume"
DATASET = "cifar10, mnist, fashion_mnist, sprites, tfds:NAME, or a folder of images"
MOVED = "where the images that the run was trained on are now, if their folder has moved"


def add_verb(
    verbs: Verbs,
    name: str,
    verb: Callable[[argparse.Namespace], int | None],
    summary: str,
    after_interruption: str = "nothing unfinished was kept",
) -> argparse.ArgumentParser:
    """Add the verb `name` to argparse's `verbs` and return its parser; running it calls `verb(arguments)`.

    after_interruption: what Ctrl-C leaves behind, for the message to the user.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=summary)
    parser.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    parser.set_defaults(verb=verb, after_interruption=after_interruption)
    return parser


def import_keras(arguments: argparse.Namespace) -> None:
    """Import Keras without its chatter; a verb calls this once its arguments are checked, since it takes seconds."""
    if not arguments.debug:
        from coursework.util.quiet import silence

        silence()


def add_settings(parser: argparse.ArgumentParser, help: str) -> None:
    """Add the repeatable option `--set KEY=VALUE`; `assignment` reads each."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=f"{help}; repeatable")


def assignment(text: str) -> tuple[str, str]:
    """Return (key, value) of the KEY=VALUE that --set takes; raises `UserError` for anything else."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f'--set takes KEY=VALUE, not "{text}"')
    return key, value


def names(text: str) -> tuple[str, ...]:
    """Return the names in `text`, which commas separate."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def positive(text: str) -> int:
    """Return a whole number of 1 or more."""
    return _whole_number(text, 1)


def seed(text: str) -> int:
    """Return a whole number of 0 or more."""
    return _whole_number(text, 0)


def _whole_number(text: str, minimum: int, maximum: int = 2**31 - 1) -> int:
    try:
        value = int(text)
    except ValueError:
        value = minimum - 1
    if not minimum <= value <= maximum:
        raise argparse.ArgumentTypeError(f"expected a whole number from {minimum} to {maximum}, found {text!r}")
    return value
