"""The verb that puts training images of winged animals together."""

import argparse
from pathlib import Path

from coursework.cli.parsing import Verbs, add_verb, import_keras, positive, seed


def add_collages(verbs: Verbs) -> None:
    """Add the verb `collages`."""
    parser = add_verb(
        verbs,
        "collages",
        _collages,
        "Set wings cut from one class upon bodies of another: a data set folder to train a winged class on.",
        "nothing was written",
    )
    parser.add_argument("--dataset", default="cifar10", help="cifar10 (default), sprites or a folder of images")
    parser.add_argument("--body", default="horse", help="class of the bodies (default horse)")
    parser.add_argument("--wings", default="bird", help="class of the wings (default bird)")
    parser.add_argument(
        "--others", default="airplane", help="further classes whose images are written too (default airplane)"
    )
    parser.add_argument("--count", type=positive, default=10_000, help="collages for training (default 10,000)")
    parser.add_argument("--seed", type=seed, default=0, help="of all draws: the same seed gives the same (default 0)")
    parser.add_argument("--output", type=Path, help="folder (default data/<data set>-pegasus)")


def _collages(arguments: argparse.Namespace) -> None:
    import_keras(arguments)

    from coursework.data import load_dataset
    from coursework.pegasus.collages.dataset import write_collages

    dataset = load_dataset(arguments.dataset)
    others = [name.strip() for name in arguments.others.split(",") if name.strip()]
    folder = arguments.output or Path("data") / f"{dataset.name}-pegasus"
    write_collages(dataset, folder, arguments.body, arguments.wings, others, arguments.count, arguments.seed)
