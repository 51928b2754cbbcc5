"""Ways to make candidates, interchangeable: STRATEGIES[name](task, trained, count, seed) -> `Candidates`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coursework.extractors.recorded import training_command
from coursework.metrics.neighbours import OnStep
from coursework.models import MODELS
from coursework.models.autoencoder import Autoencoder
from coursework.pegasus.candidates import Candidates
from coursework.pegasus.collages.record import settings_of
from coursework.pegasus.decoding import decode
from coursework.pegasus.search import SETTINGS
from coursework.pegasus.strategies.class_mixing import class_mixing, layer_mixing
from coursework.pegasus.strategies.class_search import class_search, critic_search, critic_witness_search
from coursework.pegasus.strategies.interpolation import interpolation
from coursework.pegasus.strategies.latent_search import latent_search
from coursework.pegasus.strategies.masked_interpolation import masked_interpolation
from coursework.pegasus.strategies.region_mixing import region_mixing, region_search
from coursework.pegasus.strategies.winged_class import winged_class
from coursework.pegasus.task import Task
from coursework.training.run import Run
from coursework.training.run_data import is_trained_on
from coursework.training.sampling import TrainedRun
from coursework.util.errors import UserError

AUTOENCODER, GAN, CONDITIONAL = "an autoencoder", "a GAN without classes", "a class-conditional GAN"
WINGED = "a class-conditional GAN on collages"
# How a run of each kind is trained, for messages.
COMMAND = {
    kind: f"python -m coursework train {preset}"
    for kind, preset in ((AUTOENCODER, "acai"), (GAN, "sngan"), (CONDITIONAL, "conditional-sngan"))
} | {WINGED: "make train-pegasus"}


def kind_of(run: Run) -> str:
    """Return the kind of a run: `AUTOENCODER`, `GAN`, `CONDITIONAL`, or `WINGED` for one that collages trained."""
    model = MODELS[run.read_config().model.name]
    if issubclass(model, Autoencoder):
        return AUTOENCODER
    if not model.conditional:
        return GAN
    return WINGED if settings_of(run) else CONDITIONAL


@dataclass(frozen=True)
class Strategy:
    """A way to make candidates and what it needs.

    make(task, trained, count, seed, progress) -> (latents {name: array (n, ...)}, n dicts of how they came about).
    kind: of run. grid: whether codes must lie on a grid, which has places, rather than be vectors. asks_witness,
    asks_critics: whether it searches under the task's witness, under the run's own discriminator. settings: numbers by
    which it works.
    """

    name: str
    make: Callable
    kind: str
    grid: bool = False
    asks_witness: bool = False
    asks_critics: bool = False
    settings: Mapping[str, float] | None = None

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the run's networks that it needs."""
        more = {AUTOENCODER: ("encoder",)}.get(self.kind, ())
        return ("generator", *more, *(("discriminator",) if self.asks_critics else ()))

    def suits(self, run: Run) -> bool:
        """Return whether the strategy works with a run."""
        # Codes of a single place are vectors too, and no vector has places.
        places = getattr(run.read_config().network, "latent_width", 1)
        return kind_of(run) == self.kind and not (self.grid and places < 2)

    def __call__(
        self, task: Task, trained: TrainedRun, count: int, seed: int, progress: OnStep | None = None
    ) -> Candidates:
        """Return `count` `Candidates` of a `TrainedRun`; candidate i depends on (task, run, seed, i) alone.

        progress: called with (steps done, steps in all). Raises `UserError` for a run of another kind or data set, for
        a class that it lacks and for a search without a witness.
        """
        self.check(task, trained)
        latents, notes = self.make(task, trained, count, seed, progress)
        images = decode(trained, latents)
        origin = {"strategy": self.name, "run": trained.run.name, "weights": trained.weights, "seed": seed}
        origins = [{**origin, "index": index, **note} for index, note in enumerate(notes)]
        return Candidates(
            images, [{name: array[index] for name, array in latents.items()} for index in range(count)], origins
        )

    def check(self, task: Task, trained: TrainedRun) -> None:
        """Raise `UserError` where the strategy cannot do the task with a `TrainedRun`, as it would when called."""
        run, config = trained.run.path, trained.config
        kind = kind_of(trained.run)
        if kind != self.kind:
            raise UserError(
                f"{self.name} needs a run of {self.kind}, and {run} is one of {kind}: train one with "
                f"`{COMMAND[self.kind]}`"
            )
        collages = settings_of(trained.run) if kind == WINGED else None
        if collages is not None:
            if collages.fingerprint != task.dataset.fingerprint:
                raise UserError(f"{run} was trained on collages of {collages.dataset}, not of this {task.dataset.name}")
            if collages.body != task.body or collages.wings not in task.wings:
                raise UserError(f"{run} has learned {collages.body} with wings of {collages.wings} alone")
        elif not is_trained_on(trained.run, task.dataset):
            raise UserError(f"{run} was trained on {config.dataset}, not on {task.dataset.name}")
        if self.kind == CONDITIONAL:
            for name in (task.body, *task.wings):
                if name not in trained.class_names:
                    raise UserError(f"{run} has no class {name}; it has {', '.join(trained.class_names)}")
        witness = task.witness
        if self.asks_witness and witness is None:
            command = training_command("witness", task.dataset.argument)
            raise UserError(f"{self.name} needs a witness: train one with `{command}`")
        if self.asks_witness and witness is not None and not witness.knows(task.dataset):
            raise UserError(f"the witness was trained on {witness.dataset}, not on {task.dataset.name}")
        for name in self.networks:
            trained.network(name)


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("interpolation", interpolation, AUTOENCODER),
        Strategy("masked_interpolation", masked_interpolation, AUTOENCODER, grid=True),
        Strategy("latent_search", latent_search, GAN, asks_witness=True, settings=SETTINGS),
        Strategy("class_mixing", class_mixing, CONDITIONAL),
        Strategy("layer_mixing", layer_mixing, CONDITIONAL),
        Strategy("class_search", class_search, CONDITIONAL, asks_witness=True, settings=SETTINGS),
        Strategy("region_mixing", region_mixing, CONDITIONAL),
        Strategy("region_search", region_search, CONDITIONAL, asks_witness=True, settings=SETTINGS),
        Strategy("critic_search", critic_search, CONDITIONAL, asks_critics=True, settings=SETTINGS),
        Strategy("critic_witness_search", critic_witness_search, CONDITIONAL, False, True, True, SETTINGS),
        Strategy("winged_class", winged_class, WINGED),
    )
}
