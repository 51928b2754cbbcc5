"""Damaged files for everything that reads files: mutated, cut, oversized, invented.

`python tests/fuzzing.py --examples 10000` tries that many per reader and prints a table; the tests try fewer.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fuzzing_readers import READERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coursework.util.errors import UserError

# Processor seconds after which a reader counts as hanging.
LONGEST = 20


@st.composite
def damaged(draw, contents):
    """Draw one of `contents` with damage: cut, bytes changed, parts doubled, removed or inserted."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        kind = draw(st.sampled_from(["cut", "byte", "bit", "insert", "remove", "double", "number", "token"]))
        if kind == "cut":
            del content[place:]
        elif kind == "byte" and content:
            content[place] = draw(st.integers(0, 255))
        elif kind == "bit" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "insert":
            content[place:place] = draw(st.binary(max_size=64))
        elif kind == "remove":
            del content[place : place + draw(st.integers(1, 64))]
        elif kind == "double":
            part = content[place : place + draw(st.integers(1, 200))]
            content[place:place] = part * draw(st.integers(1, 50))
        elif kind == "number":
            width = draw(st.sampled_from([1, 2, 4, 8]))
            number = draw(st.sampled_from([0, 1, 2 ** (8 * width - 1) - 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1]))
            content[place : place + width] = number.to_bytes(width, draw(st.sampled_from(["little", "big"])))
        elif kind == "token":
            tokens = [b"null", b"NaN", b"-Infinity", b"1e999", b"[" * 3000, b'{"a":', b"9" * 5000, b"<script>", b"\x00"]
            content[place:place] = draw(st.sampled_from(tokens))
    return bytes(content)


class Hang(BaseException):
    """A reader took longer than `LONGEST` processor seconds."""


@contextlib.contextmanager
def no_longer_than(seconds):
    """Raise `Hang` in the block after `seconds` of processor time, on systems that count it."""
    if not hasattr(signal, "SIGPROF"):
        yield
        return

    def ring(number, frame):
        raise Hang(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def try_one(name, content, folder):
    """Pass `content` to a reader; return "read" or "refused". Anything else raises, including too much time."""
    with no_longer_than(LONGEST):
        return attempt(name, content, folder)


def attempt(name, content, folder):
    """Do the same without a limit of time."""
    file_name, _, read = READERS[name]
    file = Path(folder) / file_name
    file.write_bytes(content)
    before = sorted(os.listdir(folder))
    try:
        read(file)
        outcome = "read"
    except UserError as error:
        assert str(error).strip(), "an empty message"
        outcome = "refused"
    left = [entry for entry in os.listdir(folder) if entry not in before and entry != "best"]
    assert not left, f"it left {left}"
    return outcome


def fuzz(name, examples, derandomize=True):
    """Try `examples` damaged files on a reader and return {"read": n, "refused": n}."""
    contents = [entry() if callable(entry) else entry for entry in READERS[name][1]]
    counts = {"read": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as folder:
        for content in contents:
            assert try_one(name, content, folder) == "read" or name.startswith("record of a "), name

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
        )
        @given(damaged(contents))
        def run(content):
            counts[try_one(name, content, folder)] += 1

        run()
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000, help="damaged files for each reader (default 1000)")
    parser.add_argument("--only", choices=list(READERS))
    arguments = parser.parse_args()
    os.environ.setdefault("COURSEWORK_CACHE", tempfile.mkdtemp())
    print(f"{'reader':26} {'tried':>8} {'refused':>8} {'read':>8} {'other':>8} {'seconds':>8}")
    for name in [arguments.only] if arguments.only else READERS:
        started = time.perf_counter()
        counts = fuzz(name, arguments.examples, derandomize=False)
        tried, seconds = sum(counts.values()), time.perf_counter() - started
        print(f"{name:26} {tried:8} {counts['refused']:8} {counts['read']:8} {0:8} {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
