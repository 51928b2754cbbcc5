"""How far a long work is and how long it will still take, on standard error."""

import sys
import time


class Progress:
    """One line on a terminal, kept up to date; where standard error is none, a line a minute.

    title: what is being worked on. total: how many `unit` there are; without a unit the share is shown. Use as a
    context manager, so that a fault leaves the line behind it.
    """

    def __init__(self, title, total=None, unit="images"):
        self.title = title
        self.total = total
        self.unit = unit
        self.terminal = sys.stderr.isatty()
        self.interval = 0.2 if self.terminal else 60.0
        self.started = self.shown = time.perf_counter()
        self.found = 0
        self.width = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.width:
            print(file=sys.stderr)

    def update(self, done, found=0):
        """Tell that `done` of the total are done, `found` of them without work; shown at most five times a second."""
        self.found += found
        now = time.perf_counter()
        if now - self.shown < self.interval and not (self.width and done == self.total):
            return
        self.shown = now
        text = self.describe(done, now - self.started)
        if self.terminal:
            print(f"\r{text:{self.width}}", end="", file=sys.stderr, flush=True)
            self.width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def step(self, done, total):
        """Tell that `done` of `total` are done, as scores report it; a first step begins a count of its own."""
        if done == 1:
            self.started = time.perf_counter()
        self.total = total
        self.update(done)

    def describe(self, done, seconds):
        """Return the line after `seconds`; the time left assumes that nothing of the rest is found."""
        text = f"{self.title}: {done:,} of {self.total:,} {self.unit}"
        if not self.unit:
            text = f"{self.title}: {100 * done / self.total:.0f} %"
        rate = (done - self.found) / seconds if seconds > 0 else 0
        if rate <= 0:
            return text
        if self.unit:
            text += f", {rate:,.{0 if rate >= 10 else 1}f} {self.unit}/s"
        return text if done == self.total else f"{text}, {duration((self.total - done) / rate)} left"


def epoch_verbosity(shown=True):
    """Return Keras's `verbose` for `fit`: a bar on a terminal, a line an epoch elsewhere, nothing unless `shown`.

    A bar that redraws itself fills a log file with its every state.
    """
    if not shown:
        return 0
    return 1 if sys.stdout.isatty() else 2


def duration(seconds):
    """Return a number of seconds in words: "8 s", "12 min", "3 h 5 min"."""
    seconds = round(seconds)
    if seconds < 100:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
