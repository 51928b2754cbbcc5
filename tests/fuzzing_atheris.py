"""Mutations guided by coverage, for the package's own parsers: `python tests/fuzzing_atheris.py --seconds 60`.

Needs Atheris (`pip install atheris`, Linux and macOS), which the package and its tests do not. Each parser runs in its
own process, which ends at the first content that is neither read nor refused in one line.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# Names in `fuzzing_readers.READERS`.
PARSERS = (
    *("frozen graph", ".npz of images", ".npy of images", "log.csv", "prose.md", "choice of the gallery"),
    *("gallery of candidates", "config.json", "environment.json", "metrics.json", "records of a batch", "report.toml"),
    "original file of MNIST",
)
# Largest number of seconds and MiB that a content may take.
LONGEST, LARGEST = 20, 4096


def instrumented():
    """Import the readers with coverage; return the function that calls one of them, and valid contents."""
    import atheris

    with atheris.instrument_imports(include=["coursework"]), tempfile.TemporaryDirectory() as folder:
        from fuzzing import attempt
        from fuzzing_readers import READERS

        valid = {}
        for name in PARSERS:
            valid[name] = [content() if callable(content) else content for content in READERS[name][1]]
            # Readers import their needs when they read.
            attempt(name, valid[name][0], folder)
    return attempt, valid


def run(name, seconds, attempt, contents):
    """Fuzz a parser in a fork of this process; return (executions, features covered, fault or "")."""
    import atheris

    with tempfile.TemporaryDirectory() as place:
        corpus, folder, told = Path(place) / "corpus", Path(place) / "read", Path(place) / "told"
        corpus.mkdir()
        folder.mkdir()
        for index, content in enumerate(contents):
            (corpus / str(index)).write_bytes(content)
        limits = [f"-max_total_time={seconds}", f"-timeout={LONGEST}", f"-rss_limit_mb={LARGEST}"]
        options = [*limits, "-print_final_stats=1", "-max_len=20000", f"-artifact_prefix={Path.cwd()}/atheris-"]
        child = os.fork()
        if child == 0:
            with open(told, "wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            atheris.Setup([sys.argv[0], *options, str(corpus)], lambda content: attempt(name, content, folder))
            atheris.Fuzz()
            os._exit(1)
        _, status = os.waitpid(child, 0)
        text = told.read_text(errors="replace")
    counts = [*re.findall(r"number_of_executed_units:\s*(\d+)", text), *re.findall(r"DONE.* ft: (\d+)", text)]
    fault = text[-3000:] or "it ended without a word" if status or len(counts) != 2 else ""
    return *map(int, (*counts, 0, 0)[:2]), fault


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each parser (default 60)")
    parser.add_argument("--only", choices=PARSERS)
    arguments = parser.parse_args()
    try:
        attempt, valid = instrumented()
    except ImportError as error:
        print(f"nothing tried ({error}): pip install atheris")
        return 0
    print(f"{'parser':26} {'executions':>10} {'features':>8}", flush=True)
    faults = 0
    for name in [arguments.only] if arguments.only else PARSERS:
        executions, features, fault = run(name, arguments.seconds, attempt, valid[name])
        faults += bool(fault)
        print(f"{name:26} {executions:10,} {features:8,} {fault and 'FAULT'}", flush=True)
        if fault:
            print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
