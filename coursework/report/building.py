"""From run directories to report.pdf, report.html and the model card; computes no score and needs no Keras."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from coursework.pegasus.chosen import with_choice
from coursework.report.appendix import appendix_blocks
from coursework.report.bibliography import BIBLIOGRAPHY
from coursework.report.context import gather, runs_named
from coursework.report.document import heading, resolve, words
from coursework.report.draft import draft
from coursework.report.facts import Facts
from coursework.report.model_card import model_card
from coursework.report.page import page
from coursework.report.pegasus import scores_of
from coursework.report.prose import is_draft, parse
from coursework.report.sections import PLACES
from coursework.report.settings import read_settings
from coursework.report.typesetting import typeset, write_main
from coursework.report.values import strategy_text
from coursework.util.errors import UserError
from coursework.util.files import read_text, write_bytes, write_text

FOLDER = Path("reports")
OUTPUT = FOLDER / "report.pdf"
# The coursework's rules: at most so many words, and a warning when little room is left.
MOST_WORDS, WARNING_WORDS = 1000, 950


@dataclass(frozen=True)
class Report:
    """What was built: files, words in {"body", "captions"}, facts that the text names and nobody measured."""

    pdf: Path
    page: Path
    card: Path
    words: dict[str, int]
    missing: list[str]
    prose: Path
    is_draft: bool
    is_new: bool

    def lines(self):
        """Return what a user should know, a line each."""
        count = sum(self.words.values())
        told = [f"{self.pdf}, {self.page.name} and {self.card.name}"]
        told.append(f"{count:,} words: {self.words['body']:,} of text, {self.words['captions']:,} of captions")
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


def build(runs, output=OUTPUT, folder=FOLDER, pegasus=None, template=None, choice=None):
    """Build the report of `runs` as PDF at `output`, as page and model card beside it; return the `Report`.

    runs: list of `Run`, finished or not; what a run does not hold yet is left out or called "not measured".
    folder: where report.toml, prose.md, pegasus/, judges/ and the studies are looked for; a first prose.md is
    written where there is none, and never changed. pegasus: folder in place of its pegasus/. template: Typst file in
    place of the package's. choice: file that the gallery saved, by default choice.json in pegasus/ where there is one.
    Curves and diagrams older than what they show are drawn again in the runs. Equal runs give equal bytes. Raises
    `UserError` without runs, for mistakes in the prose, the settings or the choice, and where the template is wrong.
    """
    output, folder = Path(output), Path(folder)
    # Typst sees this folder and nothing else: runs may lie anywhere, and no file of the machine slips in.
    with tempfile.TemporaryDirectory(prefix="coursework-report-") as stage_folder:
        content, context = stage(runs, stage_folder, folder, pegasus, choice)
        write_bytes(output, typeset(write_main(stage_folder, template, folder)))
        write_text(output.with_suffix(".html"), page(content, Path(stage_folder)))
    card = output.parent / "MODEL_CARD.md"
    write_text(card, model_card(context))
    return Report(
        pdf=output,
        page=output.with_suffix(".html"),
        card=card,
        words=content["words"],
        missing=content["missing"],
        prose=folder / "prose.md",
        is_draft=content["draft"],
        is_new=content["new"],
    )


def stage(runs, stage_folder, folder=FOLDER, pegasus=None, choice=None):
    """Write data.json and the images that it names into `stage_folder`; return its content and the `Context`.

    Content: {"title", "author", "course", "date", "runs", "datasets", "blocks", "words", "missing", "draft", "new"}.
    """
    if not runs:
        raise UserError("no run to report: train one with `python -m coursework train PRESET`")
    settings = read_settings(Path(folder) / "report.toml")
    shown = with_choice(pegasus or Path(folder) / "pegasus", choice, Path(stage_folder) / "chosen")
    context = gather(runs, folder, stage_folder, settings.final, shown)
    prose_file = Path(folder) / "prose.md"
    text, new = _prose(prose_file, context)
    facts = Facts(runs_named(runs), context.final.run, **_other_facts(context))
    blocks = _placed(parse(text, tuple(PLACES), facts, str(prose_file)), context)
    blocks.append({"type": "references", "items": []})
    appendix = appendix_blocks(context)
    if appendix:
        blocks += [heading(1, "Appendix") | {"appendix": True}, *appendix]
    entries, unseen = resolve(blocks, BIBLIOGRAPHY | settings.references, tuple(PLACES), str(prose_file))
    references = next(block for block in blocks if block["type"] == "references")
    references["items"] = entries
    content = {
        **{key: getattr(settings, key) for key in ("title", "author", "course", "date")},
        "runs": [run.name for run in context.runs],
        "datasets": list(dict.fromkeys(run.dataset for run in context.runs)),
        "blocks": blocks,
        "words": words(blocks),
        "missing": list(dict.fromkeys([*facts.missing, *unseen])),
        "draft": is_draft(text),
        "new": new,
    }
    write_text(Path(stage_folder) / "data.json", json.dumps(content, ensure_ascii=False, allow_nan=False))
    return content, context


def _prose(file, context):
    """Return the text of prose.md, and whether it has just been written."""
    if file.is_file():
        return read_text(file), False
    text = draft(context)
    write_text(file, text)
    return text, True


def _placed(blocks, context):
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


def _other_facts(context):
    """Return the facts that are not a run's, {source: {name: value}}."""
    pegasus, found = context.pegasus, {}
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
