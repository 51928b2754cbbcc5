"""Times a training step of each preset against the same work in PyTorch: `python -m benchmarks.training_step`.

Each side runs in its own process; they take turns, one idle while the other is measured. Both start from equal weights,
and their losses must agree over three steps of shared random numbers before anything is timed.
"""

import argparse
import dataclasses
import json
import math
import os
import pty
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import ROOT, Worker, earlier, machine, read_results, table
from benchmarks.parity import check_losses, compared, tolerances
from coursework.config.presets import PRESETS
from coursework.config.schema import Config
from coursework.util.errors import UserError
from coursework.util.quiet import silence

RESULTS = Path(__file__).resolve().parent / "results" / "training_step.json"
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
# The demo's presets are narrow copies of these.
PAPERS = ["gan", "sngan", "sngan-resnet", "vae", "acai"]
SIDES = ("coursework", "torch", "torch-compiled")
BATCH_SIZE = 64
# Keras's progress bar after the first step: "1/156 ━━━━ 2:10 839ms/step".
FIRST_STEP = re.compile(rb"(?<!Epoch )\b1/\d+\x1b?[^\n]*s/step")


def measure(config: Config, precision: str, repeats: int, sides: Sequence[str] = SIDES, seconds: float = 2.0) -> dict:
    """Return the results of one configuration: losses that agree, and milliseconds of a step on each side.

    repeats: measurements of each side, taken in turns, each of as many steps as fill `seconds`; 0 for losses only.
    Raises RuntimeError if the sides' losses differ.
    """
    config = dataclasses.replace(config, batch_size=BATCH_SIZE, precision=PRECISIONS[precision])
    workers = []
    with tempfile.TemporaryDirectory() as folder:
        config_file = Path(folder) / "config.json"
        config_file.write_text(config.to_json(), encoding="utf-8")
        try:
            for side in sides:
                workers.append(Worker(side, config_file, folder))
            losses = {worker.side: worker.ask("losses 3") for worker in workers}
            result = {"preset": config.preset, "precision": precision, "losses": losses}
            limits = tolerances(config, precision)
            result["loss_differences"] = check_losses(compared(losses, config, precision), *limits)
            result["gflop"] = workers[0].ask("flops") / 1e9
            if repeats:
                result |= _times(workers, repeats, seconds)
        finally:
            for worker in workers:
                worker.close()
    return result


def _times(workers: list[Worker], repeats: int, seconds: float) -> dict:
    steps = {worker.side: _steps(worker, seconds) for worker in workers}
    times = {worker.side: [] for worker in workers}
    peaks = []
    for _ in range(repeats):
        for worker in workers:
            times[worker.side].append(statistics.median(worker.ask(f"time {steps[worker.side]}")))
            peaks.append(worker.ask("peak"))
    return {
        "milliseconds": {side: 1e3 * statistics.median(values) for side, values in times.items()},
        "spread": {side: [1e3 * min(values), 1e3 * max(values)] for side, values in times.items()},
        "peak_gflops": max(peaks),
    }


def _steps(worker: Worker, seconds: float) -> int:
    """Warm up a worker and return how many steps fill `seconds`."""
    worker.ask("time 1")
    return max(1, min(50, round(seconds / worker.ask("time 1")[0])))


def seconds_to_first_step(preset: str = "gan", dataset: str = "sprites") -> float:
    """Return the seconds from `python -m coursework train` to its progress bar's first step, then stop it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "coursework", "train", preset, "--dataset", dataset, "--run", f"{folder}/run"]
        ours, theirs = pty.openpty()
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        try:
            while not FIRST_STEP.search(seen):
                seen += os.read(ours, 65536)
            return time.perf_counter() - begun
        except OSError as error:
            raise RuntimeError(f"training ended before its first step: {seen.decode(errors='replace')}") from error
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def row(result: dict) -> list[str]:
    """Return one line of the table as texts."""
    times = result["milliseconds"]
    other = min(value for side, value in times.items() if side != "coursework")
    gflops = {side: result["gflop"] / value * 1e3 for side, value in (("own", times["coursework"]), ("other", other))}
    compiled = times.get("torch-compiled", math.nan)
    return [
        result["preset"],
        result["precision"],
        f"{times['coursework']:.0f}",
        f"{times['torch']:.0f}",
        f"{compiled:.0f}",
        f"{times['coursework'] / other:.2f}",
        f"{result['gflop']:.0f}",
        f"{gflops['own'] / result['peak_gflops']:.0%}",
        f"{gflops['other'] / result['peak_gflops']:.0%}",
        f"{max(result['loss_differences']):.0e}",
    ]


HEADER = ["preset", "precision", "here ms", "PyTorch ms", "compiled ms", "ratio"] + [
    "GFLOP",
    "of peak",
    "PyTorch of peak",
    "loss difference",
]

RATIO = "ratio: our time by that of PyTorch's faster form"


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_step", description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PAPERS)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--repeats", type=int, default=7, help="measurements of each side, in turns (7)")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out, which takes minutes")
    parser.add_argument("--no-startup", action="store_true", help="leave the start-up time out")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting, as in train")
    parser.add_argument("--json", type=Path, default=RESULTS, help="file for the results")
    parser.add_argument("--show", action="store_true", help="measure nothing: print the table of that file again")
    options = parser.parse_args(arguments)
    if options.show:
        show(options.json)
        return
    sides = SIDES[:2] if options.no_compile else SIDES
    # `machine` imports Keras, whose messages would come between the rows.
    silence()
    results = {"machine": machine(), "settings": options.set, "steps": []}
    results = earlier(options.json, results, "benchmarks.training_step") or results
    if not options.no_startup:
        results["startup_seconds"] = seconds_to_first_step()
        print(f"start-up: {results['startup_seconds']:.1f} s from the command to the first step", flush=True)
    lines = [HEADER]
    for name in options.presets:
        config = PRESETS[name]
        for assignment in options.set:
            config = config.with_setting(*assignment.split("=", 1))
        for precision in options.precisions:
            result = {**measure(config, precision, options.repeats, sides), "repeats": options.repeats}
            results["steps"] = sorted(
                [result, *(step for step in results["steps"] if place(step) != place(result))], key=place
            )
            lines.append(row(result))
            print("  ".join(lines[-1]), flush=True)
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\n{table(lines)}\n\n{RATIO}; written to {options.json}")


def place(step: dict) -> tuple[int, int]:
    """Return the place of a measured step in the table."""
    return list(PRESETS).index(step["preset"]), list(PRECISIONS).index(step["precision"])


def show(file: Path) -> None:
    """Print the table of a file that `main` wrote, and the machine it was measured on."""
    results = read_results(file, "benchmarks.training_step")
    if "startup_seconds" in results:
        print(f"start-up: {results['startup_seconds']:.1f} s from the command to the first step")
    print(table([HEADER, *(row(result) for result in results["steps"])]))
    machine, versions = results["machine"]["machine"], list(results["machine"].items())[1:]
    repeats = sorted({step["repeats"] for step in results["steps"]})
    print(f"\n{RATIO}; medians of {' or '.join(map(str, repeats))}")
    print("; ".join([machine, *(f"{name} {value}" for name, value in versions)]))


if __name__ == "__main__":
    try:
        main()
    except (UserError, RuntimeError) as error:
        sys.exit(f"benchmark: error: {error}")
