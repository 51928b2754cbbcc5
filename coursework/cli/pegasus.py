"""The verb `pegasus`: winged horses from trained runs."""

import argparse
from pathlib import Path

from coursework.cli.parsing import Verbs, add_verb, import_keras, names, positive, seed

KEPT = "candidates of finished strategies are kept: run the same command again to resume"


def add_pegasus(verbs: Verbs) -> None:
    """Add the verb `pegasus`."""
    parser = add_verb(verbs, "pegasus", _pegasus, "Generate winged horses from trained runs, and rank them.", KEPT)
    parser.add_argument(
        "run", metavar="RUN", nargs="*", help="runs to use (default: all suitable ones on the data set)"
    )
    parser.add_argument("--dataset", help="of the bodies and wings (default: that of the runs, else cifar10)")
    parser.add_argument("--body", default="horse", help="class of the body (default horse)")
    parser.add_argument("--wings", default="bird,airplane", help="classes of the wings (default bird,airplane)")
    parser.add_argument(
        "--strategies",
        metavar="NAMES",
        help="names separated by commas; an unknown one lists all (default: all that suit a run)",
    )
    parser.add_argument("--pool", type=positive, default=512, help="candidates of each strategy and run (default 512)")
    parser.add_argument(
        "--truncation",
        type=float,
        default=1.0,
        help="of samples of a winged class: factor that draws latents towards their mean (default 1, none)",
    )
    parser.add_argument(
        "--body-share",
        type=float,
        default=0.0,
        help="of samples of a winged class: share of the body's class that is mixed in (default 0)",
    )
    parser.add_argument("--count", type=positive, default=64, help="images to keep (default 64)")
    parser.add_argument("--seed", type=seed, default=0, help="equal seeds give equal candidates (default 0)")
    parser.add_argument(
        "--beside",
        metavar="IMAGES",
        action="append",
        default=[],
        help="another batch (folder or .npz) to score in the same comparison; repeatable",
    )
    parser.add_argument("--output", type=Path, default=Path("reports/pegasus"), help="folder (default reports/pegasus)")


def _pegasus(arguments: argparse.Namespace) -> None:
    from coursework.data import load_dataset
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run]
    import_keras(arguments)

    from coursework.evaluation.sources import batch_from
    from coursework.pegasus.making import make_pegasi, runs_of, source_of
    from coursework.pegasus.task import Sampling, Task
    from coursework.pegasus.witness import find_witness, require_witness

    wings, sampling = names(arguments.wings), Sampling(arguments.truncation, arguments.body_share)
    name = arguments.dataset or (source_of(runs[0]) if runs else "cifar10")
    runs = runs or runs_of(Run.all(), name, (arguments.body, *wings))
    dataset = load_dataset(name)
    task = Task(dataset, arguments.body, wings, require_witness(dataset), sampling)
    make_pegasi(
        task,
        runs,
        find_witness(dataset, "second"),
        names(arguments.strategies or "") or None,
        arguments.pool,
        arguments.count,
        arguments.seed,
        arguments.output,
        dataset.title,
        [batch_from(text, dataset) for text in arguments.beside],
    )
