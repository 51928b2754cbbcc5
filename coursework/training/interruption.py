"""Ctrl-C, SIGTERM and a closed terminal end training after the current step, so that its work is saved."""

import signal
import sys
import threading

from coursework.util.errors import UserError

# A laptop that is shut down sends the second, a terminal that is closed the third, which Windows lacks.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(UserError):
    """Training was asked to stop; the message says what is kept."""


class Interruption:
    """While it is entered, the first signal sets `requested`; a second one raises `KeyboardInterrupt` at once.

    Signals that the process ignores, as under nohup, stay ignored. Outside the main thread, which alone may handle
    signals, it does nothing.
    """

    def __init__(self):
        self.requested = False
        self.before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self.before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _handle(self, number, frame):
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        if sys.stderr.isatty():
            print("\nstopping after this step; once more to stop at once", file=sys.stderr)
