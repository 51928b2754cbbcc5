"""Times Inception features against torch-fidelity on the same processor: `python -m benchmarks.inception`.

All sides have equal synthetic weights and must return equal features first. Each has its own process; they take turns.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import Worker, machine, read_results, table
from benchmarks.inception_worker import SIDES
from coursework.data import load_dataset, sprites
from coursework.metrics.frechet import frechet_distance
from coursework.util.errors import UserError
from coursework.util.quiet import silence

RESULTS = Path(__file__).resolve().parent / "results" / "inception.json"
BATCH_SIZES = (8, 16, 32, 64)
# Largest difference from torch-fidelity's features, whose values reach about three.
TOLERANCES = {"float32": 1e-4, "mixed_bfloat16": 3e-2}
REFERENCE = "torch-fidelity"
# torch-fidelity's default; it is measured with this and with the size that suits it best.
DEFAULT_BATCH_SIZE = 64


def measure(
    sides: Sequence[str], threads: int, repeats: int, batch_sizes: Sequence[int], seconds: float, count: int
) -> dict:
    """Return the results of all sides: images a second at their best batch sizes, and the effect of bfloat16.

    repeats: measurements of each side in turns, each of `seconds`. count: images of each set that the effect is
    measured on; 0 for none. Raises RuntimeError if the sides' features differ.
    """
    workers = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "check.npy", np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
        try:
            for side in sides:
                workers.append(Worker(side, threads, folder, module="benchmarks.inception_worker"))
            result = {"threads": threads, "differences": check_features(workers, folder)}
            trials = {
                worker.side: {size: worker.ask(f"rate {size} {1e3 * seconds}") for size in batch_sizes}
                for worker in workers
            }
            result |= {"trials": trials, "rates": _rates(workers, trials, repeats, seconds)}
            if count:
                result["bfloat16"] = effect_of_bfloat16(workers, folder, count)
        finally:
            for worker in workers:
                worker.close()
    return result


def _rates(workers: list[Worker], trials: dict, repeats: int, seconds: float) -> list[dict]:
    """Return a list of records, one for each side and batch size, measured in turns."""
    sizes = {side: {max(rates, key=rates.get)} for side, rates in trials.items()}
    sizes[REFERENCE].add(DEFAULT_BATCH_SIZE)
    found = {(worker, size): [] for worker in workers for size in sorted(sizes[worker.side])}
    for _ in range(repeats):
        for (worker, size), rates in found.items():
            rates.append(worker.ask(f"rate {size} {1e3 * seconds}"))
    return [
        {
            "side": worker.side,
            "batch_size": size,
            "images_per_second": statistics.median(rates),
            "spread": [min(rates), max(rates)],
        }
        for (worker, size), rates in found.items()
    ]


def check_features(workers: list[Worker], folder: Path) -> dict[str, float]:
    """Return {side: largest difference of its features from torch-fidelity's}."""
    features = {}
    for worker in workers:
        worker.ask("features check")
        features[worker.side] = np.load(folder / f"check-{worker.side}.npy")
    differences = {side: float(np.abs(values - features[REFERENCE]).max()) for side, values in features.items()}
    for side, difference in differences.items():
        if not difference <= TOLERANCES.get(side, 1e-4):
            raise RuntimeError(f"features of {side} differ from those of {REFERENCE} by {difference}")
    return differences


def effect_of_bfloat16(workers: list[Worker], folder: Path, count: int) -> dict:
    """Return Fréchet distances of sprites and CIFAR-10's test images, `count` of each, in both precisions."""
    per_class = -(-count // len(sprites.CLASS_NAMES))
    images = {
        "sprites": sprites.load(train_per_class=per_class, test_per_class=1).train_images,
        "cifar10": load_dataset("cifar10").test_images,
    }
    for name, array in images.items():
        # Images are sorted by class: take an equal share of each.
        np.save(folder / f"{name}.npy", array[np.linspace(0, len(array) - 1, count).astype(int)])
    features = {}
    for worker in workers:
        if worker.side in TOLERANCES:
            for name in images:
                worker.ask(f"features {name}")
                features[name, worker.side] = np.load(folder / f"{name}-{worker.side}.npy")
    distances = {side: frechet_distance(features["sprites", side], features["cifar10", side]) for side in TOLERANCES}
    exact, fast = distances["float32"], distances["mixed_bfloat16"]
    return {
        "images_of_each_set": count,
        "distance": distances,
        "relative_change": fast / exact - 1,
        # The distance of a set from itself in the other precision: the error of mixing precisions.
        "same_images": frechet_distance(features["cifar10", "float32"], features["cifar10", "mixed_bfloat16"]),
        "judge": effect_on_judge(np.load(folder / "sprites.npy"), np.load(folder / "cifar10.npy")),
    }


def effect_on_judge(fake: np.ndarray, real: np.ndarray) -> dict | None:
    """Return FD-judge of two sets of images in both precisions, None if there is no judge of CIFAR-10."""
    # Imported here, after `silence`, because it imports Keras.
    from coursework.extractors import judge as judges
    from coursework.extractors.recorded import extract

    judge = judges.find_judge(load_dataset("cifar10"))
    if judge is None:
        return None
    distances = {}
    for precision in TOLERANCES:
        classes = len(judge.class_names)
        model = judges.build(judge.model.input_shape[1:], classes, judge.width, precision=precision)
        model.set_weights(judge.model.get_weights())
        own = dataclasses.replace(judge, model=model)
        distances[precision] = frechet_distance(*(extract(own, images)["features"] for images in (fake, real)))
    change = distances["mixed_bfloat16"] / distances["float32"] - 1
    return {"distance": distances, "relative_change": change, "judge_sha256": judge.sha256}


HEADER = ["side", "batch", "images/s", "least", "most", "by its default", "by its best", "feature difference"]


def rows(result: dict) -> list[list[str]]:
    """Return the table's lines as texts: each rate, and its ratio to torch-fidelity's at the default and best batch."""
    own = {rate["batch_size"]: rate["images_per_second"] for rate in result["rates"] if rate["side"] == REFERENCE}
    return [HEADER] + [
        [
            rate["side"],
            str(rate["batch_size"]),
            f"{rate['images_per_second']:.1f}",
            *(f"{value:.1f}" for value in rate["spread"]),
            f"{rate['images_per_second'] / own[DEFAULT_BATCH_SIZE]:.2f}",
            f"{rate['images_per_second'] / max(own.values()):.2f}",
            f"{result['differences'][rate['side']]:.0e}",
        ]
        for rate in result["rates"]
    ]


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inception", description=__doc__.splitlines()[0])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES[:4]), help="all but the compiled one")
    parser.add_argument("--repeats", type=int, default=7, help="measurements of each side, in turns (7)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each (4)")
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=BATCH_SIZES, help="tried once each (8 16 32 64)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each side (all allowed)")
    parser.add_argument("--images", type=int, default=2000, help="of each set, for the effect of bfloat16; 0 for none")
    parser.add_argument("--json", type=Path, default=RESULTS, help="file for the results")
    parser.add_argument("--show", action="store_true", help="measure nothing: print the table of that file again")
    options = parser.parse_args(arguments)
    if options.show:
        print("\n".join(lines_of(read_results(options.json, "benchmarks.inception"))))
        return
    if REFERENCE not in options.sides or (options.images and not set(TOLERANCES) <= set(options.sides)):
        parser.error(f"needs the sides {REFERENCE} and, but for --images 0, {' and '.join(TOLERANCES)}")
    silence()
    result = measure(
        options.sides, options.threads, options.repeats, options.batch_sizes, options.seconds, options.images
    )
    result = {"machine": machine("torch-fidelity"), "repeats": options.repeats, **result}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines_of(result)) + f"\nwritten to {options.json}")


def lines_of(result: dict) -> list[str]:
    """Return the lines printed for the content of the results file."""
    lines = [
        table(rows(result)),
        "",
        f"by its default, by its best: ratios to {REFERENCE} at batch {DEFAULT_BATCH_SIZE} and at its fastest size",
    ]
    effect = result.get("bfloat16")
    if effect:
        lines.append(
            f"Fréchet distance of {effect['images_of_each_set']} sprites and as many CIFAR-10 test images, synthetic "
            f"weights: {effect['distance']['float32']:.4f} in float32, {effect['relative_change']:+.3%} in bfloat16; "
            f"the same images in both precisions: {effect['same_images']:.6f}"
        )
    if effect and effect["judge"]:
        lines.append(
            f"FD-judge of the same sets: {effect['judge']['distance']['float32']:.4f} in float32, "
            f"{effect['judge']['relative_change']:+.3%} in bfloat16"
        )
    return [*lines, f"medians of {result['repeats']} with {result['threads']} threads; {result['machine']['machine']}"]


if __name__ == "__main__":
    try:
        main()
    except (UserError, RuntimeError) as error:
        sys.exit(f"benchmark: error: {error}")
