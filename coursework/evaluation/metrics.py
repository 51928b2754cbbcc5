"""The metrics by name, with what each needs; the command line lists them, so this file imports nothing slow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A name in --metrics.

    extractors: names of those whose features it is measured in; "pixels" needs none. names: {score of the measure in
    `scoring.MEASURES`: name of its record}. untrained: whether the record holds the score of an untrained model.
    """

    extractors: tuple[str, ...]
    names: dict[str, str]
    untrained: bool = False


MANIFOLD = {name: name for name in ("precision", "recall", "density", "coverage")}
METRICS = {
    "fid": Metric(("inception",), {"fd": "fid"}),
    "kid": Metric(("inception",), {"kd": "kid"}),
    "is": Metric(("inception",), {"is": "is"}),
    "fd": Metric(("judge",), {"fd": "fd_judge"}, untrained=True),
    "kd": Metric(("judge",), {"kd": "kd_judge"}, untrained=True),
    "prdc": Metric(("inception", "judge"), MANIFOLD),
    "memorisation": Metric(("pixels", "judge"), {"memorisation": "memorisation"}),
}
