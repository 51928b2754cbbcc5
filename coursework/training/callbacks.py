"""What happens between epochs: log, resume state, sample grids, the best weights."""

import math
import time

import keras
import numpy as np
from keras import ops

from coursework.figures.grids import save_grid
from coursework.models.base import GenerativeModel
from coursework.training.guards import not_finite
from coursework.training.interruption import Interrupted
from coursework.training.state import START, Position, save_state
from coursework.util.tables import write_csv

# Seconds between states within an epoch, which may take an hour: what a flat battery costs at most.
EVERY_SECONDS = 600


class Log(keras.callbacks.Callback):
    """Keeps log.csv: one row an epoch with losses, seconds and whatever other callbacks added to the logs."""

    def __init__(self, run, first_epoch):
        super().__init__()
        self.file = run.log_file
        columns = run.read_log() if first_epoch else {}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        # Rows after the resumed state belong to epochs that are trained again.
        self.rows = [row for row in rows if row["epoch"] <= first_epoch]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        seconds = time.perf_counter() - self.started
        self.rows.append({"epoch": epoch + 1, **(logs or {}), "seconds": seconds})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        write_csv(self.file, [names, *([_rounded(name, row.get(name)) for name in names] for row in self.rows)])


class Backup(keras.callbacks.Callback):
    """Saves the whole training state after every epoch, every `seconds` within one, and where training is to stop.

    on_saved: called with the number of epochs behind once a state is on disk. start: the `Position` that the model was
    brought to. interruption: an `Interruption`; once it is requested, the state is saved after the current step, and
    `Interrupted` is raised.
    """

    def __init__(self, run, on_saved, start=START, interruption=None, seconds=EVERY_SECONDS):
        super().__init__()
        self.folder = run.backup
        self.on_saved = on_saved
        self.start = start
        self.interruption = interruption
        self.seconds = seconds
        self.kept = str(start) if start > START else None

    def set_model(self, model: GenerativeModel) -> None:
        super().set_model(model)
        trackers = [variable for metric in model.metrics for variable in metric.variables]
        self.losses_so_far = [(variable, np.array(ops.convert_to_numpy(variable.value))) for variable in trackers]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch
        self.first_step = self.start.step if epoch == self.start.epoch else 0
        if self.first_step:
            # Keras has set the means back, as for an epoch that begins.
            for variable, value in self.losses_so_far:
                variable.assign(value)
        self.saved = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        # After the last step the end of the epoch is near, and does the same.
        if batch + 1 == self.params["steps"] or not (
            self._is_to_stop() or time.monotonic() - self.saved >= self.seconds
        ):
            return
        # A finite loss does not know yet what its own step did to the weights.
        if not_finite(self.model) is None:
            self._save(Position(self.epoch, self.first_step + batch + 1))
            # The time that these steps took belongs to the record as the steps belong to the state.
            self.on_saved(self.epoch)
        self._stop_if_asked()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._save(Position(epoch + 1))
        self.on_saved(epoch + 1)
        self._stop_if_asked()

    def _save(self, position):
        save_state(self.folder, self.model, position)
        self.saved = time.monotonic()
        self.kept = str(position)

    def _is_to_stop(self):
        return self.interruption is not None and self.interruption.requested

    def _stop_if_asked(self):
        if self._is_to_stop():
            raise Interrupted(f"interrupted; {self.kept or 'nothing'} is saved: run the same command to resume")


class SampleGrid(keras.callbacks.Callback):
    """Writes samples/<epoch>.png every few epochs and after the last, always from the same latents or images."""

    def __init__(self, run, images, every, last_epoch):
        super().__init__()
        self.run = run
        self.images = images
        self.every = every
        self.last_epoch = last_epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.last_epoch:
            save_grid(self.run.samples / f"{epoch + 1:04d}.png", self.model.preview(self.images), columns=8, scale=2)


class BestScore(keras.callbacks.Callback):
    """Scores the model every few epochs and keeps the networks of the best one in best/.

    score: function of the model -> float, lower is better; its value joins the epoch's logs as `name`.
    keep: function that writes the model's networks to best/. extractor_sha256: of the network that scores; what another
    one kept before is not compared with it, and gives way.
    first_epoch: epochs done before; from 0 on, what an earlier training left in best/ no longer counts.
    """

    def __init__(self, run, first_epoch, score, keep, name, every, last_epoch, extractor_sha256=None):
        super().__init__()
        self.run = run
        self.score = score
        self.keep = keep
        self.name = name
        self.every = every
        self.last_epoch = last_epoch
        self.extractor_sha256 = extractor_sha256
        # Not from the log, which forgets epochs that are trained again while best/ keeps their networks.
        before = run.read_best_score() if first_epoch else {}
        comparable = before.get("extractor_sha256", extractor_sha256) == extractor_sha256
        self.best = before.get("value", math.inf) if comparable else math.inf

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every and epoch + 1 != self.last_epoch:
            return
        value = self.score(self.model)
        if logs is not None:
            logs[self.name] = value
        if value < self.best:
            self.best = value
            self.keep(self.model)
            self.run.write_best_score(self.name, value, epoch + 1, self.extractor_sha256)


def _rounded(name, value):
    if name == "epoch":
        return int(value)
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else f"{float(value):.6g}"
