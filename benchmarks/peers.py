"""Trains the hand-written PyTorch twin of a run's GAN on equally many images, and scores it with the same judge.

    python -m benchmarks.peers gan-cifar10-s0 sngan-cifar10-s0    # train what is missing, then score
    python -m benchmarks.peers --show                             # only make the table again

The twin has the run's configuration (networks, losses, optimisers, moving average, batch, epochs, order of the images,
precision) and initial weights from the same distributions. Its networks and steps, `torch_networks/` and
`torch_training.py`, share no code with the package's models. Its folder in reports/peers/ keeps log.csv,
environment.json, a grid and metrics.json; the state after each epoch, from which the same command resumes, is not
committed. Runs that exist only for their twin may be in reports/peers/runs/. The report shows reports/peers/table.csv.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from operator import attrgetter
from pathlib import Path

if __name__ == "__main__":
    # No TensorFlow in this process: two frameworks' threads disturb each other.
    os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch

from benchmarks.peers_table import FOLDER, SAMPLES, record_of, table
from benchmarks.torch_training import TRAINERS, Trainer
from coursework.config.models import AdversarialConfig
from coursework.config.schema import Config
from coursework.data import Dataset, load_dataset
from coursework.data.pipeline import Batches
from coursework.figures.grids import save_grid
from coursework.training.environment import describe_environment
from coursework.training.run import Run
from coursework.training.run_differences import other_training
from coursework.util.arrays import read_npz
from coursework.util.errors import UserError
from coursework.util.files import parse_json, read_text, replacing, write_text
from coursework.util.tables import aligned, write_csv

SAMPLE_SEED = 2020
METRICS = "fd,kd,prdc"
# Settings that the hand-written networks and steps lack: a run that changed one of these has no twin.
WITHOUT_TWIN = (
    *("classes", "model.augmentations", "model.labels", "model.packing", "model.unrolled_steps", "model.head_start"),
    *("model.generator_optimizer.name", "model.discriminator_optimizer.name", "network.generator_normalization"),
)


def require_twin(run: Run) -> Config:
    """Return the configuration of `run`; raises `UserError` if no twin can have it, or the run lacks its own scores."""
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


def initialize(networks: dict[str, torch.nn.Module], seed: int) -> None:
    """Initialise the networks like the package's: N(0, 0.02), biases 0, normalisations 1 and 0."""
    generator = torch.Generator().manual_seed(seed)
    for network in networks.values():
        for module in network.modules():
            weight = getattr(module, "weight", None)
            if weight is not None and weight.dim() > 1:
                torch.nn.init.normal_(weight, 0.0, 0.02, generator=generator)
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)
            if isinstance(getattr(module, "u", None), torch.Tensor):
                module.u.copy_(torch.nn.functional.normalize(torch.randn(module.u.shape, generator=generator), dim=0))


def tensors(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Return {name: tensor} of the whole training state."""
    found = {"random": torch.get_rng_state(), "updates": torch.tensor(trainer.updates)}
    for role, network in trainer.networks.items():
        found |= {f"{role}.{name}": value for name, value in network.state_dict().items()}
    for role in trainer.networks:
        adam, _ = getattr(trainer, f"{role}_optimizer")
        for index, state in adam.state_dict()["state"].items():
            found |= {f"{role}_optimizer.{index}.{name}": value for name, value in state.items()}
    return found | {f"average.{index}": value for index, value in enumerate(trainer.average or ())}


def save(file: Path, trainer: Trainer, epoch: int) -> None:
    """Write the state after `epoch` epochs."""
    arrays = {name: value.detach().numpy() for name, value in tensors(trainer).items()}
    with replacing(file) as temporary:
        np.savez(temporary, epoch=epoch, **arrays)


def load(file: Path, trainer: Trainer) -> int:
    """Restore a trainer of the same configuration from a saved state; return its number of epochs."""
    arrays = {name: torch.from_numpy(array) for name, array in read_npz(file).items()}
    for role, network in trainer.networks.items():
        network.load_state_dict(_below(role, arrays))
        adam, schedule = getattr(trainer, f"{role}_optimizer")
        content = adam.state_dict()
        for name, array in _below(f"{role}_optimizer", arrays).items():
            index, key = name.split(".")
            parameter = adam.param_groups[0]["params"][int(index)]
            if array.dim():
                # In the parameter's memory order, which the fused step assumes.
                array = torch.empty_like(parameter).copy_(array)
            content["state"].setdefault(int(index), {})[key] = array
        adam.load_state_dict(content)
        schedule.last_epoch = int(content["state"][0]["step"])
        for group, factor in zip(adam.param_groups, schedule.lr_lambdas, strict=True):
            group["lr"] = group["initial_lr"] * factor(schedule.last_epoch)
    average = _below("average", arrays)
    trainer.average = [average[str(index)] for index in range(len(average))] or None
    torch.set_rng_state(arrays["random"])
    trainer.updates = int(arrays["updates"])
    return int(arrays["epoch"])


def _below(prefix: str, arrays: dict) -> dict:
    return {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}


def train(config: Config, folder: Path, dataset: Dataset) -> Trainer:
    """Train the twin of `config` in `folder`, or resume it; return its trainer."""
    steps = len(dataset.train_images) // config.images_per_step
    torch.manual_seed(config.seed)
    trainer = TRAINERS[config.model.name](config, steps * config.epochs)
    initialize(trainer.networks, config.seed)
    state, log, environment = folder / "state.npz", folder / "log.csv", folder / "environment.json"
    before, rows, done = {}, ["epoch,discriminator_loss,generator_loss,seconds"], 0
    if state.is_file():
        done = load(state, trainer)
        before = parse_json(read_text(environment), str(environment))
        rows = read_text(log).splitlines()[: done + 1]
    started, processor = time.perf_counter(), time.process_time()
    for epoch in range(done, config.epochs):
        batches = Batches(
            dataset.train_images,
            config.images_per_step,
            config.seed,
            horizontal_flips=config.horizontal_flips,
            first_epoch=epoch,
        )
        begun, sums = time.perf_counter(), {}
        for index in range(len(batches)):
            for name, value in trainer.step(batches[index][0]).items():
                sums[name] = sums.get(name, 0.0) + value
        means = ",".join(f"{sums[name] / len(batches):.6g}" for name in ("discriminator_loss", "generator_loss"))
        rows.append(f"{epoch + 1},{means},{time.perf_counter() - begun:.6g}")
        print(f"{folder.name}: epoch {epoch + 1} of {config.epochs}: {rows[-1]}", flush=True)
        write_text(log, "\n".join(rows) + "\n")
        content = {
            **describe_environment(),
            "dataset_fingerprint": dataset.fingerprint,
            "seconds": before.get("seconds", 0.0) + time.perf_counter() - started,
            "processor_seconds": before.get("processor_seconds", 0.0) + time.process_time() - processor,
            "epochs_done": epoch + 1,
            "images_seen": (epoch + 1) * len(batches) * config.images_per_step,
        }
        write_text(environment, json.dumps(content, indent=1) + "\n")
        save(state, trainer, epoch + 1)
    return trainer


@torch.no_grad()
def sample(trainer: Trainer, count: int = SAMPLES, seed: int = SAMPLE_SEED) -> np.ndarray:
    """Return `count` uint8 images (n, height, width, channels), from the moving average if there is one."""
    network = trainer.networks["generator"]
    if trainer.average:
        state = network.state_dict()
        floating = [name for name, value in state.items() if value.is_floating_point()]
        network.load_state_dict(state | dict(zip(floating, trainer.average, strict=True)))
    network.eval()
    shape, generator = (count, trainer.latent_size), torch.Generator().manual_seed(seed)
    if trainer.settings.latent_distribution == "uniform":
        latents = torch.rand(shape, generator=generator) * 2 - 1
    else:
        latents = torch.randn(shape, generator=generator)
    images = torch.cat([network(part) for part in latents.split(250)]).permute(0, 2, 3, 1).numpy()
    return np.clip(np.rint((images + 1.0) * 127.5), 0, 255).astype(np.uint8)


def measure(folder: Path, dataset: str) -> list[dict]:
    """Score the samples in `folder` as `evaluate` scores those of a run, in a process with TensorFlow."""
    arguments = ["metrics", str(folder / "samples.npz"), f"{dataset}:train", "--metrics", METRICS]
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "scores.json"
        environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        ended = subprocess.run(
            [sys.executable, "-m", "coursework", *arguments, "--json", str(output)],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        if ended.returncode:
            raise UserError(f"{folder} could not be scored (see above); its samples are kept in samples.npz")
        return parse_json(read_text(output), str(output))["scores"]


def compare(run: Run) -> None:
    """Train and score the twin of `run`, unless that is done already."""
    config, folder = require_twin(run), FOLDER / run.name
    if (folder / "config.json").is_file():
        before = Run(folder).read_config()
        own, other = (record_of("fd_judge", each.read_metrics()) for each in (run, Run(folder)))
        if before == config and other and other["extractor_sha256"] == own["extractor_sha256"]:
            return
        (folder / "metrics.json").unlink(missing_ok=True)
        if other_training(before, config) or (config.decays and before.epochs != config.epochs):
            # The start of another training.
            for name in ("state.npz", "log.csv", "environment.json"):
                (folder / name).unlink(missing_ok=True)
    write_text(folder / "config.json", config.to_json())
    dataset = load_dataset(config.dataset, config.classes)
    images = sample(train(config, folder, dataset))
    save_grid(folder / "samples.png", images[:64])
    with replacing(folder / "samples.npz") as temporary:
        np.savez(temporary, images=images)
    write_text(folder / "metrics.json", json.dumps(measure(folder, config.dataset), indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help="finished runs of a GAN or SNGAN, by name or folder")
    parser.add_argument("--show", action="store_true", help="only make the table again")
    arguments = parser.parse_args()
    try:
        for name in () if arguments.show else arguments.runs:
            compare(Run.existing(name))
        rows = table()
        write_csv(FOLDER / "table.csv", rows)
        print("\n".join(aligned(rows)))
    except UserError as error:
        raise SystemExit(f"peers: {error}") from error


if __name__ == "__main__":
    main()
