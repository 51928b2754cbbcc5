"""The student's prose: a safe subset of Markdown, with places for figures, citations and measured numbers."""

import re
from collections.abc import Callable, Sequence

from coursework.report.document import Block, Inline, heading, note
from coursework.util.errors import UserError

# A line of the prose file that says it is still the package's first version.
DRAFT_MARK = "DRAFT"
# What brackets may hold has an end: looked for from every bracket that is never closed, it would take for ever.
TOKEN = re.compile(
    r"\\(?P<escaped>[^\w\s])"
    r"|`(?P<code>[^`]+)`"
    r"|\*\*(?P<strong>.+?)\*\*"
    r"|\*(?P<emph>[^\s*](?:[^*]*[^\s*])?)\*"
    r"|(?<!\w)_(?P<underlined>[^\s_](?:[^_]*[^\s_])?)_(?!\w)"
    r"|\[@(?P<cite>[^\]\s][^\]]{0,500})\]"
    r"|\[#(?P<see>[\w-]{1,200})\]"
    r"|\[(?P<label>[^\]]{1,500})\]\((?P<url>[^()\s]{0,2000})\)"
    r"|\{(?P<source>[^{}:\n]{1,200}):\s*(?P<fact>[^{}\n]{1,200})\}",
    re.DOTALL,
)
SCHEMES = ("https://", "http://", "mailto:")
ITEM = re.compile(r"(?:[-*+]|(\d+)[.)])\s+(.*)")
PLACE = re.compile(r"\{\{\s*([\w-]+)\s*\}\}")


def parse(
    text: str, places: Sequence[str] = (), fact: Callable[[str, str], str] | None = None, source: str = "prose"
) -> list[Block]:
    """Return the blocks of `text`; a place, {{name}} on a line of its own, becomes {"type": "place", "name"}.

    Read are headings (#, ##, ###), paragraphs, lists, quotations (as notes), *emphasis*, **strong**, `code`, links,
    [@key; key] for citations, [#name] for the figure or table of that name and {source: fact} for what `fact(source,
    name)` returns as text. Everything else, HTML too, is text. Raises `UserError`, naming `source`, for an unknown
    place and for links other than to http, https and mailto.
    """
    blocks: list[Block] = []
    lines: list[str] = []

    def flush() -> None:
        if lines:
            blocks.append(_paragraph("\n".join(lines), fact, source))
            lines.clear()

    for line in _without_comments(text).splitlines():
        line = line.rstrip()
        place, hashes = PLACE.fullmatch(line.strip()), re.match(r"(#{1,6})\s+(.*)", line)
        item = ITEM.match(line)
        if item and item[1] in (None, "1"):
            # A list may follow its paragraph without an empty line.
            flush()
        before = blocks[-1] if blocks and not lines else None
        if not line.strip():
            flush()
        elif place:
            flush()
            if place[1] not in places:
                raise UserError(f"{source} has a place for {place[1]}; there are {', '.join(places)}")
            blocks.append({"type": "place", "name": place[1]})
        elif hashes:
            flush()
            blocks.append(heading(min(len(hashes[1]), 3)) | {"content": inlines(hashes[2], fact, source)})
        elif item and not lines:
            ordered, content = item[1] is not None, inlines(item[2], fact, source)
            if before and before["type"] == "list" and before["ordered"] == ordered and item[1] != "1":
                before["items"].append(content)
            else:
                blocks.append({"type": "list", "ordered": ordered, "items": [content]})
        elif before and before["type"] == "list" and line[:1] == " ":
            before["items"][-1] += inlines(" " + line.strip(), fact, source)
        else:
            lines.append(line.strip())
    flush()
    return blocks


def _without_comments(text):
    kept, start = [], 0
    while (opened := text.find("<!--", start)) >= 0 and (closed := text.find("-->", opened + 4)) >= 0:
        kept.append(text[start:opened])
        start = closed + 3
    return "".join([*kept, text[start:]])


def is_draft(text: str) -> bool:
    """Tell whether the prose still bears the mark of the package's first version."""
    return any(line.lstrip("> ").startswith(DRAFT_MARK) for line in text.splitlines())


def _paragraph(text, fact, source):
    if all(line.startswith(">") for line in text.splitlines()):
        quoted = "\n".join(line.lstrip("> ") for line in text.splitlines())
        # The draft's mark is the package's remark, every other quotation the student's.
        return note() | {"content": inlines(quoted, fact, source), "own": not quoted.startswith(DRAFT_MARK)}
    return {"type": "paragraph", "content": inlines(text, fact, source)}


def inlines(text: str, fact: Callable[[str, str], str] | None = None, source: str = "prose") -> list[Inline]:
    """Return the inlines of a piece of text."""
    found: list[Inline] = []
    start = 0
    for match in TOKEN.finditer(text):
        _add_text(found, text[start : match.start()])
        start = match.end()
        kind, value = match.lastgroup, match.group(match.lastgroup or 0)
        if kind == "escaped":
            _add_text(found, value)
        elif kind == "code":
            found.append({"kind": "code", "text": value})
        elif kind in ("strong", "emph", "underlined"):
            content = inlines(value, fact, source)
            found.append({"kind": "strong" if kind == "strong" else "emph", "content": content})
        elif kind == "cite":
            found.append({"kind": "cite", "keys": [key.strip().lstrip("@") for key in value.split(";")]})
        elif kind == "see":
            found.append({"kind": "see", "target": value})
        elif kind == "url":
            if not value.startswith(SCHEMES):
                raise UserError(f'{source} links to "{value}": write the whole address, such as https://example.org')
            content = inlines(match["label"], fact, source)
            found.append({"kind": "link", "url": value, "content": content})
        else:
            _add_text(found, match[0] if fact is None else fact(match["source"].strip(), value.strip()))
    _add_text(found, text[start:])
    return found


def _add_text(found, text):
    """Append text; spaces and line ends between words are one space."""
    text = re.sub(r"[ \t\r\n]+", " ", text)
    if not text:
        return
    if found and found[-1]["kind"] == "text":
        found[-1]["text"] += text
    else:
        found.append({"kind": "text", "text": text})
