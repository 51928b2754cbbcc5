"""The command line: parses, runs a verb, turns mistakes into one clear line and exit code 2."""

import argparse
import contextlib
import os
import signal
import sys
import threading
import traceback

from coursework import __version__
from coursework.cli.commands import add_verbs
from coursework.util.errors import UserError

# Seconds after which a request to end is made once more where nothing has come of it.
AGAIN = 5.0
# Letters of a message: a name in it may be as long as whoever gave it likes.
LONGEST_LINE = 2000


def main(arguments=None):
    """Run the command line and return its exit code: 0, or 2 after a mistake, a fault or an interruption."""
    try:
        arguments = _parser().parse_args(arguments)
    except UserError as error:
        return _fail(str(error))
    try:
        with _heeding_requests_to_end():
            arguments.verb(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads the output has seen enough. Python flushes once more at its end, and must not fail there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except UserError as error:
        if arguments.debug:
            traceback.print_exc()
        return _fail(*error.lines)
    except KeyboardInterrupt:
        return _fail(f"interrupted; {arguments.after_interruption}")
    except (MemoryError, OSError) as error:
        if arguments.debug:
            traceback.print_exc()
        return _fail(f"{type(error).__name__}: {error}")
    return 0


@contextlib.contextmanager
def _heeding_requests_to_end():
    """Let SIGTERM and a closed terminal end a verb as Ctrl-C does: half-written files are removed on the way out.

    An exception is lost where Python calls what may not fail, such as a destructor. So each of these signals comes once
    more after a while, to whoever heeds it then.
    """
    before, asked = {}, []

    def again(number, frame):
        signal.raise_signal(asked[-1])

    def interrupt(number, frame):
        # Once: what cleans up for longer than that is left to end.
        if hasattr(signal, "setitimer") and not asked:
            before.setdefault(signal.SIGALRM, signal.signal(signal.SIGALRM, again))
            asked.append(number)
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # What the process was told to ignore, as nohup does, stays ignored.
        before = {number: signal.signal(number, interrupt) for number in numbers if _ends(number)}
    try:
        yield
    finally:
        if asked:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in list(before.items()):
            signal.signal(number, handler)


def _ends(number):
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def _fail(*messages):
    # A progress bar may have left the cursor inside its line.
    start = "\n" if sys.stderr.isatty() else ""
    for message in messages:
        # Names of files and classes may hold anything, such as what moves a terminal's cursor.
        line = "".join(letter if letter.isprintable() else " " for letter in " ".join(message.splitlines()))
        print(f"{start}coursework: error: {line[:LONGEST_LINE]}", file=sys.stderr)
        start = ""
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
