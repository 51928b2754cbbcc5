"""The largest resident memory of each verb, on real data: `python -m benchmarks.memory [--dataset cifar10]`.

Verbs run one after the other as a user's would, each in a process of its own, on a run that the first of them trains in
a temporary folder; the figure is what the system reports of the process at its end (children included).
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["--set", "generator_width=64", "--set", "discriminator_width=64"]


def verbs(dataset, epochs, samples):
    """Return {name: arguments of the command line}, in an order in which each finds what it needs."""
    return {
        "judge": ["judge", "--dataset", dataset, "--epochs", str(epochs)],
        "train sngan": ["train", "sngan", "--dataset", dataset, "--epochs", str(epochs), "--run", "gan", *SMALL],
        "train acai": [
            "train",
            "acai",
            "--dataset",
            dataset,
            "--epochs",
            str(epochs),
            "--run",
            "acai",
            "--set",
            "depth=8",
        ],
        "sample": ["sample", "gan", "--count", str(samples), "--output", "samples.npz"],
        "evaluate": ["evaluate", "gan", "--samples", str(samples)],
        "metrics": ["metrics", "samples.npz", f"{dataset}:train", "--metrics", "fd,kd,prdc"],
        "metrics memorisation": ["metrics", "samples.npz", f"{dataset}:train", "--metrics", "memorisation"],
        "pegasus": ["pegasus", "acai", "--dataset", dataset],
        "figures": ["figures", "gan", "acai"],
        "report": ["report", "gan", "acai", "--output", "report.pdf"],
    }


def peak(arguments, folder):
    """Run a verb in `folder` and return (exit code, largest resident memory in MiB, seconds)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    process = os.posix_spawn(
        "/usr/bin/env",
        ["env", "-C", str(folder), sys.executable, "-m", "coursework", *arguments],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(folder / "output.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        ],
    )
    _, status, usage = os.wait4(process, 0)
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss / unit, time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--only", nargs="*", help="names of verbs, quoted (default all)")
    arguments = parser.parse_args()
    print(f"{'verb':22} {'exit':>4} {'MiB':>7} {'seconds':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, line in verbs(arguments.dataset, arguments.epochs, arguments.samples).items():
            if arguments.only and name not in arguments.only:
                continue
            code, memory, seconds = peak(line, Path(folder))
            print(f"{name:22} {code:4} {memory:7.0f} {seconds:8.0f}", flush=True)


if __name__ == "__main__":
    main()
