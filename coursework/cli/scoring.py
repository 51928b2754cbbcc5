"""The verbs that score: `evaluate` for a run of this package, `metrics` for any two sets of images."""

import argparse
import json
import sys

from coursework.cli.parsing import add_verb, import_keras, positive, seed

# The names of `coursework.evaluation.scoring.METRICS`, which brings Keras with it; a test holds the two together.
METRICS = ("fid", "kid", "is", "fd", "kd", "prdc", "memorisation")
PRECISIONS = ("float32", "mixed_bfloat16")
KEPT = "features computed so far are kept: the same command goes on from there"


def add_evaluate(verbs):
    """Add the verb `evaluate`."""
    parser = add_verb(verbs, "evaluate", _evaluate, "Score a trained run and write its metrics.json.", KEPT)
    parser.add_argument("run", metavar="RUN", help="a run directory, or its name inside reports/runs")
    parser.add_argument("--samples", type=positive, help="images to generate (default: as many as the test split has)")
    parser.add_argument("--seed", type=seed, default=2020, help="seed of the samples (default 2020)")
    parser.add_argument("--best", action="store_true", help="score the weights with the best score, not the last ones")
    _add_common(parser)


def _evaluate(arguments):
    from coursework.figures.score_lines import score_lines
    from coursework.training.run import Run

    run = Run.existing(arguments.run)
    import_keras(arguments)

    from coursework.evaluation.evaluate import evaluate

    records = evaluate(
        run,
        arguments.samples,
        arguments.seed,
        arguments.best,
        metrics=arguments.metrics,
        inception=_inception(arguments),
        cached=not arguments.no_cache,
        report=_tell,
    )
    print(f"{run.metrics_file}:")
    print("\n".join(score_lines(records)))


def add_metrics(verbs):
    """Add the verb `metrics`."""
    parser = add_verb(
        verbs, "metrics", _metrics, "Score one set of images against another, wherever they come from.", KEPT
    )
    kinds = "a folder of images, an .npz or .npy file, a run, or a split of a data set such as cifar10:train"
    parser.add_argument("fake", metavar="FAKE", help=f"images to score: {kinds}")
    parser.add_argument("real", metavar="REAL", help="images to score them against, named in the same ways")
    parser.add_argument(
        "--samples",
        type=positive,
        help="images to generate from what is a run (default 10,000), or to draw at random of FAKE (default all)",
    )
    parser.add_argument("--seed", type=seed, default=2020, help="seed of these samples (default 2020)")
    parser.add_argument("--best", action="store_true", help="of a run take the weights with the best score")
    parser.add_argument(
        "--floor",
        metavar="SET",
        help="more real images, whose scores are the best to hope for (default: the other split of REAL, else halves)",
    )
    parser.add_argument(
        "--judge",
        metavar="NAME",
        help="data set whose judge to use, or judge's folder (default: that of REAL's or FAKE's data set; cifar10)",
    )
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="JSON also on a terminal, or beside it in FILE"
    )
    _add_common(parser)


def _metrics(arguments):
    from coursework.evaluation.sources import find_source, read_source

    named = {role: getattr(arguments, role) for role in ("fake", "real", "floor") if getattr(arguments, role)}
    sources = {role: find_source(text) for role, text in named.items()}
    runs = [role for role, source in sources.items() if source.kind == "run"]

    def read(role):
        count = arguments.samples if role == "fake" or role in runs else None
        return read_source(sources[role], count, arguments.seed, arguments.best, cached=not arguments.no_cache)

    # What is there already, and what will be asked of it, before a run makes samples for an hour.
    sets = {role: read(role) for role in sources if role not in runs}
    import_keras(arguments)

    from coursework.evaluation.evaluate import compare, require_measurable

    inception = _inception(arguments)
    require_measurable(arguments.metrics, arguments.judge, inception)
    sets |= {role: read(role) for role in runs}
    sets = {role: sets[role] for role in sources}
    for images in sets.values():
        for note in images.notes:
            _tell(f"{images.name}: {note}")
    scores = compare(
        sets["fake"],
        sets["real"],
        sets.get("floor"),
        judge=arguments.judge,
        metrics=arguments.metrics,
        inception=inception,
        cached=not arguments.no_cache,
        report=_tell,
    )
    _show(arguments, sets, scores)


def _show(arguments, sets, scores):
    from coursework.figures.score_lines import score_lines
    from coursework.util.files import write_text

    described = {role: images.describe() for role, images in sets.items()}
    content = {**described, "scores": scores.records, "not_measured": scores.not_measured}
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    if arguments.json == "-" or not sys.stdout.isatty():
        print(text)
    else:
        for role, images in sets.items():
            print(f"{role:5}  {images.name}: {len(images.images):,} images of {images.size}")
        print("\n" + "\n".join(score_lines(scores.records)))
    if arguments.json not in (None, "-"):
        write_text(arguments.json, text + "\n")


def _add_common(parser):
    parser.add_argument(
        "--metrics",
        type=_metric_names,
        metavar="NAMES",
        help=f"separated by commas, of {', '.join(METRICS)} (default: all that can be measured)",
    )
    parser.add_argument(
        "--inception",
        metavar="PATH",
        help="weights for fid, kid and is: inception-2015-12-05.tgz or the graph file in it (default: what the "
        "environment variable COURSEWORK_INCEPTION names, or what was downloaded before)",
    )
    parser.add_argument("--download", action="store_true", help="download these weights where there are none (89 MB)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="of Inception; scores of different ones are kept apart (default float32)",
    )
    parser.add_argument("--no-cache", action="store_true", help="keep no features and use none that were kept")


def _inception(arguments):
    """Return the extractor of Inception, None where there is none and no metric that was named needs it."""
    from coursework.extractors.inception.extractor import inception_extractor

    wanted = arguments.metrics is None or set(arguments.metrics) & {"fid", "kid", "is", "prdc"}
    if not wanted:
        return None
    return inception_extractor(arguments.inception, arguments.precision, arguments.download)


def _metric_names(text):
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no metric {unknown[0]!r}; there are {', '.join(METRICS)}")
    return names


def _tell(line):
    """Show a line beside the results, whose place is standard output."""
    print(line, file=sys.stderr)
