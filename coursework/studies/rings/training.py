"""Training on points: many steps in one compiled call, and one compiled model for all seeds and mixtures."""

import dataclasses
import time

import numpy as np
from keras import ops

from coursework.data.mixtures import MIXTURES
from coursework.metrics.mixtures import mode_coverage
from coursework.models import build_model
from coursework.networks.backend import compiled
from coursework.networks.latents import draw_latents
from coursework.networks.saving import save_networks
from coursework.training.callbacks import Log
from coursework.training.environment import describe_environment
from coursework.training.guards import not_finite
from coursework.training.run_differences import setting_differences
from coursework.training.state import START, Position, has_state, load_state, save_state
from coursework.util.errors import UserError
from coursework.util.files import remove_leftovers
from coursework.util.locking import owned
from coursework.util.progress import Progress

# An epoch of points, which are drawn afresh for every step, is a number of steps.
STEPS_PER_EPOCH = 1000
# Steps of one compiled call.
BLOCK = 500
# As many as in the papers.
SAMPLES = 2500
# Of the latents that are scored: no seed of training, whose latents come from Keras's generator.
SAMPLE_SEED = 0


class PointTrainer:
    """Trains the model of a `Config` on mixtures of Gaussians, from seed to seed without compiling again.

    Points are in units of the mixture's reach, the largest coordinate of a mode, as images are in [-1, 1]; what
    `sample` returns is in the mixture's own.
    """

    def __init__(self, config):
        self.config = config
        self.model = self._build(config.seed)
        self._train_block = compiled(self._block, fused=True)

    def _build(self, seed):
        config = dataclasses.replace(self.config, seed=seed)
        return build_model(config, (2,), config.epochs * STEPS_PER_EPOCH)

    def start(self, seed, weights=None):
        """Set the model to what a new one of this seed is, its generator to `weights` where they are given."""
        fresh = self._build(seed).state_variables()
        for variable, value in zip(self.model.state_variables(), fresh, strict=True):
            variable.assign(value)
        if weights is not None:
            # The moving average, where there is one, begins at the same place.
            for network in (self.model.generator, self.model.shown_generator):
                network.set_weights(weights)

    def epoch(self, mixture, seed, number):
        """Train for an epoch, on points that follow from mixture, seed and number; return {loss: mean of it}."""
        self.model.reset_metrics()
        size = self.config.images_per_step
        for block in range(STEPS_PER_EPOCH // BLOCK):
            points, _ = mixture.sample(BLOCK * size, seed=(seed, number, block))
            self._train_block(ops.convert_to_tensor((points / reach(mixture)).reshape(BLOCK, size, 2)))
        return {name: float(tracker.result()) for name, tracker in self.model.trackers.items()}

    def _block(self, points):
        def step(index, count):
            self.model.train_step((points[index],))
            return count

        return ops.fori_loop(0, BLOCK, step, 0)

    def sample(self, mixture, count=SAMPLES):
        """Return `count` points of the generator (its moving average where there is one), always of equal latents."""
        return sample_points(self.model.shown_generator, self.model.latent_distribution, mixture, count)


def reach(mixture):
    """Return the largest absolute coordinate of a mixture's modes."""
    return float(np.abs(mixture.modes).max())


def sample_points(generator, distribution, mixture, count=SAMPLES):
    """Return `count` points (count, 2) that a trained generator makes of fixed latents."""
    latents = draw_latents(distribution, count, generator.input_shape[1:], SAMPLE_SEED)
    return reach(mixture) * ops.convert_to_numpy(generator(latents, training=False)).astype(np.float64)


def is_trained(config, run):
    """Tell whether `run` holds this training, finished; raises `UserError` where it holds another one."""
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


def train_points(trainer, config, run, weights=None, look=None):
    """Train `config`, which differs from the trainer's in seed and data set alone, in `run`; go on where it stopped.

    Every epoch is logged with the coverage of the modes; the last one's is the run's score. A run whose weights are no
    longer finite ends there, with no mode and no sample of quality. weights: of the generator before the first step, in
    place of random ones. look: called with 0 before training and with the number of epochs done after each, before
    that epoch counts as done.
    """
    mixture = MIXTURES[config.dataset]()
    with owned(run.lock_file, f"the run {run.path}"):
        remove_leftovers(run.path)
        trainer.start(config.seed, weights)
        start = load_state(run.backup, trainer.model) if has_state(run.backup) else START
        run.write_config(config)
        record, log, done, lost = _record(trainer, config, run, start), Log(run, start.epoch), start.epoch, None
        if look and not done:
            look(0)
        with Progress(run.name, config.epochs * STEPS_PER_EPOCH, "steps") as progress:
            progress.update(done * STEPS_PER_EPOCH, found=done * STEPS_PER_EPOCH)
            while done < config.epochs and not lost:
                log.on_epoch_begin(done)
                losses = trainer.epoch(mixture, config.seed, done)
                lost = not_finite(trainer.model)
                log.on_epoch_end(done, {**losses, **score(trainer, mixture, lost)})
                done += 1
                if look:
                    look(done)
                save_state(run.backup, trainer.model, Position(done))
                record(done)
                progress.update(done * STEPS_PER_EPOCH)
        save_networks(run.path, trainer.model.networks())
        conditions = {"n": SAMPLES, "reference": mixture.name, "seed": SAMPLE_SEED, "weights": "last"}
        scores = score(trainer, mixture, not_finite(trainer.model))
        run.write_metrics([{"name": name, "value": value, **conditions} for name, value in scores.items()])
        incident = {"kind": "not finite", "epoch": done, "step": None, "text": f"{lost} is not finite: training ended"}
        record(done, finished=True, incidents=[incident] if lost else [])
        run.discard_state()


def _record(trainer, config, run, start):
    """Return a function that writes environment.json after a number of epochs, time spent before `start` included."""
    before = run.read_environment() if start > START else {}
    clocks = {"seconds": time.perf_counter, "processor_seconds": time.process_time}
    started = {name: clock() - before.get(name, 0.0) for name, clock in clocks.items()}
    content = {
        **describe_environment(),
        "dataset_label": config.dataset,
        "parameters": {name: network.count_params() for name, network in trainer.model.networks().items()},
    }

    def write(epochs, finished=False, incidents=()):
        run.write_environment(
            {
                **content,
                **{name: round(clock() - started[name], 2) for name, clock in clocks.items()},
                "epochs_done": epochs,
                "images_seen": epochs * STEPS_PER_EPOCH * config.images_per_step,
                "incidents": list(incidents),
                "finished": finished,
            }
        )

    return write


def score(trainer, mixture, lost=None):
    """Return the `mode_coverage` of the trainer's model, nothing covered where weights are lost."""
    if lost:
        return {"modes": 0, "high_quality": 0.0}
    return mode_coverage(trainer.sample(mixture), mixture.modes, mixture.std)
