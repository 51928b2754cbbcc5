"""From synthetic run directories to report.pdf, without Keras."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typst

from coursework import figures, report
from coursework.errors import UserError
from coursework.presets import PRESETS
from coursework.report_pages import duration
from coursework.run import Run

TEMPLATE = Path(__file__).parent.parent / "reports" / "template.typ"
LABEL = "CIFAR-10 (JPEG copy)"
ENVIRONMENT = {
    "package": "0.1.0",
    "backend": "tensorflow",
    "backend_version": "2.21.0",
    "device": "CPU",
    "dataset_fingerprint": "0123456789abcdef" * 4,
    "dataset_label": LABEL,
    "seconds": 12034.5,
    "epochs_done": 128,
    "images_seen": 6400000,
    "finished": True,
    "parameters": {"generator": 3806659},
}
SCORE = {"name": "fd_judge", "value": 12.5, "error": None, "n": 10000, "extractor_sha256": "ab" * 32, "floor": 1.0}


def bare_run(folder, preset="gan", name="bare"):
    run = Run(folder / "runs" / name)
    run.write_config(PRESETS[preset])
    return run


def full_run(folder, name="full"):
    run = bare_run(folder, "sngan", name)
    run.write_environment(ENVIRONMENT)
    run.write_metrics([SCORE])
    run.log_file.write_text("epoch,discriminator_loss,generator_loss,fd_judge\n1,1.0,1.2,\n2,0.9,1.3,50\n")
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    for epoch in range(10, 90, 10):
        figures.save_grid(run.samples / f"{epoch:04d}.png", images)
    figures.save_png(run.figures / "reconstructions.png", figures.reconstructions(images[:4], images[4:]))
    figures.save_png(run.figures / "interpolation-spherical.png", figures.strips([images]))
    figures.save_png(run.figures / "zebra_stripes.png", figures.grid(images))
    block = {"before": [], "after": [], "spectral": False, "layers": [], "parameters": 0}
    input_block = block | {"kind": "input", "title": "latents", "shape": [128], "inputs": []}
    dense = block | {"kind": "dense", "title": "dense 4", "shape": [4], "inputs": [0], "parameters": 516}
    description = {"generator": {"parameters": 516, "trainable": 516, "blocks": [input_block, dense]}}
    (run.figures / "architecture.json").write_text(json.dumps(description))
    return run


def staged(runs, tmp_path, **options):
    """Return what the template would be given."""
    folder = tmp_path / "stage"
    folder.mkdir(exist_ok=True)
    main = report.stage(runs, folder, options.pop("pegasus", tmp_path / "none"), TEMPLATE, **options)
    return main, json.loads((folder / "data.json").read_text(encoding="utf-8"))


def compile_strictly(main):
    """Compile as PNG pages; any warning of the compiler, such as an unknown font, fails."""
    compiler = typst.Compiler(main, root=main.parent, ignore_system_fonts=True)
    pages, warnings = compiler.compile_with_warnings(format="png", ppi=20)
    assert not warnings, [warning.message for warning in warnings]
    return pages if isinstance(pages, list) else [pages]


def test_a_full_run_is_reported_with_all_it_holds(tmp_path):
    run = full_run(tmp_path)
    main, content = staged([run], tmp_path)
    (page,) = content["runs"]
    assert page["status"] == "Finished: 128 epochs, 6,400,000 images, 3 h 21 min."
    assert page["dataset"] == LABEL
    assert page["samples"]["epoch"] == "80"
    assert [each["epoch"] for each in page["training"]] == ["10", "30", "50", "60", "80"]
    assert [figure["caption"] for figure in page["figures"]] == [
        "Architecture, with output shapes and numbers of parameters",
        "Test images (upper row of each pair) and their reconstructions (lower row)",
        "Interpolations between latents (spherical)",
        "Zebra stripes",
    ]
    assert [figure["drawing"] for figure in page["figures"]] == [True, False, False, False]
    assert page["figures"][0]["image"].endswith(".svg") and page["curves"].endswith(".svg")
    named = [page["curves"], page["samples"]["image"], *(each["image"] for each in page["training"] + page["figures"])]
    assert all((main.parent / name).is_file() for name in named) and len(set(named)) == len(named)
    assert (main.parent / page["samples"]["image"]).read_bytes() == (run.samples / "0080.png").read_bytes()
    assert content["tables"][0]["dataset"] == LABEL
    assert content["tables"][0]["rows"][0]["cells"][0]["text"] == "12.50"
    assert len(compile_strictly(main)) >= 2


def test_settings_are_those_of_the_configuration(tmp_path):
    _, content = staged([full_run(tmp_path)], tmp_path)
    groups = {group["title"]: dict(group["rows"]) for group in content["runs"][0]["settings"]}
    assert list(groups) == ["Training", "Model", "Network", "Parameters", "Machine and software"]
    assert groups["Training"] | {"preset": "sngan", "dataset": LABEL, "epochs": "128"} == groups["Training"]
    assert groups["Training"]["classes"] == "all" and groups["Training"]["horizontal flips"] == "no"
    assert groups["Model"]["kind"] == "sngan" and groups["Model"]["critic steps"] == "1"
    assert groups["Network"]["spectral"] == "yes" and groups["Network"]["latent size"] == "128"
    assert groups["Parameters"] == {"generator": "3,806,659"}
    assert groups["Machine and software"]["backend"] == "tensorflow 2.21.0"
    assert groups["Machine and software"]["data fingerprint"] == "0123456789abcdef"
    generator, discriminator = content["runs"][0]["optimizers"]
    assert generator["player"] == "generator" and discriminator["player"] == "discriminator"
    optimizer = PRESETS["sngan"].model.generator_optimizer
    assert float(generator["rate"]) == optimizer.rate and float(generator["epsilon"]) == optimizer.epsilon
    assert (float(generator["beta_1"]), float(generator["beta_2"])) == (optimizer.beta_1, optimizer.beta_2)


@pytest.mark.parametrize("preset", ["gan", "sngan-resnet", "vae", "acai"])
def test_a_run_that_has_only_begun_gets_a_page(tmp_path, preset):
    main, content = staged([bare_run(tmp_path, preset)], tmp_path)
    (page,) = content["runs"]
    assert page["status"] == f"Unfinished: 0 of {PRESETS[preset].epochs} epochs."
    assert (page["curves"], page["samples"], page["training"], page["figures"]) == (None, None, [], [])
    cells = content["tables"][0]["rows"][0]["cells"]
    assert [cell["text"] for cell in cells] == ["not measured", "not measured"]
    assert len(compile_strictly(main)) == 2


def test_broken_and_missing_images_are_left_out(tmp_path):
    run = full_run(tmp_path)
    (run.figures / "reconstructions.png").write_bytes(b"not an image")
    newest = run.samples / "0080.png"
    newest.write_bytes(newest.read_bytes()[:100])
    main, content = staged([run], tmp_path)
    (page,) = content["runs"]
    assert page["samples"] == {"image": None, "epoch": "80"}
    assert [each["epoch"] for each in page["training"]] == ["10", "30", "50", "60"]
    assert not any("reconstructions" in figure["caption"] for figure in page["figures"])
    compile_strictly(main)


def test_names_are_shown_as_text_and_never_read_as_markup(tmp_path):
    name = '#panic("no") *a* _b_ $x$ @c <d> [e] \\f'
    run = bare_run(tmp_path, name="hostile")
    run.write_environment(ENVIRONMENT | {"dataset_label": name, "machine": name, "finished": False})
    main, _ = staged([run], tmp_path, title=name)
    compiler = typst.Compiler(main, root=main.parent, ignore_system_fonts=True)
    captions = compiler.query("figure.where(kind: table)", field="caption")
    # A zero-width space allows a break after separators.
    assert name in captions.replace("\\u200b", "").replace('\\"', '"').replace("\\\\", "\\").replace("\u200b", "")
    compile_strictly(main)


def test_very_long_names_stay_on_the_page(tmp_path):
    """A name without separators must break: every page is as wide as its margins allow, and nothing is cut off."""
    long_name = "x" * 150
    run = bare_run(tmp_path, name=long_name)
    main, _ = staged([run], tmp_path)
    compiler = typst.Compiler(main, root=main.parent, ignore_system_fonts=True)
    from io import BytesIO

    from PIL import Image

    for page in compiler.compile(format="png", ppi=72):
        with Image.open(BytesIO(page)) as image:
            ink = np.asarray(image.convert("L")) < 200
        margin = round(20 / 25.4 * 72) - 2
        assert ink.any() and not ink[:, :margin].any() and not ink[:, -margin:].any()


def test_curves_are_drawn_when_missing_or_older_than_the_log_and_else_left(tmp_path):
    run = full_run(tmp_path)
    staged([run], tmp_path)
    drawn = run.figures / "curves.svg"
    drawn.write_text("<svg/>")
    os.utime(run.log_file, ns=(0, drawn.stat().st_mtime_ns))
    staged([run], tmp_path)
    assert drawn.read_text() == "<svg/>"
    os.utime(run.log_file, ns=(0, drawn.stat().st_mtime_ns + 10**9))
    staged([run], tmp_path)
    assert "<!-- FD-judge -->" in drawn.read_text()


def test_pegasus_section_lists_the_best(tmp_path):
    folder = tmp_path / "pegasus"
    figures.save_png(folder / "pegasus.png", np.zeros((32, 32, 3), np.uint8))
    candidates = [
        {
            "strategy": "interpolation",
            "seed": seed,
            "scores": {"realism": 0.5, "recognisability": 0.25},
            "dataset_label": LABEL,
        }
        for seed in range(64)
    ]
    candidates[1]["scores"] = {"realism": float("nan")}
    (folder / "pegasus.json").write_text(json.dumps(candidates))
    main, content = staged([bare_run(tmp_path)], tmp_path, pegasus=folder)
    pegasus = content["pegasus"]
    assert (pegasus["batch"], pegasus["count"], len(pegasus["candidates"])) == (None, 64, 12)
    assert pegasus["scores"] == ["Realism", "Recognisability"] and pegasus["dataset"] == LABEL
    assert pegasus["candidates"][0] == {"strategy": "interpolation", "seed": "0", "scores": ["0.500", "0.250"]}
    assert pegasus["candidates"][1]["scores"] == ["not finite", "not measured"]
    compile_strictly(main)
    (folder / "pegasus.json").write_text("{}")
    with pytest.raises(UserError, match="pegasus.json should hold a JSON list"):
        staged([bare_run(tmp_path)], tmp_path, pegasus=folder)


def test_pdf_is_the_same_every_time_and_built_without_keras(tmp_path):
    full_run(tmp_path)
    bare_run(tmp_path)
    code = (
        "import sys; from coursework import report; from coursework.run import Run; "
        f"runs = Run.all({str(tmp_path / 'runs')!r}); output = {str(tmp_path)!r} + '/' + sys.argv[1]; "
        f"report.build(runs, output, pegasus='none', template={str(TEMPLATE)!r}); "
        "assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules)"
    )
    for name in ("new/a.pdf", "b.pdf"):
        subprocess.run([sys.executable, "-c", code, name], check=True, timeout=120)
    content = (tmp_path / "new" / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and len(content) > 20_000
    assert (tmp_path / "b.pdf").read_bytes() == content


def test_template_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert report.build([bare_run(tmp_path)], "report.pdf") == Path("report.pdf")
    assert Path("report.pdf").read_bytes().startswith(b"%PDF-")


def test_mistakes_are_told_in_one_line(tmp_path):
    run = bare_run(tmp_path)
    with pytest.raises(UserError, match="no run to report: train one"):
        report.build([], tmp_path / "report.pdf")
    with pytest.raises(UserError, match=r"no template at .*missing\.typ"):
        report.build([run], tmp_path / "report.pdf", template=tmp_path / "missing.typ")
    (tmp_path / "broken.typ").write_text("#let")
    with pytest.raises(UserError, match=r"broken\.typ: "):
        report.build([run], tmp_path / "report.pdf", template=tmp_path / "broken.typ")
    assert not (tmp_path / "report.pdf").exists()


def test_the_template_asks_for_no_package_and_no_file_outside(tmp_path):
    """A package would be downloaded; compilation sees nothing but its own folder."""
    assert "@preview" not in TEMPLATE.read_text(encoding="utf-8")
    (tmp_path / "outside.typ").write_text('#read("/../secret.txt")')
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(UserError, match=r"outside\.typ: "):
        report.build([bare_run(tmp_path)], tmp_path / "report.pdf", template=tmp_path / "outside.typ")


@pytest.mark.parametrize(
    ("seconds", "words"), [(45.2, "45 s"), (60, "1 min"), (3599, "1 h 0 min"), (12034.5, "3 h 21 min"), (720, "12 min")]
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_half_finished_runs_tell_how_far_they_came(tmp_path):
    run = bare_run(tmp_path)
    run.write_config(dataclasses.replace(PRESETS["gan"], epochs=1000))
    run.write_environment({"epochs_done": 12, "finished": False})
    _, content = staged([run], tmp_path)
    assert content["runs"][0]["status"] == "Unfinished: 12 of 1,000 epochs."
