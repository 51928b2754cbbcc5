"""The content of a report as a list of blocks, ready for JSON. template.typ shows it as PDF and as HTML.

A block is a dict with a "type": heading, paragraph, list, equation, figure, table or note. Its words are inlines: dicts
with a "kind" (text, name, strong, emph, code, link, cite, see). The template shows text as text, never as markup.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from coursework.util.errors import UserError

Inline = dict[str, Any]
Block = dict[str, Any]
Words = str | Inline | None
Caption = list[Words]


def inline(*parts: Words) -> list[Inline]:
    """Return inlines of strings and inlines; None and "" are left out."""
    return [{"kind": "text", "text": part} if isinstance(part, str) else part for part in parts if part]


def name(words: object) -> Inline:
    """Return the inline of a name such as a run's, which a line break may divide anywhere."""
    return {"kind": "name", "text": str(words)}


def strong(*parts: Words) -> Inline:
    """Return strong words."""
    return {"kind": "strong", "content": inline(*parts)}


def emph(*parts: Words) -> Inline:
    """Return emphasised words."""
    return {"kind": "emph", "content": inline(*parts)}


def cite(*keys: str) -> Inline:
    """Return a citation of entries of the bibliography."""
    return {"kind": "cite", "keys": list(keys)}


def see(target: str) -> Inline:
    """Return a reference to the figure or table called `target`, such as "Table 2"."""
    return {"kind": "see", "target": target}


def heading(level: int, *parts: Words) -> Block:
    """Return a heading; level 1 is a section's."""
    return {"type": "heading", "level": level, "content": inline(*parts), "anchor": ""}


def paragraph(*parts: Words) -> Block:
    """Return a paragraph."""
    return {"type": "paragraph", "content": inline(*parts)}


def equation(source: str) -> Block:
    """Return an equation in Typst's mathematics. Only the package's own strings may be given."""
    return {"type": "equation", "source": source}


def note(*parts: Words) -> Block:
    """Return a remark that is no part of the text, such as that something is missing."""
    return {"type": "note", "content": inline(*parts)}


def panel(
    image: Mapping[str, Any] | None,
    label: str = "",
    frame: Sequence[float] | None = None,
    weight: float = 1,
    height: float | None = None,
    missing: str = "missing",
) -> dict[str, Any]:
    """Return a part of a figure: an image as `Images` names it, or the words for its absence.

    frame: [left, top, width, height] of a highlighted part, in shares of the image. weight: share of the figure's
    width. height: the most millimetres on paper.
    """
    return {
        "image": image,
        "label": label,
        "frame": frame,
        "weight": weight,
        "height": height,
        "missing": "" if image else missing,
    }


def figure(target: str, panels: list[dict[str, Any]], caption: Sequence[Words], columns: int = 1) -> Block:
    """Return a figure of panels, row by row in `columns`."""
    words = inline(*caption)
    return {
        "type": "figure",
        "target": target,
        "panels": [each | {"alt": plain(words)} for each in panels],
        "columns": min(columns, max(len(panels), 1)),
        "caption": words,
    }


def cell(*parts: Words, detail: str = "", muted: bool = False) -> dict[str, Any]:
    """Return a cell of a table; `detail` stands small on a line of its own."""
    return {"content": inline(*parts), "detail": detail, "muted": muted}


def row(*cells: Words, ruled: bool = False) -> dict[str, Any]:
    """Return a row of cells or strings; `ruled` draws a line above it."""
    return {
        "cells": [each if isinstance(each, dict) and "content" in each else cell(each) for each in cells],
        "ruled": ruled,
    }


def table(
    target: str,
    header: Sequence[Words],
    rows: list[dict[str, Any]],
    caption: Sequence[Words] = (),
    align: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    notes: Block | None = None,
) -> Block:
    """Return a table.

    header: strings or cells. align: "left", "center" or "right" for each column. weights: relative widths, 0 for as
    wide as the content. notes: a table of small print beneath.
    """
    columns = len(header)
    return {
        "type": "table",
        "target": target,
        "header": row(*header)["cells"],
        "rows": rows,
        "caption": inline(*caption),
        "align": list(align or ["left"] + ["right"] * (columns - 1)),
        "weights": list(weights or [1] * columns),
        "notes": notes,
    }


def inlines_of(block: Block) -> Iterator[list[Inline]]:
    """Yield every list of inlines of a block, in reading order; of a list and a table those of each item or cell."""
    if "content" in block:
        yield block["content"]
    yield from block.get("items", ())
    if "caption" in block:
        yield block["caption"]
    if block["type"] == "table":
        for each in [*block["header"], *(each for line in block["rows"] for each in line["cells"])]:
            yield each["content"]


def plain(inlines: Sequence[Inline]) -> str:
    """Return inlines as plain text, without citations."""
    parts = []
    for each in inlines:
        if each["kind"] != "cite":
            parts.append(plain(each["content"]) if "content" in each else each.get("text", ""))
    return "".join(parts)


def count_words(text: str) -> int:
    """Return the number of words: what stands between spaces and holds a letter or a digit."""
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def words(blocks: Sequence[Block]) -> int:
    """Return the number of words of headings, paragraphs, lists, quotations and captions.

    The title, the content of figures, tables and equations, the package's notes, citations and references do not count.
    """
    count = 0
    for block in blocks:
        if block["type"] in ("heading", "paragraph") or block.get("own"):
            count += count_words(plain(block["content"]))
        elif block["type"] == "list":
            count += sum(count_words(plain(item)) for item in block["items"])
        elif "caption" in block:
            count += count_words(plain(block["caption"]))
    return count


def number(parts: Mapping[str, list[Block]]) -> dict[str, dict[str, str]]:
    """Number sections, figures and tables in place; return {target: {"text", "part", "anchor"}}.

    parts: {"report": blocks, "appendix": blocks}. Figures and tables of the appendix are A1, A2 and so on; a target of
    the report takes precedence over one of the same name in the appendix.
    """
    targets: dict[str, dict[str, str]] = {}
    for part, blocks in parts.items():
        counts = {"figure": 0, "table": 0, "section": 0}
        for block in blocks:
            kind = "section" if block["type"] == "heading" and block["level"] == 1 else block["type"]
            if kind in counts:
                counts[kind] += 1
                block["number"] = f"{'A' if part == 'appendix' else ''}{counts[kind]}"
                block["anchor"] = f"{kind}-{block['number']}"
            if "target" in block:
                shown = {"text": f"{kind.capitalize()} {block['number']}", "part": part, "anchor": block["anchor"]}
                targets.setdefault(block["target"], shown)
    return targets


def resolve(
    blocks: Sequence[Block],
    targets: Mapping[str, Mapping[str, str]],
    known: Collection[str],
    places: Sequence[str] = (),
    source: str = "the report",
) -> tuple[list[str], list[str]]:
    """Give references to figures and tables their text; return (keys cited, in order; places referred to in vain).

    targets: from `number`. known: keys of the bibliography. A reference to one of `places` that shows nothing yet has
    its name as text. Raises `UserError`, naming `source`, for anything else that is cited or referred to and does not
    exist.
    """
    cited: dict[str, None] = {}
    unseen = []

    def visit(inlines: Sequence[Inline]) -> None:
        for each in inlines:
            if each["kind"] == "cite":
                for key in each["keys"]:
                    if key not in known:
                        raise UserError(f'{source} cites "{key}", which is not among {", ".join(sorted(known))}')
                    cited.setdefault(key)
            elif each["kind"] == "see":
                target = each["target"]
                if target not in targets and target not in places:
                    shown = ", ".join(sorted(targets)) or "none"
                    raise UserError(f'{source} refers to "{target}"; this report shows {shown}')
                if target not in targets:
                    unseen.append(f"[#{target}]")
                each.update(targets.get(target, {"text": f"{target}, not there yet", "part": "", "anchor": ""}))
            visit(each.get("content", ()))

    for block in blocks:
        for inlines in inlines_of(block):
            visit(inlines)
    return list(cited), unseen
