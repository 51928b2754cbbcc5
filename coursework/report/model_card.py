"""MODEL_CARD.md: what is known of the final model, under the headings of Mitchell et al. (2019)."""

from coursework.figures.scores import extractor_text, format_score, titled
from coursework.report.context import Context
from coursework.report.differences import setting_text, settings_of, words_of
from coursework.report.method import TITLES, sources_of
from coursework.report.pegasus import scores_of
from coursework.report.typesetting import bibliography
from coursework.report.values import duration, markdown_text, value_text
from coursework.util.files import sha256


def model_card(context: Context) -> str:
    """Return the card of the final model as Markdown; it says "not measured" where nothing was measured."""
    run, pegasus = context.final, context.pegasus
    sections = {
        "Model details": _details(run),
        "Intended use": [
            "Made to study generative models of small images and to compare them under equal scores. "
            "Not made for decisions about people, nor as a source of photographs: its images are 32 pixels "
            "wide or about that."
        ],
        "Factors": [
            f"Classes: {value_text(run.config.classes) if run.config.classes else 'all of the data set'}. "
            "Scores by class: "
            f"{_class_accuracy(run)}."
        ],
        "Metrics": _metrics(run),
        "Evaluation data": _lines(_evaluation_data(run)),
        "Training data": [
            f"{markdown_text(run.dataset)}, training split; fingerprint "
            f"`{_code(run.environment.get('dataset_fingerprint') or 'not recorded')}`. "
            f"Horizontal flips: {value_text(run.config.horizontal_flips)}."
        ],
        "Quantitative analyses": _analyses(run, pegasus),
        "Ethical considerations": [
            "Whatever the training images show, and how, the model repeats; of how they were collected, see "
            "their source. "
            f"Copies of training images among the samples: {_memorisation(run)}."
        ],
        "Caveats and recommendations": _caveats(run),
    }
    parts = [f"# Model card: {markdown_text(run.name)}", f"Headings: {bibliography()['model-cards']}"]
    for title, paragraphs in sections.items():
        parts += [f"## {title}", *paragraphs]
    return "\n\n".join(parts) + "\n"


def _details(run):
    known = bibliography()
    sources = [known[key] for key in sources_of(run.config.preset)]
    environment = run.environment
    facts = [
        f"{TITLES[run.config.model.name]}, network {run.config.network.name}, "
        f"preset {markdown_text(run.config.preset)}",
        f"Training: {run.status}, seed {run.config.seed}",
        *(
            f"Parameters of the {markdown_text(key)}: {value_text(count)}"
            for key, count in (environment.get("parameters") or {}).items()
        ),
        f"Package {markdown_text(environment.get('package', 'not recorded'))}, commit "
        f"{markdown_text(environment.get('commit') or 'not recorded')}, "
        f"{markdown_text(environment.get('backend', 'backend not recorded'))} "
        f"{markdown_text(environment.get('backend_version', ''))}".rstrip(),
        f"Machine: {markdown_text(environment.get('machine', 'not recorded'))}",
        *(f"Settings from: {source}" for source in sources),
    ]
    settings = [
        f"| {words_of(key)} | {markdown_text(setting_text(key, value))} |"
        for key, value in settings_of(run.config).items()
    ]
    return [*_lines(facts), "\n".join(["| setting | value |", "|---|---|", *settings])]


def _metrics(run):
    if not run.metrics:
        return ["Not measured."]
    rows = [
        "| score | value | standard error | real test images | untrained | n | reference | extractor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for record in run.metrics:
        name = record["name"]
        numbers = [
            format_score(name, record.get(key)) if isinstance(record.get(key), int | float | None) else "not measured"
            for key in ("value", "error", "floor", "untrained")
        ]
        reference = f"{record.get('reference', 'not recorded')} ({value_text(record.get('reference_n'))})"
        extractor = extractor_text(record.get("extractor"), record.get("extractor_sha256"), 16) or "none"
        cells = [titled(name), *numbers, value_text(record.get("n")), reference, extractor]
        rows.append("| " + " | ".join(markdown_text(each) for each in cells) + " |")
    return ["\n".join(rows)]


def _evaluation_data(run):
    found = {}
    for record in run.metrics:
        key = (record.get("reference", "not recorded"), record.get("floor_set") or "none")
        found.setdefault(key, []).append(record["name"])
    return [
        f"against {markdown_text(reference)}, floor from {markdown_text(floor)}: "
        f"{', '.join(dict.fromkeys(titled(name)[:-2] for name in names))}"
        for (reference, floor), names in found.items()
    ] or ["not measured"]


def _analyses(run, pegasus):
    texts = []
    seconds = run.environment.get("processor_seconds")
    if seconds:
        texts.append(f"Processor time of training: {duration(seconds)}.")
    if pegasus and pegasus.best.get("run") == run.name:
        scores = ", ".join(
            f"{markdown_text(name)} {value_text(value)}"
            for name, value in scores_of(pegasus.best).items()
            if isinstance(value, int | float)
        )
        strategy = markdown_text(value_text(pegasus.best.get("strategy", "a strategy not recorded")))
        made_by = "this model's" if _made(run, pegasus) else "of earlier weights of this run"
        texts.append(f"The best Pegasus is {made_by}, by {strategy}: {scores or 'not measured'}.")
    return texts or ["Not measured beyond the scores above."]


def _made(run, pegasus):
    """Return whether a Pegasus was made from the weights of a run; True where that is not recorded."""
    recorded = pegasus.comparison.get("weights")
    recorded = recorded.get(run.name) if isinstance(recorded, dict) else None
    file = run.run.network("generator")
    return recorded is None or not file.is_file() or sha256(file) == recorded


def _caveats(run):
    texts = [
        "Scores by networks other than the 2015 Inception graph are no FID, and are comparable under equal "
        "conditions only."
    ]
    if not run.environment.get("finished"):
        texts.append("Training is not finished.")
    if "JPEG" in run.dataset:
        texts.append("Trained and scored on a JPEG copy of the data: expect scores a little off those of the original.")
    return texts


def _class_accuracy(run):
    value = run.value("class_accuracy")
    return "not measured" if value is None else f"class accuracy {format_score('class_accuracy', value)}"


def _memorisation(run):
    records = [record for record in run.metrics if record["name"] == "memorisation" and record.get("value") is not None]
    found = [
        f"{format_score('memorisation', record['value'])} "
        f"({markdown_text(record.get('extractor') or 'extractor not recorded')})"
        for record in records
    ]
    return ", ".join(found) or "not measured"


def _lines(items):
    return ["\n".join(f"- {item}" for item in items)]


def _code(words):
    return str(words).replace("`", "")
