"""What a training is of: its data, its model, what is watched between epochs and what is kept at the end."""

from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from coursework.config.schema import Config
from coursework.data import load_dataset
from coursework.data.dataset import Dataset
from coursework.data.pipeline import Batches
from coursework.extractors.judge import find_judge, no_judge
from coursework.models import build_model
from coursework.models.base import GenerativeModel, spread
from coursework.networks.saving import save_networks
from coursework.training.callbacks import BestScore, SampleGrid
from coursework.training.guards import DivergenceGuard, DiversityGuard
from coursework.training.head_start import give_head_start
from coursework.training.interruption import Interruption
from coursework.training.record import Record
from coursework.training.run import Report, Run
from coursework.training.scorer import Scorer
from coursework.training.state import START, Position
from coursework.util.errors import UserError
from coursework.util.files import replacing


class Task(Protocol):
    """What `train` needs to know of a training.

    description: what environment.json says of the data. steps_per_epoch: batches of an epoch. images_per_epoch: items
    that these hold. shown: whether Keras shows the progress of each epoch.
    """

    description: dict
    steps_per_epoch: int
    images_per_epoch: int
    shown: bool

    def build(self) -> GenerativeModel:
        """Return the compiled model in its initial state."""

    def begin(self, model: GenerativeModel, interruption: Interruption, report: Report) -> None:
        """Do what comes before the first step of a training, and is not repeated on resuming."""

    def batches(self, model: GenerativeModel, epoch: int, step: int = 0) -> keras.utils.PyDataset:
        """Return the batches from `epoch` on, for `feed`; each epoch without the batches before `step`."""

    def callbacks(self, run: Run, start: Position, record: Record, report: Report) -> list[keras.callbacks.Callback]:
        """Return the callbacks that run before the log is written and the state saved."""

    def save(self, run: Run, model: GenerativeModel) -> None:
        """Write the networks of a training that has ended to `run`, and what belongs to them."""


class ImageTask:
    """A training of the configuration's model on the images of its data set.

    Raises `UserError` where the data cannot be loaded or do not fill one batch.
    """

    shown = True

    def __init__(self, config: Config):
        self.config = config
        self.dataset = load_dataset(config.dataset, config.classes)
        self.steps_per_epoch = len(self.dataset.train_images) // config.images_per_step
        self.images_per_epoch = self.steps_per_epoch * config.images_per_step
        self.description = {
            "dataset_fingerprint": self.dataset.fingerprint,
            "dataset_label": self.dataset.title,
            "class_names": self.dataset.class_names,
            "class_counts": self.dataset.class_counts,
        }

    def build(self) -> GenerativeModel:
        """Return the compiled model; raises `UserError` where the images do not fill one batch."""
        if not self.steps_per_epoch:
            raise UserError(
                f"{len(self.dataset.train_images)} training images do not fill one batch of "
                f"{self.config.images_per_step}"
            )
        updates = self.steps_per_epoch * self.config.epochs
        shape, names, counts = self.dataset.image_shape, self.dataset.class_names, self.dataset.class_counts
        return build_model(self.config, shape, updates, len(names), counts)

    def begin(self, model: GenerativeModel, interruption: Interruption, report: Report) -> None:
        """Give the discriminator its head start, if it has one."""
        give_head_start(model, self.config, self.dataset, interruption, report)

    def batches(self, model: GenerativeModel, epoch: int, step: int = 0) -> keras.utils.PyDataset:
        """Return shuffled batches of images, with labels for a conditional model."""
        return Batches(
            self.dataset.train_images,
            self.config.images_per_step,
            self.config.seed,
            labels=self.dataset.train_labels if model.conditional else None,
            horizontal_flips=self.config.horizontal_flips,
            first_epoch=epoch,
            first_step=step,
        )

    def callbacks(self, run: Run, start: Position, record: Record, report: Report) -> list[keras.callbacks.Callback]:
        """Return the guards, the score that chooses the best weights, and the sample grids."""

        def add_incident(incident):
            report(incident["text"])
            record.add_incident(incident)

        losses = (run.read_log() if start > START else {}).get("discriminator_loss", [])[: start.epoch]
        told = {incident["kind"] for incident in record.content["incidents"]}
        images, every, last = spread(self.dataset.test_images, 16), self.config.sample_every, self.config.epochs
        return [
            DivergenceGuard(self.dataset, add_incident, start=start, losses=losses),
            DiversityGuard(self.dataset.train_images, add_incident, told=told),
            *self._best_score(run, start, report),
            SampleGrid(run, images, every, last),
        ]

    def _best_score(self, run, start, report):
        if not self.config.score_every:
            return []
        judge = find_judge(self.dataset)
        if judge is None:
            report(f"best weights are not kept: {no_judge(self.dataset)}")
            return []

        def keep(model):
            # Scores first, so that none is kept with other networks than those it measured.
            run.drop_metrics("best")
            save_trained(run.best, model, self.dataset)

        score = Scorer(judge, self.dataset, self.config.seed).score_model
        every, last = self.config.score_every, self.config.epochs
        return [BestScore(run, start.epoch, score, keep, "fd_judge", every, last, judge.sha256)]

    def save(self, run: Run, model: GenerativeModel) -> None:
        """Write the networks and, of a model without a prior, its codes' statistics."""
        save_trained(run.path, model, self.dataset)


def save_trained(folder: Path, model: GenerativeModel, dataset: Dataset) -> None:
    """Write what sampling needs to `folder`: the networks and, of a model without a prior, its codes' statistics."""
    save_networks(folder, model.networks())
    statistics = model.code_statistics(dataset.train_images)
    if statistics is not None:
        with replacing(Run(folder).code_statistics) as temporary:
            np.savez(temporary, allow_pickle=False, **statistics)
