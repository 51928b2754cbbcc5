"""A report as a list of blocks, ready for JSON: the one content of which PDF and page are two views.

A block is a dict with a "type": heading, paragraph, list, equation, figure, table, note or references. Words stand in
it as inlines: dicts with a "kind" (text, name, strong, emph, code, link, cite, see). Whatever shows them shows text as
text, never as markup.
"""

from coursework.util.errors import UserError


def inline(*parts):
    """Return inlines of strings and inlines; None and "" are left out."""
    return [{"kind": "text", "text": part} if isinstance(part, str) else part for part in parts if part]


def name(words):
    """Return the inline of a name such as a run's, which may be broken anywhere."""
    return {"kind": "name", "text": str(words)}


def strong(*parts):
    """Return strong words."""
    return {"kind": "strong", "content": inline(*parts)}


def emph(*parts):
    """Return emphasised words."""
    return {"kind": "emph", "content": inline(*parts)}


def cite(*keys):
    """Return a citation of entries of the bibliography."""
    return {"kind": "cite", "keys": list(keys)}


def see(target):
    """Return a reference to the figure or table called `target`, such as "Table 2"."""
    return {"kind": "see", "target": target}


def heading(level, *parts):
    """Return a heading; level 1 is a section's."""
    return {"type": "heading", "level": level, "content": inline(*parts)}


def paragraph(*parts):
    """Return a paragraph."""
    return {"type": "paragraph", "content": inline(*parts)}


def note(*parts):
    """Return a remark that is no part of the text, such as that something is missing."""
    return {"type": "note", "content": inline(*parts)}


def panel(image, label="", frame=None, weight=1, height=None, missing="missing"):
    """Return a part of a figure: an image as `Images` names it, or the words for its absence.

    frame: [left, top, width, height] of a highlighted part, in shares of the image. weight: share of the figure's
    width. height: at most so many millimetres on paper.
    """
    return {
        "image": image,
        "label": label,
        "frame": frame,
        "weight": weight,
        "height": height,
        "missing": "" if image else missing,
    }


def figure(target, panels, caption, columns=1, top_labels=False):
    """Return a figure of panels, row by row in `columns`."""
    return {
        "type": "figure",
        "target": target,
        "panels": panels,
        "columns": min(columns, max(len(panels), 1)),
        "top_labels": top_labels,
        "caption": inline(*caption),
    }


def cell(*parts, detail="", muted=False):
    """Return a cell of a table; `detail` stands small on a line of its own."""
    return {"content": inline(*parts), "detail": detail, "muted": muted}


def row(*cells, ruled=False):
    """Return a row of cells or strings; `ruled` draws a line above it."""
    return {
        "cells": [each if isinstance(each, dict) and "content" in each else cell(each) for each in cells],
        "ruled": ruled,
    }


def table(target, header, rows, caption=(), align=None, weights=None, notes=None):
    """Return a table; without a caption it belongs to what stands above it and has no number.

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


def inlines_of(block):
    """Yield every list of inlines of a block, in reading order; of a list and a table those of each item or cell."""
    if "content" in block:
        yield block["content"]
    yield from block.get("items", ()) if block["type"] == "list" else ()
    if "caption" in block:
        yield block["caption"]
    if block["type"] == "table":
        for each in [*block["header"], *(each for line in block["rows"] for each in line["cells"])]:
            yield each["content"]


def plain(inlines):
    """Return inlines as plain text; citations are left out."""
    parts = []
    for each in inlines:
        if each["kind"] != "cite":
            parts.append(plain(each["content"]) if "content" in each else each.get("text", ""))
    return "".join(parts)


def count_words(text):
    """Return the number of words: what stands between spaces and holds a letter or a digit."""
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def words(blocks):
    """Return {"body", "captions"}: words of headings, paragraphs, lists and quotations, and of the captions of figures
    and tables.

    The title, what stands in figures, tables and equations, the package's notes, citations and references do not count.
    """
    counts = {"body": 0, "captions": 0}
    for block in blocks:
        if block["type"] in ("heading", "paragraph") or block.get("own"):
            counts["body"] += count_words(plain(block["content"]))
        elif block["type"] == "list":
            counts["body"] += sum(count_words(plain(item)) for item in block["items"])
        elif "caption" in block:
            counts["captions"] += count_words(plain(block["caption"]))
    return counts


def resolve(blocks, bibliography, places=(), source="the report"):
    """Number figures, tables and references in place; return (entries cited, in order; places referred to in vain).

    bibliography: {key: text of the entry}. Citations get their numbers, references to figures and tables their text.
    One of `places` that shows nothing yet is named as it is. Raises `UserError`, naming `source`, for anything else
    that is cited or referred to and does not exist.
    """
    targets, counts, unseen = {}, {"figure": 0, "table": 0}, []
    for block in blocks:
        if block["type"] in counts and block["caption"]:
            counts[block["type"]] += 1
            block["number"] = counts[block["type"]]
            block["anchor"] = f"{block['type']}-{block['number']}"
            targets.setdefault(block["target"], (f"{block['type'].capitalize()} {block['number']}", block["anchor"]))
    cited = {}

    def visit(inlines):
        for each in inlines:
            if each["kind"] == "cite":
                for key in each["keys"]:
                    if key not in bibliography:
                        raise UserError(f'{source} cites "{key}", which is not among {", ".join(sorted(bibliography))}')
                    cited.setdefault(key, len(cited) + 1)
                each["numbers"] = sorted(cited[key] for key in each["keys"])
            elif each["kind"] == "see":
                if each["target"] in places and each["target"] not in targets:
                    unseen.append(f"[#{each['target']}]")
                    targets[each["target"]] = f"{each['target']}, not there yet", None
                if each["target"] not in targets:
                    known = ", ".join(sorted(targets)) or "none"
                    raise UserError(f'{source} refers to "{each["target"]}"; this report shows {known}')
                each["text"], each["anchor"] = targets[each["target"]]
            visit(each.get("content", ()))

    for block in blocks:
        for inlines in inlines_of(block):
            visit(inlines)
    return [bibliography[key] for key in cited], unseen
