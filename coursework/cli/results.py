"""The verbs that show what was trained: `sample`, `figures`, `compare`, `tables`, `report` and `submission`."""

import argparse
from pathlib import Path

from coursework.cli.parsing import MOVED, Verbs, add_verb, import_keras, positive, seed
from coursework.util.errors import UserError

RUN = "a run directory, or its name inside reports/runs"


def add_sample(verbs: Verbs) -> None:
    """Add the verb `sample`."""
    parser = add_verb(verbs, "sample", _sample, "Generate images from a trained run.")
    parser.add_argument("run", metavar="RUN", help=RUN)
    parser.add_argument("--count", type=positive, default=64, help="number of images (default 64)")
    parser.add_argument("--seed", type=seed, default=0, help="equal seeds give equal images (default 0)")
    parser.add_argument(
        "--output",
        help="FILE.png for a grid, FILE.npz for an array, else a folder of PNG files (default RUN-samples.png)",
    )
    parser.add_argument("--best", action="store_true", help="use the weights with the best score, not the last ones")
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="images of one class, for conditional runs")


def _sample(arguments: argparse.Namespace) -> None:
    from coursework.training.run import Run

    run = Run.existing(arguments.run)
    output = Path(arguments.output or f"{run.name}-samples.png")
    import_keras(arguments)

    from coursework.training.sampling import TrainedRun, require_output, write_samples

    require_output(output)
    trained = TrainedRun(run, arguments.best)
    write_samples(output, trained.sample(arguments.count, arguments.seed, arguments.class_name))
    print(f"{arguments.count} images in {output}")


def add_figures(verbs: Verbs) -> None:
    """Add the verb `figures`."""
    parser = add_verb(verbs, "figures", _figures, "Draw the figures of trained runs as separate files.")
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to draw (default: all in reports/runs)")
    parser.add_argument(
        "--output", type=Path, default=Path("reports/figures"), help="folder for PNG and PDF (default reports/figures)"
    )
    parser.add_argument("--dataset", help=MOVED)


def _figures(arguments: argparse.Namespace) -> None:
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run] or Run.all()
    if not runs:
        raise UserError("no run to draw: train one with `python -m coursework train sngan`")
    if arguments.dataset:
        from coursework.training.run_data import move_data

        for run in runs:
            move_data(run, arguments.dataset)
    # Weights are not in git, the figures made with them are: these can be written alone without Keras.
    trained = [run for run in runs if run.has_weights() or not any(run.figures.glob("*.png"))]
    if trained:
        import_keras(arguments)

        from coursework.training.illustration import illustrate

        for run in trained:
            illustrate(run)

    from coursework.report.separate_figures import write_separately

    written = write_separately(runs, arguments.output, Path("reports/pegasus"))
    print(f"{len(written)} files in {arguments.output}, PNG at 300 dpi and PDF; those up to date are unchanged")


def add_compare(verbs: Verbs) -> None:
    """Add the verb `compare`."""
    parser = add_verb(verbs, "compare", _compare, "List the differences of two runs: settings, software, images, logs.")
    parser.add_argument("first", metavar="RUN", help=RUN)
    parser.add_argument("second", metavar="RUN", help="the run to compare it with")


def _compare(arguments: argparse.Namespace) -> None:
    from coursework.training.run import Run
    from coursework.training.run_differences import run_differences

    first, second = Run.existing(arguments.first), Run.existing(arguments.second)
    print("\n".join(run_differences(first, second)) or f"the records of {first.name} and {second.name} are equal")


def add_tables(verbs: Verbs) -> None:
    """Add the verb `tables`."""
    parser = add_verb(verbs, "tables", _tables, "Print the tables of all kept results and write them to RESULTS.md.")
    parser.add_argument(
        "name", metavar="NAME", nargs="*", help="scores, settings, strategies, rings ... (default: every table)"
    )
    parser.add_argument("--runs", metavar="RUN", nargs="+", default=[], help="runs to show (default: all)")
    parser.add_argument("--folder", type=Path, default=Path("reports"), help="folder of the results (default reports)")


def _tables(arguments: argparse.Namespace) -> None:
    import tempfile

    from coursework.report.context import gather
    from coursework.report.results_page import FILE, results_page
    from coursework.report.text_tables import chosen_tables, result_tables, table_lines
    from coursework.training.run import Run
    from coursework.util.files import write_text

    runs = [Run.existing(name) for name in arguments.runs] or Run.all()
    with tempfile.TemporaryDirectory() as stage:
        context = gather(runs, arguments.folder, stage)
        tables, page = result_tables(context), results_page(context)
    shown = chosen_tables(tables, arguments.name)
    if not shown:
        raise UserError(f"no results in {arguments.folder}: train a run with `python -m coursework train sngan`")
    print("\n\n\n".join("\n".join(table_lines(table)) for table in shown))
    # Of some runs or tables alone it would not be the page of all results.
    if not arguments.name and not arguments.runs:
        write_text(arguments.folder / FILE, page)


def add_report(verbs: Verbs) -> None:
    """Add the verb `report`."""
    parser = add_verb(verbs, "report", _report, "Build the report (PDF, HTML and model card) from kept runs.")
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to show (default: all in reports/runs)")
    parser.add_argument("--runs", metavar="RUN", nargs="+", default=[], help="the same, after other options")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("reports/report.pdf"),
        help="the PDF; the HTML and the model card go into its folder (default %(default)s)",
    )
    _add_choice(parser)


def _report(arguments: argparse.Namespace) -> None:
    from coursework.report import build
    from coursework.training.run import Run

    names = dict.fromkeys([*arguments.run, *arguments.runs])
    runs = [Run.existing(name) for name in names] or Run.all()
    report = build(runs, arguments.output, choice=arguments.choice)
    print("\n".join(report.lines()))


def add_submission(verbs: Verbs) -> None:
    """Add the verb `submission`."""
    parser = add_verb(
        verbs, "submission", _submission, "Check the coursework against its rules and write the zip to hand in."
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs that the report shows (default: all)")
    _add_choice(parser)
    parser.add_argument("--check", type=Path, metavar="ZIP", help="check a zip that somebody sent; runs nothing of it")
    parser.add_argument(
        "--run", dest="run_zip", action="store_true", help="with --check: run its pegasus.py too, isolated"
    )
    parser.add_argument("--no-verify", action="store_true", help="do not remake the images from the unpacked zip")
    parser.add_argument(
        "--output", type=Path, default=Path("reports/submission.zip"), help="the zip (default %(default)s)"
    )


def _submission(arguments: argparse.Namespace) -> None:
    if arguments.check:
        from coursework.submission.checking import check_zip

        import_keras(arguments)
        check_zip(arguments.check, arguments.run_zip)
        return
    if arguments.run_zip:
        raise UserError("--run goes with --check")

    from coursework.submission import submit
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run] or Run.all()
    submit(runs, arguments.output, choice=arguments.choice, verified=not arguments.no_verify)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--choice",
        type=Path,
        metavar="FILE",
        help="candidate saved in the gallery, to replace the best image (default reports/pegasus/choice.json, if any)",
    )
