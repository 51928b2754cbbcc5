"""Which runs have a twin in PyTorch: those whose every setting its networks and steps know."""

from operator import attrgetter

from benchmarks.peers_table import SAMPLES, record_of
from coursework.config.models import AdversarialConfig
from coursework.config.schema import Config
from coursework.util.errors import UserError

METRICS = "fd,kd,prdc"
# What the networks and steps by hand do not know: a run that has changed one of these has no twin.
WITHOUT_TWIN = (
    *("classes", "model.augmentations", "model.labels", "model.packing", "model.unrolled_steps", "model.head_start"),
    *("model.generator_optimizer.name", "model.discriminator_optimizer.name", "network.generator_normalization"),
)


def require_twin(run):
    """Return the configuration of `run`; raises `UserError` where no twin has it, or the run lacks its own scores."""
    config = run.read_config()
    if config.model.name not in ("gan", "sngan"):
        raise UserError(f"{run.path}: only GAN and SNGAN have a twin, not {config.model.name}")
    plain = Config(preset="", model=AdversarialConfig(), network=type(config.network)())
    changed = [name for name in WITHOUT_TWIN if attrgetter(name)(config) != attrgetter(name)(plain)]
    if config.network.discriminator_normalization not in ("none", "batch"):
        changed.append("network.discriminator_normalization")
    if changed:
        raise UserError(f"{run.path} has no twin, which would lack its {', '.join(changed)}")
    if record_of("fd_judge", run.read_metrics()) is None:
        raise UserError(
            f"{run.path} has no FD-judge of {SAMPLES:,} samples: python -m coursework evaluate {run.path} "
            f"--metrics {METRICS}"
        )
    return config
