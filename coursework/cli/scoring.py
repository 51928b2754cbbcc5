"""The verbs that score: `evaluate` for a run, `metrics` for any two sets of images."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from coursework.cli.parsing import MOVED, Verbs, add_verb, import_keras, names, positive, seed
from coursework.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from coursework.evaluation.scoring import Scores

PRECISIONS = ("float32", "mixed_bfloat16")
KEPT = "features computed so far are kept: run the same command again to resume"


def add_evaluate(verbs: Verbs) -> None:
    """Add the verb `evaluate`."""
    parser = add_verb(verbs, "evaluate", _evaluate, "Score a trained run and write its metrics.json.", KEPT)
    parser.add_argument("run", metavar="RUN", help="a run directory, or its name inside reports/runs")
    parser.add_argument("--samples", type=positive, help="images to generate (default: as many as the test split has)")
    parser.add_argument("--seed", type=seed, default=2020, help="seed of the samples (default 2020)")
    parser.add_argument("--best", action="store_true", help="score the weights with the best score, not the last ones")
    parser.add_argument("--dataset", help=MOVED)
    _add_common(parser)


def _evaluate(arguments: argparse.Namespace) -> None:
    from coursework.figures.score_lines import score_lines
    from coursework.training.run import Run

    run = Run.existing(arguments.run)
    if arguments.dataset:
        from coursework.training.run_data import move_data

        move_data(run, arguments.dataset)
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
        report=_report,
    )
    print(f"{run.metrics_file}:")
    print("\n".join(score_lines(records)))


def add_metrics(verbs: Verbs) -> None:
    """Add the verb `metrics`."""
    parser = add_verb(verbs, "metrics", _metrics, "Score any set of images against another.", KEPT)
    kinds = "a folder of images, an .npz or .npy file, a run, or a split of a data set such as cifar10:train"
    parser.add_argument("fake", metavar="FAKE", help=f"images to score: {kinds}")
    parser.add_argument("real", metavar="REAL", help="images to score them against, in the same forms")
    parser.add_argument(
        "--samples",
        type=positive,
        help="images to generate where a set is a run (default 10,000), else to draw at random from FAKE (default all)",
    )
    parser.add_argument("--seed", type=seed, default=2020, help="seed of these samples (default 2020)")
    parser.add_argument("--best", action="store_true", help="use the weights of a run with the best score")
    parser.add_argument(
        "--floor",
        metavar="SET",
        help="more real images, whose scores are the floor (default: the other split of REAL, else its halves)",
    )
    parser.add_argument(
        "--judge",
        metavar="NAME",
        help="data set whose judge to use, or the judge's folder (default: the data set of REAL or FAKE, else cifar10)",
    )
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="print JSON on a terminal too, or also write it to FILE"
    )
    _add_common(parser)


def _metrics(arguments: argparse.Namespace) -> None:
    from coursework.evaluation.sources import find_source, read_source

    named = {role: getattr(arguments, role) for role in ("fake", "real", "floor") if getattr(arguments, role)}
    sources = {role: find_source(text) for role, text in named.items()}
    runs = [role for role, source in sources.items() if source.kind == "run"]

    def read(role):
        count = arguments.samples if role == "fake" or role in runs else None
        return read_source(sources[role], count, arguments.seed, arguments.best, cached=not arguments.no_cache)

    # Check what exists before a run generates samples for an hour.
    sets = {role: read(role) for role in sources if role not in runs}
    import_keras(arguments)

    from coursework.evaluation.evaluate import compare, require_measurable

    inception = _inception(arguments)
    require_measurable(arguments.metrics, arguments.judge, inception)
    sets |= {role: read(role) for role in runs}
    sets = {role: sets[role] for role in sources}
    for images in sets.values():
        for note in images.notes:
            _report(f"{images.name}: {note}")
    scores = compare(
        sets["fake"],
        sets["real"],
        sets.get("floor"),
        judge=arguments.judge,
        metrics=arguments.metrics,
        inception=inception,
        cached=not arguments.no_cache,
        report=_report,
    )
    _show(arguments, sets, scores)


def _show(arguments: argparse.Namespace, sets: dict[str, Any], scores: "Scores") -> None:
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


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metrics",
        type=_metric_names,
        metavar="NAMES",
        help=f"names separated by commas, from {', '.join(METRICS)} (default: all that can be measured)",
    )
    parser.add_argument(
        "--inception",
        metavar="PATH",
        help="weights for fid, kid and is: inception-2015-12-05.tgz or its graph file (default: the environment "
        "variable COURSEWORK_INCEPTION, else an earlier download)",
    )
    parser.add_argument("--download", action="store_true", help="download these weights if there are none (89 MB)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="of Inception; scores in different precisions are kept apart (default float32)",
    )
    parser.add_argument("--no-cache", action="store_true", help="neither keep features nor use kept ones")


def _inception(arguments: argparse.Namespace) -> Any:
    """Return the extractor of Inception; None if there is none and no metric of --metrics needs it."""
    from coursework.extractors.inception.extractor import inception_extractor

    wanted = arguments.metrics is None or set(arguments.metrics) & {"fid", "kid", "is", "prdc"}
    if not wanted:
        return None
    return inception_extractor(arguments.inception, arguments.precision, arguments.download)


def _metric_names(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(names(text)))
    for name in chosen:
        if name not in METRICS:
            raise argparse.ArgumentTypeError(f"no metric {name!r}; there are {', '.join(METRICS)}")
    return chosen


def _report(line: str) -> None:
    """Print a line on standard error: standard output is for results."""
    print(line, file=sys.stderr)
