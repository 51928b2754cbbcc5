"""What happens between epochs: log, resume state, sample grids, the guard against divergence, the best weights."""

import csv
import io
import math
import time

import keras
import numpy as np
from keras import ops

from coursework.errors import UserError
from coursework.figures import save_grid
from coursework.files import write_text
from coursework.state import save_state


class Log(keras.callbacks.Callback):
    """Keeps log.csv: one row an epoch with losses, seconds and whatever other callbacks added to the logs."""

    def __init__(self, run, first_epoch):
        super().__init__()
        self.file = run.log_file
        columns = run.read_log() if first_epoch else {}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        # Rows after the resumed state belong to epochs that are trained again.
        self.rows = [row for row in rows if row["epoch"] <= first_epoch]

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.started
        self.rows.append({"epoch": epoch + 1, **(logs or {}), "seconds": seconds})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            writer.writerow({name: _rounded(name, value) for name, value in row.items()})
        write_text(self.file, text.getvalue())


class Backup(keras.callbacks.Callback):
    """Saves the whole training state after every epoch; `on_saved(epoch)` is called once it is on disk."""

    def __init__(self, run, on_saved):
        super().__init__()
        self.folder = run.backup
        self.on_saved = on_saved

    def on_epoch_end(self, epoch, logs=None):
        save_state(self.folder, self.model, epoch + 1)
        self.on_saved(epoch + 1)


class SampleGrid(keras.callbacks.Callback):
    """Writes samples/<epoch>.png every few epochs and after the last, always from the same latents or images."""

    def __init__(self, run, images, every, last_epoch):
        super().__init__()
        self.run = run
        self.images = images
        self.every = every
        self.last_epoch = last_epoch

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.last_epoch:
            save_grid(self.run.samples / f"{epoch + 1:04d}.png", self.model.preview(self.images), columns=8, scale=2)


class Diverged(UserError):
    """Training went wrong by itself: a value is not finite, or one player has won outright."""


class DivergenceGuard(keras.callbacks.Callback):
    """Raises `Diverged` when a loss or a weight is not finite or the discriminator has won outright.

    A discriminator whose mean loss stays below `threshold` for `patience` epochs tells every image apart with
    certainty: the generator's gradient is gone. The state of the last epoch before is on disk and stays there.
    """

    def __init__(self, threshold=1e-3, patience=2):
        super().__init__()
        self.threshold = threshold
        self.patience = patience
        self.certain_epochs = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        # The logs are running means over the epoch, in which one bad value stays visible.
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise Diverged(
                    f"training diverged in epoch {self.epoch + 1}, step {batch + 1}: {name} is {value}; "
                    f"{self._kept()}; lower the rate or change a setting and train again"
                )

    def on_epoch_end(self, epoch, logs=None):
        # The loss of the last step does not know yet what its own update did.
        bad = [weight.path for weight in self.model.weights if not np.isfinite(ops.convert_to_numpy(weight)).all()]
        if bad:
            raise Diverged(
                f"training diverged at the end of epoch {epoch + 1}: {bad[0]} is not finite; {self._kept()}; "
                "lower the rate or change a setting and train again"
            )
        loss = (logs or {}).get("discriminator_loss")
        self.certain_epochs = self.certain_epochs + 1 if loss is not None and loss < self.threshold else 0
        if self.certain_epochs >= self.patience:
            raise Diverged(
                f"the discriminator won outright: its loss was below {self.threshold} for {self.patience} epochs, "
                f"up to epoch {epoch + 1}; {self._kept()}; lower its rate or use the preset sngan"
            )

    def _kept(self):
        return f"the weights of epoch {self.epoch} are kept" if self.epoch else "no epoch was finished"


class BestScore(keras.callbacks.Callback):
    """Scores the model every few epochs and keeps the networks of the best one in best/.

    score: function of the model -> float, lower is better; its value joins the epoch's logs as `name`.
    keep: function that writes the model's networks to best/.
    first_epoch: epochs done before; from 0 on, what an earlier training left in best/ no longer counts.
    """

    def __init__(self, run, first_epoch, score, keep, name, every, last_epoch):
        super().__init__()
        self.run = run
        self.score = score
        self.keep = keep
        self.name = name
        self.every = every
        self.last_epoch = last_epoch
        # Not from the log, which forgets epochs that are trained again while best/ keeps their networks.
        self.best = run.read_best_score().get("value", math.inf) if first_epoch else math.inf

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every and epoch + 1 != self.last_epoch:
            return
        value = self.score(self.model)
        logs[self.name] = value
        if value < self.best:
            self.best = value
            self.keep(self.model)
            self.run.write_best_score(self.name, value, epoch + 1)


def _rounded(name, value):
    if name == "epoch":
        return int(value)
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else f"{float(value):.6g}"
