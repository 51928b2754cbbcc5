"""The verbs that show what was trained, and those that chain trainings: `lines` and `demo`."""

from pathlib import Path

from coursework.cli.parsing import add_settings, add_verb, assignment, import_keras, positive, seed
from coursework.cli.submission import CHOICE
from coursework.util.errors import UserError


def add_sample(verbs):
    """Add the verb `sample`."""
    parser = add_verb(verbs, "sample", _sample, "Generate images from a trained run.")
    parser.add_argument("run", metavar="RUN", help="a run directory, or its name inside reports/runs")
    parser.add_argument("--count", type=positive, default=64, help="number of images (default 64)")
    parser.add_argument("--seed", type=seed, default=0, help="the same seed gives the same images (default 0)")
    parser.add_argument(
        "--output",
        help="FILE.png for a grid, FILE.npz for an array, else a folder of PNG files (default RUN-samples.png)",
    )
    parser.add_argument("--best", action="store_true", help="use the weights with the best score, not the last ones")
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="of a conditional run: images of one class")


def _sample(arguments):
    from coursework.training.run import Run

    run = Run.existing(arguments.run)
    output = Path(arguments.output or f"{run.name}-samples.png")
    import_keras(arguments)

    from coursework.training.sampling import TrainedRun, require_output, write_samples

    require_output(output)
    trained = TrainedRun(run, arguments.best)
    write_samples(output, trained.sample(arguments.count, arguments.seed, arguments.class_name))
    print(f"{arguments.count} images in {output}")


def add_figures(verbs):
    """Add the verb `figures`."""
    parser = add_verb(
        verbs, "figures", _figures, "Draw the figures of trained runs, and write each alone for use elsewhere."
    )
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to draw (default: all in reports/runs)")
    parser.add_argument(
        "--output", type=Path, default=Path("reports/figures"), help="folder for PNG and PDF (default reports/figures)"
    )


def _figures(arguments):
    from coursework.training.run import Run

    runs = [Run.existing(name) for name in arguments.run] or Run.all()
    if not runs:
        raise UserError("no run to draw: train one with `python -m coursework train PRESET`")
    # Weights are not in git, the figures made with them are: these can be written alone without Keras.
    trained = [run for run in runs if run.network("generator").is_file() or not any(run.figures.glob("*.png"))]
    if trained:
        import_keras(arguments)

        from coursework.training.illustration import illustrate

        for run in trained:
            illustrate(run)

    from coursework.report.separate_figures import write_separately

    written = write_separately(runs, arguments.output, Path("reports/pegasus"))
    print(f"{len(written)} files in {arguments.output}, PNG at 300 dpi and PDF; what was up to date was left")


def add_compare(verbs):
    """Add the verb `compare`."""
    parser = add_verb(verbs, "compare", _compare, "Tell in what two runs differ: settings, software, images, logs.")
    parser.add_argument("first", metavar="RUN", help="a run directory, or its name inside reports/runs")
    parser.add_argument("second", metavar="RUN", help="the run to compare it with")


def _compare(arguments):
    from coursework.training.run import Run
    from coursework.training.run_differences import run_differences

    first, second = Run.existing(arguments.first), Run.existing(arguments.second)
    print("\n".join(run_differences(first, second)) or f"{first.name} and {second.name} tell of no difference")


def add_report(verbs):
    """Add the verb `report`."""
    parser = add_verb(verbs, "report", _report, "Build the report (PDF, page and model card) from the runs there are.")
    parser.add_argument("run", metavar="RUN", nargs="*", help="runs to show (default: all in reports/runs)")
    parser.add_argument("--runs", metavar="RUN", nargs="+", default=[], help="the same: runs to show side by side")
    parser.add_argument(
        "--output", type=Path, default=Path("reports/report.pdf"), help="the page and the model card go beside it"
    )
    parser.add_argument("--choice", type=Path, metavar="FILE", help=CHOICE)


def _report(arguments):
    from coursework.report import build
    from coursework.training.run import Run

    names = dict.fromkeys([*arguments.run, *arguments.runs])
    runs = [Run.existing(name) for name in names] or Run.all()
    report = build(runs, arguments.output, choice=arguments.choice)
    print("\n".join(report.lines()))


def add_tables(verbs):
    """Add the verb `tables`."""
    parser = add_verb(
        verbs,
        "tables",
        _tables,
        "Print the tables of all results again, from what was kept, and write them to RESULTS.md.",
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="*",
        help="scores, settings, strategies, rings ... (default: every table there is)",
    )
    parser.add_argument(
        "--runs", metavar="RUN", nargs="+", default=[], help="of these runs (default: all in reports/runs)"
    )
    parser.add_argument("--folder", type=Path, default=Path("reports"), help="where reports are at home (reports)")


def _tables(arguments):
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
        raise UserError(f"no results in {arguments.folder}: train a run with `python -m coursework train PRESET`")
    print("\n\n\n".join("\n".join(table_lines(table)) for table in shown))
    # Of some runs or tables alone it would not be the page of all results.
    if not arguments.name and not arguments.runs:
        write_text(arguments.folder / FILE, page)


def add_lines(verbs):
    """Add the verb `lines`."""
    parser = add_verb(
        verbs,
        "lines",
        _lines,
        "Train the ACAI paper's seven autoencoders on lines and score their interpolations.",
        after_interruption="all finished epochs are kept: the same command goes on after the last of them",
    )
    parser.add_argument(
        "--images",
        type=positive,
        default=2**18,
        help="images each run trains on (default 262144; the paper's: 16777216)",
    )
    parser.add_argument("--minutes", type=positive, help="instead of --images: about how long all of it may train")
    parser.add_argument("--seeds", type=positive, default=1, help="runs of each model (default 1)")
    parser.add_argument(
        "--precision",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="of the networks (default float32)",
    )
    add_settings(parser, "change a setting of every model that has it")
    parser.add_argument("--folder", type=Path, default=Path("reports/lines"), help="where to write (reports/lines)")


def _lines(arguments):
    settings = [assignment(text) for text in arguments.set]
    import_keras(arguments)

    from coursework.studies.lines.study import run_lines

    run_lines(arguments.folder, arguments.images, arguments.minutes, arguments.seeds, arguments.precision, settings)


def add_demo(verbs):
    """Add the verb `demo`."""
    parser = add_verb(
        verbs,
        "demo",
        _demo,
        "Train all four models on the built-in data in minutes, score them, make a Pegasus and the report.",
        after_interruption="what is finished is kept: the same command goes on from there",
    )
    parser.add_argument("--folder", type=Path, default=Path("reports/demo"), help="where to write (reports/demo)")


def _demo(arguments):
    import_keras(arguments)

    from coursework.cli.demo import run_demo

    run_demo(arguments.folder)
