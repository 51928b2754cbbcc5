"""From a comparison to records: the metrics, which of them can be measured, their values and warnings."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from coursework.evaluation.comparison import Comparison, Part
from coursework.evaluation.metrics import MANIFOLD, METRICS, Metric
from coursework.evaluation.sources import EVALUATION_SEED
from coursework.extractors.extractor import Extractor
from coursework.figures.scores import score
from coursework.metrics.classifier_score import classifier_score
from coursework.metrics.frechet import frechet_distance, frechet_influences, gaussian_distance, moments
from coursework.metrics.kernel import kernel_distances
from coursework.metrics.manifold import manifold_scores
from coursework.metrics.memorisation import Memorisation, memorisation
from coursework.metrics.sample_size import sample_size_problem
from coursework.metrics.uncertainty import standard_error
from coursework.training.run import Report
from coursework.util.errors import UserError
from coursework.util.progress import Progress

SUSPICIOUS_PAIRS = 16

# Of each extractor, by name: the extractor, or in one line why there is none.
Extractors: TypeAlias = Mapping[str, Extractor | str]


@dataclass(frozen=True)
class Value:
    """A score.

    error: its standard error over samples, None if not asked for. n, reference_n: images used on both sides.
    deviation: standard deviation over the subsets or splits whose mean it is, which other packages print after their
    ±; None for other scores.
    """

    value: float
    error: float | None
    n: int
    reference_n: int
    deviation: float | None = None


# ---------------------------------------------------------------- what is measured


def frechet(comparison: Comparison, extractor: Extractor, fake: Part, real: Part, with_error: bool) -> dict[str, Value]:
    """Return {"fd": `Value`}."""
    features = comparison.features(fake, extractor)
    reference = comparison.moments(real, extractor)
    if min(len(fake), len(real)) > features.shape[1]:
        value = gaussian_distance(*moments(features), *reference)
    else:
        value = frechet_distance(features, comparison.features(real, extractor))
    error = standard_error(frechet_influences(features, *reference)) if with_error else None
    return {"fd": Value(value, error, len(fake), len(real))}


def kernel(comparison: Comparison, extractor: Extractor, fake: Part, real: Part, with_error: bool) -> dict[str, Value]:
    """Return {"kd": `Value`}."""
    with Progress(f"kernel distance, {extractor.name}", unit=None) as progress:
        features, reference = comparison.features(fake, extractor), comparison.features(real, extractor)
        distances = kernel_distances(features, reference, progress=progress.step)
    return {"kd": Value(distances.value, distances.error if with_error else None, len(fake), len(real), distances.std)}


def classifier(
    comparison: Comparison, extractor: Extractor, fake: Part, real: Part, with_error: bool
) -> dict[str, Value]:
    """Return {"is": `Value`}; it does not use the real images."""
    found = classifier_score(comparison.features(fake, extractor, "logits_unbiased"))
    return {"is": Value(found.value, found.error if with_error else None, len(fake), len(real), found.std)}


def manifold(
    comparison: Comparison, extractor: Extractor, fake: Part, real: Part, with_error: bool
) -> dict[str, Value]:
    """Return {"precision", "recall", "density", "coverage": `Value`} of as many images on both sides.

    The radii of the balls shrink with the number of images: only sets of one size have balls of one scale, and the
    papers compare such sets. A part of the larger set is drawn.
    """
    count = min(len(fake), len(real))
    features, reference = (_drawn(comparison.features(part, extractor), count) for part in (fake, real))
    with Progress(f"precision and recall, {extractor.name}", unit=None) as progress:
        scores = manifold_scores(features, reference, progress=progress.step)
    return {
        name: Value(score.value, score.error if with_error else None, count, count) for name, score in scores.items()
    }


def _drawn(features: np.ndarray, count: int) -> np.ndarray:
    if len(features) == count:
        return features
    return features[np.sort(np.random.default_rng(EVALUATION_SEED).choice(len(features), count, replace=False))]


# How each metric is measured; memorisation has a record of its own.
MEASURES: dict[str, Callable[[Comparison, Extractor, Part, Part, bool], dict[str, Value]]] = {
    "fid": frechet,
    "kid": kernel,
    "is": classifier,
    "fd": frechet,
    "kd": kernel,
    "prdc": manifold,
}


@dataclass
class Scores:
    """What was measured: `records` as in metrics.json; `not_measured` {metric: why}.

    memorisation: {title: `Memorisation`} of the records with that name, for figures.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)
    memorisation: dict[str, Memorisation] = field(default_factory=dict)


def measure(
    comparison: Comparison,
    extractors: Extractors,
    metrics: Iterable[str] | None = None,
    report: Report = print,
    remarks: Iterable[str] = (),
) -> Scores:
    """Return the `Scores` of a `Comparison`.

    metrics: names in `METRICS`; by default all that can be measured. report: called with a line for each warning and
    for each metric that is not measured. remarks: lines to report first.
    Raises `UserError` before anything is computed if a named metric, or every metric, cannot be measured. A metric
    whose computation finds no value is reported; the others are still measured.
    """
    plan, not_measured = _plan(comparison, extractors, metrics or METRICS)
    if metrics and not_measured:
        raise _refused(*next(iter(not_measured.items())))
    if plan:
        for remark in remarks:
            report(remark)
        for reason in dict.fromkeys(not_measured.values()):
            names = ", ".join(name for name in not_measured if not_measured[name] == reason)
            report(f"not measured: {names}: {reason}")
    scores = Scores(not_measured=not_measured)
    for name, extractor in plan:
        try:
            if name == "memorisation":
                _add_memorisation(comparison, extractor, scores)
            elif extractor is not None:
                scores.records += _records(name, comparison, extractor)
        except UserError as error:
            not_measured[name] = str(error)
            report(f"not measured: {name}: {error}")
    if not scores.records:
        raise UserError(f"nothing can be measured: {'; '.join(dict.fromkeys(not_measured.values()))}")
    for record in scores.records:
        if "warning" in record:
            report(f"warning: {score(record['name']).title} ({record['extractor']}): {record['warning']}")
    return scores


# ---------------------------------------------------------------- what can be measured


def require_extractors(metrics: Iterable[str] | None, extractors: Extractors) -> None:
    """Raise `UserError` for the first named metric that no extractor can serve; one that is not listed might.

    `measure` checks this too; this function is for callers with hours of work before.
    """
    for name in metrics or ():
        reasons = _missing(name, extractors)
        if len(reasons) == len(METRICS[name].extractors):
            raise _refused(name, reasons[0])


def _refused(name: str, reason: str) -> UserError:
    return UserError(f"{name} cannot be measured: {reason}")


def _missing(name: str, extractors: Extractors) -> list[str]:
    """Return why extractors of a metric are missing, one reason for each that is."""
    wanted = [extractors.get(extractor) for extractor in METRICS[name].extractors]
    return [extractor for extractor in wanted if isinstance(extractor, str)]


def _plan(
    comparison: Comparison, extractors: Extractors, names: Iterable[str]
) -> tuple[list[tuple[str, Extractor | None]], dict[str, str]]:
    """Return ([(metric, extractor or None for pixels)], {metric: why it cannot be measured})."""
    plan: list[tuple[str, Extractor | None]] = []
    not_measured = {}
    for name in names:
        problems = {}
        for title in METRICS[name].extractors:
            extractor = None if title == "pixels" else extractors.get(title, "")
            if not isinstance(extractor, str):
                problems[extractor] = _problem(name, comparison, extractor)
        plan += [(name, extractor) for extractor, problem in problems.items() if problem is None]
        if all(problems.values()):
            not_measured[name] = [*filter(None, problems.values()), *_missing(name, extractors)][0]
    return plan, not_measured


def _problem(name: str, comparison: Comparison, extractor: Extractor | None) -> str | None:
    """Return why a metric cannot be measured with an extractor (None: in pixels), None if it can."""
    second = comparison.real
    if name == "memorisation":
        problem = _copies_problem(comparison)
        if problem or comparison.held_out is None:
            return problem
        second = comparison.held_out
    if extractor is not None:
        for part in (comparison.fake, comparison.real, comparison.floor[0]):
            problem = extractor.problem(part.images.images, part.images.name)
            if problem:
                return problem
    return _too_few(METRICS[name], comparison.fake, second)


def _copies_problem(comparison: Comparison) -> str | None:
    """Return why images cannot be compared with training images to find copies, None if they can."""
    fake, real = comparison.fake.images, comparison.real.images
    if comparison.held_out is None:
        return f"it needs real images beside {real.name} that were not trained on: name them by --floor"
    held_out = comparison.held_out.images
    if real.split == "test":
        return f"nothing is trained on {real.name}: give the training images as REAL"
    for images in (fake, held_out):
        if images.images.shape[1:] != real.images.shape[1:]:
            return f"{images.name} holds images of {images.size}, {real.name} of {real.size}"
    if min(real.images.shape[1:3]) < 3:
        return f"images of {real.size} are too small to be shifted"
    if real.fingerprint == held_out.fingerprint:
        return f"{held_out.name} holds the same images as {real.name}"
    return None


def _too_few(metric: Metric, fake: Part, real: Part) -> str | None:
    """Return why a metric cannot be computed with so few images, None if it can."""
    for name in metric.names.values():
        count = min(len(fake), len(real))
        sizes = (count, count) if name in MANIFOLD else (len(fake), len(real))
        # Errors, unlike warnings, depend only on the numbers of images.
        problem = sample_size_problem(name, *sizes, feature_size=1)
        if problem and problem[0] == "error":
            return problem[1]
    return None


# ---------------------------------------------------------------- records


def _records(metric_name: str, comparison: Comparison, extractor: Extractor) -> list[dict[str, Any]]:
    metric, measured = METRICS[metric_name], MEASURES[metric_name]
    fake, real = comparison.fake, comparison.real
    values = measured(comparison, extractor, fake, real, True)
    floor_fake, floor_real, floor_set = comparison.floor
    floors: dict[str, Value] = {}
    untrained: dict[str, Value] = {}
    if not _too_few(metric, floor_fake, floor_real):
        floors = measured(comparison, extractor, floor_fake, floor_real, False)
    if metric.untrained and comparison.untrained is not None:
        untrained = measured(comparison, extractor, comparison.untrained(), real, False)
    output = "logits_unbiased" if measured is classifier else "features"
    feature_size = comparison.features(fake, extractor, output).shape[1]
    records = []
    for key, name in metric.names.items():
        value, floor = values[key], floors.get(key)
        problem = sample_size_problem(name, value.n, value.reference_n, feature_size)
        warnings = [problem[1]] if problem else []
        if fake.images.images.shape[1:3] != real.images.images.shape[1:3]:
            warnings.append(f"images of {fake.images.size} against {real.images.size}: the size itself is a difference")
        record = _record(comparison, name, value, extractor, warnings)
        record["floor"] = None if floor is None else _finite(floor.value)
        record["floor_n"] = None if floor is None else floor.n
        record["floor_set"] = None if floor is None else floor_set
        record["untrained"] = _finite(untrained[key].value) if key in untrained else None
        records.append(record)
    return records


def _add_memorisation(comparison: Comparison, extractor: Extractor | None, scores: Scores) -> None:
    """Add the record of memorisation, in pixels or in an extractor's features, and its `Memorisation`."""
    assert comparison.held_out is not None
    held_out = comparison.held_out
    result = memorisation(*(comparison.neighbours(part, extractor) for part in (comparison.fake, held_out)))
    problem = sample_size_problem("memorisation", len(comparison.fake), len(held_out), 1)
    value = Value(result.value, result.error, len(comparison.fake), len(comparison.real))
    record = _record(comparison, "memorisation", value, extractor, [problem[1]] if problem else [])
    # By definition held-out real images have no copies.
    record |= {"floor": 0.0, "floor_n": len(held_out), "floor_set": held_out.images.name, "untrained": None}
    record |= {"threshold": result.threshold, "expected": result.expected, "share": result.share}
    record["suspicious"] = [dataclasses.asdict(pair) for pair in result.suspicious(SUSPICIOUS_PAIRS)]
    scores.records.append(record)
    scores.memorisation["Pixels" if extractor is None else f"{extractor.name.title()} features"] = result


def _record(
    comparison: Comparison, name: str, value: Value, extractor: Extractor | None, warnings: list[str]
) -> dict[str, Any]:
    """Return the part of a record that all scores have; extractor: None for pixels."""
    fake, real = comparison.fake.images, comparison.real.images
    record = {
        "name": name,
        "value": _finite(value.value),
        "error": _finite(value.error),
        "n": value.n,
        "reference": real.name,
        "reference_n": value.reference_n,
        "resize": None if extractor is None else extractor.resize,
        "seed": fake.seed,
        "weights": fake.weights,
        "extractor": "pixels" if extractor is None else extractor.label,
        "extractor_sha256": None if extractor is None else extractor.sha256,
        "dataset_fingerprint": real.dataset.fingerprint if real.dataset else real.fingerprint,
    }
    if value.deviation is not None:
        record["deviation"] = _finite(value.deviation)
    if record["value"] is None:
        warnings = [*warnings, "the value is not finite"]
    return record | ({"warning": "; ".join(warnings)} if warnings else {})


def _finite(value: float | None) -> float | None:
    """Return a finite float, None for any other value: JSON has no others."""
    return float(value) if value is not None and math.isfinite(value) else None
