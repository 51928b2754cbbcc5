"""From a comparison to records: which scores can be measured, what they are, and what is to be said about them."""

import dataclasses
import math
from dataclasses import dataclass, field

from coursework.evaluation import measuring
from coursework.evaluation.measuring import Value
from coursework.evaluation.memorisation import copies_problem, feature_memorisation, pixel_memorisation
from coursework.evaluation.metric_table import MANIFOLD, METRICS
from coursework.figures.scores import score
from coursework.metrics.sample_size import sample_size_problem
from coursework.util.errors import UserError

SUSPICIOUS_PAIRS = 16


@dataclass
class Scores:
    """What was measured: `records` as metrics.json holds them; `not_measured` {metric: why}.

    memorisation: {title: `Memorisation`} of the records of that name, for figures.
    """

    records: list = field(default_factory=list)
    not_measured: dict = field(default_factory=dict)
    memorisation: dict = field(default_factory=dict)


def measure(comparison, extractors, missing, metrics=None, report=print, remarks=()):
    """Return the `Scores` of a `Comparison`.

    extractors: those there are. missing: {name of another: why there is none}. metrics: names in `METRICS`; by default
    every one that can be measured. report: called with a line for each warning, and for what is not measured. remarks:
    lines to report before those.
    Raises `UserError` where a metric that was named, or every one, cannot be measured, before anything is computed. One
    that turns out on the way to have no value is reported, and takes nothing from the others.
    """
    plan, not_measured = _plan(comparison, extractors, missing, metrics or METRICS)
    if metrics and not_measured:
        name, reason = next(iter(not_measured.items()))
        raise UserError(f"{name} cannot be measured: {reason}")
    if not plan:
        raise UserError(f"nothing can be measured: {'; '.join(dict.fromkeys(not_measured.values()))}")
    for remark in remarks:
        report(remark)
    for reason in dict.fromkeys(not_measured.values()):
        report(f"not measured: {', '.join(name for name in not_measured if not_measured[name] == reason)}: {reason}")
    scores = Scores(not_measured=not_measured)
    for name, extractor in plan:
        try:
            if name == "memorisation":
                _memorisation(comparison, extractor, scores)
            else:
                scores.records += _records(METRICS[name], comparison, extractor)
        except UserError as error:
            not_measured[name] = str(error)
            report(f"not measured: {name}: {error}")
    if not scores.records:
        raise UserError(f"nothing can be measured: {'; '.join(dict.fromkeys(not_measured.values()))}")
    for record in scores.records:
        if "warning" in record:
            report(f"warning: {score(record['name']).title} ({record['extractor']}): {record['warning']}")
    return scores


def require_extractors(metrics, extractors, missing):
    """Raise `UserError` for the first of the named metrics that none of the extractors can serve.

    `measure` does so too; this is for callers with hours of work before that.
    """
    there = {extractor.name for extractor in extractors}
    for name in metrics or ():
        if not there & set(METRICS[name].extractors) and name != "memorisation":
            raise UserError(f"{name} cannot be measured: {missing[METRICS[name].extractors[0]]}")


def _plan(comparison, extractors, missing, names):
    """Return ([(metric, extractor or None for pixels)], {metric: why it cannot be measured})."""
    plan, not_measured = [], {}
    for name in names:
        metric, reasons, before = METRICS[name], [], len(plan)
        if name == "memorisation":
            reasons = [reason for reason in [copies_problem(comparison)] if reason]
            plan += [] if reasons else [(name, None)]
        for extractor in extractors if not reasons else ():
            if extractor.name in metric.extractors:
                problem = _problem(metric, comparison, extractor)
                reasons += [problem] if problem else []
                plan += [] if problem else [(name, extractor)]
        if len(plan) == before:
            reasons += [missing[extractor] for extractor in metric.extractors if extractor in missing]
            not_measured[name] = reasons[0]
    return plan, not_measured


def _problem(metric, comparison, extractor):
    """Return why a metric cannot be measured with an extractor, None where it can."""
    for part in (comparison.fake, comparison.real, comparison.floor[0]):
        problem = extractor.problem(part.images.images, part.images.name)
        if problem:
            return problem
    for name in metric.names.values():
        # Errors, unlike warnings, depend on the numbers of images alone.
        problem = sample_size_problem(name, *_sizes(name, comparison.fake, comparison.real), feature_size=1)
        if problem and problem[0] == "error" and name != "memorisation":
            return problem[1]
    return None


def _sizes(name, fake, real):
    """Return how many images of each side a score takes."""
    count = min(len(fake), len(real))
    return (count, count) if name in MANIFOLD else (len(fake), len(real))


def _records(metric, comparison, extractor):
    fake, real = comparison.fake, comparison.real
    measured = getattr(measuring, metric.measure)
    values = measured(comparison, extractor, fake, real, with_error=True)
    floor_fake, floor_real, floor_set = comparison.floor
    floors, untrained = {}, {}
    problems = [sample_size_problem(name, *_sizes(name, floor_fake, floor_real), 1) for name in metric.names.values()]
    if not any(problem and problem[0] == "error" for problem in problems):
        floors = measured(comparison, extractor, floor_fake, floor_real, with_error=False)
    if metric.untrained and comparison.untrained is not None:
        untrained = measured(comparison, extractor, comparison.untrained(), real, with_error=False)
    output = "logits_unbiased" if metric.measure == "classifier" else "features"
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


def _record(comparison, name, value, extractor, warnings=()):
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


def _finite(value):
    """Return a float that JSON has, None for any other."""
    return float(value) if value is not None and math.isfinite(value) else None


def _memorisation(comparison, extractor, scores):
    """Add a record of memorisation, in pixels or in an extractor's features, and what it comes from."""
    if extractor is None:
        result, title = pixel_memorisation(comparison), "Pixels"
    else:
        result, title = feature_memorisation(comparison, extractor), f"{extractor.name.title()} features"
    held_out = len(comparison.held_out)
    problem = sample_size_problem("memorisation", len(comparison.fake), held_out, 1)
    value = Value(result.value, result.error, len(comparison.fake), len(comparison.real))
    record = _record(comparison, "memorisation", value, extractor, [problem[1]] if problem else [])
    # By its definition real images that were held out have none.
    record |= {"floor": 0.0, "floor_n": held_out, "floor_set": comparison.held_out.images.name, "untrained": None}
    record |= {"threshold": result.threshold, "expected": result.expected, "share": result.share}
    record["suspicious"] = [dataclasses.asdict(pair) for pair in result.suspicious(SUSPICIOUS_PAIRS)]
    scores.records.append(record)
    scores.memorisation[title] = result
