"""From run directories to report and appendix (PDF and HTML) and the model card; computes no score, needs no Keras."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursework.pegasus.chosen import with_choice
from coursework.report.appendix import appendix_blocks
from coursework.report.context import Context, gather, runs_named
from coursework.report.document import Block, heading, number, resolve, words
from coursework.report.draft import draft
from coursework.report.facts import Facts
from coursework.report.model_card import model_card
from coursework.report.pegasus import scores_of
from coursework.report.prose import is_draft, parse
from coursework.report.sections import PLACES
from coursework.report.settings import read_settings
from coursework.report.typesetting import bibliography, documents, write_main, write_sources
from coursework.report.values import strategy_text
from coursework.training.run import Run
from coursework.util.errors import UserError
from coursework.util.files import read_text, write_bytes, write_text

FOLDER = Path("reports")
OUTPUT = FOLDER / "report.pdf"
APPENDIX = "appendix"
# The coursework's rules: at most so many words, and a warning when little room is left.
MOST_WORDS, WARNING_WORDS = 1000, 950


@dataclass(frozen=True)
class Report:
    """What was built.

    files: report and appendix as PDF and HTML, and the model card. words: {"own": of the student's text, "generated":
    of captions and of what the package says at the places}, of the report without its appendix. missing: facts that the
    text names and that were not measured.
    """

    files: list[Path]
    words: dict[str, int]
    missing: list[str]
    prose: Path
    is_draft: bool
    is_new: bool

    def lines(self) -> list[str]:
        """Return what a user should know, a line each."""
        count = sum(self.words.values())
        told = [f"{self.files[0]}, {', '.join(file.name for file in self.files[1:])}"]
        told.append(f"{count:,} words: {self.words['own']:,} of {self.prose}, {self.words['generated']:,} generated")
        if count > MOST_WORDS:
            told.append(f"error: {count - MOST_WORDS:,} words above the limit of {MOST_WORDS:,}: shorten {self.prose}")
        elif count >= WARNING_WORDS:
            told.append(f"warning: close to the limit of {MOST_WORDS:,} words")
        if self.missing:
            told.append(f"warning: {self.prose} names what was not measured: {', '.join(self.missing)}")
        if self.is_new:
            told.append(f"{self.prose} is a first version of the text: rewrite it in your own words")
        elif self.is_draft:
            told.append(f"warning: {self.prose} still bears the draft's mark")
        return told


def build(
    runs: list[Run],
    output: Path | str = OUTPUT,
    folder: Path | str = FOLDER,
    pegasus: Path | str | None = None,
    template: Path | str | None = None,
    choice: Path | str | None = None,
) -> Report:
    """Build the report of `runs` as PDF at `output`, and next to it its HTML, the appendix and the model card.

    runs: finished or not; what a run does not hold yet is left out or called "not measured". folder: where report.toml,
    prose.md, pegasus/, judges/ and the studies are; a first prose.md is written where there is none, and never changed.
    pegasus: folder in place of its pegasus/. template: Typst file in place of the package's. choice: file that the
    gallery saved, by default choice.json in pegasus/ where there is one. Curves and diagrams older than what they show
    are drawn again in the runs. Equal runs give equal bytes. Raises `UserError` without runs, for mistakes in the
    prose, the settings or the choice, and where the template is wrong.
    """
    output, folder = Path(output), Path(folder)
    # Typst sees this folder and nothing else: runs may lie anywhere, and no file of the machine slips in.
    with tempfile.TemporaryDirectory(prefix="coursework-report-") as stage_folder:
        content, context = stage(runs, stage_folder, folder, pegasus, choice, output.stem)
        made = documents(write_main(stage_folder, template, folder))
    files = []
    for (part, format), document in made.items():
        files.append(output.with_name(f"{content['files'][part]}.{format}"))
        write_bytes(files[-1], document)
    files.append(output.with_name("MODEL_CARD.md"))
    write_text(files[-1], model_card(context))
    return Report(files, content["words"], content["missing"], folder / "prose.md", content["draft"], content["new"])


def stage(
    runs: list[Run],
    stage_folder: Path | str,
    folder: Path | str = FOLDER,
    pegasus: Path | str | None = None,
    choice: Path | str | None = None,
    stem: str = OUTPUT.stem,
) -> tuple[dict[str, Any], Context]:
    """Write data.json, the bibliography and the images into `stage_folder`; return its content and the `Context`.

    stem: of the report's file. Content: {"title", "author", "course", "date", "files", "runs", "datasets", "blocks",
    "appendix", "cited", "words", "missing", "draft", "new"}.
    """
    if not runs:
        raise UserError("no run to report: train one with `python -m coursework train sngan`")
    settings = read_settings(Path(folder) / "report.toml")
    shown = with_choice(pegasus or Path(folder) / "pegasus", choice, Path(stage_folder) / "chosen")
    context = gather(runs, folder, stage_folder, settings.final, shown)
    prose_file = Path(folder) / "prose.md"
    text, new = _prose(prose_file, context)
    facts = Facts(runs_named(runs), context.final.run, **_other_facts(context))
    written = parse(text, tuple(PLACES), facts, str(prose_file))
    parts = {"report": _placed(written, context), APPENDIX: appendix_blocks(context)}
    targets = number(parts)
    known = {**bibliography(), **settings.references}
    resolved = {part: resolve(blocks, targets, known, tuple(PLACES), str(prose_file)) for part, blocks in parts.items()}
    own = words(written)
    content = {
        **{key: getattr(settings, key) for key in ("title", "author", "course", "date")},
        "files": {"report": stem, APPENDIX: APPENDIX},
        "runs": [run.name for run in context.runs],
        "datasets": list(dict.fromkeys(run.dataset for run in context.runs)),
        "blocks": parts["report"],
        "appendix": parts[APPENDIX],
        "cited": {part: cited for part, (cited, _) in resolved.items()},
        "words": {"own": own, "generated": words(parts["report"]) - own},
        "missing": list(dict.fromkeys([*facts.missing, *resolved["report"][1]])),
        "draft": is_draft(text),
        "new": new,
    }
    write_sources(stage_folder, settings.references)
    write_text(Path(stage_folder) / "data.json", json.dumps(content, ensure_ascii=False, allow_nan=False))
    return content, context


def _prose(file: Path, context: Context) -> tuple[str, bool]:
    """Return the text of prose.md, and whether it has just been written."""
    if file.is_file():
        return read_text(file), False
    text = draft(context)
    write_text(file, text)
    return text, True


def _placed(blocks: list[Block], context: Context) -> list[Block]:
    """Return the blocks with every place filled; those that the text does not have follow it under their headings."""
    filled, placed = [], {block["name"] for block in blocks if block["type"] == "place"}
    for block in blocks:
        filled += PLACES[block["name"]][0](context) if block["type"] == "place" else [block]
    before = None
    for name, (section, title) in PLACES.items():
        found = section(context) if name not in placed else []
        if found:
            filled += [heading(1, title), *found] if title != before else found
            before = title
    return filled


def _other_facts(context: Context) -> dict[str, dict[str, Any]]:
    """Return the facts that are not a run's, {source: {name: value}}."""
    pegasus = context.pegasus
    found: dict[str, Any] = {}
    if pegasus and pegasus.records:
        found = {key: value for key, value in pegasus.best.items() if isinstance(value, str | int | float)}
        found["strategy"] = strategy_text(found.get("strategy", "a strategy not recorded"))
        found |= {"count": len(pegasus.records), "candidates": pegasus.comparison.get("candidates")}
        for name in pegasus.score_names:
            values = {"best": scores_of(pegasus.best).get(name), "mean": pegasus.mean(name)}
            for words_of, value in values.items():
                found[f"{words_of}.{name}"] = round(value, 3) if isinstance(value, int | float) else None
    judge = next(iter(context.judges.values()), {})
    return {"pegasus": found, "judge": judge, "report": {"runs": len(context.runs)}}
