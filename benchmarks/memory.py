"""Peak resident memory of each verb on real data: `python -m benchmarks.memory [--dataset cifar10]`.

Verbs run one after the other, each in its own process, on runs that the first of them train in a temporary folder. The
result is what the system reports when the process ends, children included. Trainings are short: memory does not grow
with epochs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import ROOT, read_results
from coursework.util.errors import UserError

RESULTS = Path(__file__).resolve().parent / "results" / "memory.json"
GAN = ["--set", "generator_width=64", "--set", "discriminator_width=64"]
ACAI = ["--set", "depth=8"]
HEADER = f"{'verb':24} {'exit':>4} {'MiB':>7}"
# What results in one file have in common.
SETTINGS = ("dataset", "epochs", "samples")


def commands(dataset: str, epochs: int, samples: int) -> dict[str, list[str]]:
    """Return {name: arguments of the command line}, in an order in which each finds what it needs."""
    data, count = ["--dataset", dataset, "--epochs", str(epochs)], ["--samples", str(samples)]
    pegasus = ["pegasus", "gan", "acai", "--dataset", dataset, "--pool", "128"]
    return {
        "judge": ["judge", *data],
        "judge, witness": ["judge", *data, "--role", "witness"],
        "judge, second witness": ["judge", *data, "--role", "second"],
        "train sngan": ["train", "sngan", *data, "--run", "gan", *GAN],
        "train acai": ["train", "acai", *data, "--run", "acai", *ACAI],
        "study": ["study", "loss", "gan", *data, "--vary", "loss=hinge", "--samples", "1000", *GAN],
        "sample": ["sample", "gan", "--count", str(samples), "--output", "samples.npz"],
        "evaluate": ["evaluate", "gan", *count],
        "metrics": ["metrics", "samples.npz", f"{dataset}:train", "--metrics", "fd,kd,prdc"],
        "metrics, memorisation": ["metrics", "samples.npz", f"{dataset}:train", "--metrics", "memorisation"],
        "compare": ["compare", "gan", "acai"],
        "tables": ["tables", "--runs", "gan", "acai"],
        "downstream": ["downstream", "acai"],
        "aggregate-posterior": ["aggregate-posterior", "acai", *count],
        "pegasus, interpolation": [*pegasus, "--strategies", "interpolation,masked_interpolation"],
        "pegasus, latent search": [*pegasus, "--strategies", "latent_search", "--output", "searched"],
        "presets": ["presets"],
        "doctor": ["doctor"],
        "collages": ["collages", "--dataset", dataset],
        "panel": ["panel", "--dataset", dataset],
        "figures": ["figures", "gan", "acai"],
        "report": ["report", "gan", "acai"],
        # Refused, because the title page is missing among other things: exit code 2.
        "submission": ["submission", "gan", "acai"],
        "rings": ["rings", "--steps", "1000", "--seeds", "1", "--settings", "gan", "--mixtures", "ring"],
        "lesson": ["lesson", "--steps", "1000", "--seeds", "1"],
        "lines": ["lines", "--images", "16384"],
        "demo": ["demo"],
        "pegasus-benchmark": ["pegasus-benchmark", "--pool", "64", "--epochs", "1"],
    }


def peak(arguments: list[str], folder: Path) -> tuple[int, float]:
    """Run a verb in `folder` and return (exit code, peak resident memory in MiB)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = str(folder / "output.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
    process = os.posix_spawn(
        "/usr/bin/env",
        ["env", "-C", str(folder), sys.executable, "-m", "coursework", *arguments],
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, stream, *output) for stream in (1, 2)],
    )
    _, status, usage = os.wait4(process, 0)
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss / unit


def machine_apart() -> dict[str, str]:
    """Return what results depend on, from another process: a child's peak is never below its parent's memory."""
    program = "import json; from benchmarks.common import machine; print(json.dumps(machine()))"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def row(result: dict) -> str:
    """Return a result as a line of the table."""
    return f"{result['name']:24} {result['exit']:4} {result['mebibytes']:7.0f}"


def lines_of(content: dict) -> list[str]:
    """Return the lines of the table of all results."""
    settings = f"{content['dataset']}, {content['samples']:,} samples, {content['epochs']} epoch"
    return [settings, HEADER, *map(row, content["verbs"])]


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Run the verbs in `folder`; after each write the results, replacing earlier ones of the same verb."""
    settings = {name: getattr(options, name) for name in SETTINGS}
    found = {}
    if options.json.is_file():
        before = read_results(options.json, "benchmarks.memory")
        if {name: before.get(name) for name in SETTINGS} == settings:
            found = {result["name"]: result for result in before["verbs"]}
    print(HEADER)
    lines, where = commands(**settings), machine_apart()
    for name in options.only or lines:
        code, mebibytes = peak(lines[name], folder)
        found[name] = {
            "name": name,
            "arguments": lines[name],
            "exit": code,
            "mebibytes": round(mebibytes),
        }
        print(row(found[name]), flush=True)
        verbs = [found[name] for name in lines if name in found]
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"machine": where, **settings, "verbs": verbs}, indent=1) + "\n")
    print(f"written to {options.json}")


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--only", nargs="*", help="names of verbs, quoted (default all)")
    parser.add_argument("--folder", type=Path, help="where to work, and to continue with --only (default: temporary)")
    parser.add_argument("--json", type=Path, default=RESULTS, help="file for the results")
    parser.add_argument("--show", action="store_true", help="measure nothing: print the table of that file again")
    options = parser.parse_args(arguments)
    if options.show:
        print("\n".join(lines_of(read_results(options.json, "benchmarks.memory"))))
        return
    unknown = set(options.only or ()) - set(commands(options.dataset, options.epochs, options.samples))
    if unknown:
        raise UserError(f"no verb {', '.join(sorted(unknown))}; there are {', '.join(commands('', 1, 1))}")
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        measure(options, options.folder.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"benchmark: error: {error}")
