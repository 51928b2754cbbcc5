"""The first version of the prose, from what has been measured: made once, then the student's."""

from coursework.config.networks import DCGANConfig
from coursework.config.presets import PRESETS
from coursework.config.schema import Config
from coursework.report.context import Context, ReportedRun
from coursework.report.differences import words_of
from coursework.report.pegasus import Pegasus
from coursework.report.prose import DRAFT_MARK
from coursework.training.run_differences import setting_differences

# No settings of an algorithm: on what it trains and for how long, and how often it looks at itself.
WHAT_AND_HOW_LONG = ("dataset", "classes", "seed", "epochs", "sample_every", "score_every")

FIRST_LINE = f"> {DRAFT_MARK}, written from the measurements: rewrite it in your own words, then delete this line."
HELP = """<!--
This file is yours: building the report never changes it. It may hold paragraphs, #, ## and ### headings, lists,
*emphasis*, **strong**, [links](https://example.org), citations [@gan], references to figures and tables such as
[#scores], and measured numbers such as {final: fd_judge} or {sngan-cifar10-s0: epochs}, which are read from the runs.
A line like {{scores}} is the place of a figure or table; those that have none follow the text.
-->"""


def draft(context: Context) -> str:
    """Return the first version of prose.md for a `Context`: short, and of nothing but measured facts."""
    final, pegasus = context.final, context.pegasus
    made = [_pegasus(pegasus)] if pegasus and pegasus.records else []
    sections = [
        ("Pegasus", [_introduction(context), *made, "{{pegasus}}"]),
        ("Architecture", [_design(final), "{{architecture}}", "{{method}}"]),
        ("Data and settings", ["{{data}}", _budget(final), "{{settings}}"]),
        ("Results", [_results(context), "{{scores}}", "{{training}}", "{{samples}}", "{{reconstructions}}"]),
        ("Nearest neighbours", ["{{neighbours}}"]),
        ("Limits", [_limits(context)]),
    ]
    sections[3][1].append("{{interpolations}}")
    parts = [HELP, FIRST_LINE]
    for title, paragraphs in sections:
        parts += [f"# {title}", *(paragraph for paragraph in paragraphs if paragraph)]
    return "\n\n".join(parts) + "\n"


def _introduction(context: Context) -> str:
    count = len(context.runs)
    models = f"{count} generative models are trained and scored"
    if count == 1:
        models = "one generative model is trained and scored"
    none = "The training data contain none."
    if context.pegasus and context.pegasus.collages:
        none = "No photograph in the training data shows one: a program made collages of them to learn from."
    return f"A Pegasus is a winged horse. {none} Here {models}; the final one is {{final: name}}."


def _design(final: ReportedRun) -> str:
    model, network = final.config.model, final.config.network
    parts = ["{final: parameters.generator} parameters make an image in the final model ([#architecture])."]
    if isinstance(network, DCGANConfig):
        parts.append(
            "Transposed convolutions of stride 2 take the latents from 4×4 to 32×32 and a tanh ends in the "
            "images' range; the discriminator mirrors them with strided convolutions [@dcgan]."
        )
    if getattr(network, "spectral", False):
        parts.append(
            "Instead of batch normalisation the discriminator has spectral normalisation, which bounds the slope "
            "of every layer, and so the gradient that the generator learns from [@sngan]."
        )
    if model.name == "conditional_sngan":
        parts.append(
            "Classes enter through the generator's normalisations, so that two classes can be mixed layer by layer."
        )
    if model.name == "vae":
        parts.append(
            "A code of {final: network.latent_size} numbers, kept close to a normal distribution, lets any "
            "point between "
            "two codes be decoded; the price of the squared error is blur."
        )
    if model.name == "acai":
        parts.append(
            "The code keeps a grid of {final: network.latent_width}×{final: network.latent_width} places, so "
            "that a mix "
            "can differ from place to place, and the critic makes mixtures look like data."
        )
    return " ".join(parts)


def _budget(final: ReportedRun) -> str:
    changed = _changed(final.config)
    text = f"Settings are those of the preset {final.config.preset}{changed and ' but for ' + changed} ([#settings])."
    if final.environment.get("images_seen"):
        text += (
            " The final model saw {final: images_seen} images in {final: minutes} of processor time: "
            "{final: epochs_done} epochs, where its preset has {final: preset.epochs}."
        )
    return text


def _changed(config: Config) -> str:
    """Return the settings in words that are not those of the configuration's preset; how long it trains is none."""
    preset = PRESETS.get(config.preset)
    found = setting_differences(preset, config) if preset else []
    words = [
        words_of(name).rpartition(": ")[2] for name, *_ in found if name.partition(".")[0] not in WHAT_AND_HOW_LONG
    ]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _results(context: Context) -> str:
    if context.final.value("fd_judge") is None:
        return "No score has been measured yet."
    text = (
        "The final model's FD-judge is {final: fd_judge} ± {final: fd_judge.error}, between "
        "{final: fd_judge.floor} for real "
        "test images and {final: fd_judge.untrained} for untrained weights, from {final: fd_judge.n} samples "
        "([#scores]). "
    )
    if context.final.value("recall") is not None:
        text += "Precision {final: precision} [@precision-recall] compares with recall {final: recall}. "
    if context.final.value("memorisation") is not None:
        text += "At least {final: memorisation} ± {final: memorisation.error} of the samples copy training images. "
    if len(context.runs) > 1:
        text += "The appendix compares all models ([#comparison])."
    return text.strip()


def _pegasus(pegasus: Pegasus) -> str:
    winged = bool(pegasus.comparison.get("winged_judge_sha256"))
    picked = "nothing was picked or edited by hand"
    if pegasus.best.get("chosen_by"):
        picked = "only the best was chosen by eye, and nothing was edited by hand"
    text = (
        f"The best{' of {pegasus: candidates} candidates' if pegasus.comparison.get('candidates') else ''} comes from "
        "{pegasus: run} by {pegasus: strategy}, seed {pegasus: seed}. "
        f"Ranking is by score alone; {picked}."
    )
    if pegasus.score_names:
        name = pegasus.score_names[0]
        text += f" The best one's {name.replace('_', ' ')} is {{pegasus: best.{name}}}, the batch's mean "
        text += f"{{pegasus: mean.{name}}}, by {'a judge that no search uses' if winged else 'the witness that ranks'}."
    if any(record.get("second") for record in pegasus.records):
        kind = "trained on other composites and " if winged else ""
        text += f" A second witness, {kind}used for nothing else, checks them ([#pegasus-scores])."
    return text


def _limits(context: Context) -> str:
    parts = []
    if any("JPEG" in run.dataset for run in context.runs):
        parts.append("The images are JPEG copies, which moves scores a little.")
    if not any(record["name"] == "fid" for run in context.runs for record in run.metrics):
        parts.append("FID [@fid] was not measured; FD-judge, by another network, does not compare with it.")
    if len({run.config.seed for run in context.runs}) == 1:
        parts.append("Every model was trained with one seed: differences between runs include that chance.")
    return " ".join(parts)
