"""Kills a real training at random moments, resumes it, and compares the outcome with an undisturbed training.

    python -m benchmarks.kill_and_resume --minutes 60 --preset sngan --epochs 3 --set generator_width=64

One training runs to its end undisturbed. Others with the same settings are killed (SIGKILL, mostly at a random moment,
sometimes while a state is being written) or asked to end (SIGTERM), and started again until they are finished. Their
resume state, log, sample grids and networks must then equal those of the first one, bit for bit under TensorFlow with
--deterministic. Every kill is a line of kills.csv; summary.json counts them.
"""

import argparse
import csv
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import h5py
import numpy as np

from coursework.training.run import Run
from coursework.util.files import TEMPORARY, write_text

# Ways to end a training early, and how often each is chosen.
WAYS = {"at a random moment": 6, "while a state is written": 3, "asked to end": 1}
# Seconds to wait for a state to be written, or for a training that was asked to end.
PATIENCE = 900


def states(run: Run) -> list[str]:
    """Return the names of the resume states in `run`; the package's own function would import Keras."""
    names = [file.name for file in run.backup.glob("state-*.npz")]
    return sorted(names, key=lambda name: [int(part) for part in name.split("-")[1].split(".")])


def command(arguments: argparse.Namespace, run: Run) -> list[str]:
    """Return the command line of a training in `run`."""
    settings = [part for text in arguments.set for part in ("--set", text)]
    return [
        *(sys.executable, "-m", "coursework", "train", arguments.preset, "--dataset", arguments.dataset),
        *("--epochs", str(arguments.epochs), "--seed", str(arguments.seed), "--run", str(run.path), "--deterministic"),
        *settings,
    ]


def start(arguments: argparse.Namespace, run: Run) -> subprocess.Popen:
    """Start a training and return its process; its output goes to a .txt file next to the run."""
    with open(run.path.with_suffix(".txt"), "ab") as output:
        return subprocess.Popen(command(arguments, run), stdout=output, stderr=output)


def train_undisturbed(arguments: argparse.Namespace, run: Run) -> float:
    """Train to the end and return the seconds it took."""
    started = time.monotonic()
    process = start(arguments, run)
    if process.wait() != 0:
        raise SystemExit(f"the undisturbed training failed: see {run.path.with_suffix('.txt')}")
    return time.monotonic() - started


def is_writing(run: Run) -> bool:
    """Return whether a state is being written at this moment."""
    return any(run.backup.glob(f"{TEMPORARY}*.npz"))


def end_early(process: subprocess.Popen, way: str, run: Run, generator: random.Random, seconds: float) -> bool:
    """End a training in one of the `WAYS`; return False if it had already ended by itself."""
    deadline = time.monotonic() + (
        generator.uniform(0, 0.6 * seconds) if way != "while a state is written" else PATIENCE
    )
    while time.monotonic() < deadline and process.poll() is None:
        if way == "while a state is written":
            if is_writing(run):
                time.sleep(generator.uniform(0, 0.02))
                break
            time.sleep(0.0005)
        else:
            time.sleep(min(0.05, max(0.0, deadline - time.monotonic())))
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGTERM if way == "asked to end" else signal.SIGKILL)
    process.wait(PATIENCE)
    return True


def place(run: Run) -> str:
    """Return in words where a training was when it was killed, from the files it left."""
    left = [file.parent for file in run.path.rglob(f"{TEMPORARY}*")]
    if run.backup in left:
        return "writing a state"
    if left:
        return "writing another file"
    if not states(run):
        return "before the first state"
    return "between states"


def weights(file: Path) -> dict[str, np.ndarray]:
    """Return {path: array} of the weights in a .keras file."""
    found = {}
    with zipfile.ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as content:
        content.visititems(
            lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    return found


def differences(run: Run, expected: Run) -> list[str]:
    """Return the names of the parts in which two finished runs differ."""
    different = []
    if states(run)[-1:] != states(expected)[-1:]:
        # Their names hold the SHA-256 of the whole training state.
        different.append("resume state")
    logs = [{name: column for name, column in one.read_log().items() if name != "seconds"} for one in (run, expected)]
    if json.dumps(logs[0]) != json.dumps(logs[1]):
        different.append("log")
    for folder in ("samples", "best"):
        pairs = [
            {file.name: file.read_bytes() for file in (one.path / folder).glob("*.[pj]*")} for one in (run, expected)
        ]
        if pairs[0] != pairs[1]:
            different.append(folder)
    for file in sorted(expected.path.rglob("*.keras")):
        other = run.path / file.relative_to(expected.path)
        ours, theirs = weights(other) if other.is_file() else {}, weights(file)
        if set(ours) != set(theirs) or not all(np.array_equal(ours[name], theirs[name]) for name in theirs):
            different.append(str(file.relative_to(expected.path)))
    return different


def main() -> None:
    arguments = parse()
    folder = Path(arguments.folder)
    if folder.exists():
        raise SystemExit(f"{folder} exists already: give another --folder")
    folder.mkdir(parents=True)
    generator = random.Random(arguments.seed)
    straight = Run(folder / "straight")
    seconds = train_undisturbed(arguments, straight)
    print(f"undisturbed: {seconds:.0f} s", flush=True)
    end = time.monotonic() + 60 * arguments.minutes
    rows, outcomes, failures = [], [], []
    while time.monotonic() < end and not failures:
        run = Run(folder / f"disturbed-{len(outcomes) + 1}")
        if train_disturbed(arguments, run, generator, seconds, end, rows, folder / "kills.csv"):
            outcomes.append(outcome_of(run, straight, rows))
        else:
            failures.append(run.path.name)
            print(f"{run.path.name} FAILED: see {run.path.with_suffix('.txt')}", flush=True)
    summary = summarise(arguments, seconds, rows, outcomes, failures)
    write_text(folder / "summary.json", json.dumps(summary, indent=1) + "\n")
    print(json.dumps({key: value for key, value in summary.items() if key != "outcomes"}, indent=1))
    sys.exit(0 if summary["equal"] == len(outcomes) and not failures else 1)


def train_disturbed(
    arguments: argparse.Namespace,
    run: Run,
    generator: random.Random,
    seconds: float,
    end: float,
    rows: list[dict],
    file: Path,
) -> bool:
    """Train `run`, ending it early again and again until `end`; return whether it finished without a fault.

    generator: draws the ways and moments. seconds: of an undisturbed training. rows: of `file`, one per end.
    """
    while True:
        process = start(arguments, run)
        way = generator.choices(list(WAYS), WAYS.values())[0] if time.monotonic() < end else None
        if way is None or not end_early(process, way, run, generator, seconds):
            return process.wait() == 0
        rows.append({"run": run.path.name, "way": way, "place": place(run), "states": len(states(run))})
        with open(file, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def outcome_of(run: Run, straight: Run, rows: list[dict]) -> dict:
    """Return how a disturbed run differs from the undisturbed one; remove it if it does not."""
    different = differences(run, straight)
    litter = [file.name for file in run.path.rglob(f"{TEMPORARY}*")]
    kills = sum(row["run"] == run.path.name for row in rows)
    print(f"{run.path.name}: ended early {kills} times, differs in {', '.join(different) or 'nothing'}", flush=True)
    if not different:
        shutil.rmtree(run.path)
    return {"run": run.path.name, "different": different, "litter": litter}


def summarise(
    arguments: argparse.Namespace, seconds: float, rows: list[dict], outcomes: list[dict], failures: list[str]
) -> dict:
    """Return the content of summary.json."""
    return {
        "preset": arguments.preset,
        "dataset": arguments.dataset,
        "epochs": arguments.epochs,
        "settings": arguments.set,
        "undisturbed_seconds": round(seconds, 1),
        "minutes": arguments.minutes,
        "ended_early": len(rows),
        "ways": Counter(row["way"] for row in rows),
        "places": Counter(row["place"] for row in rows),
        "finished": len(outcomes),
        "equal": sum(not outcome["different"] and not outcome["litter"] for outcome in outcomes),
        "failed": failures,
        "outcomes": outcomes,
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--preset", default="sngan")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--folder", default="kills", help="where to write (default kills); must not exist yet")
    return parser.parse_args()


if __name__ == "__main__":
    main()
