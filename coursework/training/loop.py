"""The training loop: trains a configuration in a run directory, from the start or from where it stopped."""

import keras

from coursework.config.schema import Config
from coursework.data.pipeline import feed
from coursework.networks.backend import enable_determinism
from coursework.training import callbacks
from coursework.training.guards import Diverged
from coursework.training.interruption import Interruption
from coursework.training.precision import with_precision
from coursework.training.record import Record
from coursework.training.run import Report, Run
from coursework.training.run_data import is_same_data
from coursework.training.run_differences import other_training
from coursework.training.state import START, Position, has_state, load_state, states
from coursework.training.task import ImageTask, Task
from coursework.util.errors import CannotWrite, UserError
from coursework.util.files import remove_leftovers
from coursework.util.locking import owned
from coursework.util.progress import epoch_verbosity


def train(
    config: Config,
    run: Run,
    deterministic: bool = False,
    tensorboard: bool = False,
    discard_state: bool = False,
    report: Report = print,
    task: Task | None = None,
) -> None:
    """Train `config` in `run`, resuming where it stopped; a finished run is left as it is.

    report: called with one line of text for what the user should know. task: what to train on; by default the images
    of the configuration's data set. Raises `UserError` where the run directory holds another configuration or another
    process trains in it, where training diverges or is interrupted, and where the disk is full; what was saved before
    stays.
    """
    config = with_precision(config, run, report)
    if not _already_finished(config, run, report):
        # Before the directory is made: a mistake in the data should leave nothing behind.
        task = task or ImageTask(config)
        with owned(run.lock_file, f"the run {run.path}"):
            remove_leftovers(run.path)
            # Another process may have finished it while this one was starting.
            if not _already_finished(config, run, report):
                _train(config, run, task, deterministic, tensorboard, report)
    if discard_state:
        run.discard_state()


def _train(config, run, task, deterministic, tensorboard, report):
    if deterministic:
        enable_determinism()
    keras.utils.set_random_seed(config.seed)
    _refuse_other_images(config, run, task)
    # A damaged file is reported now, not when its scores are to be dropped for those of the new weights.
    run.read_metrics()
    model = task.build()
    start = load_state(run.backup, model, report) if has_state(run.backup) else START
    if start > Position(config.epochs):
        raise UserError(f"{run.path} has already trained to {start}: --epochs {config.epochs} is less")
    if start > START:
        report(f"resuming {run.path} after {start}")
    run.write_config(config)
    if start == START and not run.network("generator").is_file():
        # Only the records of an earlier training are left; its scores are dropped now.
        run.drop_metrics("last")
    record = Record(run, task.description, task.images_per_epoch, model, start, report)
    interruption = Interruption()
    chosen = [
        *task.callbacks(run, start, record, report),
        # After the scores, which add columns, and before the backup, which completes the epoch.
        callbacks.Log(run, start.epoch),
        callbacks.Backup(run, record.save, start, interruption),
    ]
    if tensorboard:
        chosen.append(_tensorboard(run))
    try:
        with interruption:
            if start == START:
                task.begin(model, interruption, report)
            _fit(model, config, task, start, chosen)
    except Diverged as error:
        record.add_incident(error.incident)
        # The last good state is on disk; saved as networks, it can be sampled from too.
        if has_state(run.backup):
            load_state(run.backup, model, report)
            _save(run, task, model)
        raise
    except CannotWrite as error:
        kept = str(states(run.backup)[0][0]) if has_state(run.backup) else "nothing"
        raise UserError(f"{error}; {kept} is saved: run the same command to resume") from error
    _save(run, task, model)
    record.save(record.done, finished=True)


def _fit(model, config, task, start, chosen):
    """Train from `start` to the last epoch; an epoch that was begun before is finished first."""
    first, step = start.epoch, start.step
    while first < config.epochs:
        last = first + 1 if step else config.epochs
        model.fit(
            feed(task.batches(model, first, step)),
            epochs=last,
            initial_epoch=first,
            verbose=epoch_verbosity(task.shown),
            # The batches are in their order already; Keras would shuffle them again with Python's global generator.
            shuffle=False,
            callbacks=chosen,
        )
        if model.stop_training:
            break
        first, step = last, 0


def _refuse_other_images(config, run, task):
    """Raise `UserError` where the state in `run` comes from other images than the task has."""
    own = task.description.get("dataset_fingerprint")
    if has_state(run.backup) and run.read_environment().get("dataset_fingerprint", own) != own:
        raise UserError(
            f"{run.path} was trained on other images than {config.dataset} holds now: "
            "choose another --run, or remove that folder to start again"
        )


def _save(run, task, model):
    # Scores first, so that none is kept with other networks than those it measured.
    run.drop_metrics("last")
    task.save(run, model)


def _already_finished(config, run, report):
    """Return whether nothing is left to do, and say so; raises `UserError` where the run cannot be continued."""
    if not run.config_file.is_file():
        return False
    require_continuable(config, run)
    # A run of which only the records were kept, as git does, has no networks and is trained again.
    if not run.is_finished() or not run.network("generator").is_file():
        return False
    finished = run.read_environment().get("epochs_done", 0) >= config.epochs
    if finished:
        report(f"{run.path} is already trained for {config.epochs} epochs; raise --epochs to continue")
    return finished


def require_continuable(config: Config, run: Run, otherwise: str = "choose another --run or --seed") -> None:
    """Raise `UserError` where what `run` holds is not the beginning of training `config`.

    otherwise: what the message advises besides removing the folder.
    """
    before = run.read_config()
    different = other_training(before, config)
    if [name for name, *_ in different] == ["dataset"] and is_same_data(run, config):
        different = []
    if different:
        whose = "holds" if run.has_weights() else "has the records, without the networks, of"
        raise UserError(
            f"{run.path} {whose} another configuration ({different[0][0]} is {different[0][1]} there, "
            f"{different[0][2]} here): {otherwise}, or remove that folder; "
            "`make begin` sets aside all results that came with the package"
        )
    if before.epochs != config.epochs and before.decays and run.has_weights():
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


def _tensorboard(run):
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UserError('--tensorboard needs the extra: pip install -e ".[tensorboard]"') from error
    return keras.callbacks.TensorBoard(log_dir=str(run.path / "tensorboard"), write_graph=False)
