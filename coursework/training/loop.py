"""Training a configuration in a run directory, from the start or from where it stopped."""

import keras
import numpy as np

from coursework.data import load_dataset
from coursework.data.pipeline import Batches, feed
from coursework.extractors.judge import find_judge
from coursework.models import build_model
from coursework.models.base import spread
from coursework.networks.backend import enable_determinism
from coursework.networks.saving import save_networks
from coursework.training import callbacks
from coursework.training.guards import Diverged, DivergenceGuard, DiversityGuard
from coursework.training.head_start import give_head_start
from coursework.training.interruption import Interruption
from coursework.training.record import Record
from coursework.training.run import Run
from coursework.training.run_differences import other_training
from coursework.training.scorer import Scorer
from coursework.training.state import START, Position, has_state, load_state, states
from coursework.util.errors import CannotWrite, UserError
from coursework.util.files import remove_leftovers, replacing
from coursework.util.locking import owned
from coursework.util.progress import epoch_verbosity


def train(config, run, deterministic=False, tensorboard=False, discard_state=False, report=print):
    """Train `config` in `run`, resuming where it stopped; a finished run is left as it is.

    report: called with one line of text for what the user should know.
    Raises `UserError` where the run directory holds another configuration or another process trains in it, where
    training diverges or is interrupted, and where the disk is full; what was saved before stays.
    """
    if not _already_finished(config, run, report):
        # Before the directory is made: a mistake in the data should leave nothing behind.
        dataset = load_dataset(config.dataset, config.classes)
        with owned(run.lock_file, f"the run {run.path}"):
            remove_leftovers(run.path)
            # The owner before may have finished it while this process was starting.
            if not _already_finished(config, run, report):
                _train(config, run, dataset, deterministic, tensorboard, report)
    if discard_state:
        run.discard_state()


def _train(config, run, dataset, deterministic, tensorboard, report):
    if deterministic:
        enable_determinism()
    keras.utils.set_random_seed(config.seed)
    _refuse_other_images(config, run, dataset)
    # A damaged file is told now, not when its scores are to give way to the new weights.
    run.read_metrics()
    steps_per_epoch = len(dataset.train_images) // config.images_per_step
    if not steps_per_epoch:
        raise UserError(
            f"{len(dataset.train_images)} training images do not fill one batch of {config.images_per_step}"
        )
    model = build_model(
        config,
        dataset.image_shape,
        steps_per_epoch * config.epochs,
        len(dataset.class_names),
        dataset.class_counts,
    )
    start = load_state(run.backup, model, report) if has_state(run.backup) else START
    if start > Position(config.epochs):
        raise UserError(f"{run.path} has {start} behind it: --epochs {config.epochs} is less")
    if start > START:
        report(f"resuming {run.path} after {start}")
    run.write_config(config)
    if start == START and not run.network("generator").is_file():
        # Of an earlier training there are the records alone, which give way now.
        run.drop_metrics("last")
    record = Record(config, run, dataset, model, start, steps_per_epoch * config.images_per_step, report)
    interruption = Interruption()
    chosen = _callbacks(config, run, dataset, start, record, tensorboard, report, interruption)
    try:
        with interruption:
            if start == START:
                give_head_start(model, config, dataset, interruption, report)
            _fit(model, config, dataset, start, chosen)
    except Diverged as error:
        record.add_incident(error.incident)
        # The last good state is on disk; as networks it can be sampled from too.
        if has_state(run.backup):
            load_state(run.backup, model, report)
            _save_networks(run, "last", model, dataset)
        raise
    except CannotWrite as error:
        kept = str(states(run.backup)[0][0]) if has_state(run.backup) else "nothing"
        raise UserError(f"{error}; {kept} is saved: the same command goes on from there") from error
    _save_networks(run, "last", model, dataset)
    record.save(config.epochs, finished=True)


def _fit(model, config, dataset, start, chosen):
    """Train from `start` to the last epoch; an epoch that was begun before is finished first."""
    first, step = start.epoch, start.step
    while first < config.epochs:
        last = first + 1 if step else config.epochs
        batches = Batches(
            dataset.train_images,
            config.images_per_step,
            config.seed,
            labels=dataset.train_labels if model.conditional else None,
            horizontal_flips=config.horizontal_flips,
            first_epoch=first,
            first_step=step,
        )
        model.fit(
            feed(batches),
            epochs=last,
            initial_epoch=first,
            verbose=epoch_verbosity(),
            # `Batches` are in their order already; Keras would shuffle them anew with Python's global generator.
            shuffle=False,
            callbacks=chosen,
        )
        first, step = last, 0


def _refuse_other_images(config, run, dataset):
    """Raise `UserError` where the state in `run` comes from other images than `dataset` holds."""
    trained_on = run.read_environment().get("dataset_fingerprint", dataset.fingerprint)
    if has_state(run.backup) and trained_on != dataset.fingerprint:
        raise UserError(
            f"{run.path} was trained on other images than {config.dataset} holds now: "
            "choose another --run, or remove that folder to start again"
        )


def _save_networks(run, weights, model, dataset):
    # Scores first: none may stand beside networks that it is not of.
    run.drop_metrics(weights)
    save_trained(run.best if weights == "best" else run.path, model, dataset)


def save_trained(folder, model, dataset):
    """Write what sampling needs to `folder`: the networks and, of a model without a prior, its codes' statistics."""
    save_networks(folder, model.networks())
    statistics = model.code_statistics(dataset.train_images)
    if statistics is not None:
        with replacing(Run(folder).code_statistics) as temporary:
            np.savez(temporary, **statistics)


def _already_finished(config, run, report):
    """Tell whether nothing is left to do, and say so; raises `UserError` where the run cannot be gone on with."""
    if not run.config_file.is_file():
        return False
    require_continuable(config, run)
    # A run of which only the records were kept, as git does, has no networks and is trained again.
    if not run.is_finished() or not run.network("generator").is_file():
        return False
    finished = run.read_environment().get("epochs_done", 0) >= config.epochs
    if finished:
        report(f"{run.path} is already trained for {config.epochs} epochs; raise --epochs to go on")
    return finished


def require_continuable(config, run, otherwise="choose another --run or --seed"):
    """Raise `UserError` where what `run` holds is not the beginning of training `config`.

    otherwise: what the message tells the user to do, beside removing the folder.
    """
    before = run.read_config()
    different = other_training(before, config)
    if different:
        whose = "holds" if is_trained(run) else "has the records, without the networks, of"
        raise UserError(
            f"{run.path} {whose} another configuration ({different[0][0]} is {different[0][1]} there, "
            f"{different[0][2]} here): {otherwise}, or remove that folder; "
            "`make begin` sets aside all results that came with the package"
        )
    if before.epochs != config.epochs and before.decays and is_trained(run):
        raise UserError(
            f"{run.path} is trained at rates that fall over {before.epochs} epochs: {config.epochs} would be another "
            f"training; {otherwise}"
        )
    done = run.read_environment().get("epochs_done", 0)
    trained = run.is_finished() and run.network("generator").is_file()
    if trained and done < config.epochs and not has_state(run.backup):
        raise UserError(
            f"{run.path} is trained, but its resume state was discarded: {otherwise}, "
            "or remove that folder to start again"
        )


def is_trained(run):
    """Tell whether a run keeps what can be gone on with or sampled, more than its records."""
    return has_state(run.backup) or run.network("generator").is_file()


def _callbacks(config, run, dataset, start, record, tensorboard, report, interruption):
    def tell(incident):
        report(incident["text"])
        record.add_incident(incident)

    preview_images = spread(dataset.test_images, 16)
    log = run.read_log() if start > START else {}
    losses = log.get("discriminator_loss", [])[: start.epoch]
    told = {incident["kind"] for incident in record.content["incidents"]}
    chosen = [
        DivergenceGuard(dataset, tell, start=start, losses=losses),
        DiversityGuard(dataset.train_images, tell, told=told),
    ]
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
                    start.epoch,
                    score,
                    lambda model: _save_networks(run, "best", model, dataset),
                    "fd_judge",
                    config.score_every,
                    config.epochs,
                    judge.sha256,
                )
            )
    # The log comes after the score, which adds a column, and before the backup, which declares the epoch done.
    chosen.append(callbacks.Log(run, start.epoch))
    chosen.append(callbacks.SampleGrid(run, preview_images, config.sample_every, config.epochs))
    chosen.append(callbacks.Backup(run, record.save, start, interruption))
    if tensorboard:
        chosen.append(_tensorboard(run))
    return chosen


def _tensorboard(run):
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UserError('--tensorboard needs the extra: pip install -e ".[tensorboard]"') from error
    return keras.callbacks.TensorBoard(log_dir=str(run.path / "tensorboard"), write_graph=False)
