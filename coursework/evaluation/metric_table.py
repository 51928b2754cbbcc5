"""The metrics by name, for the command line too: imports no Keras."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """What a name in --metrics stands for.

    measure: name of a function in `coursework.evaluation.measuring`, "" for memorisation, which has its own.
    extractors: whose features it can be measured in. names: {score of `measure`: name of its record}.
    untrained: whether an untrained model's score is shown beside it.
    """

    measure: str
    extractors: tuple[str, ...]
    names: dict[str, str]
    untrained: bool = False


MANIFOLD = {name: name for name in ("precision", "recall", "density", "coverage")}
METRICS = {
    "fid": Metric("frechet", ("inception",), {"fd": "fid"}),
    "kid": Metric("kernel", ("inception",), {"kd": "kid"}),
    "is": Metric("classifier", ("inception",), {"is": "is"}),
    "fd": Metric("frechet", ("judge",), {"fd": "fd_judge"}, untrained=True),
    "kd": Metric("kernel", ("judge",), {"kd": "kd_judge"}, untrained=True),
    "prdc": Metric("manifold", ("inception", "judge"), MANIFOLD),
    "memorisation": Metric("", ("judge",), {"memorisation": "memorisation"}),
}
