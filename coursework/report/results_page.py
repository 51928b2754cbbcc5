"""RESULTS.md: every table of results as Markdown, each from what is kept, with the command that makes it."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coursework.config.presets import PRESETS
from coursework.figures.scores import format_score
from coursework.report.appendix import result_blocks
from coursework.report.context import Context, ReportedRun
from coursework.report.differences import setting_text, words_of
from coursework.report.document import Block, heading, name, row, table
from coursework.report.draft import WHAT_AND_HOW_LONG
from coursework.report.pegasus import pegasus_blocks
from coursework.report.scores_table import score_blocks
from coursework.report.values import duration, markdown_text, number_text, value_text
from coursework.training.run_differences import setting_differences
from coursework.util.files import read_json

FILE = "RESULTS.md"
# In a checkout of the package, next to the folder of reports.
BENCHMARKS = Path("benchmarks/results")
INTRODUCTION = """# Results

Written by `make tables` from the files in `reports/` and `benchmarks/results/`. Do not edit: change what is kept, and
run the command again. Arrows point to the better side. n is the number of samples; a floor is the same score of real
test images."""
# By the first words of a table's name.
COMMANDS = {
    "training": "make train-PRESET",
    "through-training": "make train-PRESET",
    "scores": "make evaluate-PRESET",
    "pegasus": "make pegasus",
    "strategies": "make pegasus",
    "truth": "make pegasus-benchmark",
    "peers": "python -m benchmarks.peers",
    "habits": "make habits",
    "widths": "make widths",
    "lines": "make lines",
    "rings": "make rings",
    "lesson": "make lesson",
    "codes": "make codes",
    "aggregate-posterior": "make aggregate-posterior",
    "benchmark-training": "python -m benchmarks.training_step",
    "benchmark-inception": "python -m benchmarks.inception",
    "benchmark-scores": "python -m benchmarks.scores",
    "benchmark-memory": "python -m benchmarks.memory",
    "benchmark-faults": "python -m benchmarks.kill_and_resume",
}
SIDES = {"coursework": "this package", "torch": "PyTorch", "torch-compiled": "PyTorch, compiled"}


def results_page(context: Context) -> str:
    """Return the Markdown of all results in the `Context`, and of the benchmarks next to its folder."""
    blocks = []
    if context.runs:
        blocks += [heading(1, "Models"), _training_table(context.runs), *score_blocks(context.runs)]
        blocks += _through_training(context.runs)
    pegasus = [block for block in pegasus_blocks(context.pegasus) if block["type"] == "table"]
    blocks += [heading(1, "Pegasus"), *pegasus] if pegasus else []
    blocks += result_blocks(context)
    blocks += _benchmarks(context.folder.resolve().parent / BENCHMARKS)
    parts = [INTRODUCTION, *(part for block in blocks for part in _markdown(block))]
    return "\n\n".join(parts) + "\n"


def _training_table(runs: Sequence[ReportedRun]) -> Block:
    lines = []
    for run in runs:
        preset = PRESETS.get(run.config.preset)
        changed = setting_differences(preset, run.config) if preset else []
        words = [
            f"{words_of(key)} {setting_text(key, new)} ({setting_text(key, old)})"
            for key, old, new in changed
            if key.partition(".")[0] not in WHAT_AND_HOW_LONG
        ]
        environment = run.environment
        seconds = environment.get("processor_seconds")
        lines.append(
            row(
                name(run.name),
                run.data,
                "; ".join(words) or "nothing",
                str(run.config.seed),
                value_text(environment.get("epochs_done", 0)),
                value_text(environment.get("images_seen", "not recorded")),
                duration(seconds) if seconds else "not recorded",
                name(environment.get("machine", "not recorded")),
            )
        )
    titles = ["Run", "Data", "Changed (preset's)", "Seed", "Epochs", "Images", "Processor time", "Machine"]
    align = ["left", "left", "left", "right", "right", "right", "right", "left"]
    return table("training", titles, lines, ["Trainings of the models. Budgets differ: no table ranks them."], align)


def _through_training(runs: Sequence[ReportedRun]) -> list[Block]:
    lines = []
    for run in runs:
        log = run.run.read_log() if run.run.log_file.is_file() else {}
        pairs = zip(log.get("epoch", ()), log.get("fd_judge", ()), strict=False)
        scores = [f"{epoch:.0f}: {format_score('fd_judge', value)}" for epoch, value in pairs if math.isfinite(value)]
        if scores:
            lines.append(row(name(run.name), ", ".join(scores)))
    caption = ["FD-judge ↓ during training, of fewer samples than the scores above; epoch: score."]
    return [table("through-training", ["Run", "FD-judge"], lines, caption, ["left", "left"])] if lines else []


def _benchmarks(folder: Path) -> list[Block]:
    """Return the tables of the benchmarks whose results are in `folder`."""
    parts = {"training_step": _steps, "inception": _inception, "scores": _scores, "memory": _memory}
    parts["kill_and_resume"] = _faults
    blocks = []
    for stem, make in parts.items():
        file = folder / f"{stem}.json"
        if file.is_file():
            blocks.append(make(read_json(file, dict)))
    return [heading(1, "Speed, memory and faults"), *blocks] if blocks else []


def _machine(content: dict[str, Any]) -> str:
    return str(content["machine"]["machine"])


def _steps(content: dict[str, Any]) -> Block:
    lines = []
    for step in content["steps"]:
        times = step["milliseconds"]
        ours, others = times["coursework"], [times[side] for side in SIDES if side in times and side != "coursework"]
        peak = step["gflop"] / ours * 1e3 / step["peak_gflops"]
        cells = [f"{times[side]:,.0f}" if side in times else "–" for side in SIDES]
        lines.append(row(step["preset"], step["precision"], *cells, f"{ours / min(others):.2f}", f"{100 * peak:.0f}"))
    titles = ["Preset", "Precision", *(f"{words}, ms" for words in SIDES.values()), "Ratio to the faster", "Of peak, %"]
    caption = [
        "A training step, batch of 64; median. Peak: the best rate of a product of two 2048 × 2048 matrices in the "
        f"same precision. From the command to the first step: {content['startup_seconds']:.1f} s. {_machine(content)}."
    ]
    return table("benchmark-training", titles, lines, caption, ["left", "left", *["right"] * (len(titles) - 2)])


def _inception(content: dict[str, Any]) -> Block:
    lines = [
        row(each["side"], str(each["batch_size"]), number_text(each["images_per_second"], 1))
        for each in content["rates"]
    ]
    caption = [
        f"Inception features of 32 × 32 images, {content['threads']} threads; median of {content['repeats']}. "
        f"{_machine(content)}."
    ]
    return table("benchmark-inception", ["Side", "Batch", "Images a second"], lines, caption)


def _scores(content: dict[str, Any]) -> Block:
    lines = []
    for key, each in content["scores"].items():
        ours, other = each["seconds"]["coursework"], each["seconds"].get("reference")
        compared = [number_text(other, 2), number_text(other / ours, 1)] if other else ["not timed", ""]
        lines.append(row(name(key.replace("_", " ")), number_text(ours, 2), *compared))
    peaks = ", ".join(f"{side} {peak:,.0f} MiB" for side, peak in content["peak_mib"].items())
    caption = [
        f"Scores of {content['rows']:,} × {content['features']:,} features, compared with the reference code, equal in "
        f"value; median of {content['repeats']}. Peak memory: {peaks}. {_machine(content)}."
    ]
    return table("benchmark-scores", ["Score", "Here, s", "Reference, s", "Times as fast"], lines, caption)


def _memory(content: dict[str, Any]) -> Block:
    lines = [
        row(name(each["name"]), f"{each['mebibytes']:,}", "finished" if each["exit"] == 0 else "refused")
        for each in content["verbs"]
    ]
    caption = [
        f"The largest resident memory of each verb on {content['dataset']}: {content['samples']:,} samples, epochs: "
        f"{content['epochs']}. {_machine(content)}."
    ]
    return table("benchmark-memory", ["Verb", "Memory, MiB", "End"], lines, caption, ["left", "right", "left"])


def _faults(content: dict[str, Any]) -> Block:
    lines = [row(way, value_text(count)) for way, count in content["ways"].items()]
    for index, (place, count) in enumerate(content["places"].items()):
        lines.append(row(f"of these: {place}", value_text(count), ruled=not index))
    caption = [
        f"Ends of training put on {content['preset']} ({content['dataset']}, {', '.join(content['settings'])}) in "
        f"{content['minutes']:.0f} minutes. Runs resumed to their end: {content['finished']}; equal to an undisturbed "
        f"one bit for bit: {content['equal']}."
    ]
    return table("benchmark-faults", ["Ended", "Times"], lines, caption)


def _markdown(block: Block) -> list[str]:
    """Return the paragraphs of a block: a heading's, or a table's title, rows, small print and command; else none."""
    if block["type"] == "heading":
        return [f"{'#' * (block['level'] + 1)} {_text(block['content'])}"]
    if block["type"] != "table":
        return []
    parts = [f"**{block['target']}.** {_text(block['caption'])}", _rows(block)]
    if block["notes"]:
        parts.append(_rows(block["notes"]))
    known = sorted((start for start in COMMANDS if re.match(rf"{start}(-|$)", block["target"])), key=len)
    return [*parts, *([f"`{COMMANDS[known[-1]]}`"] if known else [])]


def _rows(block: Block) -> str:
    rules = {"left": ":--", "center": ":-:", "right": "--:"}
    lines = [block["header"], *(line["cells"] for line in block["rows"])]
    cells = [
        ["<br>".join(filter(None, [_text(one["content"]), markdown_text(one["detail"])])) for one in line]
        for line in lines
    ]
    cells.insert(1, [rules[side] for side in block["align"]])
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _text(inlines: Sequence[dict[str, Any]]) -> str:
    """Return inlines as Markdown; a citation is the key of its entry."""
    parts = []
    for each in inlines:
        words = _text(each["content"]) if "content" in each else markdown_text(each.get("text", ""))
        if each["kind"] == "cite":
            words = markdown_text(f"[{', '.join(each['keys'])}]")
        marks = {"strong": "**", "emph": "*"}.get(each["kind"], "")
        parts.append(f"{marks}{words}{marks}")
    return "".join(parts).strip()
