"""The command line: parses, runs a verb, turns a mistake into one clear line and exit code 2."""

import argparse
import contextlib
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import NoReturn

from coursework import __version__
from coursework.cli import collages, doctor, panel, pegasus, presets, results, scoring, studies, training
from coursework.util.errors import UserError
from coursework.util.files import expanded
from coursework.util.quiet import pin_environment

# In the order of --help. Each imports what it needs when it runs: `--help` answers at once, `report` needs no Keras.
VERBS = (
    presets.add_presets,
    training.add_train,
    results.add_sample,
    scoring.add_evaluate,
    scoring.add_metrics,
    training.add_judge,
    collages.add_collages,
    pegasus.add_pegasus,
    panel.add_panel,
    results.add_figures,
    results.add_compare,
    results.add_tables,
    results.add_report,
    results.add_submission,
    studies.add_study,
    studies.add_downstream,
    studies.add_aggregate_posterior,
    studies.add_pegasus_benchmark,
    studies.add_lines,
    studies.add_rings,
    studies.add_lesson,
    studies.add_demo,
    doctor.add_doctor,
)
# The beginning of a path in somebody's home folder.
HOME = re.compile(r"~\w*(/|$)")
# Characters of a message, which may hold names of any length.
LONGEST_LINE = 2000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 after a mistake, a fault or an interruption.

    The verb `doctor` returns 1 where it finds something wrong.
    """
    pin_environment()
    try:
        given = sys.argv[1:] if arguments is None else arguments
        parsed = command_line().parse_args([_expanded(text) for text in given])
    except UserError as error:
        return _fail(str(error))
    try:
        with _signals_interrupt():
            code = parsed.verb(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has closed it. Python flushes once more as it exits, and must not fail there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except UserError as error:
        if parsed.debug:
            traceback.print_exc()
        return _fail(*error.lines)
    except KeyboardInterrupt:
        return _fail(f"interrupted; {parsed.after_interruption}")
    except (MemoryError, OSError) as error:
        if parsed.debug:
            traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}")
    return code or 0


def command_line() -> argparse.ArgumentParser:
    """Return the parser; what it parses runs as `arguments.verb(arguments)`."""
    parser = _Parser(
        prog="coursework", description="Train deep generative models on small images, score them, make a Pegasus."
    )
    parser.add_argument("--version", action="version", version=f"coursework {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for add in VERBS:
        add(verbs)
    return parser


def _expanded(text: str) -> str:
    """Return an argument with the home folder in place of a ~ at its start, or at that of an option's value.

    A shell expands the one and not the other. Raises `UserError` for the home of an unknown user.
    """
    option, equals, value = text.partition("=") if text.startswith("--") else ("", "", text)
    return f"{option}{equals}{expanded(value)}" if HOME.match(value) else text


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end a verb as Ctrl-C does, so that half-written files are removed."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # A signal that the process ignores, as under nohup, stays ignored.
        numbers = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
        before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(*messages: str) -> int:
    # A progress bar may have left the cursor inside its line.
    start = "\n" if sys.stderr.isatty() else ""
    for message in messages:
        # Names of files and classes may hold control characters, which would move a terminal's cursor.
        line = "".join(letter if letter.isprintable() else " " for letter in " ".join(message.splitlines()))
        print(f"{start}coursework: error: {line[:LONGEST_LINE]}", file=sys.stderr)
        start = ""
    return 2


class _Parser(argparse.ArgumentParser):
    """Raises `UserError` for a mistake, where argparse would print the usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see `{self.prog} --help`")
