"""The tables of a report as text for a terminal, printed again from what was kept, without an image or a network."""

import textwrap
from collections.abc import Sequence

from coursework.report.appendix import machine_table, result_blocks
from coursework.report.context import Context
from coursework.report.differences import settings_blocks
from coursework.report.document import Block
from coursework.report.pegasus import pegasus_blocks
from coursework.report.scores_table import score_blocks
from coursework.util.errors import UserError

GAP = "  "
CAPTION_WIDTH = 100


def result_tables(context: Context) -> list[Block]:
    """Return the tables of all results as blocks: scores, what training took, Pegasus, studies, each run."""
    blocks = score_blocks(context.runs) if context.runs else []
    blocks += settings_blocks(context.runs) if context.runs else []
    blocks += pegasus_blocks(context.pegasus) + result_blocks(context) + [machine_table(run) for run in context.runs]
    return [block for block in blocks if block["type"] == "table"]


def chosen_tables(blocks: Sequence[Block], names: Sequence[str]) -> list[Block]:
    """Return those tables that `names` name, all without a name; a name stands for those that begin with it too.

    Raises `UserError` for a name that no table has.
    """
    targets = list(dict.fromkeys(block["target"] for block in blocks))
    for name in names:
        if not any(_is_called(target, name) for target in targets):
            raise UserError(f"there is no table {name}; there are {', '.join(targets) or 'none'}")
    return [block for block in blocks if not names or any(_is_called(block["target"], name) for name in names)]


def _is_called(target, name):
    return target == name or target.startswith(f"{name}-")


def table_lines(block: Block) -> list[str]:
    """Return a table as lines of text: its name and caption, its rows in columns, its small print.

    What is strong stands between asterisks, a citation is the key of its entry.
    """
    title = f"{block['target']}: {_text(block['caption'])}" if block["caption"] else block["target"]
    lines = [*textwrap.wrap(title, CAPTION_WIDTH), "", *_rows(block)]
    return [*lines, "", *_rows(block["notes"])] if block["notes"] else lines


def _rows(block):
    rows = [(_lines_of(block["header"]), False)]
    rows += [(_lines_of(row["cells"], "*"), row["ruled"]) for row in block["rows"]]
    widths = [max(len(line[column]) for lines, _ in rows for line in lines) for column in range(len(block["header"]))]
    rule = "-" * (sum(widths) + len(GAP) * (len(widths) - 1))
    found = []
    for number, (lines, ruled) in enumerate(rows):
        found += [rule] if ruled or number == 1 else []
        found += [_aligned(line, widths, block["align"]) for line in lines]
    return found


def _lines_of(cells, mark=""):
    """Return the lines of a row, each a list of texts: a second one where a cell has a detail."""
    first = [_text(cell["content"], mark) for cell in cells]
    details = [" ".join(str(cell["detail"]).split()) for cell in cells]
    return [first, details] if any(details) else [first]


def _text(inlines, mark=""):
    """Return inlines as one line of text; mark: what strong words stand between."""
    parts = []
    for each in inlines:
        words = _text(each["content"], mark) if "content" in each else each.get("text", "")
        words = f"[{', '.join(each['keys'])}]" if each["kind"] == "cite" else words
        parts.append(f"{mark}{words}{mark}" if each["kind"] == "strong" else words)
    return " ".join("".join(parts).split())


def _aligned(texts, widths, sides):
    cells = [
        text.ljust(width) if side == "left" else text.rjust(width)
        for text, width, side in zip(texts, widths, sides, strict=True)
    ]
    return GAP.join(cells).rstrip()
