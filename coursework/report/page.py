"""The report as one static page: images inside it, no script, light and dark, from a phone's width upwards."""

import base64
from html import escape
from pathlib import Path

from coursework.report.equations import mathml

STYLE = Path(__file__).with_name("page.css")
KINDS = {".png": "image/png", ".webp": "image/webp", ".svg": "image/svg+xml"}


def page(content, folder):
    """Return the HTML of a report's staged content, whose images lie in `folder`. Every text is escaped."""
    style = STYLE.read_text(encoding="utf-8")
    byline = " · ".join(escape(content[key]) for key in ("author", "course", "date") if content[key])
    sections = [block for block in content["blocks"] if block["type"] == "heading" and block["level"] == 1]
    numbers = {id(block): number for number, block in enumerate(sections, start=1)}
    links = "".join(
        f'<li><a href="#section-{numbers[id(block)]}">{_inlines(block["content"])}</a></li>' for block in sections
    )
    body = "\n".join(_block(block, folder, numbers) for block in content["blocks"])
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(content['title'])}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(content['title'])}</h1>{f'<p>{byline}</p>' if byline else ''}</header>\n"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )


def _inlines(inlines):
    return "".join(_inline(each) for each in inlines)


def _inline(each):
    kind = each["kind"]
    if kind == "cite":
        links = ", ".join(f'<a href="#reference-{number}">{number}</a>' for number in each["numbers"])
        return f'<span class="cite">[{links}]</span>'
    if kind == "see":
        return f'<a href="#{each["anchor"]}">{escape(each["text"])}</a>' if each["anchor"] else escape(each["text"])
    if kind == "link":
        return f'<a href="{escape(each["url"])}">{_inlines(each["content"])}</a>'
    tag = {"strong": "strong", "emph": "em", "code": "code"}.get(kind)
    content = _inlines(each["content"]) if "content" in each else escape(each["text"])
    if kind == "name":
        return f'<span class="name">{content}</span>'
    return f"<{tag}>{content}</{tag}>" if tag else content


def _block(block, folder, numbers):
    kind = block["type"]
    if kind == "heading":
        level = block["level"] + 1
        anchor = f' id="section-{numbers[id(block)]}"' if id(block) in numbers else ""
        return f"<h{level}{anchor}>{_inlines(block['content'])}</h{level}>"
    if kind == "paragraph":
        return f"<p>{_inlines(block['content'])}</p>"
    if kind == "note":
        return f'<p class="note">{_inlines(block["content"])}</p>'
    if kind == "list":
        tag = "ol" if block["ordered"] else "ul"
        return f"<{tag}>{''.join(f'<li>{_inlines(item)}</li>' for item in block['items'])}</{tag}>"
    if kind == "equation":
        return f'<div class="wide equation" tabindex="0">{mathml(block["source"])}</div>'
    if kind == "figure":
        return _figure(block, folder)
    if kind == "table":
        return _captioned_table(block)
    items = "".join(
        f'<li id="reference-{number}">{escape(entry)}</li>' for number, entry in enumerate(block["items"], start=1)
    )
    return f'<h2 id="references">References</h2><ol class="references">{items}</ol>' if items else ""


def _caption(block):
    return (
        f"<figcaption><b>{block['type'].capitalize()} {block['number']}.</b> {_inlines(block['caption'])}</figcaption>"
    )


def _figure(block, folder):
    weights = " ".join(f"{each['weight']}fr" for each in block["panels"][: block["columns"]])
    panels = "".join(_panel(each, folder, block) for each in block["panels"])
    return (
        f'<figure id="{block["anchor"]}"><div class="panels" style="--columns: {weights}">{panels}</div>'
        f"{_caption(block)}</figure>"
    )


def _panel(each, folder, block):
    label = f'<span class="label">{escape(each["label"])}</span>' if each["label"] else ""
    if each["image"] is None:
        return f'<div class="panel"><span class="missing">{escape(each["missing"])}</span>{label}</div>'
    file = folder / each["image"]["page"]
    source = f"data:{KINDS[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode()}"
    words = escape(each["label"] or "".join(part.get("text", "") for part in block["caption"]))
    style = "pixels" if each["image"]["pixels"] else "drawing"
    size = (
        ""
        if each["image"]["width"] is None
        else f' width="{each["image"]["width"]}" height="{each["image"]["height"]}"'
    )
    frame = ""
    if each["frame"]:
        left, top, width, height = (f"{100 * share:.3f}%" for share in each["frame"])
        frame = f'<span class="frame" style="left:{left};top:{top};width:{width};height:{height}"></span>'
    image = f'<img src="{source}" alt="{words}"{size}>'
    return f'<div class="panel"><span class="image {style}">{image}{frame}</span>{label}</div>'


def _captioned_table(block):
    body = f'<div class="wide" tabindex="0">{_table(block)}</div>'
    if block["notes"]:
        body += f'<div class="wide notes" tabindex="0">{_table(block["notes"])}</div>'
    if not block["caption"]:
        return f"<figure>{body}</figure>"
    return f'<figure class="tabular" id="{block["anchor"]}">{_caption(block)}{body}</figure>'


def _table(block):
    def cells(tag, row):
        return "".join(
            f'<{tag} class="{side}{" missing" if each["muted"] else ""}">{_inlines(each["content"])}'
            + (f"<br><small>{escape(each['detail'])}</small>" if each["detail"] else "")
            + f"</{tag}>"
            for side, each in zip(block["align"], row, strict=True)
        )

    rows = "".join(
        f"<tr{' class=ruled' if row['ruled'] else ''}>{cells('td', row['cells'])}</tr>" for row in block["rows"]
    )
    return f"<table><thead><tr>{cells('th', block['header'])}</tr></thead><tbody>{rows}</tbody></table>"
