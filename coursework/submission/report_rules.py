"""The rules that the report must keep: each returns its breaches, a line each, that say what to do."""

import base64
import io
import re
from collections.abc import Iterator

import numpy as np
from PIL import Image

from coursework.report.building import MOST_WORDS
from coursework.report.method import sources_of
from coursework.report.settings import TITLE, read_settings
from coursework.report.typesetting import bibliography
from coursework.submission.material import Material

# (kind, content) of an image in a page.
IMAGE = re.compile(rb"data:image/(png|jpeg|webp|svg\+xml);base64,([A-Za-z0-9+/=]+)")
# Mean difference of pixels, of 255, between two encodings of an image; a lossy one rounds in its own way.
TOLERANCE = 1.0
PLACEHOLDER = re.compile(r"\W*(your (full )?name|(the )?(author|title|name)|todo|tbd|xxx+|\?+)?\W*", re.IGNORECASE)


def word_limit(material: Material) -> Iterator[str]:
    """The report, without its appendix, has at most 1,000 words of text and captions."""
    count = sum(material.content["words"].values())
    if count > MOST_WORDS:
        more = f"{count - MOST_WORDS:,} above the limit of {MOST_WORDS:,}"
        yield f"the report has {count:,} words, {more}: shorten {material.folder / 'prose.md'}"


def own_words(material: Material) -> Iterator[str]:
    """The prose no longer bears the mark of the package's first version."""
    if material.content["draft"]:
        prose = material.folder / "prose.md"
        yield f"{prose} still bears the draft's mark: rewrite it in your own words, then delete the line with DRAFT"


def title_page(material: Material) -> Iterator[str]:
    """Title and author are those of somebody."""
    file = material.folder / "report.toml"
    settings = read_settings(file)
    if settings.title == TITLE or PLACEHOLDER.fullmatch(settings.title):
        yield f"the report has no title of its own: write one in {file}"
    if PLACEHOLDER.fullmatch(settings.author):
        yield f"the report names no author: write your name, or the number that you are marked under, in {file}"


def diagram(material: Material) -> Iterator[str]:
    """The architecture of the model that made the best image is drawn."""
    shown = [block for block in material.content["blocks"] if block.get("target") == "architecture"]
    if not any(panel["image"] for block in shown if block["type"] == "figure" for panel in block["panels"]):
        yield f"the report has no diagram of the architecture of {material.final}: make figures, then make report"
    best = material.records[0]["origin"]["run"] if material.records else material.final
    if best != material.final:
        yield (
            f"the report draws the architecture of {material.final}, and the best image is from {best:.80}: "
            f'write final = "{best:.80}" in {material.folder / "report.toml"}, and show that run'
        )


def cited_settings(material: Material) -> Iterator[str]:
    """The work that each preset's settings are from is cited: the final model's in the report, others' anywhere."""
    cited, file = material.content["cited"], material.folder / "report.toml"
    known = {**bibliography(), **read_settings(file).references}
    presets = {run.read_config().preset: run.name for run in material.runs}
    presets |= {run.read_config().preset: run.name for run in material.runs if run.name == material.final}
    for preset, name in presets.items():
        printed = cited["report"] if name == material.final else [*cited["report"], *cited["appendix"]]
        for key in sources_of(preset) or (preset,):
            if key not in known:
                yield (
                    f'the settings of the preset {preset:.60} cite no work: write {key:.60} = "..." under '
                    f"[references] in {file}, and [@{key:.60}] in the text"
                )
            elif key not in printed:
                yield f"the settings of the preset {preset:.60} are from [@{key:.60}]: cite it in the text"


def up_to_date(material: Material) -> Iterator[str]:
    """The report and the appendix handed in are those that would be built now, but for how a machine encodes images."""
    files = {material.folder / name: content for name, content in material.documents.items()}
    missing = [str(file) for file in files if not file.is_file()]
    kept = {file: file.read_bytes() for file in files if file.is_file()}
    # Of a PDF nothing can be told but that it is another one: the page that was built with it decides.
    reencoded = {
        file.with_suffix("")
        for file in kept
        if file.suffix == ".html" and kept[file] != files[file] and differ_in_encoding(kept[file], files[file])
    }
    older = [
        str(file) for file, content in kept.items() if content != files[file] and file.with_suffix("") not in reencoded
    ]
    if missing:
        yield f"no {', '.join(missing)}: make report"
    if older:
        yield (
            f"older than the runs, the text or the pegasus that it shows: {', '.join(older)}: make report, with the "
            "same RUNS and CHOICE"
        )


def differ_in_encoding(first: bytes, second: bytes) -> bool:
    """Return whether two pages are equal but for the encoding of the images in them, which depends on libraries."""
    if IMAGE.sub(b"image", first) != IMAGE.sub(b"image", second):
        return False
    pairs = zip(IMAGE.finditer(first), IMAGE.finditer(second), strict=True)
    return all(one[0] == other[0] or _look_alike(one, other) for one, other in pairs)


def _look_alike(*matches: re.Match[bytes]) -> bool:
    """Return whether two images in data addresses show the same: drawings the same text, others the same pixels."""
    try:
        first, second = (base64.b64decode(match[2]) for match in matches)
        if any(match[1] == b"svg+xml" for match in matches):
            return differ_in_encoding(first, second)
        with Image.open(io.BytesIO(first)) as one, Image.open(io.BytesIO(second)) as other:
            pixels = [np.asarray(image.convert("RGBA"), np.float32) for image in (one, other)]
    except Exception:  # Pillow raises a dozen kinds for what is no image.
        return False
    return pixels[0].shape == pixels[1].shape and float(np.abs(pixels[0] - pixels[1]).mean()) <= TOLERANCE


# Of a report that can be built; its title page is checked even where it cannot.
RULES = (word_limit, own_words, diagram, cited_settings, up_to_date)
