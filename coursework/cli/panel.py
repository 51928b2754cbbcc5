"""The verb of the panel: it builds the page on which people rate images blind, or tables what they said."""

import argparse
import sys
from pathlib import Path

from coursework.cli.parsing import add_verb, import_keras, positive, seed


def add_panel(verbs: argparse._SubParsersAction) -> None:
    """Add the verb `panel`."""
    parser = add_verb(
        verbs,
        "panel",
        _panel,
        "Build a page on which people name and rate images blind; given the files that it saved, table the ratings.",
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="*",
        help="answers that the page saved, of each person one (default: build the page)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("reports/pegasus"),
        help="the batch's; page, key and table go there too (default reports/pegasus)",
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="says where an image comes from (default panel-key.json in the folder)"
    )
    parser.add_argument(
        "--beside",
        metavar="FOLDER",
        action="append",
        default=[],
        help="a folder of images, or of another batch, that is shown too; may be repeated",
    )
    parser.add_argument(
        "--count",
        type=positive,
        help="images of each folder beside, drawn at random where it holds more (default: all)",
    )
    parser.add_argument("--dataset", default="cifar10", help="of the real images (default cifar10)")
    parser.add_argument("--body", default="horse", help="class of the body (default horse)")
    parser.add_argument("--wings", default="bird", help="class of the wings (default bird)")
    parser.add_argument(
        "--real", type=seed, default=16, help="real images of the body; of the wings half as many (default 16)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the order and the real images (default 0)")


def _panel(arguments: argparse.Namespace) -> None:
    key = arguments.key or arguments.folder / "panel-key.json"
    if arguments.file:
        _table(arguments.file, key, arguments.folder / "panel.json")
    else:
        _build(arguments, key)


def _build(arguments: argparse.Namespace, key: Path) -> None:
    from coursework.pegasus.panel import folder_source, real_source, write_panel

    page = arguments.folder / "panel.html"
    sources = [folder_source(arguments.folder, "batch")]
    for folder in arguments.beside:
        source = folder_source(folder)
        sources.append(source.drawn(arguments.count, arguments.seed) if arguments.count else source)
    if arguments.real:
        # tensorflow-datasets may be what reads the images.
        import_keras(arguments)

        from coursework.data import load_dataset

        dataset = load_dataset(arguments.dataset)
        for name, count in ((arguments.body, arguments.real), (arguments.wings, arguments.real // 2)):
            sources.append(real_source(dataset, name, count, arguments.seed))
    count = write_panel(page, key, sources, arguments.seed)
    print(f"{count} images in {page}: open it, and keep {key} to yourself until all have answered")


def _table(files: list[str], key: Path, output: Path) -> None:
    from coursework.pegasus.panel_answers import panel_lines, read_answers, read_key, table_panel, write_table

    known = read_key(key)
    table = table_panel(known, read_answers(files, known))
    write_table(output, table)
    # Names may hold letters that a terminal cannot show.
    encoding = sys.stdout.encoding or "utf-8"
    print("\n".join(panel_lines(table)).encode(encoding, "replace").decode(encoding))
    print(f"written to {output}")
