"""Training on points: a step of many batches in one compiled call, and one compiled model for all seeds and mixtures.

A training step of networks for points takes microseconds, and Keras's loop around it milliseconds. So a step of the
training loop is a block of `BLOCK` steps here.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from coursework.config.schema import Config
from coursework.data.mixtures import MIXTURES, Mixture
from coursework.metrics.mixtures import mode_coverage
from coursework.models import build_model
from coursework.models.base import GenerativeModel, images_of
from coursework.models.gan import GAN
from coursework.networks.backend import Tensor, compiled
from coursework.networks.latents import draw_latents
from coursework.networks.saving import save_networks
from coursework.training.guards import not_finite
from coursework.training.interruption import Interruption
from coursework.training.loop import train
from coursework.training.record import Record
from coursework.training.run import Report, Run
from coursework.training.run_differences import setting_differences
from coursework.training.state import Position
from coursework.util.errors import UserError
from coursework.util.progress import Progress

# An epoch of points, which are drawn afresh for every step, is a number of steps.
STEPS_PER_EPOCH = 1000
# Steps of one compiled call.
BLOCK = 500
# As many as in the papers.
SAMPLES = 2500
# Seed of the latents that are scored; those of training come from Keras's generator.
SAMPLE_SEED = 0


class PointTrainer:
    """The model of a `Config` for mixtures of Gaussians, trained from seed to seed without compiling again.

    Points are in units of the mixture's reach, the largest coordinate of a mode, as images are in [-1, 1]; what
    `sample` returns is in the mixture's own.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.model = self._build(config.seed)
        self.step = self.model.train_step
        train_block = compiled(self._block, fused=True)
        # What `fit` calls for each block.
        self.model.train_step = lambda data: train_block(images_of(data))

    def _build(self, seed: int) -> Any:
        config = dataclasses.replace(self.config, seed=seed)
        return build_model(config, (2,), config.epochs * STEPS_PER_EPOCH)

    def _block(self, points: Tensor) -> dict[str, Tensor]:
        def step(index: Tensor, count: Tensor) -> Tensor:
            self.step((points[index],))
            return count

        ops.fori_loop(0, BLOCK, step, 0)
        return {name: tracker.result() for name, tracker in self.model.trackers.items()}

    def start(self, seed: int, weights: list[np.ndarray] | None = None) -> GAN:
        """Set the model to the initial state of this seed, its generator to `weights` where given; return it."""
        fresh = self._build(seed).state_variables()
        for variable, value in zip(self.model.state_variables(), fresh, strict=True):
            variable.assign(value)
        if weights is not None:
            # The moving average, where there is one, begins at the same place.
            for network in (self.model.generator, self.model.shown_generator):
                network.set_weights(weights)
        return self.model

    def sample(self, mixture: Mixture, count: int = SAMPLES) -> np.ndarray:
        """Return `count` points of the generator (its moving average where there is one), always of equal latents."""
        return sample_points(self.model.shown_generator, self.model.latent_distribution, mixture, count)

    def score(self, mixture: Mixture, lost: str | None = None) -> dict[str, float]:
        """Return the `mode_coverage` of the model, nothing covered where a weight is lost."""
        if lost:
            return {"modes": 0, "high_quality": 0.0}
        return mode_coverage(self.sample(mixture), mixture.modes, mixture.std)


class PointBatches(keras.utils.PyDataset):
    """Blocks of batches of fresh points, each (`BLOCK`, size, 2), that follow from mixture, seed, epoch and block."""

    def __init__(self, mixture: Mixture, seed: int, size: int, first_epoch: int = 0, first_block: int = 0) -> None:
        super().__init__()
        self.mixture = mixture
        self.seed = seed
        self.size = size
        self.epoch = self.next_epoch = first_epoch
        self.first_block = first_block

    def __len__(self) -> int:
        return STEPS_PER_EPOCH // BLOCK - self.first_block

    def __getitem__(self, index: int) -> tuple[np.ndarray]:
        seed = (self.seed, self.epoch, self.first_block + index)
        points, _ = self.mixture.sample(BLOCK * self.size, seed)
        return ((points / reach(self.mixture)).reshape(BLOCK, self.size, 2),)

    def on_epoch_begin(self) -> None:
        """Go to the next epoch; the first call begins the first one."""
        self.epoch = self.next_epoch
        self.next_epoch += 1


class PointTask:
    """A training of a `PointTrainer` on the mixture that the configuration names; see `Task` and `train_points`."""

    shown = False
    steps_per_epoch = property(lambda self: STEPS_PER_EPOCH // BLOCK)

    def __init__(
        self,
        trainer: PointTrainer,
        config: Config,
        progress: Progress,
        weights: list[np.ndarray] | None,
        look: Callable[[int], None] | None,
    ) -> None:
        self.trainer = trainer
        self.config = config
        self.mixture = MIXTURES[config.dataset]()
        self.progress = progress
        self.weights = weights
        self.look = look or (lambda epoch: None)
        self.description = {"dataset_label": config.dataset}
        self.images_per_epoch = STEPS_PER_EPOCH * config.images_per_step

    def build(self) -> GAN:
        return self.trainer.start(self.config.seed, self.weights)

    def begin(self, model: GenerativeModel, interruption: Interruption, report: Report) -> None:
        self.look(0)

    def batches(self, model: GenerativeModel, epoch: int, step: int = 0) -> PointBatches:
        return PointBatches(self.mixture, self.config.seed, self.config.images_per_step, epoch, step)

    def callbacks(self, run: Run, start: Position, record: Record, report: Report) -> list[keras.callbacks.Callback]:
        self.progress.update(start.epoch * STEPS_PER_EPOCH, found=start.epoch * STEPS_PER_EPOCH)
        return [_Coverage(self, record)]

    def save(self, run: Run, model: GenerativeModel) -> None:
        save_networks(run.path, model.networks())
        conditions = {"n": SAMPLES, "reference": self.mixture.name, "seed": SAMPLE_SEED, "weights": "last"}
        scores = self.trainer.score(self.mixture, not_finite(model))
        run.write_metrics([{"name": name, "value": value, **conditions} for name, value in scores.items()])


class _Coverage(keras.callbacks.Callback):
    """Adds the coverage of the modes to the log, and ends a training whose weights are no longer finite."""

    def __init__(self, task: PointTask, record: Record) -> None:
        super().__init__()
        self.task = task
        self.record = record

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        lost = not_finite(self.model)
        logs.update(self.task.trainer.score(self.task.mixture, lost))
        if lost:
            text = f"{lost} is not finite: training ended"
            self.record.add_incident({"kind": "not finite", "epoch": epoch + 1, "step": None, "text": text})
            self.model.stop_training = True
        self.task.look(epoch + 1)
        self.task.progress.update((epoch + 1) * STEPS_PER_EPOCH)


def reach(mixture: Mixture) -> float:
    """Return the largest absolute coordinate of a mixture's modes."""
    return float(np.abs(mixture.modes).max())


def sample_points(generator: keras.Model, distribution: str, mixture: Mixture, count: int = SAMPLES) -> np.ndarray:
    """Return `count` points (count, 2) that a trained generator makes of fixed latents."""
    latents = draw_latents(distribution, count, generator.input_shape[1:], SAMPLE_SEED)
    return reach(mixture) * ops.convert_to_numpy(generator(latents, training=False)).astype(np.float64)


def is_trained(config: Config, run: Run) -> bool:
    """Return whether `run` holds this training, finished; raises `UserError` where it holds another one."""
    if not run.config_file.is_file():
        return False
    different = setting_differences(run.read_config(), config)
    if different:
        name, there, here = different[0]
        raise UserError(
            f"{run.path} holds another training ({name} is {there} there, {here} here): "
            "choose another --folder, or remove that one"
        )
    return run.is_finished() and run.network("generator").is_file()


def train_points(
    trainer: PointTrainer,
    config: Config,
    run: Run,
    weights: list[np.ndarray] | None = None,
    look: Callable[[int], None] | None = None,
    report: Report = print,
) -> None:
    """Train `config`, which differs from the trainer's in seed and data set alone, in `run`, resuming where it stopped.

    Every epoch is logged with the coverage of the modes; the last one's is the run's score. A run whose weights are no
    longer finite ends there, with no mode and no sample of quality. weights: of the generator before the first step, in
    place of random ones. look: called with 0 before training and with the number of epochs done after each, before
    that epoch is saved.
    """
    with Progress(run.name, config.epochs * STEPS_PER_EPOCH, "steps") as progress:
        task = PointTask(trainer, config, progress, weights, look)
        train(config, run, discard_state=True, report=report, task=task)
