"""The verb `pegasus`: winged horses from trained runs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from coursework.cli.parsing import Verbs, add_verb, import_keras, names, positive, seed
from coursework.util.errors import UserError

if TYPE_CHECKING:
    from coursework.data import Dataset
    from coursework.evaluation.sources import ImageSet

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
    from coursework.data import cifar10, load_dataset
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run]
    import_keras(arguments)

    from coursework.pegasus.making import make_pegasi, runs_of, source_of
    from coursework.pegasus.task import Task
    from coursework.pegasus.witness import find_witness, require_witness

    wings = names(arguments.wings)
    name = arguments.dataset or (source_of(runs[0]) if runs else "cifar10")
    runs = runs or runs_of(Run.all(), name, (arguments.body, *wings))
    dataset = load_dataset(name)
    task = Task(dataset, arguments.body, wings, require_witness(dataset))
    make_pegasi(
        task,
        runs,
        find_witness(dataset, "second"),
        names(arguments.strategies or "") or None,
        arguments.pool,
        arguments.count,
        arguments.seed,
        arguments.output,
        cifar10.label() if name == "cifar10" else dataset.name,
        [batch_from(text, dataset) for text in arguments.beside],
    )


def batch_from(text: str, dataset: "Dataset") -> "ImageSet":
    """Return the images in a folder or an array file as an `ImageSet`, named after its path.

    Raises `UserError` for anything else, and for images of another size than those of `dataset`.
    """
    from dataclasses import replace

    from coursework.evaluation.sources import find_source, read_source

    source = find_source(text)
    if source.kind not in ("folder", "array"):
        raise UserError(f"--beside {text}: give a folder of images, or an .npz or .npy file")
    images = read_source(source)
    if images.images.shape[1:] != dataset.image_shape:
        own = "x".join(map(str, dataset.image_shape))
        theirs = "x".join(map(str, images.images.shape[1:]))
        raise UserError(f"--beside {text} holds images of {theirs}, and those of {dataset.name} are {own}")
    return replace(images, name=source.place.stem if source.kind == "array" else source.place.resolve().name)
