"""Training a configuration in a run directory, from the start or from where it stopped."""

import dataclasses
import sys
import time

import keras
import numpy as np

from coursework import callbacks
from coursework.config import Config
from coursework.data import cifar10, load_dataset
from coursework.data.pipeline import Batches
from coursework.environment import describe_environment
from coursework.errors import UserError
from coursework.evaluation import Scorer
from coursework.files import replacing
from coursework.gradients import enable_determinism
from coursework.metrics.judge import find_judge
from coursework.models import build_model
from coursework.models.base import spread
from coursework.run import Run
from coursework.saving import save_networks
from coursework.state import has_state, load_state

# What may differ between a run and its continuation: how long it trains and how often it looks at itself.
CONTINUABLE = ("epochs", "sample_every", "score_every")


def train(config, run, deterministic=False, tensorboard=False, discard_state=False, report=print):
    """Train `config` in `run`, resuming where it stopped; a finished run is left as it is.

    report: called with one line of text for what the user should know.
    Raises `UserError` where the run directory holds another configuration, and where training diverges.
    """
    if _already_finished(config, run):
        report(f"{run.path} is already trained for {config.epochs} epochs; raise --epochs to go on")
        return
    if deterministic:
        enable_determinism()
    keras.utils.set_random_seed(config.seed)
    dataset = load_dataset(config.dataset, config.classes)
    _refuse_other_images(config, run, dataset)
    steps_per_epoch = len(dataset.train_images) // config.images_per_step
    if not steps_per_epoch:
        raise UserError(
            f"{len(dataset.train_images)} training images do not fill one batch of {config.images_per_step}"
        )
    model = build_model(config, dataset.image_shape, steps_per_epoch * config.epochs, len(dataset.class_names))
    first_epoch = load_state(run.backup, model) if has_state(run.backup) else 0
    if first_epoch > config.epochs:
        raise UserError(f"{run.path} has {first_epoch} epochs behind it: --epochs {config.epochs} is less")
    if first_epoch:
        report(f"resuming {run.path} after epoch {first_epoch}")
    run.write_config(config)
    record = _Record(config, run, dataset, model, first_epoch, steps_per_epoch * config.images_per_step)
    batches = Batches(
        dataset.train_images,
        config.images_per_step,
        config.seed,
        labels=dataset.train_labels if model.conditional else None,
        horizontal_flips=config.horizontal_flips,
        first_epoch=first_epoch,
    )
    try:
        model.fit(
            batches,
            epochs=config.epochs,
            initial_epoch=first_epoch,
            # A bar that redraws itself fills a log file with its every state.
            verbose=1 if sys.stdout.isatty() else 2,
            # `Batches` are in their order already; Keras would shuffle them anew with Python's global generator.
            shuffle=False,
            callbacks=_callbacks(config, run, dataset, first_epoch, record, tensorboard, report),
        )
    except callbacks.Diverged:
        # The last good state is on disk; as networks it can be sampled from too.
        if has_state(run.backup):
            load_state(run.backup, model)
            save_trained(run.path, model, dataset)
        raise
    save_trained(run.path, model, dataset)
    record.save(config.epochs, finished=True)
    if discard_state:
        run.discard_state()


def _refuse_other_images(config, run, dataset):
    """Raise `UserError` where the state in `run` comes from other images than `dataset` holds."""
    trained_on = run.read_environment().get("dataset_fingerprint", dataset.fingerprint)
    if has_state(run.backup) and trained_on != dataset.fingerprint:
        raise UserError(
            f"{run.path} was trained on other images than {config.dataset} holds now: "
            "choose another --run, or remove that folder to start again"
        )


def save_trained(folder, model, dataset):
    """Write what sampling needs to `folder`: the networks and, of a model without a prior, its codes' statistics."""
    save_networks(folder, model.networks())
    statistics = model.code_statistics(dataset.train_images)
    if statistics is not None:
        with replacing(Run(folder).code_statistics) as temporary:
            np.savez(temporary, **statistics)


def _already_finished(config, run):
    if not run.config_file.is_file():
        return False
    before = run.read_config()
    same = {name: getattr(config, name) for name in CONTINUABLE}
    if dataclasses.replace(before, **same) != config:
        raise UserError(
            f"{run.path} holds another configuration ({_difference(before, config)}): "
            "choose another --run or --seed, or remove that folder"
        )
    # A run of which only the records were kept, as git does, has no networks and is trained again.
    if not run.is_finished() or not run.network("generator").is_file():
        return False
    finished = run.read_environment().get("epochs_done", 0) >= config.epochs
    if not finished and not has_state(run.backup):
        raise UserError(
            f"{run.path} is trained, but its resume state was discarded: "
            "choose another --run, or remove that folder to start again"
        )
    return finished


def _difference(before, after, prefix=""):
    """Name the first setting in which two configurations differ."""
    for field in dataclasses.fields(Config if not prefix else type(before)):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new and (prefix or field.name not in CONTINUABLE):
            if dataclasses.is_dataclass(old) and type(old) is type(new):
                return _difference(old, new, f"{prefix}{field.name}.")
            return f"{prefix}{field.name} is {old} there, {new} here"
    return "nothing"


def _callbacks(config, run, dataset, first_epoch, record, tensorboard, report):
    preview_images = spread(dataset.test_images, 16)
    chosen = [callbacks.DivergenceGuard()]
    if config.score_every:
        judge = find_judge(dataset)
        if judge is None:
            report(
                f"no judge for {dataset.name}: best weights are not kept "
                f"(make one with `judge --dataset {dataset.name}`)"
            )
        else:
            score = Scorer(judge, dataset, config.seed).score_model
            chosen.append(
                callbacks.BestScore(
                    run,
                    first_epoch,
                    score,
                    lambda model: save_trained(run.best, model, dataset),
                    "fd_judge",
                    config.score_every,
                    config.epochs,
                )
            )
    # The log comes after the score, which adds a column, and before the backup, which declares the epoch done.
    chosen.append(callbacks.Log(run, first_epoch))
    chosen.append(callbacks.SampleGrid(run, preview_images, config.sample_every, config.epochs))
    chosen.append(callbacks.Backup(run, record.save))
    if tensorboard:
        chosen.append(_tensorboard(run))
    return chosen


def _tensorboard(run):
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UserError('--tensorboard needs the extra: pip install "coursework[tensorboard]"') from error
    return keras.callbacks.TensorBoard(log_dir=str(run.path / "tensorboard"), write_graph=False)


class _Record:
    """Keeps environment.json true while training: time spent over all sittings, epochs done, finished or not.

    Seconds by the clock count a laptop's sleep and whatever else the machine did; `processor_seconds`, summed over the
    cores, count only what this training used.
    """

    def __init__(self, config, run, dataset, model, first_epoch, images_per_epoch):
        self.run = run
        self.images_per_epoch = images_per_epoch
        before = run.read_environment() if first_epoch else {}
        self.clocks = {"seconds": time.perf_counter, "processor_seconds": time.process_time}
        # What a clock of this sitting showed when the training's time was zero.
        self.started = {name: clock() - before.get(name, 0.0) for name, clock in self.clocks.items()}
        label = cifar10.label() if config.dataset == "cifar10" else dataset.name
        self.content = {
            **describe_environment(),
            "dataset_fingerprint": dataset.fingerprint,
            "dataset_label": label,
            "class_names": dataset.class_names,
            "parameters": {name: network.count_params() for name, network in model.networks().items()},
        }
        self.save(first_epoch)

    def save(self, epoch, finished=False):
        """Write environment.json after `epoch` epochs."""
        self.run.write_environment(
            {
                **self.content,
                **{name: round(clock() - self.started[name], 1) for name, clock in self.clocks.items()},
                "epochs_done": epoch,
                "images_seen": epoch * self.images_per_epoch,
                "finished": finished,
            }
        )
