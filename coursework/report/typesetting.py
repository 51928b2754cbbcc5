"""Typst: from a folder with data.json and images to PDF."""

import shutil
from pathlib import Path

from coursework.util.errors import UserError

TEMPLATE = Path(__file__).with_name("template.typ")
MAIN = "report.typ"


def write_main(stage_folder, template=None, folder=None):
    """Copy the template beside what it shows and return its path there.

    The template is `template`, or template.typ in `folder` where there is one, or the package's. Raises `UserError` for
    one that does not exist.
    """
    own = Path(folder) / "template.typ" if folder else None
    chosen = Path(template) if template else own if own and own.is_file() else TEMPLATE
    if not chosen.is_file():
        raise UserError(f"no template at {chosen}")
    target = Path(stage_folder) / MAIN
    shutil.copyfile(chosen, target)
    return target


def typeset(main, format="pdf", **options):
    """Return what Typst makes of `main`, which sees nothing outside its folder; raises `UserError` for its mistakes."""
    import typst

    folder = str(Path(main).parent)
    paths = {"root": folder, "package_path": folder, "package_cache_path": folder}
    if format == "pdf":
        options["timestamp"] = 0
    try:
        return typst.compile(str(main), **paths, ignore_system_fonts=True, format=format, **options)
    except typst.TypstError as error:
        raise UserError(f"{Path(main).name}: {error.message}") from error
