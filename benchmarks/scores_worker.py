"""The scores of equal features by one implementation, in its own process.

`python -m benchmarks.scores_worker SIDE ROWS FEATURES` reads one command per line and answers each with a line of JSON:

    score NAME      one of `SCORES` -> {"seconds": s, "values": [..]}
    peak            -> largest resident memory so far in MiB

SIDE is "coursework" or "reference": torch-fidelity and, for density and coverage, their authors' own code. It uses all
processors that the process may run on.
"""

import contextlib
import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable

import numpy as np

SCORES = ("fid", "kid", "is", "precision_recall", "density_coverage", "all_four")
CLASSES = 1008
FACTORS = 64


def features(count: int, size: int, seed: int) -> np.ndarray:
    """Return float32 features (count, size): rectified mixtures of hidden factors, like those of a network.

    seed: of the rows; it changes their scale slightly, so that sets with different seeds differ.
    """
    mixture = np.random.default_rng(0).normal(size=(FACTORS, size)).astype(np.float32) / 8
    random = np.random.default_rng(seed)
    rows = np.empty((count, size), np.float32)
    for start in range(0, count, 1000):
        part = rows[start : start + 1000]
        factors = random.normal(size=(len(part), FACTORS)).astype(np.float32)
        noise = random.normal(size=part.shape).astype(np.float32)
        np.maximum(np.float32(1 + 0.02 * seed) * (factors @ mixture) + np.float32(0.1) * noise, 0, out=part)
    return rows


def own_scores() -> dict[str, Callable]:
    """Return {name: function of fake and real features and logits} for the package itself."""
    from coursework import metrics
    from coursework.metrics.manifold import manifold_scores

    return {
        "fid": lambda fake, real, logits: [metrics.frechet_distance(fake, real)],
        "kid": lambda fake, real, logits: metrics.kernel_distance(fake, real),
        "is": lambda fake, real, logits: metrics.inception_score(logits),
        "precision_recall": lambda fake, real, logits: metrics.precision_recall(fake, real),
        "density_coverage": lambda fake, real, logits: metrics.density_coverage(fake, real),
        "all_four": lambda fake, real, logits: [score.value for score in manifold_scores(fake, real).values()],
    }


def reference_scores(threads: int) -> dict[str, Callable]:
    """Return the same for the reference implementations, called on tensors as in their own packages."""
    import torch

    torch.set_num_threads(threads)
    from benchmarks.inception_worker import import_extractor

    import_extractor()
    from prdc import compute_prdc
    from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc

    def fid(fake, real, logits):
        statistics = [metric_fid.fid_features_to_statistics(torch.from_numpy(rows)) for rows in (fake, real)]
        return list(metric_fid.fid_statistics_to_metric(*statistics, verbose=False).values())

    def kid(fake, real, logits):
        options = {"kid_subsets": 100, "kid_subset_size": 1000, "rng_seed": 2020, "verbose": False}
        tensors = torch.from_numpy(fake), torch.from_numpy(real)
        return list(metric_kid.kid_features_to_metric(*tensors, **options).values())

    def precision_recall(fake, real, logits):
        options = {"prc_neighborhood": 3, "prc_batch_size": 10_000, "save_cpu_ram": False, "verbose": False}
        found = metric_prc.prc_features_to_metric(torch.from_numpy(fake), torch.from_numpy(real), **options)
        return [found["precision"], found["recall"]]

    def density_coverage(fake, real, logits):
        found = compute_prdc(real, fake, nearest_k=5)
        return [float(found["density"]), float(found["coverage"])]

    return {
        "fid": fid,
        "kid": kid,
        "is": lambda fake, real, logits: list(metric_isc.isc_features_to_metric(torch.from_numpy(logits)).values()),
        "precision_recall": precision_recall,
        "density_coverage": density_coverage,
        "all_four": lambda *sets: precision_recall(*sets) + density_coverage(*sets),
    }


def main(arguments: list[str]) -> None:
    """Answer commands until standard input ends."""
    side, rows, size = arguments[0], int(arguments[1]), int(arguments[2])
    scores = own_scores() if side == "coursework" else reference_scores(len(os.sched_getaffinity(0)))
    # Both sets share their hidden factors, so each lies partly on the other's manifold.
    fake, real = features(rows, size, 1), features(rows, size, 2)
    logits = 2 * np.random.default_rng(3).normal(size=(rows, CLASSES)).astype(np.float32)
    print("null", flush=True)
    for line in sys.stdin:
        command, *names = line.split()
        if command == "peak":
            answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        else:
            start = time.perf_counter()
            # prdc prints the number of rows.
            with contextlib.redirect_stdout(io.StringIO()):
                values = scores[names[0]](fake, real, logits)
            answer = {"seconds": time.perf_counter() - start, "values": [float(value) for value in values]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
