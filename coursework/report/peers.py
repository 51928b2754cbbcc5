"""The same algorithm by another program on as many images: reports/peers/<run>/, which the benchmarks write."""

from coursework.run import Run

FOLDER = "peers"


def read_peers(run, folder):
    """Return [(name, metrics)] of what was trained beside `run` in PyTorch, in the folder where reports are at home.

    Nothing where there is none, and where it was trained by another configuration: that is no peer.
    """
    peer = Run(folder / FOLDER / run.name)
    if not peer.config_file.is_file() or peer.read_config() != run.read_config():
        return []
    metrics = peer.read_metrics()
    return [(f"{run.name} in PyTorch", metrics)] if metrics else []
