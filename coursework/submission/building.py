"""From the report and the pegasus to the zip that is handed in, once no rule is broken."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from coursework.report.building import FOLDER, WARNING_WORDS
from coursework.submission import image_rules, report_rules
from coursework.submission.archive import write_zip
from coursework.submission.contents import contents, script
from coursework.submission.image_rules import nothing_pretrained
from coursework.submission.material import PACKAGE, Material, gather
from coursework.submission.packaged import data_files
from coursework.submission.report_rules import title_page
from coursework.submission.verifying import verify
from coursework.training.run import Run
from coursework.util.errors import UserErrors
from coursework.util.files import replacing

OUTPUT = FOLDER / "submission.zip"


def submit(
    runs: list[Run],
    output: Path | str = OUTPUT,
    folder: Path | str = FOLDER,
    choice: Path | str | None = None,
    verified: bool = True,
    report: Callable[[str], None] = print,
    package: Path | str = PACKAGE,
) -> None:
    """Write the zip to `output`, all or nothing: what the coursework asks for, if it keeps every rule.

    runs: list of `Run`, those that the report shows. folder: where report.pdf, prose.md, report.toml and pegasus/ are.
    choice: file that the gallery saved, by default choice.json in pegasus/ where there is one. verified: whether the
    images are remade from the unpacked zip first. package: folder of the package whose source is handed in. Raises
    `UserErrors` with every breach in one go, and `UserError` where the zip does not remake its images.
    """
    output = Path(output)
    with tempfile.TemporaryDirectory(prefix="coursework-") as stage_folder:
        material = gather(runs, folder, stage_folder, choice, package)
        told = breaches(material)
        if told:
            raise UserErrors(told)
        files = contents(material, package)
        with replacing(output) as temporary:
            write_zip(temporary, files)
            size = temporary.stat().st_size / 1e6
            if verified:
                report("unpacking the zip elsewhere, and remaking its images there")
                report(f"remade: equal {verify(temporary)}")
    for line in [*warnings(material), *left_out(package)]:
        report(f"warning: {line}")
    how = "checked against the rules" if verified else "checked against the rules, its images not remade"
    report(f"{output}: {len(files) + 1} files, {size:.1f} MB, {how}")


def breaches(material: Material) -> list[str]:
    """Return every breach of the rules and every file that could not be read, a line each."""
    told = list(material.faults)
    rules = [title_page, *(report_rules.RULES if material.content else ()), *image_rules.RULES]
    rules.append(lambda material: nothing_pretrained(material, script()))
    for rule in rules:
        with material.telling():
            told += rule(material)
    return list(dict.fromkeys([*told, *material.faults]))


def left_out(package: Path | str = PACKAGE) -> list[str]:
    """Return a line that names what lies in the folder of the package and is no part of it, where there is any."""
    extras = data_files(package)[1]
    named = ", ".join(f"{path:.80}" for path in extras[:10]) + (" …" if len(extras) > 10 else "")
    return [f"not handed in, since it is no file of the package: {named}"] if extras else []


def warnings(material: Material) -> list[str]:
    """Return what a student should know, though no rule forbids it."""
    count, missing = sum(material.content["words"].values()), material.content["missing"]
    told = [f"{count:,} words, close to the limit"] if count >= WARNING_WORDS else []
    told += image_rules.unchecked(material, script())
    told += [f"the text names what was not measured: {', '.join(missing)}"] if missing else []
    if material.records and material.records[0].get("chosen_by"):
        told.append(f"the best image was chosen by eye: {material.folder / 'prose.md'} should not say otherwise")
    return told
