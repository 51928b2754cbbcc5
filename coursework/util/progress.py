"""How far a long computation is and how long it will still take, on standard error."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress:
    """A bar on a terminal, otherwise a line a minute. Work of less than 0.2 s shows nothing.

    title: what is computed. total: number of `unit` in all; without a unit the share is shown. Use as a context
    manager, so that an error leaves the bar on its own line.
    """

    def __init__(self, title: str, total: int | None = None, unit: str | None = "images") -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.terminal = sys.stderr.isatty()
        self.interval = 0.2 if self.terminal else 60.0
        self.started = self.shown = time.perf_counter()
        self.found = 0
        self.bar: Bar | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def update(self, done: int, found: int = 0) -> None:
        """Report that `done` of the total are done and that the last `found` of them needed no work."""
        self.found += found
        now = time.perf_counter()
        if now - self.shown < self.interval and not (self.bar and done == self.total):
            return
        self.shown = now
        text = self.describe(done, now - self.started)
        if not self.terminal:
            print(text, file=sys.stderr, flush=True)
            return
        if self.bar is None:
            self.bar = _started_bar()
        self.bar.update(self.bar.task_ids[0], description=text, completed=done, total=self.total)
        self.bar.refresh()

    def step(self, done: int, total: int) -> None:
        """Report that `done` of `total` steps are done, the callback of scores; step 1 starts a new count."""
        if done == 1:
            self.started = time.perf_counter()
        self.total = total
        self.update(done)

    def describe(self, done: int, seconds: float) -> str:
        """Return the line after `seconds`; the time left assumes that all of the rest needs work."""
        total = self.total or 0
        text = f"{self.title}: {done:,} of {total:,} {self.unit}"
        if not self.unit:
            text = f"{self.title}: {100 * done / max(total, 1):.0f} %"
        rate = (done - self.found) / seconds if seconds > 0 else 0
        if rate <= 0:
            return text
        if self.unit:
            text += f", {rate:,.{0 if rate >= 10 else 1}f} {self.unit}/s"
        return text if done == total else f"{text}, {duration((total - done) / rate)} left"


def _started_bar() -> "Bar":
    """Return rich's bar of one task on standard error; imported here, since most computations are short."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = BarColumn(20), TextColumn("{task.description}", markup=False)
    # Standard output is for results.
    bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, redirect_stdout=False)
    bar.add_task("", total=None)
    bar.start()
    return bar


def epoch_verbosity(shown: bool = True) -> int:
    """Return Keras's `verbose` for `fit`: a bar on a terminal, a line an epoch otherwise, nothing unless `shown`.

    In a log file a bar would leave its every state.
    """
    if not shown:
        return 0
    return 1 if sys.stdout.isatty() else 2


def duration(seconds: float) -> str:
    """Return a number of seconds in words: "8 s", "12 min", "3 h 5 min"."""
    seconds = round(seconds)
    if seconds < 100:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
