"""The command line: parses, runs a verb, turns mistakes into one clear line and exit code 2."""

import argparse
import os
import sys
import traceback

from coursework import __version__
from coursework.errors import UserError
from coursework.verbs import add_verbs


def main(arguments=None):
    """Run the command line and return its exit code: 0, or 2 after a mistake, a fault or an interruption."""
    try:
        arguments = _parser().parse_args(arguments)
    except UserError as error:
        return _fail(str(error))
    try:
        arguments.verb(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads the output has seen enough. Python flushes once more at its end, and must not fail there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except UserError as error:
        if arguments.debug:
            traceback.print_exc()
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail(f"interrupted; {arguments.after_interruption}")
    except (MemoryError, OSError) as error:
        if arguments.debug:
            traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}")
    return 0


def _fail(message):
    # A progress bar may have left the cursor inside its line.
    start = "\n" if sys.stderr.isatty() else ""
    print(f"{start}coursework: error: {' '.join(message.splitlines())}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """Reports a mistake like every other: argparse would print the usage before it."""

    def error(self, message):
        raise UserError(f"{message}; see `{self.prog} --help`")


def _parser():
    parser = _Parser(
        prog="coursework", description="Train deep generative models on small images, score them, make a Pegasus."
    )
    parser.add_argument("--version", action="version", version=f"coursework {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    add_verbs(verbs)
    return parser
