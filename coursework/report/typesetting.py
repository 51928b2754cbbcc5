"""Typst: from a folder with data.json and images to PDF and HTML; and the bibliography that it reads."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coursework.figures.fonts import fallback_files
from coursework.util.errors import UserError
from coursework.util.files import read_text, write_text

HERE = Path(__file__).parent
TEMPLATE, STYLE, SOURCES = HERE / "template.typ", HERE / "page.css", HERE / "sources.bib"
MAIN, OWN_SOURCES = "report.typ", "own.yaml"
WHERE = ("booktitle", "journal", "institution", "volume", "year")
PARTS, FORMATS = ("report", "appendix"), ("pdf", "html")


def write_main(stage_folder: Path | str, template: Path | str | None = None, folder: Path | str | None = None) -> Path:
    """Copy the template into the folder of data.json; return its path there.

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


def documents(main: Path) -> dict[tuple[str, str], bytes]:
    """Return {(part, format): content} of the report and its appendix as PDF and as HTML, from what `main` shows."""
    return {
        (part, format): typeset(main, format, sys_inputs={"part": part, "format": format})
        for part in PARTS
        for format in FORMATS
    }


def typeset(main: Path | str, format: str = "pdf", **options: Any) -> bytes:
    """Return what Typst makes of `main`, which sees nothing outside its folder; raises `UserError` for its mistakes.

    Of the system's fonts it sees those alone that have letters which its own lack: equal reports are equal files.
    HTML gets the style sheet for light and dark, wide and narrow screens.
    """
    import typst

    folder = str(Path(main).parent)
    options |= {"root": folder, "package_path": folder, "package_cache_path": folder, "ignore_system_fonts": True}
    if format == "pdf":
        options["timestamp"] = 0
    try:
        with tempfile.TemporaryDirectory(prefix="coursework-fonts-") as fonts:
            if format != "html":
                options["font_paths"] = [_copied(fallback_files(_text(folder)), fonts)]
            compile: Any = typst.compile
            made = compile(str(main), format=format, **options)
    except typst.TypstError as error:
        raise UserError(f"{Path(main).name}: {error.message}") from error
    if format == "html":
        head = f'<meta name="color-scheme" content="light dark"><style>\n{STYLE.read_text(encoding="utf-8")}</style>'
        made = made.replace(b"</head>", f"{head}</head>".encode(), 1)
    return made


def _text(folder: str) -> str:
    """Return all text that a document in `folder` can show."""
    files = [file for pattern in ("*.typ", "*.json", "*.yaml") for file in sorted(Path(folder).glob(pattern))]
    return "".join(map(read_text, files))


def _copied(files: Sequence[Path], folder: str) -> str:
    """Copy font files into `folder`, of which Typst takes all, and return it."""
    for number, file in enumerate(files):
        shutil.copyfile(file, Path(folder) / f"{number}{file.suffix}")
    return folder


def write_sources(stage_folder: Path | str, references: Mapping[str, str]) -> None:
    """Write the bibliography for Typst: the package's works, and the student's own {key: text}, shown as they are.

    An own entry takes the place of the package's entry of the same key.
    """
    sources = SOURCES.read_text(encoding="utf-8")
    for key in references:
        sources = re.sub(rf"@\w+\{{{re.escape(key)},\n.*?\n\}}\n", "", sources, flags=re.DOTALL)
    write_text(Path(stage_folder) / SOURCES.name, sources)
    # Braces, dollars and backslashes have a meaning in this format. JSON is YAML.
    own = {key: {"type": "misc", "title": re.sub(r"([\\{}$])", r"\\\1", text)} for key, text in references.items()}
    write_text(Path(stage_folder) / OWN_SOURCES, json.dumps(own, ensure_ascii=False))


def bibliography() -> dict[str, str]:
    """Return {key: reference in plain text} of the works that the package builds on, from sources.bib."""
    found = {}
    for key, entry in re.findall(r"@\w+\{([\w-]+),\n(.*?)\n\}", SOURCES.read_text(encoding="utf-8"), re.DOTALL):
        fields = {name: re.sub(r"[{}]", "", text) for name, text in re.findall(r"(\w+) = \{(.*)\},", entry)}
        authors = [" ".join(reversed(author.split(", "))) for author in fields["author"].split(" and ")]
        parts = [
            " and ".join(filter(None, [", ".join(authors[:-1]), authors[-1]])),
            fields["title"],
            " ".join(
                fields[name] for name in ("booktitle", "journal", "institution", "volume", "year") if name in fields
            ),
            fields.get("publisher") or fields.get("url", ""),
        ]
        found[key] = " ".join(f"{part}." for part in parts if part)
    return found
