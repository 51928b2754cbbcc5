"""The verbs of the Pegasus: making it from trained runs, and measuring the strategies where the truth is known."""

from pathlib import Path

from coursework.cli.parsing import add_verb, import_keras, positive, seed

# The names of `coursework.pegasus.strategies`, which would bring Keras with it; a test holds them together.
STRATEGIES = (
    *("interpolation", "masked_interpolation", "latent_search", "class_mixing", "layer_mixing", "class_search"),
    *("region_mixing", "region_search", "critic_search", "critic_witness_search"),
)
SEED = "of the candidates: the same seed gives the same ones (default 0)"
KEPT = "candidates of finished strategies are kept: the same command goes on from there"


def add_pegasus(verbs):
    """Add the verb `pegasus`."""
    parser = add_verb(verbs, "pegasus", _pegasus, "Generate winged horses from trained runs, rank and show them.", KEPT)
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to use (default: all that suit, of the data set)")
    parser.add_argument("--dataset", default="cifar10", help="whose runs are used by default (cifar10)")
    parser.add_argument("--body", default="horse", help="class of the body (default horse)")
    parser.add_argument("--wings", default="bird,airplane", help="classes of the wings (default bird,airplane)")
    parser.add_argument(
        "--strategies",
        metavar="NAMES",
        help=f"of {', '.join(STRATEGIES)}; separated by commas (default: all that suit a run)",
    )
    parser.add_argument("--pool", type=positive, default=512, help="candidates of each strategy and run (default 512)")
    parser.add_argument("--count", type=positive, default=64, help="images to keep (default 64)")
    parser.add_argument("--seed", type=seed, default=0, help=SEED)
    parser.add_argument(
        "--beside",
        metavar="IMAGES",
        action="append",
        default=[],
        help="a batch from elsewhere (folder or .npz) that gets the same scores in the comparison; may be repeated",
    )
    parser.add_argument("--output", type=Path, default=Path("reports/pegasus"), help="folder (default reports/pegasus)")


def _pegasus(arguments):
    from coursework.data import load_dataset
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run]
    import_keras(arguments)

    from coursework.pegasus.making import make_pegasi, runs_of
    from coursework.pegasus.task import Task
    from coursework.pegasus.witness import find_witness, require_witness

    wings = _names(arguments.wings)
    name = runs[0].read_config().dataset if runs else arguments.dataset
    runs = runs or runs_of(Run.all(), name, (arguments.body, *wings))
    dataset = load_dataset(name)
    task = Task(dataset, arguments.body, wings, require_witness(dataset))
    make_pegasi(
        task,
        runs,
        find_witness(dataset, "second"),
        _names(arguments.strategies or "") or None,
        arguments.pool,
        arguments.count,
        arguments.seed,
        arguments.output,
        runs[0].read_environment().get("dataset_label", dataset.name),
        [batch_from(text, dataset) for text in arguments.beside],
    )


def batch_from(text, dataset):
    """Return the images in a folder or an array as an `ImageSet` under its last name; they are as large as the data's.

    Raises `UserError` for images of another size, and for what is neither.
    """
    from dataclasses import replace

    from coursework.evaluation.sources import find_source, read_source
    from coursework.util.errors import UserError

    source = find_source(text)
    if source.kind not in ("folder", "array"):
        raise UserError(f"--beside {text}: give a folder of images, or an .npz or .npy file")
    images = read_source(source)
    if images.images.shape[1:] != dataset.image_shape:
        own = "x".join(map(str, dataset.image_shape))
        theirs = "x".join(map(str, images.images.shape[1:]))
        raise UserError(f"--beside {text} holds images of {theirs}, and those of {dataset.name} are {own}")
    return replace(images, name=source.place.stem if source.kind == "array" else source.place.resolve().name)


def add_pegasus_benchmark(verbs):
    """Add the verb `pegasus-benchmark`."""
    parser = add_verb(
        verbs,
        "pegasus-benchmark",
        _benchmark,
        "Run every Pegasus strategy on the built-in data, where true winged horses tell which is good.",
        "what is finished is kept: the same command goes on from there",
    )
    parser.add_argument("--pool", type=positive, default=1000, help="candidates of each strategy (default 1000)")
    parser.add_argument(
        "--epochs",
        type=positive,
        help="of each run, for a quick look in a folder of its own (default: the benchmark's own)",
    )
    parser.add_argument("--seed", type=seed, default=0, help=SEED)
    parser.add_argument(
        "--folder", type=Path, default=Path("reports/pegasus-benchmark"), help="default reports/pegasus-benchmark"
    )


def _benchmark(arguments):
    import_keras(arguments)

    from coursework.studies.pegasus_benchmark import run_benchmark

    run_benchmark(arguments.folder, arguments.pool, arguments.seed, epochs=arguments.epochs)


def _names(text):
    return tuple(name.strip() for name in text.split(",") if name.strip())
