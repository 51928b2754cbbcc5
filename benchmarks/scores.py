"""Times every score of features against the reference implementations: `python -m benchmarks.scores`.

Each side runs in its own process; they take turns, one idle while the other is measured. Their values must agree.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import Worker, machine, read_results, table
from benchmarks.scores_worker import SCORES
from coursework.util.errors import UserError
from coursework.util.quiet import silence

RESULTS = Path(__file__).resolve().parent / "results" / "scores.json"
SIDES = ("coursework", "reference")
# How far values may differ: (relative, absolute). The references compute distances and kernels in single precision,
# so a row at the edge of a ball may fall on either side.
TOLERANCES = {
    "fid": (1e-6, 0.0),
    "kid": (1e-4, 1e-6),
    "is": (1e-7, 0.0),
    "precision_recall": (0.0, 1e-3),
    "density_coverage": (1e-3, 1e-3),
    "all_four": (1e-3, 1e-3),
}


def measure(rows: int, size: int, repeats: int, sides: Sequence[str] = SIDES, scores: Sequence[str] = SCORES) -> dict:
    """Return {"scores": {name: values and seconds of each side}, "peak_mib": of each side}.

    repeats: measurements of each side, in turns; medians count. Raises RuntimeError if the sides' values differ.
    """
    workers = []
    times = {name: {side: [] for side in sides} for name in scores}
    values = {name: {} for name in scores}
    try:
        workers += [Worker(side, rows, size, module="benchmarks.scores_worker") for side in sides]
        for name in scores:
            for _ in range(repeats):
                for worker in workers:
                    answer = worker.ask(f"score {name}")
                    times[name][worker.side].append(answer["seconds"])
                    values[name][worker.side] = answer["values"]
            check_values(name, values[name])
        peaks = {worker.side: worker.ask("peak") for worker in workers}
    finally:
        for worker in workers:
            worker.close()
    results = {
        name: {
            "values": values[name],
            "seconds": {side: statistics.median(seconds) for side, seconds in times[name].items()},
            "spread": {side: [min(seconds), max(seconds)] for side, seconds in times[name].items()},
        }
        for name in scores
    }
    return {"scores": results, "peak_mib": peaks}


def check_values(name: str, values: dict[str, list[float]]) -> None:
    """Raise RuntimeError if values {side: [numbers]} differ by more than the score's tolerance."""
    relative, absolute = TOLERANCES[name]
    own, *others = values.values()
    for other in others:
        pairs = list(zip(own, other, strict=True))
        if not all(abs(one - two) <= max(relative * abs(two), absolute) for one, two in pairs):
            raise RuntimeError(f"{name}: {own} here, {other} in the reference")


def rows_of_table(results: dict) -> list[list[str]]:
    """Return the table's lines as texts."""
    lines = [["score", "", "here s", "reference s", "times as fast"]]
    for name, result in results["scores"].items():
        seconds = result["seconds"]
        other = seconds.get("reference")
        value = ", ".join(f"{number:.4f}" for number in result["values"]["coursework"])
        faster = ["not timed", ""] if other is None else [f"{other:.2f}", f"{other / seconds['coursework']:.1f}"]
        lines.append([name, value, f"{seconds['coursework']:.2f}", *faster])
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scores", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000, help="features on each side (10000)")
    parser.add_argument("--features", type=int, default=2048, help="numbers in a feature (2048)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each side, in turns (3)")
    parser.add_argument("--scores", nargs="+", choices=SCORES, default=list(SCORES))
    parser.add_argument("--alone", action="store_true", help="without the references, which keep all pairs in memory")
    parser.add_argument("--json", type=Path, default=RESULTS, help="file for the results")
    parser.add_argument("--show", action="store_true", help="measure nothing: print the table of that file again")
    options = parser.parse_args(arguments)
    if options.show:
        print("\n".join(lines_of(read_results(options.json, "benchmarks.scores"))))
        return
    silence()
    sides = SIDES[:1] if options.alone else SIDES
    result = measure(options.rows, options.features, options.repeats, sides, options.scores)
    packages = () if options.alone else ("torch-fidelity", "prdc", "scikit-learn")
    size = {"rows": options.rows, "features": options.features, "repeats": options.repeats}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine("numpy", *packages), **size, **result}
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines_of(result)) + f"\nwritten to {options.json}")


def lines_of(result: dict) -> list[str]:
    """Return the lines printed for the content of the results file."""
    peaks = ", ".join(f"{side} {peak:,.0f} MiB" for side, peak in result["peak_mib"].items())
    size = f"{result['rows']:,} x {result['features']:,} features"
    return [
        table(rows_of_table(result)),
        "",
        f"{size}, medians of {result['repeats']}; peak memory: {peaks}; {result['machine']['machine']}",
    ]


if __name__ == "__main__":
    try:
        main()
    except (UserError, RuntimeError) as error:
        sys.exit(f"benchmark: error: {error}")
